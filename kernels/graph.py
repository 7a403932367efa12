"""A walk through a graph of near neighbours, over vectors of one byte per component.

The graph is the lowest level of an HNSW graph (Malkov & Yashunin, "Efficient and robust approximate
nearest neighbor search using hierarchical navigable small world graphs", 2018). Its upper levels
only lead to a place to start from; a sample of the rows, all scored, does that as well, and is one
short list (Munyampirwa et al., "Down with the hierarchy", 2024).
"""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .links import Links
from .prefetch import prefetch

_STARTS = 4  # entries walked from: clusters far apart are often joined by none of each other's rows
_LEVELS, _QUERY_LEVELS = 127, 32767
_DOUBT = 0.5
"""Share of what rounding may do to a score at most that is allowed for. What it usually does is
less by the root of the dimension: from 64 dimensions on this is beyond four standard deviations."""
_ALL = readonly(np.empty(0, np.bool_), np.bool_)
_NEAR, _STEP = 16, 10
"""Entries near the query that say how many rows around it are allowed, and rows that are scored for
each that is expanded."""
_ROOM = 1024  # rows that can wait to be expanded before more room is made


def walk(
    links: Links,
    query: NDArray[np.float32],
    allowed: NDArray[np.bool_] | None,
    k: int,
    *,
    width: int,
    most_scored: int,
) -> NDArray[np.int32]:
    """Return rows among which about the best k by inner product with a query are.

    Rows that are not allowed are walked through, but never kept. The walk ends when the best row
    that still waits is worse than all of the `width` best allowed ones seen; of those, the ones
    that may be among the best k by their bytes are returned.

    Parameters
    ----------
    links
        From `links.linked`. Neighbours beyond the last row are left out.
    query
        Shape (d,), float32, finite.
    allowed
        Which rows count, shape (n,); None: all that can be reached.
    k
        At least 1.
    width
        How many rows are kept while walking, at least `k`: more find more.
    most_scored
        Rows scored before the walk is given up.

    Returns
    -------
    rows
        int32, no row twice, the best by their bytes first: `k` or somewhat more. Fewer than `k` if
        no more can be reached, and none if the walk was given up, which it is at once where too few
        of the entries around the query are allowed.
    """
    return _walk(
        *links,
        readonly(query, np.float32),
        _ALL if allowed is None else readonly(allowed, np.bool_),
        k,
        width,
        most_scored,
    )


@kernel
def _walk(
    neighbours: NDArray[np.int32],
    entries: NDArray[np.int32],
    entry_codes: NDArray[np.int8],
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    errors: NDArray[np.float32],
    query: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    k: int,
    width: int,
    most_scored: int,
) -> NDArray[np.int32]:
    n_rows, is_filtered = codes.shape[0], allowed.size > 0
    steps, step, length = _rounded(query)
    seen = np.zeros((n_rows + 7) >> 3, np.uint8)  # a bit per row
    # Two heaps: rows to expand, the best first; rows kept, the worst first (by scores negated).
    waiting, waiting_rows, n_waiting = np.empty(_ROOM, np.float32), np.empty(_ROOM, np.int32), 0
    kept, kept_rows, n_kept = np.empty(width, np.float32), np.empty(width, np.int32), 0
    fresh = np.empty(max(neighbours.shape[1], _STARTS), np.int32)
    near = _near_entries(entries, entry_codes, scales, steps)
    if is_filtered and _looks_hopeless(near, allowed, width, most_scored):
        return np.empty(0, np.int32)
    n_fresh = min(_STARTS, near.size)
    for place in range(n_fresh):
        fresh[place] = near[place]
        seen[near[place] >> 3] |= np.uint8(1 << (near[place] & 7))
    n_scored = entries.size
    while True:
        if n_waiting + n_fresh > waiting.size:
            room = 2 * (n_waiting + n_fresh)
            waiting, waiting_rows = _grown(waiting, waiting_rows, room)
        n_waiting, n_kept = _take(
            fresh[:n_fresh],
            codes,
            scales,
            steps,
            allowed,
            waiting,
            waiting_rows,
            n_waiting,
            kept,
            kept_rows,
            n_kept,
        )
        if n_waiting == 0 or (n_kept == width and waiting[0] < -kept[0]):
            break
        best = waiting_rows[0]
        n_waiting -= 1
        _sink(waiting, waiting_rows, n_waiting, waiting[n_waiting], waiting_rows[n_waiting])
        n_fresh = _unseen(neighbours[best], seen, n_rows, fresh)
        n_scored += n_fresh
        if n_scored > most_scored:
            n_kept = 0
            break
    about = np.empty(n_kept, np.float64)
    for place in range(n_kept):
        about[place] = -np.float64(kept[place]) * step
    return _possible_best(about, kept_rows, errors, length, k)


