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
        Longest wait in seconds before each further attempt after a failure that may pass (5xx,
        429, a reset, a connection that timed out); the wait itself is drawn between 0 and this.
    max_retry_after
        Seconds that a host may ask to be left alone for (``Retry-After``); one that asks for more
        is given up for the rest of the run.
    max_host_pause
        Seconds that one host may make a run wait in this way, all its pauses together.
    concurrency
        Pictures under way at one time.
    per_host
        Of these, at most so many from one host.
    """

    max_bytes: int = 30_000_000
    max_pixels: int = MAX_PIXELS
    connect_timeout: float = 5.0
    total_timeout: float = 20.0
    retry_delays: tuple[float, ...] = (1.0, 4.0)
    max_retry_after: float = 60.0
    max_host_pause: float = 300.0
    concurrency: int = 32
    per_host: int = 8


def megabytes(count: int) -> str:
    """Write a number of bytes the way the limits are spoken of, e.g. ``"12.1 MB"``."""
    return f"{count / 1e6:.3g} MB"
