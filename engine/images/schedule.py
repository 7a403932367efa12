"""Cells grouped by host into turns that no single host can take up alone."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import Generic, TypeVar

Job = TypeVar("Job")


class FairQueue(Generic[Job]):
    """Hands out jobs host by host in turn, at most `per_host` of a host under way at a time.

    Parameters
    ----------
    jobs
        Each with its host; None for jobs that are no host's, which have no limit.
    per_host
        The limit.
    """

    def __init__(self, jobs: Iterable[tuple[str | None, Job]], *, per_host: int) -> None:
        self._waiting: defaultdict[str | None, deque[Job]] = defaultdict(deque)
        for host, job in jobs:
            self._waiting[host].append(job)
        self._turns = deque(self._waiting)
        self._under_way: Counter[str | None] = Counter()
        self._per_host = per_host

    def take(self) -> tuple[str | None, Job] | None:
        """Return the next job and its host, or None if none may start now.

        A worker that gets None can go home: every host with jobs left has its full number of
        workers, and each of these comes back for the next one.
        """
        if not self._turns:
            return None
        host = self._turns.popleft()
        job = self._waiting[host].popleft()
        self._under_way[host] += 1
        if self._may_start(host):
            self._turns.append(host)
        return host, job

    def done(self, host: str | None) -> None:
        """Note that a job of this host has ended."""
        was_full = not self._may_start(host)
        self._under_way[host] -= 1
        if was_full and self._may_start(host):
            self._turns.append(host)

    def _may_start(self, host: str | None) -> bool:
        is_free = host is None or self._under_way[host] < self._per_host
        return is_free and bool(self._waiting[host])
