"""Approximate search in a navigable small-world graph, for catalogues too large to scan."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import hnswlib
import numpy as np

from ..errors import CorruptGenerationError, StorageError
from ..types import Mask, Rows, Vectors
from .base import Neighbours, checked_query, exactly_ranked, no_neighbours
from .exact import NARROW_SHARE, ExactIndex

__all__ = ["HnswIndex"]

GRAPH_FILE = "hnsw.bin"
HEADER_FILE = "hnsw.json"

M = 16
EF_CONSTRUCTION = 128
EF = 128
"""Candidates a search keeps open; 64 already reaches recall 1 on easy data, twice that is room."""

_SEED = 0
_SPARE = 16  # fetched beyond need: a mask may fall harder on the query's surroundings
_MOST_FETCHED = 1024  # beyond it, walking the graph takes longer than the exact scan


@dataclass(frozen=True, slots=True)
class _Header:
    """What hnswlib's file does not say or check: it opens with any dimension without a word."""

    dim: int
    count: int
    m: int
    ef_construction: int
    ef: int
    sha256: str


class HnswIndex:
    """Finds the nearest rows through an HNSW graph; see `VectorIndex`.

    Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical
    navigable small world graphs", 2018. What the graph proposes is scored exactly. Where the graph
    cannot answer in full (a narrow mask, a very large k, rows it does not reach), the exact scan
    does, so that a query always has all its results.

    Parameters
    ----------
    graph
        Holds the rows where `presence` is true, labelled with their row numbers.
    vectors, presence
        What the graph was built from: shapes (n, d) and (n,).
    """

    def __init__(self, graph: hnswlib.Index, vectors: Vectors, presence: Mask) -> None:
        self._graph = graph
        self._vectors = np.asarray(vectors)
        self._presence = np.asarray(presence, np.bool_)
        self._exact = ExactIndex(vectors, presence)

    @classmethod
    def build(cls, vectors: Vectors, presence: Mask) -> "HnswIndex":
        """Build the graph, on all cores.

        The levels of the graph are drawn with a fixed seed; in which order threads join rows is
        not fixed, so two builds may differ in a few edges.
        """
        rows = np.flatnonzero(presence)
        graph = hnswlib.Index("ip", vectors.shape[1])
        graph.init_index(len(rows), M=M, ef_construction=EF_CONSTRUCTION, random_seed=_SEED)
        if len(rows):  # hnswlib trips over none
            graph.add_items(vectors[rows], rows)
        graph.set_ef(EF)
        return cls(graph, vectors, presence)

    def save(self, folder: Path) -> None:
        """Write the graph and its header into `folder`.

        Raises
        ------
        StorageError
            If the graph could not be written in full.
        """
        partial = folder / f"{GRAPH_FILE}.partial"
        self._graph.save_index(str(partial))
        # hnswlib does not look whether its writes succeed: on a full disk the file ends early.
        expected, written = self._graph.index_file_size(), partial.stat().st_size
        if written != expected:
            message = f"{partial}: {written} of {expected} bytes written; is the disk full?"
            raise StorageError(message)
        header = _Header(
            dim=self._graph.dim,
            count=self._graph.get_current_count(),
            m=self._graph.M,
            ef_construction=self._graph.ef_construction,
            ef=self._graph.ef,
            sha256=_sha256(partial),
        )
        partial.replace(folder / GRAPH_FILE)
        header_partial = folder / f"{HEADER_FILE}.partial"
        header_partial.write_text(json.dumps(asdict(header), indent=2) + "\n", encoding="utf-8")
        header_partial.replace(folder / HEADER_FILE)

    @classmethod
    def load(cls, folder: Path, vectors: Vectors, presence: Mask) -> "HnswIndex":
        """Open what `save` wrote.

        Raises
        ------
        CorruptGenerationError
            If a file is missing or damaged, or was made from other vectors.
        """
        header = _read_header(folder / HEADER_FILE)
        dim, count = vectors.shape[1], int(np.count_nonzero(presence))
        if (header.dim, header.count) != (dim, count):
            message = (
                f"{folder / GRAPH_FILE} indexes {header.count} vectors of {header.dim} dimensions, "
                f"the generation has {count} of {dim}; build the model again"
            )
            raise CorruptGenerationError(message)
        path = folder / GRAPH_FILE
        found = _sha256(path) if path.is_file() else "no file"
        if found != header.sha256:
            message = f"{path}: sha256 is {found}, not {header.sha256}; build the model again"
            raise CorruptGenerationError(message)
        graph = hnswlib.Index("ip", dim)
        graph.load_index(str(path), max_elements=count)
        graph.set_ef(header.ef)
        return cls(graph, vectors, presence)

    def query(self, vectors: Vectors, k: int, *, allowed: Mask | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query, or all there are; see `VectorIndex.query`."""
        dim = self._vectors.shape[1]
        queries, eligible = checked_query(vectors, k, allowed, self._presence, dim)
        count = int(np.count_nonzero(eligible))
        k = min(k, count)
        if k == 0 or len(queries) == 0:
            return no_neighbours(len(queries))
        if count > len(eligible) * NARROW_SHARE:
            found = self._walk(queries, k, eligible, count)
            if found is not None:
                return exactly_ranked(self._vectors, queries, found, k)
        return self._exact.query(queries, k, allowed=eligible)

    def _walk(self, queries: Vectors, k: int, eligible: Mask, count: int) -> list[Rows] | None:
        """Fetch until every query has `k` eligible rows; None if that takes too many.

        Fetching more and sieving afterwards: hnswlib's own filter calls back into Python for every
        node it passes, which on narrow masks is a hundred times slower.
        """
        present = self._graph.get_current_count()
        fetch = 2 * k * present // count + _SPARE
        while True:
            fetch = min(fetch, present)
            if fetch > _MOST_FETCHED:
                return None
            try:
                labels, _ = self._graph.knn_query(queries, fetch)
            except RuntimeError:  # fewer than `fetch` rows can be reached from the entry point
                return None
            found = [np.sort(row[eligible[row]]).astype(np.int32) for row in labels]
            if all(len(rows) >= k for rows in found):
                return found
            if fetch == present:
                return None
            fetch *= 2


def _read_header(path: Path) -> _Header:
    try:
        return _Header(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        message = f"{path} cannot be read ({error}); build the model again"
        raise CorruptGenerationError(message) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
