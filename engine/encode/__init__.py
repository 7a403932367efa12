"""Pixels and texts turned into unit vectors."""
