"""Vectors and right answers into figures of quality, each with a bootstrap interval."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sightline.types import Scores, Vectors

__all__ = [
    "Estimate",
    "Labels",
    "estimate",
    "first_right_ranks",
    "is_majority",
    "mean_direction",
    "neighbour_precision",
    "top_k_precision",
    "within",
]

Labels: TypeAlias = NDArray[Any]
"""One label per row, numbers or words; equal labels belong together."""

RESAMPLES = 1000
_SEED = 0
_ROWS = 256
"""Queries scored at a time: their scores against a large gallery have to fit into memory."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over `n` queries, and the interval that holds it in 95 of 100 resamples."""

    value: float
    low: float
    high: float
    n: int


def estimate(
    scores: NDArray[Any],
    statistic: Callable[[NDArray[Any]], Any] = np.mean,
    *,
    groups: Labels | None = None,
) -> Estimate:
    """Summarise the scores of queries, with the percentile interval of 1,000 resamples.

    Parameters
    ----------
    scores
        One per query, shape (n,), n above 0.
    statistic
        What is made of them, such as their mean.
    groups
        Queries of one group are drawn together, as the captions of one photo are: they do not
        vary apart from each other. None: each is a group of its own.
    """
    order = np.argsort(groups, kind="stable") if groups is not None else np.arange(len(scores))
    drawn_from = groups[order] if groups is not None else order
    members = np.split(scores[order], np.flatnonzero(drawn_from[1:] != drawn_from[:-1]) + 1)
    rng = np.random.default_rng(_SEED)
    resampled = []
    for _ in range(RESAMPLES):
        picks = rng.integers(len(members), size=len(members))
        if len(members) == len(scores):
            resampled.append(float(statistic(scores[picks])))
        else:
            resampled.append(float(statistic(np.concatenate([members[pick] for pick in picks]))))
    low, high = np.percentile(resampled, (2.5, 97.5))
    return Estimate(float(statistic(scores)), float(low), float(high), len(scores))


def first_right_ranks(
    queries: Vectors, query_labels: Labels, gallery: Vectors, gallery_labels: Labels
) -> NDArray[np.int64]:
    """Return the place, from 1, of the nearest row of the gallery that is right for each query.

    A wrong row that is exactly as near goes before it: who cannot tell rows apart finds nothing.

    Parameters
    ----------
    queries, gallery
        Unit vectors, shapes (q, d) and (n, d).
    query_labels, gallery_labels
        A row is right where these are equal, shapes (q,) and (n,); every query has such a row.

    Returns
    -------
    ranks
        Shape (q,).
    """
    ranks = np.empty(len(queries), np.int64)
    for rows in _parts(len(queries)):
        scores = queries[rows] @ gallery.T
        is_right = query_labels[rows, None] == gallery_labels
        best = np.where(is_right, scores, -np.inf).max(axis=1, keepdims=True)
        ranks[rows] = 1 + np.count_nonzero((scores >= best) & ~is_right, axis=1)
    return ranks


def within(ranks: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Say of each rank whether it is among the first `k`, 1 or 0: the mean of it is R@k."""
    return (ranks <= k).astype(np.float64)


def top_k_precision(scores: Scores, is_right: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Return the share of right ones among the `k` best of each row.

    Where equal scores straddle the k-th place, they share the places left as a draw would on
    average, so the order of the columns does not matter.

    Parameters
    ----------
    scores
        Shape (q, n), higher is better; -inf keeps a column out, of which k have to be left.
    is_right
        Shape (q, n).

    Returns
    -------
    shares
        Shape (q,).
    """
    last = -np.partition(-scores, k - 1, axis=1)[:, k - 1, None]
    is_above, is_tied = scores > last, scores == last
    places_left = k - np.count_nonzero(is_above, axis=1)
    share_of_tied = np.count_nonzero(is_tied & is_right, axis=1) / np.count_nonzero(is_tied, axis=1)
    right = np.count_nonzero(is_above & is_right, axis=1) + places_left * share_of_tied
    shares: NDArray[np.float64] = right / k
    return shares


def neighbour_precision(
    vectors: Vectors,
    labels: Labels,
    k: int,
    *,
    gallery: tuple[Vectors, Labels] | None = None,
) -> NDArray[np.float64]:
    """Return the share of each row's `k` nearest that have its label.

    Parameters
    ----------
    vectors, labels
        The queries: unit vectors, shape (q, d), and what they show, shape (q,).
    gallery
        What neighbours are taken from; None: the queries themselves, each without itself.
    """
    others, their_labels = gallery or (vectors, labels)
    shares = np.empty(len(vectors))
    for rows in _parts(len(vectors)):
        scores = vectors[rows] @ others.T
        if gallery is None:
            scores[np.arange(len(scores)), np.arange(rows.start, rows.stop)] = -np.inf
        shares[rows] = top_k_precision(scores, labels[rows, None] == their_labels, k)
    return shares


def mean_direction(vectors: Vectors) -> Vectors:
    """Average unit vectors over the second last axis, shape (..., m, d) to (..., d), unit again."""
    means = vectors.mean(axis=-2)
    unit: Vectors = means / np.maximum(np.linalg.norm(means, axis=-1, keepdims=True), 1e-12)
    return unit


def is_majority(labels: Labels) -> NDArray[np.float64]:
    """Say of each label whether it is the most frequent, 1 or 0: what one answer for all gets."""
    values, counts = np.unique(labels, return_counts=True)
    return np.asarray(labels == values[counts.argmax()], np.float64)


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, _ROWS):
        yield slice(start, min(start + _ROWS, count))
