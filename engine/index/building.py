"""Vectors turned into the lowest level of an HNSW graph, by hnswlib."""

import tempfile
from pathlib import Path

import hnswlib
import numpy as np
from numpy.typing import NDArray

from ..half import StoredVectors
from ..types import Rows
from .entries import spread_entries
from .hnsw import Graph

__all__ = ["EF_CONSTRUCTION", "GraphBuilder", "M"]

M = 16
EF_CONSTRUCTION = 128

_SEED = 0
_AT_ONCE = 50_000
_HEAD = 96  # bytes before the records in hnswlib's file
_LABEL = 8


class GraphBuilder:
    """Joins rows to a graph, on all cores.

    The levels of the graph are drawn with a fixed seed; in which order threads join rows is not
    fixed, so two builds may differ in a few edges.

    Parameters
    ----------
    vectors
        Shape (n, d), float32 or `HalfVectors`.
    count
        Rows that will be joined in all.
    """

    def __init__(self, vectors: StoredVectors, count: int) -> None:
        self._vectors = vectors
        self._graph = hnswlib.Index("ip", vectors.shape[1])
        self._graph.init_index(count, M=M, ef_construction=EF_CONSTRUCTION, random_seed=_SEED)

    def join(self, rows: Rows) -> None:
        """Join more rows, none of them twice."""
        for start in range(0, len(rows), _AT_ONCE):
            block = rows[start : start + _AT_ONCE]
            self._graph.add_items(self._vectors[block], block)

    def graph(self, ef: int) -> Graph:
        """Return the graph of all rows joined so far, at least one."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "graph"
            self._graph.save_index(str(path))
            labels, neighbours = _read_level(path, len(self._vectors), self._vectors.shape[1])
        return Graph(neighbours, spread_entries(self._vectors, labels), ef)


def _read_level(path: Path, n_rows: int, dim: int) -> tuple[Rows, NDArray[np.int32]]:
    """Read the labels that a file of hnswlib holds, and by label the neighbours of each.

    hnswlib 0.8, `saveIndex`: six sizes of 8 bytes, the third the count and the fourth the bytes of
    a record; then 48 bytes more, and the records: the number of links (2 bytes, 2 more are flags),
    2 M links of 4 bytes, the vector, and the label. Links are positions of records.
    """
    count, record = np.fromfile(path, "<u8", 2, offset=16).tolist()
    expected = 4 + 8 * M + 4 * dim + _LABEL
    if record != expected:
        message = f"hnswlib wrote records of {record} bytes, not {expected}: is its version 0.8?"
        raise RuntimeError(message)
    blocks = np.memmap(path, np.uint8, "r", _HEAD, (count, record))
    labels = np.ascontiguousarray(blocks[:, -_LABEL:]).view("<u8")[:, 0].astype(np.int32)
    widths = np.ascontiguousarray(blocks[:, :2]).view("<u2")
    links = np.ascontiguousarray(blocks[:, 4 : 4 + 8 * M]).view("<u4")
    is_link = np.arange(2 * M) < widths
    neighbours = np.full((n_rows, 2 * M), -1, np.int32)
    neighbours[labels] = np.where(is_link, labels[np.where(is_link, links, 0)], -1)
    return labels, neighbours
