"""Chooses how a generation's vectors are searched, and keeps the choice beside them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptGenerationError
from ..half import StoredVectors, as_stored, blocks
from ..types import Mask
from .base import VectorIndex
from .exact import ExactIndex
from .files import HEADER_FILE, open_arrays, read_header, write_files

__all__ = ["build_index", "fresh_index", "open_index"]

EXACT_ROWS = 50_000
"""Vectors up to which there is no graph: one byte scan of 512 dimensions then takes 1 ms, a tenth
of what encoding a text query takes. It never misses, filters exactly, and takes no time to build,
where the graph of 100,000 takes half a minute."""

_KINDS = ("exact", "graph")


def fresh_index(vectors: StoredVectors, presence: Mask) -> VectorIndex:
    """Search vectors that are still being built on: exactly, with nothing to prepare.

    Parameters
    ----------
    vectors
        Shape (n, d), float32 or `HalfVectors`, unit rows where `presence` is true.
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
    vectors: StoredVectors, presence: Mask, folder: Path, *, exact_rows: int | None = None
) -> dict[str, Any]:
    """Write the index of a generation into `folder`, which is made if it is missing.

    The folder gets ``index.json``, which says what the index is and of which vectors, the vectors
    in bytes, and the graph where there is one. Vectors and presence are as for `fresh_index`, and
    raise like there. Up to `exact_rows` vectors, EXACT_ROWS if None, are searched exactly.

    Returns
    -------
    record
        ``kind``, exact or graph, ``count`` and ``dim``; of a graph also what `promise.build_graph`
        says of it. JSON values.

    Raises
    ------
    StorageError
        If the files could not be written in full.
    """
    from sightline_kernels.scan import to_bytes

    _check_finite(vectors, presence)
    count, most = int(np.count_nonzero(presence)), EXACT_ROWS if exact_rows is None else exact_rows
    record: dict[str, Any] = {"kind": "exact", "count": count, "dim": int(vectors.shape[1])}
    codes = to_bytes(as_stored(vectors))
    arrays: dict[str, NDArray[Any]] = dict(codes._asdict())
    if count > max(most, 1):
        from .promise import build_graph  # hnswlib is needed by large catalogues only

        built = build_graph(vectors, presence, codes)
        record |= {"kind": "graph", **built.record}
        arrays |= {"neighbours": built.graph.neighbours, "entries": built.graph.entries}
    write_files(folder, vectors, presence, arrays, record)
    return record


def open_index(vectors: StoredVectors, presence: Mask, folder: Path) -> VectorIndex:
    """Open the index that `build_index` wrote for the same vectors.

    Memory maps are not copied, and little of them is read.

    Raises
    ------
    CorruptGenerationError
        If the index is missing, damaged, of an unknown kind, or was made from other vectors.
    """
    header = read_header(folder, vectors, presence)
    kind = header.get("kind")
    if kind not in _KINDS:
        message = (
            f"{folder / HEADER_FILE} names an index of unknown kind {kind!r}; build the model again"
        )
        raise CorruptGenerationError(message)
    n_rows, dim = vectors.shape
    codes, scales, errors = open_arrays(
        folder,
        header,
        {
            "codes": ((n_rows, dim), np.int8),
            "scales": ((n_rows,), np.float32),
            "errors": ((n_rows,), np.float32),
        },
    )
    exact = ExactIndex(vectors, presence, (codes, scales, errors))
    if kind == "exact":
        return exact
    from .hnsw import Graph, HnswIndex

    shapes = {"neighbours": ((n_rows, -1), np.int32), "entries": ((-1,), np.int32)}
    neighbours, entries = open_arrays(folder, header, shapes)
    ef = header.get("ef")
    if not isinstance(ef, int) or ef < 1 or len(entries) == 0:
        message = f"{folder / HEADER_FILE} names no graph to walk in; build the model again"
        raise CorruptGenerationError(message)
    return HnswIndex(Graph(neighbours, entries, ef), exact)


def _check_finite(vectors: StoredVectors, presence: Mask) -> None:
    finite = [np.isfinite(part).all(axis=1) for _, part in blocks(vectors)]
    bad = np.flatnonzero(presence & ~np.concatenate([*finite, np.zeros(0, np.bool_)]))
    if len(bad):
        message = f"{len(bad)} vectors hold NaN or infinity, the first is row {bad[0]}"
        raise ValueError(message)
