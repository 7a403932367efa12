"""Writes that are seen whole or not at all, and disk failures told as errors a user can act on."""

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import SightlineError, StorageError

__all__ = ["storage_errors", "sync_folder", "write_json", "write_text"]

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space, or point --home at another disk",
    errno.EDQUOT: "the disk quota is used up: free some space, or point --home at another disk",
    errno.EROFS: "the disk is read-only: point --home (or SIGHTLINE_HOME) at a writable folder",
    errno.EACCES: "permission denied: fix its owner, or point --home at a folder of your own",
    errno.EPERM: "not permitted: fix its owner, or point --home at a folder of your own",
    errno.ENOTDIR: "a file is where a folder should be: point --home at a folder",
    errno.EEXIST: "a file is where a folder should be: point --home at a folder",
}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` while writing under `path` into a StorageError with a remedy."""
    try:
        yield
    except SightlineError:
        raise
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, error.strerror or str(error))
        message = f"cannot write {error.filename or path}: {remedy}"
        raise StorageError(message) from error


def write_text(path: Path, text: str) -> None:
    """Replace the file at `path` with `text`; a reader sees the old text or the new, never half.

    Raises
    ------
    StorageError
        If the disk is full, read-only, or refuses.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_json(path: Path, document: Any) -> None:  # noqa: ANN401 - any JSON value
    """Replace the file at `path` with `document` as JSON, atomically."""
    write_text(path, json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut; Windows offers no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
