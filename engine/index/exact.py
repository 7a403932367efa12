"""Exact search: every vector is looked at, in numpy first and through a byte scan once it pays."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..half import HalfVectors, StoredVectors, as_stored, blocks
from ..types import Mask, Rows, Scores, Vectors
from .base import Neighbours, Plan, checked_query, exactly_ranked, no_neighbours
from .planner import choose

if TYPE_CHECKING:
    from sightline_kernels.ranking import ExactVectors
    from sightline_kernels.scan import ByteVectors

__all__ = ["Codes", "ExactIndex"]

COMPONENTS_BEFORE_KERNEL = 5_000_000_000
"""Vector components a process scans in numpy before it wakes the compiled byte scan.

Waking it (importing Numba, loading machine code) takes about 0.7 s, and it
saves about 0.14 ns per component. To rent until the rent has reached the price, and then buy,
never costs more than twice the best choice in hindsight (Karlin et al., "Competitive snoopy
caching", 1988). At 100,000 rows of 512 that is after about 100 queries.
"""

Codes: TypeAlias = tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]
"""Vectors rounded to bytes: the arrays of `sightline_kernels.scan.ByteVectors`."""

_BLOCK_SCORES = 16_000_000  # scores held at a time, 64 MB


class ExactIndex:
    """Finds the nearest rows by scoring all of them; see `VectorIndex`.

    Parameters
    ----------
    vectors
        Shape (n, d), float32, or float16 as `HalfVectors`; may be a read-only memory map. They are
        never copied whole.
    presence
        Which rows have a vector, shape (n,); what the others hold does not matter.
    codes
        The vectors in bytes; None rounds them when the byte scan wakes, one byte per component.
    components_before_kernel
        When to wake the byte scan; 0 uses it from the first query on.
    """

    def __init__(
        self,
        vectors: StoredVectors,
        presence: Mask,
        codes: Codes | None = None,
        *,
        components_before_kernel: int = COMPONENTS_BEFORE_KERNEL,
    ) -> None:
        if vectors.ndim != 2 or presence.shape != vectors.shape[:1]:
            message = f"{vectors.shape} vectors do not go with a presence of {presence.shape}"
            raise ValueError(message)
        self.vectors = vectors if isinstance(vectors, HalfVectors) else np.asarray(vectors)
        self.presence = np.asarray(presence, np.bool_)
        self.count = int(np.count_nonzero(self.presence))
        self._codes = codes
        self._components_left = components_before_kernel
        self._rounded: ByteVectors | None = None
        self._as_stored: ExactVectors | None = None

    def query(self, vectors: Vectors, k: int, *, allowed: Mask | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query, or all there are; see `VectorIndex.query`."""
        queries, eligible = checked_query(vectors, k, allowed, self.presence, self.vectors.shape[1])
        count = self.count if allowed is None else int(np.count_nonzero(eligible))
        if count == 0 or len(queries) == 0:
            return no_neighbours(len(queries))
        choice = choose(self.count, count, min(k, count), is_awake=self.is_awake)
        return self.answer(queries, min(k, count), eligible, choice.plan)

    @property
    def is_awake(self) -> bool:
        """Whether the next scan is one of bytes."""
        return self._components_left <= 0

    def rounded(self) -> "ByteVectors":
        """Return the vectors in bytes; wakes Numba."""
        from sightline_kernels.scan import ByteVectors, to_bytes

        if self._rounded is None:
            codes = self._codes
            self._rounded = ByteVectors(*(codes or to_bytes(as_stored(self.vectors))))
        return self._rounded

    def answer(self, queries: Vectors, k: int, eligible: Mask, plan: Plan) -> Neighbours:
        """Answer at least one query by gathering or scanning; `k` rows of `eligible` there are."""
        if self.is_awake:
            return self._answer_awake(queries, k, eligible, plan)
        if plan == "gather":
            candidates = self._gather(queries, k, eligible)
        else:
            # Two threads may count at once and lose a step: the scan then wakes a little later.
            self._components_left -= len(queries) * self.vectors.size
            candidates = self._scan_floats(queries, k, eligible)
        return exactly_ranked(self.vectors, queries, candidates, k, plan)

    def ranked(self, rows: Rows, query: Vectors, k: int) -> tuple[Rows, Scores]:
        """Return the best `k` of some rows and their scores, as `exactly_ranked`; wakes Numba."""
        from sightline_kernels.ranking import exact_vectors, rank_rows

        if self._as_stored is None:
            self._as_stored = exact_vectors(as_stored(self.vectors))
        return rank_rows(self._as_stored, rows, query, k)

    def _answer_awake(self, queries: Vectors, k: int, eligible: Mask, plan: Plan) -> Neighbours:
        from sightline_kernels.scan import possible_best

        rows = np.empty((len(queries), k), np.int32)
        scores = np.empty((len(queries), k), np.float32)
        few = np.flatnonzero(eligible).astype(np.int32) if plan == "gather" else None
        for place, query in enumerate(queries):
            some = possible_best(self.rounded(), query, eligible, k) if few is None else few
            rows[place], scores[place] = self.ranked(some, query, k)
        return Neighbours(rows, scores, plan)

    def _gather(self, queries: Vectors, k: int, eligible: Mask) -> Iterator[Rows]:
        rows = np.flatnonzero(eligible).astype(np.int32)
        gathered = self.vectors[rows]
        for query in queries:
            # OpenBLAS computes with what lies behind vectors that fill no register: anything.
            with np.errstate(invalid="ignore", over="ignore"):
                scores = gathered @ query
            yield rows[_near_best(scores, k, query)]

    def _scan_floats(self, queries: Vectors, k: int, eligible: Mask) -> Iterator[Rows]:
        together = max(1, _BLOCK_SCORES // len(self.vectors))
        rows = np.flatnonzero(eligible).astype(np.int32)
        for start in range(0, len(queries), together):
            block = queries[start : start + together]
            scores = np.empty((len(block), len(self.vectors)), np.float32)
            with np.errstate(invalid="ignore", over="ignore"):  # rows without a vector: anything
                for some, part in blocks(self.vectors):
                    np.matmul(block, part.T, out=scores[:, some])
            for query, row_scores in zip(block, scores, strict=True):
                yield rows[_near_best(row_scores[rows], k, query)]


def _near_best(scores: Scores, k: int, query: Vectors) -> Rows:
    """Return the rows that float32 rounding might keep from the best `k` scores, ascending."""
    # Each of d products and sums is rounded by 2^-24 at most, relative to |x| |q| = |q|; once for
    # the row, once for the one it is compared with.
    doubt = 2 * len(query) * 2.0**-24 * float(np.linalg.norm(query))
    kth_best = np.partition(scores, -k)[-k]
    return np.flatnonzero(scores >= kth_best - doubt).astype(np.int32)
