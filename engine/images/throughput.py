"""Counts and seconds of every stage between a cell and its vector, and which is the bottleneck."""

import contextlib
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

# Which stages share one set of workers, in the order of the way.
_WORKERS = {
    "network": ("fetch",),
    "threads": ("read", "decode", "preprocess"),
    "encoder": ("encode", "measure", "signature"),
}
STAGES = tuple(stage for stages in _WORKERS.values() for stage in stages)


class Throughput:
    """What every stage did, for several threads.

    Parameters
    ----------
    threads
        Workers that read, decode and preprocess.
    """

    def __init__(self, threads: int) -> None:
        self._workers = {"network": 1, "threads": threads, "encoder": 1}
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._started = time.perf_counter()

    def with_network(self, workers: int) -> None:
        """Say how many downloads may be under way at a time."""
        self._workers["network"] = workers

    @contextlib.contextmanager
    def timed(self, stage: str, count: int = 1) -> Iterator[None]:
        """Count what is done in this block, and its seconds, whether or not it succeeds."""
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            with self._lock:
                self._seconds[stage] += seconds
                self._counts[stage] += count

    def to_dict(self, pictures: int) -> dict[str, Any]:
        """Return the figures as JSON values.

        Parameters
        ----------
        pictures
            How many cells the run was about.

        Returns
        -------
        dict
            ``pictures``; ``seconds`` since the start; ``stages``, in the order of the way and
            without those that did nothing: ``count``; ``seconds`` of all workers together;
            ``workers``; ``per_s``, what the stage alone would do in a second with all of them;
            ``share`` of all the time that workers worked. ``bottleneck`` is the longest stage of
            those workers that had most to do, None where nothing was done.
        """
        with self._lock:
            seconds, counts = dict(self._seconds), dict(self._counts)
        total = sum(seconds[stage] / workers for stage, workers in self._each(seconds)) or 1.0
        stages = {
            stage: {
                "count": counts[stage],
                "seconds": round(seconds[stage], 3),
                "workers": workers,
                "per_s": round(counts[stage] * workers / max(seconds[stage], 1e-9), 1),
                "share": round(seconds[stage] / workers / total, 4),
            }
            for stage, workers in self._each(seconds)
        }
        return {
            "pictures": pictures,
            "seconds": round(time.perf_counter() - self._started, 3),
            "stages": stages,
            "bottleneck": self._bottleneck(stages),
        }

    def _each(self, seconds: Mapping[str, float]) -> Iterator[tuple[str, int]]:
        """Yield the stages that did something, each with the number of its workers."""
        for group, stages in _WORKERS.items():
            for stage in stages:
                if stage in seconds:
                    yield stage, self._workers[group]

    @staticmethod
    def _bottleneck(stages: dict[str, dict[str, Any]]) -> str | None:
        def share(stage: str) -> float:
            return float(stages[stage]["share"]) if stage in stages else 0.0

        if not stages:
            return None
        busiest = max(_WORKERS.values(), key=lambda group: sum(map(share, group)))
        return max(busiest, key=share)
