"""How many threads the matrix products of builds and of queries run on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["OneThread", "blas_threads"]


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Let NumPy's BLAS use `count` threads in this block, in the whole process.

    Products of many rows gain by as many as there are cores; those of one person's candidates lose
    to a single thread, because waking the others takes longer than the work.
    """
    from threadpoolctl import threadpool_limits  # a query in a fresh process does without

    with threadpool_limits(count):
        yield


class OneThread:
    """Runs blocks with a BLAS of one thread, as `blas_threads` does, at microseconds for each.

    Only in the main thread: OpenBLAS does not take the number back from any other, and threads that
    ask at the same time keep the cores busy anyway. The first block of all changes nothing: a
    process that asks once is done before looking for the BLAS has paid.
    """

    def __init__(self) -> None:
        self._is_first = True
        self._libraries: list[Any] | None = None
        self._before: list[int] = []

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if self._is_first:
            self._is_first = False
            return
        if self._libraries is None:
            self._libraries = _blas()
        self._before = [library.get_num_threads() for library in self._libraries]
        for library in self._libraries:
            library.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread() and self._before:
            for library, count in zip(self._libraries or [], self._before, strict=True):
                library.set_num_threads(count)
            self._before = []


def _blas() -> list[Any]:
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().lib_controllers
    return [library for library in found if library.user_api == "blas"]
