"""Histories into a weight for every pair of items, in closed form: EASE, for small catalogues."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..recency import HALF_LIFE_PICKS, by_order
from ..types import Rows, Scores
from .cooccurrence import in_parts, pairing_costs
from .evaluation import users_to_judge
from .interactions import Interactions

__all__ = ["MOST_ITEMS", "REGULARIZATIONS", "Ease", "ease_fits", "held_out_ndcg", "learn_ease"]

MOST_ITEMS = 16_000
"""Picked items up to which EASE is learnt. At the limit it takes 1.5 GiB and, on two cores, about a
minute; the memory grows with the square of their number, the time with the cube."""

REGULARIZATIONS = (25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)
"""What is tried where no regularisation is given; published choices lie between 100 and 1000."""

FEWEST_JUDGED = 20
"""People with held-out picks below whom trying says nothing, and the middle value is taken."""

_NEARNESS = 0.5 + 0.5 * np.exp2(-np.arange(101) / HALF_LIFE_PICKS)
_NEIGHBOURS, _FEWEST_NEIGHBOURS = 500, 50
_MOST_ENTRIES = 25_000_000
_TRIAL_ITEMS = 2_000
_USERS_AT_ONCE = 64
_ROWS_AT_ONCE = 256
_BLOCKS = (512, 64)
_STRIPE = 1_024


@dataclass(frozen=True, slots=True)
class Ease:
    """Weights of pairs of items: the score of item j is the sum of x_ui B[i, j] over the picks i.

    `neighbours` and `scores`, shape (n, c), hold the entries of every row of B that matter most,
    by descending score, negative ones too, equal ones by row; padded with -1 and 0.
    `regularization` is what they were learnt with.
    """

    neighbours: Rows
    scores: Scores
    regularization: float


def ease_fits(n_picked: int) -> bool:
    """Say whether EASE can be learnt over this many items that somebody picked."""
    return n_picked <= MOST_ITEMS


def learn_ease(
    picks: Interactions,
    n_items: int,
    *,
    regularization: float | Sequence[float] = REGULARIZATIONS,
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Ease:
    """Learn how much every item speaks for every other.

    EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019): with X the user-item
    matrix, P = (X'KX + regularization I)^-1, B = I - P / diag(P), each column by its own. X holds
    the weights of `picks` as they are. Items that nobody picked get neither a row nor a column.

    In EASE K is 1 throughout. Here two picks of one person speak less for each other the more picks
    lie between them, half of it fading by half for every ten, K = 1/2 + 2^(-d / 10) / 2: a kernel
    of histories that, with profiles that fade alike (`recency.by_order`), ranked 6 to 10 % better
    by NDCG@10 on MovieLens.

    Of row i the 500 entries with the largest |B[i, j]| |x_j| are kept, x_j being column j of X;
    fewer, but at least 50, where 500 per item of the catalogue made more than 25 million. On
    MovieLens 500 of 5,314 rank like all (NDCG@10 +0.0003 +- 0.0005); 500 chosen by |B[i, j]| alone
    lose 2 %, and the largest without the negative ones 4 %.

    Parameters
    ----------
    picks
        The histories; all weights above 0, at most MOST_ITEMS different items.
    n_items
        Size of the catalogue.
    regularization
        Above 0. Of several the one is taken that best ranks the last fifth of people's histories
        after learning from the rest (`held_out_ndcg`), over the 2,000 most picked items: which
        value is best hardly depends on how many items there are. The middle one, where fewer than
        20 people can be judged.
    seed
        Chooses who is judged where there are many.
    threads
        Threads that multiply sparse rows and select; the result does not depend on it. Dense
        products run on the threads of NumPy's BLAS.
    progress
        Called with how many matrices are inverted, and how many there are to invert.
    """
    values = [regularization] if isinstance(regularization, int | float) else list(regularization)
    steps = len(values) + 1 if len(values) > 1 else 1
    progress(0, steps)
    chosen = float(values[0])
    if len(values) > 1:
        chosen = _best(picks, values, seed, threads, lambda done: progress(done, steps))
    picked = np.flatnonzero(np.bincount(picks.rows, minlength=1))
    weights, lengths = _pair_weights(_products(_among(picks, picked), len(picked), threads), chosen)
    most = max(_FEWEST_NEIGHBOURS, min(_NEIGHBOURS, _MOST_ENTRIES // max(n_items, 1)))
    neighbours = np.full((n_items, max(0, min(most, len(picked) - 1))), -1, np.int32)
    scores = np.zeros(neighbours.shape, np.float32)

    def keep(start: int, stop: int) -> None:
        for first in range(start, stop, _ROWS_AT_ONCE):
            rows = slice(first, min(first + _ROWS_AT_ONCE, stop))
            kept, scores[picked[rows]] = _largest(weights[rows], lengths, neighbours.shape[1])
            neighbours[picked[rows]] = np.where(kept >= 0, picked[kept], -1)

    if neighbours.shape[1]:
        in_parts(keep, np.ones(len(picked)), threads=threads)
    progress(steps, steps)
    return Ease(neighbours, scores, chosen)


def held_out_ndcg(
    score: Callable[[NDArray[np.int64]], Scores],
    earlier: Interactions,
    later: Interactions,
    users: NDArray[np.int64],
) -> float:
    """Return the mean NDCG of the whole ranking, smoother than that of its first ten.

    Parameters
    ----------
    score
        Called with user rows, shape (q,); returns the scores of all items, shape (q, n).
    earlier, later
        What is left out of each user's ranking, and what should come first in it.
    users
        Whom to judge, shape (u,); each has a later entry.
    """
    gains = []
    for first in range(0, len(users), _USERS_AT_ONCE):
        some = users[first : first + _USERS_AT_ONCE]
        for user, scores in zip(some, score(some), strict=True):
            scores[earlier[user].rows] = -np.inf
            found = scores[later[user].rows][:, None]
            # Equal scores share the middle of their places: nothing is won by ties.
            places = (scores > found).sum(axis=1) + ((scores == found).sum(axis=1) - 1) / 2
            ideal = np.log2(np.arange(len(places)) + 2.0)
            gains.append((1 / np.log2(np.sort(places) + 2)).sum() / (1 / ideal).sum())
    return float(np.mean(gains))


def _best(
    picks: Interactions,
    values: list[float],
    seed: int,
    threads: int,
    progress: Callable[[int], None],
) -> float:
    """Try regularisations on the most picked items, and return the best."""
    counts = np.bincount(picks.rows)
    items = np.sort(np.argsort(-counts, kind="stable")[: min(_TRIAL_ITEMS, (counts > 0).sum())])
    earlier, later = (_among(part, items) for part in picks.split_by_time())
    users = np.array(users_to_judge(later, n_items=len(items), seed=seed), np.int64)
    if len(users) < FEWEST_JUDGED:
        return float(sorted(values)[len(values) // 2])
    products = _products(earlier, len(items), threads)
    figures = []
    for value in values:
        weights, _ = _pair_weights(products.copy(), value)
        figures.append(held_out_ndcg(partial(_scores, earlier, weights), earlier, later, users))
        progress(len(figures))
    return float(values[int(np.argmax(figures))])


def _scores(picks: Interactions, weights: NDArray[np.float32], users: NDArray[np.int64]) -> Scores:
    """Score all items for some users by all of B."""
    histories = np.zeros((len(users), len(weights)), np.float32)
    for place, user in enumerate(users):
        history = picks[user]
        histories[place, history.rows] = history.weights * by_order(len(history))
    return histories @ weights


def _among(picks: Interactions, items: NDArray[np.int64]) -> Interactions:
    """Return the entries about `items`, ascending, which become rows 0, 1, ..."""
    place = np.full(max(picks.rows.max(initial=-1), items.max(initial=-1)) + 1, -1, np.int32)
    place[items] = np.arange(len(items))
    kept = picks.where(place[picks.rows] >= 0)
    return Interactions(kept.offsets, place[kept.rows], kept.weights, kept.times)


def _products(picks: Interactions, n_items: int, threads: int) -> NDArray[np.float32]:
    """Return X'KX, dense."""
    from sightline_kernels.cooccurrence import item_products  # wakes Numba: building only

    products = np.empty((n_items, n_items), np.float32)

    def fill(start: int, stop: int) -> None:
        entries = picks.offsets, picks.rows, picks.weights
        item_products(*entries, products[start:stop], start=start, nearness=_NEARNESS)

    in_parts(fill, pairing_costs(picks, n_items), threads=threads)
    return products


def _pair_weights(
    products: NDArray[np.float32], regularization: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn X'KX into B, in its place; return B and the lengths of X's columns."""
    diagonal = np.einsum("ii->i", products)
    lengths = np.sqrt(diagonal)
    diagonal += np.float32(regularization)
    _negate_inverse(products)
    products /= -diagonal.copy()
    diagonal[:] = 0
    return products, lengths


def _negate_inverse(matrix: NDArray[Any]) -> None:
    """Put minus the inverse of a positive definite matrix in its place.

    The sweep operator (Beaton, 1964; Goodnight, "A tutorial on the SWEEP operator", 1979) by
    blocks of rows: nothing but products of matrices, no second matrix, half the work of a general
    inverse, and the same bytes whatever the number of BLAS threads. Only the lower triangle is
    kept up to date until the end.
    """
    size = len(matrix)
    block = next((block for block in _BLOCKS if block < size), 0)
    if not block:
        matrix[:] = -np.linalg.inv(matrix.astype(np.float64))
        return
    for first in range(0, size, block):
        pivot, below = slice(first, first + block), slice(first, None)
        negative = matrix[pivot, pivot].astype(np.float64)
        _negate_inverse(negative)
        column = np.concatenate([matrix[pivot, :first].T, matrix[below, pivot]])
        gain = column @ -negative.astype(matrix.dtype)
        for start in range(0, size, _STRIPE):
            stop = min(start + _STRIPE, size)
            matrix[start:stop, :stop] -= gain[start:stop] @ column[:stop].T
        matrix[pivot, :first], matrix[below, pivot] = gain[:first].T, gain[below]
        matrix[pivot, pivot] = negative
    for start in range(0, size, _STRIPE):
        stop = min(start + _STRIPE, size)
        tile = matrix[start:stop, start:stop]
        tile[:] = np.tril(tile) + np.tril(tile, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T


def _largest(
    weights: NDArray[np.float32], lengths: NDArray[np.float32], count: int
) -> tuple[Rows, Scores]:
    """Return the entries of some rows of B that matter most, by descending weight."""
    size = np.abs(weights) * lengths
    rows = np.sort(np.argpartition(-size, count - 1, axis=1)[:, :count], axis=1).astype(np.int32)
    kept = np.take_along_axis(weights, rows, axis=1)
    order = np.argsort(np.where(kept == 0, np.inf, -kept), axis=1, kind="stable")
    rows, kept = np.take_along_axis(rows, order, axis=1), np.take_along_axis(kept, order, axis=1)
    return np.where(kept == 0, np.int32(-1), rows), kept
