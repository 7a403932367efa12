"""A shop drawn from a seed, with people who choose by what only its pictures show."""
