"""Errors about model files: what was expected, what was found, what to do."""

__all__ = ["CheckpointError", "PackError"]


class PackError(ValueError):
    """A folder is not an encoder pack, or is not the pack it says it is."""


class CheckpointError(ValueError):
    """A checkpoint cannot be built into a pack."""
