"""Chooses how a generation's vectors are searched, and keeps the choice beside them."""

import json
from pathlib import Path

import numpy as np

from ..errors import CorruptGenerationError
from ..types import Mask, Vectors
from .base import VectorIndex
from .exact import ExactIndex

__all__ = ["build_index", "fresh_index", "open_index"]

EXACT_ROWS = 200_000
"""Vectors up to which the exact scan is used: one byte scan of 512 dimensions then takes 4 to 8 ms,
half of what encoding a text query takes. It never misses, filters exactly, and has nothing to
build, where the graph would take two minutes."""

_CHOICE_FILE = "index.json"


def fresh_index(vectors: Vectors, presence: Mask) -> VectorIndex:
    """Search vectors that are still being built on: exactly, with nothing to prepare.

    Parameters
    ----------
    vectors
        Shape (n, d), float32, unit rows where `presence` is true.
    presence
        Which rows have a vector, shape (n,).

    Raises
    ------
    ValueError
        If a present vector is not finite.
    """
    _check_finite(vectors, presence)
    return ExactIndex(vectors, presence)


def build_index(
    vectors: Vectors, presence: Mask, folder: Path, *, exact_rows: int | None = None
) -> None:
    """Write the index of a generation into `folder`, which is made if it is missing.

    The folder gets ``index.json``, which names the kind, and the graph's files where there is a
    graph. Vectors and presence are as for `fresh_index`, and raise like there. Up to `exact_rows`
    vectors, EXACT_ROWS if None, are searched exactly.

    Raises
    ------
    StorageError
        If a graph could not be written in full.
    """
    _check_finite(vectors, presence)
    folder.mkdir(parents=True, exist_ok=True)
    most = EXACT_ROWS if exact_rows is None else exact_rows
    kind = "exact" if np.count_nonzero(presence) <= most else "hnsw"
    if kind == "hnsw":
        from .hnsw import HnswIndex  # hnswlib is needed by large catalogues only

        HnswIndex.build(vectors, presence).save(folder)
    (folder / _CHOICE_FILE).write_text(json.dumps({"kind": kind}) + "\n", encoding="utf-8")


def open_index(vectors: Vectors, presence: Mask, folder: Path) -> VectorIndex:
    """Open the index that `build_index` wrote for the same vectors.

    Memory maps are not copied.

    Raises
    ------
    CorruptGenerationError
        If the index is missing, damaged, of an unknown kind, or was made from other vectors.
    """
    path = folder / _CHOICE_FILE
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path} cannot be read ({error}); build the model again"
        raise CorruptGenerationError(message) from error
    if kind == "exact":
        return ExactIndex(vectors, presence)
    if kind == "hnsw":
        from .hnsw import HnswIndex

        return HnswIndex.load(folder, vectors, presence)
    message = f"{path} names an index of unknown kind {kind!r}; build the model again"
    raise CorruptGenerationError(message)


def _check_finite(vectors: Vectors, presence: Mask) -> None:
    finite = np.isfinite(vectors).all(axis=1)
    bad = np.flatnonzero(presence & ~finite)
    if len(bad):
        message = f"{len(bad)} vectors hold NaN or infinity, the first is row {bad[0]}"
        raise ValueError(message)
