"""Jobs of many coroutines done together, once in each turn of the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Batches(Generic[Job, Result]):
    """Collects the jobs that come in one turn of the event loop and does them in one call.

    A query for twenty URLs costs little more than for one, and so does a write of twenty bodies.
    Nobody waits for a batch to fill: where there is one job in a turn, it is a batch of one.

    Parameters
    ----------
    call
        Does several jobs and returns a result for each, in their order; runs in the event loop, so
        it must be quick. What it raises is raised for every job of the call.
    """

    def __init__(self, call: Callable[[Sequence[Job]], Sequence[Result]]) -> None:
        self._call = call
        self._waiting: list[tuple[Job, asyncio.Future[Result]]] = []

    def do(self, job: Job) -> asyncio.Future[Result]:
        """Take a job; await what this returns for its result."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Result] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._do_all)
        self._waiting.append((job, result))
        return result

    def _do_all(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            results = self._call([job for job, _ in batch])
        except Exception as error:  # whatever it is, it belongs to those who wait
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)
            return
        for (_, waiting), result in zip(batch, results, strict=True):
            if not waiting.done():  # who waited may have been cancelled
                waiting.set_result(result)
