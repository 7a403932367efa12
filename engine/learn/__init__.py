"""What behaviour teaches: histories, what is picked together, and how good the ranking is."""