@kernel
def _take(
    fresh: NDArray[np.int32],
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    steps: NDArray[np.int16],
    allowed: NDArray[np.bool_],
    waiting: NDArray[np.float32],
    waiting_rows: NDArray[np.int32],
    n_waiting: int,
    kept: NDArray[np.float32],
    kept_rows: NDArray[np.int32],
    n_kept: int,
) -> tuple[int, int]:
    """Score rows just met; let the good ones wait, and keep those that are allowed."""
    for row in fresh:
        prefetch(codes, row)
    for row in fresh:
        score = np.float32(_product(codes, row, steps) * scales[row])
        if n_kept == kept.size and score <= -kept[0]:
            continue
        _rise(waiting, waiting_rows, n_waiting, score, row)
        n_waiting += 1
        if allowed.size > 0 and not allowed[row]:
            continue
        if n_kept < kept.size:
            _rise(kept, kept_rows, n_kept, -score, row)
            n_kept += 1
        else:
            _sink(kept, kept_rows, n_kept, -score, row)
    return n_waiting, n_kept


@kernel
def _rounded(query: NDArray[np.float32]) -> tuple[NDArray[np.int16], float, float]:
    """Round a query to two bytes per component, so that no row's sum leaves 32 bits.

    Also returns what a step is, and the query's length.
    """
    largest, squares = np.float32(0), 0.0
    for j in range(query.size):
        largest = max(largest, abs(query[j]))
        squares += np.float64(query[j]) ** 2
    steps = np.zeros(query.size, np.int16)
    if squares == 0:
        return steps, 1.0, 0.0
    room = 0.99 * 2.0**31 / (_LEVELS * np.sqrt(query.size))
    finest = min(_QUERY_LEVELS / np.float64(largest), room / np.sqrt(squares))
    for j in range(query.size):
        steps[j] = np.int16(np.rint(query[j] * finest))
    return steps, 1 / finest, np.sqrt(squares)


@kernel
def _possible_best(
    about: NDArray[np.float64],
    rows: NDArray[np.int32],
    errors: NDArray[np.float32],
    length: float,
    k: int,
) -> NDArray[np.int32]:
    """Return what by its bytes may be among the best k, the best first."""
    count = about.size
    doubts = np.empty(count, np.float64)
    for place in range(count):
        doubts[place] = _DOUBT * length * errors[rows[place]]
    bar = np.partition(about - doubts, count - k)[count - k] if count > k else -np.inf
    places, scores, n_found = np.empty(count, np.int32), np.empty(count, np.float64), 0
    for place in range(count):
        if about[place] + doubts[place] >= bar:
            places[n_found], scores[n_found] = place, -about[place]
            n_found += 1
    order = np.argsort(scores[:n_found], kind="mergesort")
    return rows[places[:n_found][order]]


@kernel
def _near_entries(
    entries: NDArray[np.int32],
    entry_codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    steps: NDArray[np.int16],
) -> NDArray[np.int32]:
    """Return the entries nearest to the query, best first."""
    scores = np.empty(entries.size, np.float32)
    for place in range(entries.size):
        scores[place] = _product(entry_codes, place, steps) * scales[entries[place]]
    near = np.empty(min(_NEAR, entries.size), np.int32)
    for turn in range(near.size):
        best = int(np.argmax(scores))
        near[turn] = entries[best]
        scores[best] = -np.inf
    return near


@kernel
def _looks_hopeless(
    near: NDArray[np.int32], allowed: NDArray[np.bool_], width: int, most_scored: int
) -> bool:
    """Tell from the entries around the query that too few rows there are allowed."""
    count = 0
    for place in range(near.size):
        if allowed[near[place]]:
            count += 1
    return bool(_STEP * width * near.size > most_scored * (count + 1))


@kernel
def _unseen(
    neighbours: NDArray[np.int32], seen: NDArray[np.uint8], n_rows: int, fresh: NDArray[np.int32]
) -> int:
    """Write the neighbours not seen before to the front of `fresh`; return how many."""
    count = 0
    for place in range(neighbours.size):
        row = neighbours[place]
        if row < 0:
            break
        bit = np.uint8(1 << (row & 7))
        if row >= n_rows or seen[row >> 3] & bit:
            continue
        seen[row >> 3] |= bit
        fresh[count] = row
        count += 1
    return count


@kernel
def _product(codes: NDArray[np.int8], row: int, steps: NDArray[np.int16]) -> np.int32:
    total = np.int32(0)
    for j in range(codes.shape[1]):
        # Numba would widen the sum to 64 bits, and halve the lanes of every instruction.
        total = np.int32(total + np.int32(codes[row, j]) * np.int32(steps[j]))
    return total


@kernel
def _rise(
    heap: NDArray[np.float32], rows: NDArray[np.int32], size: int, key: np.float32, row: int
) -> None:
    """Add to a heap of `size` entries with the largest key first."""
    place = size
    while place > 0:
        above = (place - 1) >> 1
        if heap[above] >= key:
            break
        heap[place], rows[place] = heap[above], rows[above]
        place = above
    heap[place], rows[place] = key, row


@kernel
def _sink(
    heap: NDArray[np.float32], rows: NDArray[np.int32], size: int, key: np.float32, row: int
) -> None:
    """Put another entry in the place of the first of a heap of `size` entries."""
    place, child = 0, 1
    while child < size:
        if child + 1 < size and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= key:
            break
        heap[place], rows[place] = heap[child], rows[child]
        place, child = child, 2 * child + 1
    heap[place], rows[place] = key, row


@kernel
def _grown(
    keys: NDArray[np.float32], rows: NDArray[np.int32], room: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    wider, wider_rows = np.empty(room, np.float32), np.empty(room, np.int32)
    wider[: keys.size] = keys
    wider_rows[: rows.size] = rows
    return wider, wider_rows
