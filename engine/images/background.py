"""A coroutine that emits items on an event loop in the background, into an iterator in front."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

Item = TypeVar("Item")
Emit: TypeAlias = Callable[[Item], Awaitable[None]]


def iterate_in_background(
    produce: Callable[[Emit[Item]], Awaitable[None]], *, capacity: int
) -> Generator[Item, None, None]:
    """Run `produce(emit)` in a thread of its own and yield what it emits.

    Parameters
    ----------
    produce
        Awaits `emit(item)` for each item; `emit` waits while `capacity` items lie unread.
    capacity
        Items that may be ready ahead of the reader.

    Notes
    -----
    What `produce` raises is raised here, after the items emitted before it. Closing the iterator
    cancels `produce` and returns when it has ended.
    """
    # An item is wrapped in a tuple, so that it can be told from the end: None, or an exception.
    results: SimpleQueue[tuple[Item] | BaseException | None] = SimpleQueue()
    started: Future[tuple[asyncio.AbstractEventLoop, Callable[[], Any]]] = Future()
    slots = asyncio.Semaphore(capacity)

    async def emit(item: Item) -> None:
        await slots.acquire()
        results.put((item,))

    async def main() -> None:
        task = asyncio.current_task()
        started.set_result((asyncio.get_running_loop(), task.cancel if task else lambda: None))
        await produce(emit)

    def run() -> None:
        end: BaseException | None = None
        try:
            asyncio.run(main())
        except BaseException as error:  # whatever it is, it belongs to the reader
            end = error
            if not started.done():
                started.set_exception(error)
        results.put(end)

    # A daemon: a reader that forgets its half-read iterator must still be able to exit.
    thread = threading.Thread(target=run, name="sightline-pictures", daemon=True)
    thread.start()
    loop, cancel = started.result()
    try:
        while isinstance(result := results.get(), tuple):
            _call(loop, slots.release)
            yield result[0]
        if result is not None:
            raise result
    finally:
        _call(loop, cancel)
        thread.join()


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], Any]) -> None:
    # A loop that has been closed has nobody left to tell.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function)


async def run_all(coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run coroutines side by side; if one fails, cancel the others and raise what it raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for coroutine in coroutines:
                tasks.create_task(coroutine)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
