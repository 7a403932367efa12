"""Where encoders run."""

import os
from dataclasses import dataclass

__all__ = ["Compute"]


@dataclass(frozen=True, slots=True)
class Compute:
    """Where encoders shall run: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, with how many threads."""

    device: str = "auto"
    threads: int | None = None

    @classmethod
    def chosen(cls, device: str | None = None, threads: int | None = None) -> "Compute":
        """Take what is given, else ``SIGHTLINE_DEVICE`` and ``SIGHTLINE_THREADS``."""
        count = os.environ.get("SIGHTLINE_THREADS")
        return cls(
            device or os.environ.get("SIGHTLINE_DEVICE") or "auto",
            threads if threads is not None else int(count) if count else None,
        )
