"""How much of our time and memory one picture of a stranger may take."""

from dataclasses import dataclass

MAX_PIXELS = 100_000_000
"""Largest width times height that is decoded unless a limit says otherwise."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on fetching and decoding.

    Parameters
    ----------
    max_bytes
        Largest file or response body, in bytes.
    max_pixels
        Largest width times height, checked from the header before anything is decoded.
    connect_timeout
        Seconds to connect to a server, over all of its addresses together.
    total_timeout
        Seconds from asking to the last byte, redirects included; each retry has its own.
    retry_delays
        Seconds to wait before each further attempt after a failure that may pass
        (5xx, 429, a reset, a connection that timed out).
    concurrency
        Pictures under way at one time.
    per_host
        Of these, at most so many from one host.
    """

    max_bytes: int = 30_000_000
    max_pixels: int = MAX_PIXELS
    connect_timeout: float = 5.0
    total_timeout: float = 20.0
    retry_delays: tuple[float, ...] = (0.5, 2.0)
    concurrency: int = 32
    per_host: int = 8


def megabytes(count: int) -> str:
    """Write a number of bytes the way the limits are spoken of, e.g. ``"12.1 MB"``."""
    return f"{count / 1e6:.3g} MB"
