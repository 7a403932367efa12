"""Histories of people into, for every item, the items that the same people picked."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly


def cooccurrence(
    user_offsets: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    weights: NDArray[np.float32],
    n_items: int,
    k: int,
    shrinkage: float,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return every item's best neighbours by the shrunk cosine of who picked them.

    ItemKNN (Sarwar et al., "Item-based collaborative filtering", 2001; Deshpande & Karypis,
    "Item-based top-N recommendation algorithms", 2004): with w(u, i) the weight of item i in the
    history of user u, the score of i and j is

        sum_u w(u, i) w(u, j) / (|w(., i)| |w(., j)| + shrinkage)

    One row of the product is accumulated at a time (Gustavson, "Two fast algorithms for sparse
    matrices", 1978): the time is the sum of squared history lengths, the memory n_items.

    Parameters
    ----------
    user_offsets
        Shape (u + 1,), int64: user u's entries are ``user_offsets[u]:user_offsets[u + 1]``.
    item_rows, weights
        Shape (e,), int32 and float32, finite; an item at most once per user.
    n_items
        Number of items; rows are 0 to n_items - 1.
    k
        Neighbours kept per item, at least 1.
    shrinkage
        At least 0; the larger, the less a pair that few share is trusted.

    Returns
    -------
    neighbours, scores
        Shape (n_items, k), int32 and float32, best first, ties by lower row. Only scores above 0
        count; what is left of a row is filled with -1 and 0.

    Raises
    ------
    ValueError
        If `k`, `shrinkage`, an offset, a row or a weight is outside its range.
    """
    offsets = readonly(user_offsets, np.int64)
    rows, values = readonly(item_rows, np.int32), readonly(weights, np.float32)
    _check(offsets, rows, values, n_items, k, shrinkage)
    neighbours = np.full((n_items, k), -1, np.int32)
    scores = np.zeros((n_items, k), np.float32)
    _cooccurrence(offsets, rows, values, float(shrinkage), neighbours, scores)
    return neighbours, scores


def _check(
    offsets: NDArray[np.int64],
    rows: NDArray[np.int32],
    weights: NDArray[np.float32],
    n_items: int,
    k: int,
    shrinkage: float,
) -> None:
    """Refuse what would make compiled code, which checks no bounds, read another's memory."""
    if k < 1 or not shrinkage >= 0:
        message = f"k must be at least 1 and shrinkage at least 0, got {k} and {shrinkage}"
        raise ValueError(message)
    if len(rows) != len(weights):
        message = f"{len(rows)} item rows but {len(weights)} weights"
        raise ValueError(message)
    steps_forward = len(offsets) > 0 and bool((np.diff(offsets) >= 0).all())
    if not steps_forward or offsets[0] != 0 or offsets[-1] != len(rows):
        message = f"user_offsets must rise from 0 to {len(rows)}, the number of entries"
        raise ValueError(message)
    if len(rows) and not (rows.min() >= 0 and rows.max() < n_items):
        message = f"item rows must lie in 0..{n_items - 1}, got {rows.min()}..{rows.max()}"
        raise ValueError(message)
    if not np.isfinite(weights).all():
        message = f"{np.count_nonzero(~np.isfinite(weights))} weights are not finite"
        raise ValueError(message)


@kernel
def _cooccurrence(
    user_offsets: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    weights: NDArray[np.float32],
    shrinkage: float,
    neighbours: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> None:
    n_items = neighbours.shape[0]
    item_offsets, users, user_weights = _by_item(user_offsets, item_rows, weights, n_items)
    lengths = np.zeros(n_items)
    for i in range(item_rows.size):
        lengths[item_rows[i]] += float(weights[i]) ** 2

    sums = np.zeros(n_items)
    met_by = np.full(n_items, -1, np.int32)
    met = np.empty(n_items, np.int32)
    for item in range(n_items):
        count = 0
        for i in range(item_offsets[item], item_offsets[item + 1]):
            for j in range(user_offsets[users[i]], user_offsets[users[i] + 1]):
                other = item_rows[j]
                if met_by[other] != item:
                    met_by[other] = item
                    sums[other] = 0.0
                    met[count] = other
                    count += 1
                sums[other] += float(user_weights[i]) * float(weights[j])
        kept = 0
        for i in range(count):
            other = met[i]
            if other != item and sums[other] > 0.0:
                norm = np.sqrt(lengths[item] * lengths[other])
                score = float(np.float32(sums[other] / (norm + shrinkage)))
                kept = _insert(other, score, kept, neighbours[item], scores[item])


@kernel
def _by_item(
    user_offsets: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    weights: NDArray[np.float32],
    n_items: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Turn users' items into items' users, ascending."""
    offsets = np.zeros(n_items + 1, np.int64)
    for i in range(item_rows.size):
        offsets[item_rows[i] + 1] += 1
    for item in range(n_items):
        offsets[item + 1] += offsets[item]
    free = offsets.copy()
    users = np.empty(item_rows.size, np.int32)
    user_weights = np.empty(item_rows.size, np.float32)
    for user in range(user_offsets.size - 1):
        for i in range(user_offsets[user], user_offsets[user + 1]):
            place = free[item_rows[i]]
            users[place], user_weights[place] = user, weights[i]
            free[item_rows[i]] += 1
    return offsets, users, user_weights


@kernel
def _insert(
    row: int, score: float, kept: int, rows: NDArray[np.int32], scores: NDArray[np.float32]
) -> int:
    """Put a candidate in its place among the `kept` best; return how many are kept now."""
    place = kept
    while place > 0 and (
        score > scores[place - 1] or (score == scores[place - 1] and row < rows[place - 1])
    ):
        if place < rows.size:
            rows[place], scores[place] = rows[place - 1], scores[place - 1]
        place -= 1
    if place < rows.size:
        rows[place], scores[place] = row, score
    return min(kept + 1, rows.size)
