"""Scores and held-out likes into figures per person, with bootstrap intervals over people."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from quality_measures import Estimate
from sightline.types import Scores

__all__ = ["Judged", "K", "judge", "judge_list", "mean_of", "ratio_of", "scores_of_ranked"]

K = 10
RESAMPLES = 2_000
_SEED = 0
_GAINED = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, K + 2)))])
"""What hits in all of the first 0, 1, … K places are worth together."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One value per person judged, shape (u,), in the order they were given."""

    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]


def judge(scores: Scores, relevant: NDArray[np.bool_]) -> Judged:
    """Judge a ranking by NDCG@10 and Recall@10, both with binary relevance.

    Equal scores count as what a random order of them gets on average (McSherry & Najork, 2008,
    "Computing information retrieval performance measures efficiently in the presence of tied
    scores"): who scores all alike has exactly the expectation of a random ranking.

    Parameters
    ----------
    scores
        Shape (u, n), higher is better; -inf keeps an item out of the list.
    relevant
        The held-out likes, shape (u, n), at least one in each row.

    Returns
    -------
    figures
        `ndcg`'s ideal list holds min(10, likes) hits (Järvelin & Kekäläinen, 2002); `recall` is the
        share of all of a person's held-out likes that are among the first 10.
    """
    figures = [judge_list(*row) for row in zip(scores, relevant, strict=True)]
    ndcg, recall = np.array(figures, np.float64).reshape(-1, 2).T
    return Judged(ndcg, recall)


def judge_list(scores: Scores, relevant: NDArray[np.bool_]) -> tuple[float, float]:
    """Return NDCG@10 and Recall@10 of one list; see `judge`."""
    (rows,) = np.nonzero(scores > -np.inf)
    if len(rows) > K:
        edge = np.partition(scores[rows], len(rows) - K)[len(rows) - K]
        rows = rows[scores[rows] >= edge]
    gain = hits = 0.0
    for first, last, share in _ties(scores[rows], relevant[rows]):
        gain += share * (_GAINED[min(last, K)] - _GAINED[min(first, K)])
        hits += share * (min(last, K) - min(first, K))
    likes = int(relevant.sum())
    return float(gain / _GAINED[min(K, likes)]), hits / likes


def _ties(scores: Scores, relevant: NDArray[np.bool_]) -> Iterator[tuple[int, int, float]]:
    """Yield the places that equal scores take, and the share of relevant ones among them."""
    order = np.argsort(-scores, kind="stable")
    scores, relevant = scores[order], relevant[order]
    edges = [0, *(np.flatnonzero(scores[1:] != scores[:-1]) + 1).tolist(), len(scores)]
    for first, last in pairwise(edges):
        if last > first:
            yield first, last, float(relevant[first:last].mean())


def scores_of_ranked(lists: list[NDArray[np.int64]], n_items: int) -> Scores:
    """Return scores that keep the order of ranked item rows, and leave all other items out.

    Parameters
    ----------
    lists
        Rows of items, best first, one list per person.
    n_items
        How many items there are.
    """
    scores = np.full((len(lists), n_items), -np.inf, np.float32)
    for row, ranked in zip(scores, lists, strict=True):
        row[ranked] = -np.arange(len(ranked))
    return scores


def mean_of(values: NDArray[np.float64]) -> Estimate:
    """Return the mean over people, with the 95 % percentile interval of 2,000 resamples."""
    low, high = np.percentile(_resampled(values[:, None])[:, 0], (2.5, 97.5))
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def ratio_of(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Estimate:
    """Return the ratio of two means over the same people, with its paired interval.

    Both means are of the same resample every time, so what makes a person easy for both does not
    widen the interval. Where a mean of theirs is 0, the ratio is infinite.
    """
    means = _resampled(np.stack([ours, theirs], axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.nan_to_num(means[:, 0] / means[:, 1], nan=1.0, posinf=np.inf)
        value = np.divide(ours.mean(), theirs.mean())
    low, high = np.quantile(ratios, (0.025, 0.975), method="nearest")
    return Estimate(float(value), float(low), float(high), len(ours))


def _resampled(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of every column, shape (n, c), over the people of each resample."""
    rng = np.random.default_rng(_SEED)
    count = len(columns)
    means = np.empty((RESAMPLES, columns.shape[1]))
    for resample in range(RESAMPLES):
        drawn = np.bincount(rng.integers(count, size=count), minlength=count)
        means[resample] = drawn @ columns / count
    return means
