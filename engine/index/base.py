"""What every vector index promises, and the last step they share: exact scores, in order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..half import StoredVectors
from ..types import Mask, Rows, Scores, Vectors

__all__ = [
    "Neighbours",
    "Plan",
    "VectorIndex",
    "checked_query",
    "exactly_ranked",
    "no_neighbours",
]

Plan: TypeAlias = Literal["none", "gather", "scan", "walk", "filtered walk"]
"""How a query was answered. ``none``: no row qualified. ``gather``: the allowed rows alone were
scored. ``scan``: all were, or what their bytes left of them. ``walk``: through the graph;
``filtered walk``: through the graph, keeping allowed rows only. All but walks are exact."""

_BITS = 43  # of a product that decide: far below what float32 tells apart, and sums fit into 53
_BLOCK = 8192  # rows scored at a time: a crowd of ties must not double the memory


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest rows of each query, both arrays of shape (q, k), best first; how they were found.

    Of several queries, `plan` is that of the one that took most.
    """

    rows: Rows
    scores: Scores
    plan: Plan


class VectorIndex(Protocol):
    """Finds the rows with the largest inner product: the cosine, for unit vectors."""

    def query(self, vectors: Vectors, k: int, *, allowed: Mask | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query, or all there are.

        Parameters
        ----------
        vectors
            Queries, shape (q, d), float32, finite.
        k
            Rows per query, at least 1.
        allowed
            Which of the n rows may be returned, shape (n,); None allows all.

        Returns
        -------
        neighbours
            Shape (q, k'), k' the lesser of `k` and the number of allowed rows that have a vector.
            Best first, equal scores by lower row. Rows without a vector never appear.

        Raises
        ------
        ValueError
            If shapes do not fit, `k` is below 1 or a query is not finite.
        """
        ...


def checked_query(
    vectors: Vectors, k: int, allowed: Mask | None, presence: Mask, dim: int
) -> tuple[Vectors, Mask]:
    """Check the arguments of a query; return the queries and the rows that may be returned."""
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        message = f"queries must be of shape (q, {dim}), got {vectors.shape}"
        raise ValueError(message)
    if k < 1:
        message = f"k must be at least 1, got {k}"
        raise ValueError(message)
    if not np.isfinite(vectors).all():
        message = "a query vector holds NaN or infinity"
        raise ValueError(message)
    if allowed is None:
        return vectors, presence
    if allowed.shape != presence.shape:
        message = f"allowed must be of shape {presence.shape}, got {allowed.shape}"
        raise ValueError(message)
    return vectors, presence & allowed


def no_neighbours(n_queries: int) -> Neighbours:
    """Answer queries where no row qualifies."""
    rows, scores = np.empty((n_queries, 0), np.int32), np.empty((n_queries, 0), np.float32)
    return Neighbours(rows, scores, "none")


def exactly_ranked(
    vectors: StoredVectors, queries: Vectors, candidates: Iterable[Rows], k: int, plan: Plan
) -> Neighbours:
    """Score each query's candidates exactly and keep the best `k`.

    Products are rounded to a grain that makes their sum in float64 exact, before it becomes
    float32: whatever the order of summation, a row has the same score whichever way it was found,
    and two equal vectors tie.

    Parameters
    ----------
    vectors
        All vectors, shape (n, d).
    queries
        Shape (q, d), at least one.
    candidates
        For each query its rows, ascending, at least `k`.
    k
        How many to keep, at least 1.
    plan
        How the candidates were found.
    """
    best = [_best(vectors, rows, query, k) for query, rows in zip(queries, candidates, strict=True)]
    rows, scores = zip(*best, strict=True)
    return Neighbours(np.stack(rows), np.stack(scores), plan)


def _best(vectors: StoredVectors, rows: Rows, query: Vectors, k: int) -> tuple[Rows, Scores]:
    grain = 2.0 ** float(_BITS - np.frexp(np.float64(np.abs(query).max(initial=0)))[1])
    wide = query.astype(np.float64) * grain
    blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
    scores = np.concatenate([_sums(vectors[block], wide) for block in blocks]) / grain
    order = np.argsort(-scores.astype(np.float32), kind="stable")[:k]
    return rows[order], scores[order].astype(np.float32)


def _sums(vectors: Vectors, wide: NDArray[np.float64]) -> NDArray[np.float64]:
    products = vectors * wide
    sums: NDArray[np.float64] = np.rint(products, out=products).sum(axis=1)
    return sums
