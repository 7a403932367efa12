"""A folder of pictures as a catalogue: every file an item, no YAML needed."""

import hashlib
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import SchemaError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["folder_catalogue", "folder_document", "folder_name"]

_EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff"}
# Pictures that are not read yet: listed, so that the coverage report counts them as unsupported.
_UNREAD = {".heic", ".heif", ".jxl", ".jp2", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf"}
_log = logging.getLogger(__name__)
_CONNECTOR = "pictures"
_NAME_LENGTH = 80
_HASH_LENGTH = 6


def folder_name(folder: Path) -> str:
    """Return a model name made from the folder's own.

    What a name cannot hold becomes '-'. A name that would lose letters by that ends in a few digits
    of its hash, so that two folders in one script do not become one model.
    """
    kept = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.name).strip("-")[:_NAME_LENGTH] or "pictures"
    if not re.search(r"[^\W_]", re.sub(r"[\x00-\x7f]", "", folder.name)):
        return kept
    digest = hashlib.sha256(os.fsencode(folder.name)).hexdigest()
    return f"{kept}-{digest[:_HASH_LENGTH]}"


def folder_document(name: str) -> dict[str, Any]:
    """Return the model document of a picture folder; its one connector is bound to the listing."""
    return {
        "model": {"name": name},
        "connectors": [{"id": _CONNECTOR, "type": "file"}],
        "fetch": {"items": f"SELECT * FROM {_CONNECTOR}"},
    }


def folder_catalogue(folder: Path) -> "dict[str, pl.DataFrame]":
    """List the pictures under `folder`, hidden ones left out, as the table to bind.

    Columns: item_id (path relative to `folder`, with ``/``), image_path (the same), title (the
    file's name as words), album (its folder), bytes, modified_at. A file whose name is no text in
    this system's encoding is listed under a readable form of it, without its picture.

    Raises
    ------
    SchemaError
        If `folder` is not a folder, or there is no picture in it.
    """
    import polars as pl

    if not folder.is_dir():
        message = f"{folder} is not a folder; give the one that holds the pictures"
        raise SchemaError(message)
    records = [_record(folder, path) for path in sorted(_pictures(folder))]
    if not records:
        message = (
            f"no pictures under {folder}: looked for {', '.join(sorted(_EXTENSIONS))} "
            "in it and its subfolders"
        )
        raise SchemaError(message)
    return {_CONNECTOR: pl.DataFrame(records)}


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _EXTENSIONS | _UNREAD and path.is_file()


def _pictures(folder: Path) -> Iterator[Path]:
    """Walk the folders that are not hidden; links to other folders are not followed."""

    def tell(error: OSError) -> None:
        _log.warning(
            "cannot list %s: %s; its pictures are left out", error.filename, error.strerror
        )

    for parent, folders, names in os.walk(folder, onerror=tell):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(parent, name) for name in names if not name.startswith("."))
        yield from (path for path in paths if _is_picture(path))


def _record(folder: Path, path: Path) -> dict[str, Any]:
    relative = path.relative_to(folder)
    stat = path.stat()
    name = relative.as_posix()
    readable = os.fsencode(name).decode("utf-8", "replace")
    return {
        "item_id": readable,
        "image_path": name if name == readable else None,
        "title": " ".join(re.findall(r"[^\W_]+", Path(readable).stem)),
        "album": Path(readable).parent.as_posix(),
        "bytes": stat.st_size,
        "modified_at": datetime.fromtimestamp(stat.st_mtime, UTC),
    }
