"""Which hosts may be asked now, which have to be waited for, and which are given up."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from .limits import Limits
from .outcome import Outcome, PictureError

Host: TypeAlias = tuple[str, int]
"""Name and port."""

# Each picture of a dead host costs its timeouts and retries: thousands of them would cost hours.
_GIVE_UP_AFTER = 16


@dataclass(slots=True)
class _Record:
    """How one host has behaved."""

    failures_in_a_row: int = 0
    busy_in_a_row: int = 0
    busy_since: float = 0.0
    """When it last said that it is busy."""
    paused_until: float = 0.0
    paused_seconds: float = 0.0
    """In all of this run."""
    given_up: tuple[Outcome, str] | None = None


class Hosts:
    """Keeps count of how every host behaves; used within one event loop.

    A host that says that it is busy (429, 503) is left alone as a whole, not for the one URL: for
    as long as its ``Retry-After`` says, else for a time that grows with each time it says so.
    A host of which many pictures in a row failed, or that would make the run wait for too long, is
    given up for the rest of the run.

    Parameters
    ----------
    limits
        How long to wait for a host.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._records: defaultdict[Host, _Record] = defaultdict(_Record)

    async def ready(self, host: Host) -> None:
        """Wait until the host may be asked.

        Raises
        ------
        PictureError
            If it is given up.
        """
        if host not in self._records:
            return
        record = self._records[host]
        loop = asyncio.get_running_loop()
        while True:
            if record.given_up is not None:
                raise PictureError(*record.given_up, host=host)
            left = record.paused_until - loop.time()
            if left <= 0:
                return
            await asyncio.sleep(left)

    def answered(self, host: Host) -> None:
        """Note that the host did its work, whether or not that was to our liking."""
        if host in self._records:
            record = self._records[host]
            record.failures_in_a_row = record.busy_in_a_row = 0

    def failed(self, host: Host) -> None:
        """Note that a picture could not be had and the host is to blame, after all attempts."""
        record = self._records[host]
        record.failures_in_a_row += 1
        if record.failures_in_a_row == _GIVE_UP_AFTER and record.given_up is None:
            outcome = Outcome.HTTP_ERROR if record.busy_in_a_row else Outcome.UNREACHABLE
            reason = f"{host[0]}: given up after {_GIVE_UP_AFTER} failures in a row"
            record.given_up = outcome, reason

    def busy(
        self, host: Host, status: int, *, asked_at: float, retry_after: float | None
    ) -> PictureError:
        """Note that the host wants to be left alone, and return what this is for the picture.

        Parameters
        ----------
        host, status
            Who says so, and with which status.
        asked_at
            When it was asked, in the event loop's time: several answers to what was asked before
            the first of them was known are one wish, not several.
        retry_after
            Seconds, as the host wants it; None if it does not say.
        """
        record = self._records[host]
        now = asyncio.get_running_loop().time()
        if asked_at >= record.busy_since:
            record.busy_in_a_row += 1
            record.busy_since = now
            pause = self._backoff(record.busy_in_a_row)
        else:
            pause = 0.0
        if retry_after is not None:
            pause = retry_after
        until = now + pause
        added = until - max(now, record.paused_until)
        longest = self._limits.max_retry_after
        if pause > longest or record.paused_seconds + added > self._limits.max_host_pause:
            reason = f"HTTP {status}: {host[0]} wants to be left alone for longer than this run"
            record.given_up = Outcome.HTTP_ERROR, reason
            return PictureError(Outcome.HTTP_ERROR, reason, host=host)
        if added > 0:
            record.paused_until = until
            record.paused_seconds += added
        return PictureError(Outcome.HTTP_ERROR, f"HTTP {status}", transient=True, host=host)

    def _backoff(self, times: int) -> float:
        delays = self._limits.retry_delays
        return jittered(delays[min(times, len(delays)) - 1]) if delays else 0.0


def jittered(longest: float) -> float:
    """Draw a wait of anything from nothing to `longest`, in seconds.

    Full jitter: of all ways to spread the waits of clients that failed together it makes the
    fewest calls (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """
    return random.uniform(0.0, longest)


def retry_after_seconds(field: str, *, now: float) -> float | None:
    """Read a ``Retry-After`` header (RFC 9110, section 10.2.3): seconds or an HTTP date.

    Parameters
    ----------
    field
        Its value, or an empty string.
    now
        Seconds since 1970.

    Returns
    -------
    float or None
        Seconds from now on, at least 0; None if there is no header or it cannot be read.
    """
    text = field.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # The date is in GMT by definition; "-0000" makes the parser leave the zone open.
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)
