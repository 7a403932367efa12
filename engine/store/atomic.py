"""Writes that are seen whole or not at all, and disk failures told as errors a user can act on."""

import errno
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ..errors import SightlineError, StorageError

__all__ = [
    "replacement",
    "storage_errors",
    "sweep_partials",
    "sync_file",
    "sync_folder",
    "write_json",
    "write_text",
]

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space, or point --home at another disk",
    errno.EDQUOT: "the disk quota is used up: free some space, or point --home at another disk",
    errno.EROFS: "the disk is read-only: point --home (or SIGHTLINE_HOME) at a writable folder",
    errno.EACCES: "permission denied: fix its owner, or point --home at a folder of your own",
    errno.EPERM: "not permitted: fix its owner, or point --home at a folder of your own",
    errno.ENOTDIR: "a file is where a folder should be: point --home at a folder",
    errno.EEXIST: "a file is where a folder should be: point --home at a folder",
}
_RUST_ERROR = re.compile(r"\(os error (\d+)\)")
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")
_ABANDONED_AFTER_SECONDS = 3_600


@contextmanager
def storage_errors(path: Path, *, action: Literal["read", "write"] = "write") -> Iterator[None]:
    """Turn a failure of the disk while working under `path` into a StorageError with a remedy."""
    try:
        yield
    except SightlineError:
        raise
    except Exception as error:
        number = _error_number(error)
        if number is None and not isinstance(error, OSError):
            raise
        remedy = _REMEDIES.get(number or 0) or getattr(error, "strerror", None) or str(error)
        place = getattr(error, "filename", None) or path
        message = f"cannot {action} {place}: {remedy}"
        raise StorageError(message) from error


def _error_number(error: Exception) -> int | None:
    """Return the errno of a failed system call, whichever library made it."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    polars = sys.modules.get("polars")
    if not isinstance(error, OSError) and not (
        polars is not None and isinstance(error, polars.exceptions.PolarsError)
    ):
        return None
    # Polars keeps the number only in the text, NumPy only says that less was written than asked.
    if found := _RUST_ERROR.search(str(error)):
        return int(found[1])
    return errno.ENOSPC if _SHORT_WRITE.fullmatch(str(error)) else None


@contextmanager
def replacement(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Give a file that takes the place of `path` when the block ends well, and is gone if not.

    A reader sees the old content or the new, never half. Permissions are those of any new file.

    Parameters
    ----------
    path
        The file to make or to replace; its folder is made if need be.
    durable
        Whether it must survive a power cut once this returns.

    Raises
    ------
    StorageError
        If the disk is full, read-only, or refuses.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}-{secrets.token_hex(6)}.partial")
        try:
            with partial.open("xb") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            with suppress(OSError):  # what went wrong first is what matters
                partial.unlink()
            raise
        if durable:
            sync_folder(path.parent)


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Make `text` the content of `path`; as `replacement`."""
    with replacement(path, durable=durable) as file:
        file.write(text.encode())


def write_json(path: Path, document: Any, *, durable: bool = True) -> None:  # noqa: ANN401 - any JSON value
    """Make `document`, as JSON, the content of `path`; as `replacement`."""
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    write_text(path, text + "\n", durable=durable)


def sweep_partials(folder: Path) -> None:
    """Remove what killed processes left of their writes to `folder`.

    Only after an hour without a change: another process may be writing this very moment.
    """
    for partial in folder.glob(".*.partial"):
        with suppress(OSError):  # another process swept it, or the disk is read-only
            if time.time() - partial.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
                partial.unlink()


def sync_file(path: Path) -> None:
    """Make the content of a file survive a power cut."""
    with path.open("r+b") as file:  # Windows syncs only what may be written
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names inside `folder` survive a power cut; Windows offers no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
