"""Whether the files of a generation are those that were written: by hash, or by size and time."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .atomic import sync_file, sync_folder

__all__ = ["digest", "identity", "stamp_of", "sync_tree", "vouches_for"]


def stamp_of(model_folder: Path, number: int) -> Path:
    """Where it is noted which files of a generation were found to be what they should."""
    return model_folder / f".verified-{number:06d}.json"


def vouches_for(stamp: Path, seen: Mapping[str, list[int] | None]) -> bool:
    """Whether the files that were hashed last time are those `seen` now.

    As in git, a file changed in the clock tick of the stamp may have changed after it.
    """
    try:
        noted = json.loads(stamp.read_text("utf-8"))
        written = stamp.stat().st_mtime_ns
    except (OSError, ValueError):
        return False
    return bool(noted == seen) and all(
        found is not None and found[1] < written for found in seen.values()
    )


def digest(path: Path) -> dict[str, Any]:
    """Return what the manifest says of a file: its sha256 and its size in bytes."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"sha256": sha256, "bytes": file.tell()}


def sync_tree(folder: Path) -> None:
    """Make every file of `folder`, and every name inside it, survive a power cut."""
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        else:
            sync_file(path)
    sync_folder(folder)


def identity(path: Path) -> list[int] | None:
    """Return size, time of change and inode of a file, or None if there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]
