"""How sightline-mini, the bundled encoder, is trained; `scripts/train_mini.py` runs it."""
