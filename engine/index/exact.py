"""Exact search: every vector is looked at, in numpy first and through a byte scan once it pays."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..types import Mask, Rows, Scores, Vectors
from .base import Neighbours, checked_query, exactly_ranked, no_neighbours

if TYPE_CHECKING:
    from sightline_kernels.scan import ByteVectors

__all__ = ["ExactIndex"]

COMPONENTS_BEFORE_KERNEL = 5_000_000_000
"""Vector components a process scans in numpy before it wakes the compiled byte scan.

Waking it (importing Numba, loading machine code, rounding the vectors) takes about 0.7 s, and it
saves about 0.14 ns per component. To rent until the rent has reached the price, and then buy,
never costs more than twice the best choice in hindsight (Karlin et al., "Competitive snoopy
caching", 1988). At 100,000 rows of 512 that is after about 100 queries.
"""
NARROW_SHARE = 1 / 16
"""Share of rows up to which the allowed ones are gathered: copying a row costs ten scanned ones."""

_BLOCK_SCORES = 16_000_000  # scores held at a time, 64 MB


class ExactIndex:
    """Finds the nearest rows by scoring all of them; see `VectorIndex`.

    Parameters
    ----------
    vectors
        Shape (n, d), float32; may be a read-only memory map, which is then never copied whole,
        but for one byte per component once the byte scan is awake.
    presence
        Which rows have a vector, shape (n,); what the others hold does not matter.
    components_before_kernel
        When to wake the byte scan; 0 uses it from the first query on.
    """

    def __init__(
        self,
        vectors: Vectors,
        presence: Mask,
        *,
        components_before_kernel: int = COMPONENTS_BEFORE_KERNEL,
    ) -> None:
        if vectors.ndim != 2 or presence.shape != vectors.shape[:1]:
            message = f"{vectors.shape} vectors do not go with a presence of {presence.shape}"
            raise ValueError(message)
        self._vectors = np.asarray(vectors)
        self._presence = np.asarray(presence, np.bool_)
        self._components_left = components_before_kernel
        self._rounded: ByteVectors | None = None

    def query(self, vectors: Vectors, k: int, *, allowed: Mask | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query, or all there are; see `VectorIndex.query`."""
        n_rows, dim = self._vectors.shape
        queries, eligible = checked_query(vectors, k, allowed, self._presence, dim)
        count = int(np.count_nonzero(eligible))
        k = min(k, count)
        if k == 0 or len(queries) == 0:
            return no_neighbours(len(queries))
        if count <= n_rows * NARROW_SHARE:
            candidates = self._gather(queries, k, eligible)
        elif self._components_left > 0:
            # Two threads may count at once and lose a step: the scan then wakes a little later.
            self._components_left -= len(queries) * n_rows * dim
            candidates = self._scan_floats(queries, k, eligible)
        else:
            candidates = self._scan_bytes(queries, k, eligible)
        return exactly_ranked(self._vectors, queries, candidates, k)

    def _gather(self, queries: Vectors, k: int, eligible: Mask) -> Iterator[Rows]:
        rows = np.flatnonzero(eligible).astype(np.int32)
        gathered = self._vectors[rows]
        for query in queries:
            yield rows[_near_best(gathered @ query, k, query)]

    def _scan_floats(self, queries: Vectors, k: int, eligible: Mask) -> Iterator[Rows]:
        together = max(1, _BLOCK_SCORES // len(self._vectors))
        rows = np.flatnonzero(eligible).astype(np.int32)
        for start in range(0, len(queries), together):
            block = queries[start : start + together]
            with np.errstate(invalid="ignore", over="ignore"):  # rows without a vector: anything
                scores = block @ self._vectors.T
            for query, row_scores in zip(block, scores, strict=True):
                yield rows[_near_best(row_scores[rows], k, query)]

    def _scan_bytes(self, queries: Vectors, k: int, eligible: Mask) -> Iterator[Rows]:
        from sightline_kernels.scan import possible_best, to_bytes  # wakes Numba

        if self._rounded is None:
            self._rounded = to_bytes(self._vectors)
        for query in queries:
            yield possible_best(self._rounded, query, eligible, k)


def _near_best(scores: Scores, k: int, query: Vectors) -> Rows:
    """Return the rows that float32 rounding might keep from the best `k` scores, ascending."""
    # Each of d products and sums is rounded by 2^-24 at most, relative to |x| |q| = |q|; once for
    # the row, once for the one it is compared with.
    doubt = 2 * len(query) * 2.0**-24 * float(np.linalg.norm(query))
    kth_best = np.partition(scores, -k)[-k]
    return np.flatnonzero(scores >= kth_best - doubt).astype(np.int32)
