"""One build per model and one change per dataset at a time, across processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import ModelBusyError, SightlineError, StorageError
from .atomic import storage_errors
from .home import Home

__all__ = ["dataset_lock", "encoders_lock", "is_building", "model_lock"]

# A status reader holds the lock for microseconds to see whether it is free; a builder outwaits it.
_PATIENCE_SECONDS = 0.5
_INSERT_PATIENCE_SECONDS = 60
_PULL_PATIENCE_SECONDS = 3_600  # a large model over a slow line


@contextmanager
def model_lock(home: Home, name: str) -> Iterator[None]:
    """Hold the right to build, change or delete the model called `name`.

    Raises
    ------
    ModelBusyError
        If another process holds it.
    """
    message = (
        f"model {name!r} is being built or deleted by another process; "
        f"follow it with `sightline view-model --model-name {name}`, or wait for it to end"
    )
    with _held(home.lock_file(name), _PATIENCE_SECONDS, ModelBusyError(message)):
        yield


@contextmanager
def dataset_lock(home: Home, name: str) -> Iterator[None]:
    """Hold the right to make, fill or delete the dataset called `name`; waits for its turn.

    Raises
    ------
    StorageError
        If it does not come to its turn.
    """
    message = (
        f"dataset {name!r} has been in use by another process for "
        f"{_INSERT_PATIENCE_SECONDS} seconds; try again when that has ended"
    )
    with _held(home.dataset_lock_file(name), _INSERT_PATIENCE_SECONDS, StorageError(message)):
        yield


@contextmanager
def encoders_lock(home: Home, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the right to add encoder packs; waits for its turn, having called `on_wait`.

    Raises
    ------
    StorageError
        If it does not come to its turn.
    """
    message = (
        "another process has been fetching or building encoders for "
        f"{_PULL_PATIENCE_SECONDS} seconds; try again when that has ended"
    )
    busy = StorageError(message)
    with _held(home.encoders_lock_file, _PULL_PATIENCE_SECONDS, busy, on_wait):
        yield


def is_building(home: Home, name: str) -> bool:
    """Whether a process holds the lock of the model right now; a killed one holds nothing.

    True also where that cannot be told, because the lock is of another user and hidden from this.
    """
    path = home.lock_file(name)
    lock = FileLock(path)
    try:
        if not path.exists():
            return False
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return _is_held(path)
    lock.release()
    return False


@contextmanager
def _held(
    path: Path,
    patience_seconds: float,
    busy: SightlineError,
    on_wait: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock, or raise `busy` when it does not become free in time."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            try:
                lock.acquire(timeout=patience_seconds)
            except Timeout:
                raise busy from None
    try:
        yield
    finally:
        lock.release()


def _is_held(path: Path) -> bool:
    """Whether a lock that may not be taken, only looked at, is held: True where it is hidden."""
    try:
        import fcntl  # Windows has none

        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return True
    return False
