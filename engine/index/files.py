"""Writes what searches need beside the vectors, and opens it as memory maps, checked."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptGenerationError, StorageError
from ..half import StoredVectors
from ..types import Mask

__all__ = ["HEADER_FILE", "open_arrays", "read_header", "write_files"]

HEADER_FILE = "index.json"
FORMAT = 2
"""1 held a file of hnswlib's, with a second copy of the vectors in it."""

_SAMPLE_ROWS = 256
_BLOCK, _BLOCKS = 4096, 64


def write_files(
    folder: Path,
    vectors: StoredVectors,
    presence: Mask,
    arrays: Mapping[str, NDArray[Any]],
    about: Mapping[str, Any],
) -> None:
    """Write arrays as ``<name>.npy`` and, last, the header that vouches for them.

    Parameters
    ----------
    folder
        Where to; made if it is missing.
    vectors, presence
        What the arrays were made from.
    arrays
        What to write.
    about
        What else the header says, JSON values.

    Raises
    ------
    StorageError
        If the disk is full, read-only, or refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in arrays.items():
            np.save(folder / f"{name}.npy", values)
        header = {
            "format": FORMAT,
            **about,
            **_identity(vectors, presence),
            "files": {name: _seal(folder / f"{name}.npy") for name in arrays},
        }
        text = json.dumps(header, indent=2) + "\n"
        (folder / HEADER_FILE).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"the index in {folder} could not be written ({error})"
        raise StorageError(message) from error


def read_header(folder: Path, vectors: StoredVectors, presence: Mask) -> dict[str, Any]:
    """Read the header, and hold it against the vectors that are to be searched.

    Raises
    ------
    CorruptGenerationError
        If it is missing, damaged, of another format, or of other vectors.
    """
    path = folder / HEADER_FILE
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        found_format = header.get("format")
    except (OSError, ValueError, AttributeError) as error:
        message = f"{path} cannot be read ({error}); build the model again"
        raise CorruptGenerationError(message) from error
    if found_format != FORMAT:
        message = f"{path} has format {found_format}, not {FORMAT}; build the model again"
        raise CorruptGenerationError(message)
    for name, expected in _identity(vectors, presence).items():
        if header.get(name) != expected:
            message = (
                f"{path} is of other vectors: {name} is {header.get(name)!r}, that of the "
                f"generation's is {expected!r}; build the model again"
            )
            raise CorruptGenerationError(message)
    return dict(header)


def open_arrays(
    folder: Path, header: Mapping[str, Any], shapes: Mapping[str, tuple[tuple[int, ...], Any]]
) -> list[NDArray[Any]]:
    """Map arrays into memory.

    Parameters
    ----------
    folder, header
        Where they lie, and what `read_header` returned.
    shapes
        Shape and dtype of each, by name; -1 stands for any length.

    Raises
    ------
    CorruptGenerationError
        If one is missing, cut short, of another shape, or not what was written.
    """
    arrays = []
    for name, (shape, dtype) in shapes.items():
        path = folder / f"{name}.npy"
        expected = (header.get("files") or {}).get(name)
        try:
            found = _seal(path)
            if found != expected:
                message = f"{path} is {found}, not {expected}; build the model again"
                raise CorruptGenerationError(message)
            # As a plain array: every small slice of a np.memmap costs microseconds of bookkeeping.
            array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            message = f"{path} cannot be read ({error}); build the model again"
            raise CorruptGenerationError(message) from error
        fits = len(shape) == array.ndim and all(
            length in (-1, found_length)
            for length, found_length in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype != dtype:
            message = f"{path} holds {array.dtype} of shape {array.shape}; build the model again"
            raise CorruptGenerationError(message)
        arrays.append(array)
    return arrays


def _identity(vectors: StoredVectors, presence: Mask) -> dict[str, int | str]:
    """Return what tells these vectors from others, without reading them all."""
    rows = np.flatnonzero(presence)
    sample = rows[:: max(1, len(rows) // _SAMPLE_ROWS)]
    digest = hashlib.sha256(np.packbits(presence).tobytes())
    digest.update(np.ascontiguousarray(vectors[sample], "<f4").tobytes())
    return {
        "rows": len(presence),
        "dim": int(vectors.shape[1]),
        "count": len(rows),
        "vectors": digest.hexdigest(),
    }


def _seal(path: Path) -> dict[str, int | str]:
    """Return a file's length and the hash of some of its blocks, the first and the last among them.

    Whole files are hashed by their generation; this one notices a file cut short, or another one.
    """
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for place in np.linspace(0, max(0, size - _BLOCK), _BLOCKS, dtype=np.int64).tolist():
            file.seek(place)
            digest.update(file.read(_BLOCK))
    return {"bytes": size, "sampled_sha256": digest.hexdigest()}
