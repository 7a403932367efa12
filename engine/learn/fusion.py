"""Lists of candidates and what was picked of them into how much every signal counts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lists", "learn_weights", "logistic"]

_CUT_OFF = 10
_STEPS = 120
_NEWTON_STEPS, _SMALLEST, _LEAST_SLOPE = 100, 1e-9, 0.01
_STEP = 0.03
_TOWARDS_PRIOR = 0.2
_FEWEST_LISTS = 20
"""Lists below which the prior stays: of fewer, a weight is a guess."""
_PARTS = 16  # summed in order, however many threads there are: the same bits


@dataclass(frozen=True, slots=True)
class Lists:
    """Candidates of several people, each with what was picked of them later.

    List i is rows ``offsets[i]:offsets[i + 1]`` of `values`, shape (m, s), the signals scaled from
    0 to 1, and of `relevant`, shape (m,). `n_relevant`, shape (q,), counts all that the person
    picked, also what is not among the candidates.
    """

    values: NDArray[np.float32]
    offsets: NDArray[np.int64]
    relevant: NDArray[np.bool_]
    n_relevant: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.n_relevant)

    def filled(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many candidates the lists that have any hold, and where they begin."""
        sizes = np.diff(self.offsets)
        return sizes[sizes > 0], self.offsets[:-1][sizes > 0]

    def where(self, kept: NDArray[np.bool_]) -> "Lists":
        """Return the lists at which `kept`, shape (q,), is true."""
        sizes = np.diff(self.offsets)
        rows = np.repeat(kept, sizes)
        offsets = np.concatenate([[0], np.cumsum(sizes[kept])]).astype(np.int64)
        return Lists(self.values[rows], offsets, self.relevant[rows], self.n_relevant[kept])

    def scores(self, weights: NDArray[np.float64]) -> NDArray[np.float32]:
        """Score all candidates, shape (m,), from 0 to 1: a list's silent signals take no part."""
        sizes, starts = self.filled()
        if len(starts) == 0:
            return np.zeros(0, np.float32)
        told = np.maximum.reduceat(self.values, starts, axis=0) > 0
        totals = np.maximum(told @ weights, 1e-12)
        whole = np.repeat(totals, sizes)
        scores: NDArray[np.float32] = (self.values @ weights / whole).astype(np.float32)
        return scores


def learn_weights(
    lists: Lists,
    prior: NDArray[np.float64],
    *,
    threads: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float64] | None:
    """Learn the weights of the signals, none below 0.

    LambdaRank (see `sightline_kernels.lambdarank`) with linear scores, minimised with Adam (Kingma
    & Ba, 2015) projected on the weights of 0 and more: more of a signal never counts against an
    item. The weights are drawn towards the prior, a ridge around it.

    Parameters
    ----------
    lists
        What to learn from.
    prior
        The weights to begin with, shape (s,). Their sum is how sharply a difference of scores
        tells: of 10, one signal's best candidate against its worst is nearly sure.
    threads
        How many; the answer does not depend on it.
    progress
        Called with the steps done and all.

    Returns
    -------
    weights
        Shape (s,), scaled to sum to 1; None if fewer than twenty lists hold a pick: the prior is
        then as good.
    """
    if len(lists) < _FEWEST_LISTS or _told(lists) < _FEWEST_LISTS:
        return None
    discounts = np.cumsum(1 / np.log2(np.arange(2, _CUT_OFF + 2)))
    ideals = discounts[np.minimum(lists.n_relevant, _CUT_OFF) - 1]
    weights, mean, square = prior.copy(), np.zeros_like(prior), np.zeros_like(prior)
    with ThreadPoolExecutor(threads) as pool:
        for step in range(1, _STEPS + 1):
            slope = _slope(lists, ideals, weights, pool) + _TOWARDS_PRIOR * (weights - prior)
            mean = 0.9 * mean + 0.1 * slope
            square = 0.99 * square + 0.01 * slope**2
            rate = _STEP / (1 - 0.9**step)
            weights = weights - rate * mean / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
            weights = np.maximum(weights, 0)
            progress(step, _STEPS)
    total = weights.sum()
    return None if total <= 0 else weights / total


def logistic(scores: NDArray[np.float32], relevant: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit the chance of a pick to scores: 1 / (1 + exp(-(slope * score + intercept))).

    Platt, "Probabilistic outputs for support vector machines" (1999), with his smoothed targets, so
    that the best values are finite; by Newton's method, its steps halved until they improve (Lin,
    Lin & Weng, "A note on Platt's probabilistic outputs for support vector machines", 2007).

    Parameters
    ----------
    scores, relevant
        Of candidates, at least one, shape (m,), and whether each was picked.

    Returns
    -------
    slope, intercept
        The slope is above 0: a higher score is never less likely.
    """
    n_yes, n_no = int(relevant.sum()), int((~relevant).sum())
    targets = np.where(relevant, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))
    mean, spread = float(scores.mean()), float(scores.std(dtype=np.float64)) or 1.0
    inputs = np.stack([(scores - mean) / spread, np.ones(len(scores))], axis=1)

    def loss(weights: NDArray[np.float64]) -> float:
        odds = inputs @ weights
        return float((np.logaddexp(0, odds) - targets * odds).sum())

    weights = np.array([0.0, np.log((n_yes + 1) / (n_no + 1))])
    for _ in range(_NEWTON_STEPS):
        likely = np.exp(-np.logaddexp(0, -(inputs @ weights)))
        slopes = inputs.T @ (likely - targets)
        curvature = (inputs.T * (likely * (1 - likely))) @ inputs + 1e-12 * np.eye(2)
        step, share = np.linalg.solve(curvature, slopes), 1.0
        while loss(weights - share * step) > loss(weights) and share > _SMALLEST:
            share /= 2
        if share <= _SMALLEST or np.abs(step).max() < _SMALLEST:
            break
        weights = weights - share * step
    if weights[0] < _LEAST_SLOPE:  # scores say nothing: what is left is how many were picked
        wanted = float(targets.sum())
        weights = np.array([_LEAST_SLOPE, np.log(wanted / (len(scores) - wanted))])
    slope = float(weights[0]) / spread
    return slope, float(weights[1]) - slope * mean


def _told(lists: Lists) -> int:
    """Count the lists that hold a pick."""
    _, starts = lists.filled()
    return int(np.count_nonzero(np.logical_or.reduceat(lists.relevant, starts)))


def _slope(
    lists: Lists,
    ideals: NDArray[np.float64],
    weights: NDArray[np.float64],
    pool: ThreadPoolExecutor,
) -> NDArray[np.float64]:
    from sightline_kernels.lambdarank import lambda_gradient  # wakes Numba: building only

    def part(bounds: NDArray[np.int64]) -> NDArray[np.float64]:
        first, last = bounds
        start, stop = lists.offsets[first], lists.offsets[last]
        gradients = lambda_gradient(
            lists.values[start:stop],
            lists.offsets[first : last + 1] - start,
            lists.relevant[start:stop],
            ideals[first:last],
            weights,
            _CUT_OFF,
        )
        total: NDArray[np.float64] = gradients.sum(axis=0)
        return total

    edges = np.linspace(0, len(lists), min(_PARTS, len(lists)) + 1).astype(np.int64)
    parts = list(pool.map(part, np.stack([edges[:-1], edges[1:]], axis=1)))
    slope: NDArray[np.float64] = np.sum(parts, axis=0) / len(lists)
    return slope
