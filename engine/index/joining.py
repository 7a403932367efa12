"""A graph that is in use, for rows to join and to leave."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sightline_kernels.graph import walk
from sightline_kernels.join import choose_links, link_back, mend
from sightline_kernels.links import linked
from sightline_kernels.ranking import exact_vectors, rank_rows
from sightline_kernels.reach import reach
from sightline_kernels.scan import ByteVectors

from ..half import StoredVectors, as_stored
from ..types import Mask, Rows, Vectors
from .building import EF_CONSTRUCTION, M
from .entries import spread_entries
from .hnsw import Graph

__all__ = ["THREADS", "GraphJoiner", "in_ranges"]

Part = TypeVar("Part")

THREADS = os.cpu_count() or 1

_TOGETHER = 2_048  # rows that join at once: their products with each other take as long as 20 walks
_NEAREST = 64  # of what a walk keeps: what comes after hardly ever stands apart from these
_BESIDE = 32  # of those that join at the same time
_FEW_LINKS = 3 * M // 4  # to a row: twice as many are usual
_SOUGHT = EF_CONSTRUCTION // 2  # width at which a row that is well linked finds itself
_PARTS = 8  # per thread
_TIE = np.float32(1e-5)  # parts those that are equally near: not all are to choose the same


class GraphJoiner:
    """Carries a graph over to other rows, and joins further ones.

    Which links there are does not depend on how many threads there are.

    Parameters
    ----------
    vectors
        Shape (n, d).
    rounded
        The same in bytes.
    before
        The earlier links, shape (o, m), padded with -1 at the end.
    was
        Where in the earlier graph each row was, shape (n,), -1 for rows that are not carried over.
    """

    def __init__(
        self, vectors: StoredVectors, rounded: ByteVectors, before: NDArray[np.int32], was: Rows
    ) -> None:
        self._vectors, self._rounded = vectors, rounded
        self.held: Mask = was >= 0
        now = np.full(len(before), -1, np.int32)
        now[was[self.held]] = np.flatnonzero(self.held)
        links = np.full((len(was), before.shape[1]), -1, np.int32)
        in_ranges(len(was), lambda a, b: mend(before, now, was, rounded, links, a, b))
        self.neighbours = links
        had, has = (before >= 0).sum(axis=1), (links >= 0).sum(axis=1)
        few = self.held & (has < M // 2)
        few[few] = 2 * has[few] < had[was[few]]
        # Where walks of joins begin, chosen anew whenever the graph has doubled since.
        self._starts, self._n_then = np.empty(0, np.int32), 0
        self._join(np.flatnonzero(few).astype(np.int32))

    def join(self, rows: Rows) -> None:
        """Join more rows, none of them twice."""
        for start in range(0, len(rows), _TOGETHER):
            self._join(rows[start : start + _TOGETHER])

    def without(self, rows: Rows) -> "GraphJoiner":
        """Return the graph as it is when these rows have left it."""
        was = np.where(self.held, np.arange(len(self.held)), -1).astype(np.int32)
        was[rows] = -1
        return GraphJoiner(self._vectors, self._rounded, self.neighbours, was)

    def lost(self) -> Rows:
        """Return the rows that few others are linked to and no walk finds, ascending.

        The nearest of such a row were not found either when it was joined: it is linked to rows far
        away, and these alone lead to it.
        """
        links_to = np.bincount(self.neighbours[self.neighbours >= 0], minlength=len(self.held))
        rows = np.flatnonzero(self.held & (links_to <= _FEW_LINKS)).astype(np.int32)
        walker = self._walker(self.graph(EF_CONSTRUCTION).entries)
        exact = exact_vectors(as_stored(self._vectors))

        def not_found(start: int, stop: int) -> Rows:
            some, queries = rows[start:stop], self._vectors[rows[start:stop]]
            missed = np.zeros(len(some), np.bool_)
            for place, query in enumerate(queries):
                found = walker(query, 1, _SOUGHT)
                _, best = rank_rows(exact, found, query, 1)
                _, own = rank_rows(exact, some[place : place + 1], query, 1)
                missed[place] = len(best) == 0 or best[0] < own[0]  # a copy is as good
            return some[missed]

        return np.concatenate([rows[:0], *in_ranges(len(rows), not_found)])

    def join_again(self, rows: Rows) -> None:
        """Give rows of the graph other links, as if they had not been in it."""
        others = self.without(rows)
        self.neighbours, self.held = others.neighbours, others.held
        self._starts, self._n_then = others._starts, others._n_then
        self.join(rows)

    def graph(self, ef: int) -> Graph:
        """Return the graph of all rows joined so far, at least one, every one within reach."""
        entries = spread_entries(self._vectors, np.flatnonzero(self.held).astype(np.int32))
        more = reach(self.neighbours, entries, self.held)
        return Graph(self.neighbours, np.union1d(entries, more).astype(np.int32), ef)

    def _walker(self, entries: Rows) -> Callable[[Vectors, int, int], Rows]:
        """Return what walks for a query, a number of rows and a width through what is there."""
        links = linked(self.neighbours, entries, self._rounded)
        most = len(self.held) + len(entries)
        return lambda query, k, width: walk(links, query, None, k, width=width, most_scored=most)

    def _join(self, rows: Rows) -> None:
        if len(rows) == 0:
            return
        n_now = int(np.count_nonzero(self.held))
        if n_now > 2 * self._n_then:
            self._starts, self._n_then = self.graph(EF_CONSTRUCTION).entries, n_now
        walker = self._walker(self._starts)
        queries = self._vectors[rows]
        beside = _nearest_beside(queries, rows)
        candidates = np.full((len(rows), _NEAREST + beside.shape[1]), -1, np.int32)
        candidates[:, _NEAREST:] = beside

        def find(start: int, stop: int) -> NDArray[np.int32]:
            for place in range(start, stop):
                nearest = walker(queries[place], _NEAREST, EF_CONSTRUCTION)[:_NEAREST]
                candidates[place, : len(nearest)] = nearest
            return choose_links(rows, candidates, self._rounded, M, start, stop)

        chosen = np.concatenate(in_ranges(len(rows), find))
        self.neighbours[rows] = -1
        self.neighbours[rows, :M] = chosen
        self.held[rows] = True
        is_link = chosen >= 0
        targets, sources = chosen[is_link], np.repeat(rows, is_link.sum(axis=1))
        order = np.lexsort((sources, targets))
        unlike, starts = np.unique(targets[order], return_index=True)
        offsets = np.append(starts, len(order)).astype(np.int64)
        sources = sources[order]
        in_ranges(
            len(unlike),
            lambda a, b: link_back(self.neighbours, unlike, offsets, sources, self._rounded, a, b),
        )


def in_ranges(count: int, work: Callable[[int, int], Part]) -> list[Part]:
    """Call `work` on ranges that cover 0 to `count`, on all cores; return what it did, in order."""
    edges = np.unique(np.linspace(0, count, THREADS * _PARTS + 1).astype(int)).tolist()
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, edges[:-1], edges[1:]))


def _nearest_beside(queries: Vectors, rows: Rows) -> NDArray[np.int32]:
    """Return the rows nearest to each among those that join with it, in no order."""
    if len(rows) <= _BESIDE + 1:
        return np.tile(rows, (len(rows), 1))
    scores = queries @ queries.T
    place = np.arange(len(rows), dtype=np.float32)
    scores -= _TIE * ((place - place[:, None]) % len(rows)) / len(rows)
    np.fill_diagonal(scores, -np.inf)
    best = np.argpartition(scores, -_BESIDE, axis=1)[:, -_BESIDE:]
    beside: NDArray[np.int32] = rows[best]
    return beside
