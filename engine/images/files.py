"""Local paths into bytes, or the reason why not."""

import errno
import os
import stat
from pathlib import Path

from .limits import megabytes
from .outcome import Outcome, PictureError

_PIECE = 65_536
"""Bytes asked for where a file turns out to be longer than it was."""
_NO_SUCH_FILE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL}


def file_facts(path: Path, *, max_bytes: int) -> os.stat_result:
    """Look at a file without opening it.

    Raises
    ------
    PictureError
        If there is no such regular file, or it is over the cap.
    """
    try:
        facts = path.stat()
    except (OSError, ValueError) as error:
        raise _failure(error) from error
    if not stat.S_ISREG(facts.st_mode):
        kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "a device, pipe or socket"
        raise PictureError(Outcome.UNREADABLE, f"{kind}, not a regular file")
    check_size(facts.st_size, max_bytes=max_bytes)
    return facts


def read_file(path: Path, facts: os.stat_result, *, max_bytes: int) -> bytes:
    """Read a file that `file_facts` has passed; raises like it."""
    try:
        with path.open("rb", buffering=0) as file:
            data = b""
            # Room for what is expected: for all that is allowed it would take longer than reading.
            while len(data) <= max_bytes and (
                more := file.read(max(facts.st_size + 1 - len(data), _PIECE))
            ):
                data += more
    except OSError as error:
        raise _failure(error) from error
    check_size(len(data), max_bytes=max_bytes)
    return data


def check_size(size: int, *, max_bytes: int) -> None:
    """Raise `PictureError` if a picture of this many bytes is over the cap."""
    if size > max_bytes:
        raise PictureError(Outcome.TOO_LARGE, f"{megabytes(size)} > {megabytes(max_bytes)}")


def _failure(error: OSError | ValueError) -> PictureError:
    # ValueError: a path with a null byte or characters that no file name can have.
    if isinstance(error, ValueError) or error.errno in _NO_SUCH_FILE:
        return PictureError(Outcome.NOT_FOUND, "no such file")
    return PictureError(Outcome.UNREADABLE, error.strerror or str(error))
