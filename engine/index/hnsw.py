"""Approximate search in a navigable small-world graph, for catalogues too large to scan."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows, Vectors
from .base import Neighbours, Plan, checked_query, no_neighbours
from .exact import ExactIndex
from .planner import Choice, choose

if TYPE_CHECKING:
    from sightline_kernels.links import Links

__all__ = ["Graph", "HnswIndex"]


@dataclass(frozen=True, slots=True)
class Graph:
    """Which rows lead to which, and how wide a walk through them has to be."""

    neighbours: NDArray[np.int32]
    """Shape (n, m): rows, padded with -1 at the end."""
    entries: Rows
    """Rows that a walk chooses its beginning from, ascending."""
    ef: int
    """Rows that a walk keeps."""

    def with_ef(self, ef: int) -> "Graph":
        """Return the same graph for walks of another width."""
        return replace(self, ef=ef)


class HnswIndex:
    """Finds the nearest rows through an HNSW graph where that is faster; see `VectorIndex`.

    What the graph proposes is scored exactly. Where it cannot answer in full (a narrow mask, a very
    large k, rows it does not reach), or would take longer, the exact scan does, so that a query
    always has all its results. Until compiled loops are awake the scan answers everything.

    Parameters
    ----------
    graph
        Of the rows where `exact` has a vector.
    exact
        Over the vectors that the graph was built from.
    """

    def __init__(self, graph: Graph, exact: ExactIndex) -> None:
        self.graph = graph
        self._exact = exact
        self._links: Links | None = None

    def query(self, vectors: Vectors, k: int, *, allowed: Mask | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query, or all there are; see `VectorIndex.query`."""
        exact = self._exact
        queries, eligible = checked_query(
            vectors, k, allowed, exact.presence, exact.vectors.shape[1]
        )
        count = exact.count if allowed is None else int(np.count_nonzero(eligible))
        if count == 0 or len(queries) == 0:
            return no_neighbours(len(queries))
        k = min(k, count)
        choice = choose(
            exact.count,
            count,
            k,
            is_awake=exact.is_awake,
            ef=self.graph.ef,
            entries=len(self.graph.entries),
        )
        if choice.width == 0:
            return exact.answer(queries, k, eligible, choice.plan)
        return self._walk(queries, k, eligible, choice)

    def _walk(self, queries: Vectors, k: int, eligible: Mask, choice: Choice) -> Neighbours:
        from sightline_kernels.graph import walk  # wakes Numba
        from sightline_kernels.links import linked

        exact, graph = self._exact, self.graph
        if self._links is None:
            self._links = linked(graph.neighbours, graph.entries, exact.rounded())
        allowed = eligible if choice.plan == "filtered walk" else None
        rows = np.empty((len(queries), k), np.int32)
        scores = np.empty((len(queries), k), np.float32)
        plan: Plan = choice.plan
        for place, query in enumerate(queries):
            some = walk(
                self._links,
                query,
                allowed,
                k,
                width=choice.width,
                most_scored=choice.most_scored,
            )
            found = exact.ranked(some, query, k)
            # A query of zeros ties with all rows, and a walk ends anywhere among them.
            if len(some) < k or found[1][0] == 0:
                scanned = exact.answer(queries[place : place + 1], k, eligible, "scan")
                found, plan = (scanned.rows[0], scanned.scores[0]), "scan"
            rows[place], scores[place] = found
        return Neighbours(rows, scores, plan)
