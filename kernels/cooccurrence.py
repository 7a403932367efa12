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
    *,
    start: int = 0,
    stop: int | None = None,
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
    start, stop
        Which items' neighbours to return, for work in parts; by default those of all.

    Returns
    -------
    neighbours, scores
        Shape (stop - start, k), int32 and float32, best first, ties by lower row. Only scores
        above 0 count; what is left of a row is filled with -1 and 0.

    Raises
    ------
    ValueError
        If `k`, `shrinkage`, an item range, an offset, a row or a weight is outside its range.
    """
    if k < 1 or not shrinkage >= 0:
        message = f"k must be at least 1 and shrinkage at least 0, got {k} and {shrinkage}"
        raise ValueError(message)
    last = n_items if stop is None else stop
    entries = _checked(user_offsets, item_rows, weights, n_items, start, last)
    neighbours = np.full((last - start, k), -1, np.int32)
    scores = np.zeros((last - start, k), np.float32)
    _cooccurrence(*entries, n_items, float(shrinkage), start, neighbours, scores)
    return neighbours, scores


def item_products(
    user_offsets: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    weights: NDArray[np.float32],
    products: NDArray[np.float32],
    *,
    start: int = 0,
    nearness: NDArray[np.float64] | None = None,
) -> None:
    """Fill in rows of X'KX, X the user-item matrix: dense and unscaled, summed in float64.

    K is a kernel over the order of a user's entries: two entries that are d apart count by
    ``nearness[d]``, those further apart than it is long by its last value. Without one K is 1
    throughout, and the product X'X.

    Parameters
    ----------
    user_offsets, item_rows, weights
        As in `cooccurrence`.
    products
        Shape (r, n_items), float32, contiguous; becomes the rows of items `start` to `start + r`.
    start
        The item of the first row.
    nearness
        Shape (at least 1,), float64.

    Raises
    ------
    ValueError
        If the items to fill in, an offset, a row or a weight is outside its range, or `nearness`
        is empty.
    """
    stop, n_items = start + len(products), products.shape[1]
    entries = _checked(user_offsets, item_rows, weights, n_items, start, stop)
    near = readonly(np.ones(1) if nearness is None else nearness, np.float64)
    if len(near) == 0:
        message = "nearness is empty: give at least the value of an entry with itself"
        raise ValueError(message)
    _item_products(*entries, near, start, products)


def _checked(
    user_offsets: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    item_weights: NDArray[np.float32],
    n_items: int,
    start: int,
    stop: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Refuse what would make compiled code, which checks no bounds, read another's memory."""
    offsets = readonly(user_offsets, np.int64)
    rows, weights = readonly(item_rows, np.int32), readonly(item_weights, np.float32)
    if not 0 <= start <= stop <= n_items:
        message = f"items {start} to {stop} of {n_items}"
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
    return offsets, rows, weights


@kernel
def _cooccurrence(
    user_offsets: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    weights: NDArray[np.float32],
    n_items: int,
    shrinkage: float,
    start: int,
    neighbours: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> None:
    item_offsets, users, entries = _by_item(user_offsets, item_rows, n_items)
    lengths = np.zeros(n_items)
    for i in range(item_rows.size):
        lengths[item_rows[i]] += float(weights[i]) ** 2
    for item in range(n_items):
        lengths[item] = np.sqrt(lengths[item])

    sums = np.zeros(n_items)
    met_by = np.full(n_items, -1, np.int32)
    met = np.empty(n_items, np.int32)
    for place in range(neighbours.shape[0]):
        item = start + place
        count = 0
        for i in range(item_offsets[item], item_offsets[item + 1]):
            weight = float(weights[entries[i]])
            for j in range(user_offsets[users[i]], user_offsets[users[i] + 1]):
                other = item_rows[j]
                if met_by[other] != item:
                    met_by[other] = item
                    sums[other] = 0.0
                    met[count] = other
                    count += 1
                sums[other] += weight * float(weights[j])
        kept, best, values = 0, neighbours[place], scores[place]
        for i in range(count):
            other = met[i]
            if other != item and sums[other] > 0.0:
                score = np.float32(sums[other] / (lengths[item] * lengths[other] + shrinkage))
                if score >= values[-1]:  # most are turned away here, before they cost a call
                    kept = _insert(other, score, kept, best, values)


@kernel
def _item_products(
    user_offsets: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    weights: NDArray[np.float32],
    nearness: NDArray[np.float64],
    start: int,
    products: NDArray[np.float32],
) -> None:
    n_items, furthest = products.shape[1], nearness.size - 1
    item_offsets, users, entries = _by_item(user_offsets, item_rows, n_items)
    sums = np.empty(n_items)
    for place in range(products.shape[0]):
        sums[:] = 0.0
        for i in range(item_offsets[start + place], item_offsets[start + place + 1]):
            weight = float(weights[entries[i]])
            for j in range(user_offsets[users[i]], user_offsets[users[i] + 1]):
                near = nearness[min(abs(j - entries[i]), furthest)]
                sums[item_rows[j]] += weight * float(weights[j]) * near
        for other in range(n_items):
            products[place, other] = sums[other]


@kernel
def _by_item(
    user_offsets: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    n_items: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Turn users' items into items' users, ascending, and the entries that say so."""
    offsets = np.zeros(n_items + 1, np.int64)
    for i in range(item_rows.size):
        offsets[item_rows[i] + 1] += 1
    for item in range(n_items):
        offsets[item + 1] += offsets[item]
    free = offsets.copy()
    users = np.empty(item_rows.size, np.int32)
    entries = np.empty(item_rows.size, np.int64)
    for user in range(user_offsets.size - 1):
        for i in range(user_offsets[user], user_offsets[user + 1]):
            place = free[item_rows[i]]
            users[place], entries[place] = user, i
            free[item_rows[i]] += 1
    return offsets, users, entries


@kernel
def _insert(
    row: int, score: np.float32, kept: int, rows: NDArray[np.int32], scores: NDArray[np.float32]
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
