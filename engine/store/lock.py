"""One build per model at a time, across processes."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from ..errors import ModelBusyError
from .atomic import storage_errors
from .home import Home

__all__ = ["is_building", "model_lock"]

# A status reader holds the lock for microseconds to see whether it is free; a builder outwaits it.
_PATIENCE_SECONDS = 0.5


@contextmanager
def model_lock(home: Home, name: str) -> Iterator[None]:
    """Hold the right to build, change or delete the model called `name`.

    Raises
    ------
    ModelBusyError
        If another process holds it.
    """
    path = home.lock_file(name)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=_PATIENCE_SECONDS)
        except Timeout:
            message = (
                f"model {name!r} is being built or deleted by another process; "
                f"follow it with `sightline view-model --model-name {name}`, or wait for it to end"
            )
            raise ModelBusyError(message) from None
    try:
        yield
    finally:
        lock.release()


def is_building(home: Home, name: str) -> bool:
    """Whether a process holds the lock of the model right now; a killed one holds nothing."""
    path = home.lock_file(name)
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False  # home is read-only: nothing can be building in it
    lock.release()
    return False
