"""Lets `python -m sightline` be the command `sightline`."""

from .cli import main

main()
