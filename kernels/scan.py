"""Vectors into one byte per component, and a query into the rows that could be its nearest.

A scan of float32 vectors is bound by memory; one of bytes reads a quarter. What rounding could do
to a score is bounded, so the scan returns every row whose score might belong to the best k and
leaves it to the caller to score those few exactly: the answer is that of the exact scan.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .prefetch import prefetch

_LEVELS = 127
_QUERY_LEVELS = 32767
_WIDENED_ROWS = 4096
_AHEAD = 8  # listed rows asked of memory before they are scored
_LISTED_SHARE = 0.25
"""Share of allowed rows from which all are scored: a row that is skipped stops the processor from
reading ahead, which costs as much as scoring three in a row."""
# What float32 rounding may add on top, in scales, in errors and in the caller's exact scores.
_SLACK = 1e-4


class ByteVectors(NamedTuple):
    """Vectors rounded to bytes: row i is about ``codes[i] * scales[i]``."""

    codes: NDArray[np.int8]
    """Shape (n, d), -127 to 127."""
    scales: NDArray[np.float32]
    """Shape (n,)."""
    errors: NDArray[np.float32]
    """Shape (n,): the length of what rounding took away from each row."""


def to_bytes(vectors: NDArray[np.float32] | NDArray[np.float16]) -> ByteVectors:
    """Round vectors to bytes, each row with a scale of its own.

    Parameters
    ----------
    vectors
        Shape (n, d), float32 or float16; a memory map is read once, front to back. A row that is
        not finite becomes zeros with an infinite error: nothing is known of its scores.
    """
    rounded = ByteVectors(
        np.empty(vectors.shape, np.int8),
        np.empty(len(vectors), np.float32),
        np.empty(len(vectors), np.float32),
    )
    # Float16 is not widened whole.
    step = len(vectors) if vectors.dtype == np.float32 else _WIDENED_ROWS
    for start in range(0, len(vectors), max(1, step)):
        some = slice(start, start + step)
        rows = readonly(vectors[some], np.float32)
        _to_bytes(rows, rounded.codes[some], rounded.scales[some], rounded.errors[some])
    return ByteVectors(*(readonly(array, array.dtype) for array in rounded))


@kernel
def _to_bytes(
    vectors: NDArray[np.float32],
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    errors: NDArray[np.float32],
) -> None:
    for i in range(vectors.shape[0]):
        largest, total = np.float32(0), 0.0
        for j in range(vectors.shape[1]):
            largest = max(largest, abs(vectors[i, j]))
            total += np.float64(vectors[i, j]) ** 2
        known = np.isfinite(total)
        scale = largest / np.float32(_LEVELS) if known else np.float32(0)
        inverse = np.float32(1) / scale if scale > 0 else np.float32(0)
        lost = 0.0
        for j in range(vectors.shape[1]):
            code = np.rint(vectors[i, j] * inverse) if known else np.float32(0)
            codes[i, j] = np.int8(code)
            lost += np.float64(vectors[i, j] - code * scale) ** 2
        scales[i] = scale
        errors[i] = np.sqrt(lost) if known else np.inf


def possible_best(
    rounded: ByteVectors, query: NDArray[np.float32], allowed: NDArray[np.bool_], k: int
) -> NDArray[np.int32]:
    """Return every allowed row whose inner product with a query may be among the best k.

    With x = x' + e, x' the rounded row, the scores of x and x' differ by at most |e| |q| (Cauchy-
    Schwarz). A row is left out only if the most it can reach is less than the k-th best of the
    least that others do reach: the best k, and all that tie with the last of them, are returned.

    Parameters
    ----------
    rounded
        Vectors of at most unit length, from `to_bytes`.
    query
        Shape (d,), float32, finite, of any length.
    allowed
        Which rows count, shape (n,).
    k
        At least 1.

    Returns
    -------
    rows
        int32, ascending: at least k of them, or all that are allowed.
    """
    mask, count = readonly(allowed, np.bool_), int(np.count_nonzero(allowed))
    n_rows = len(rounded.codes)
    if count < n_rows * _LISTED_SHARE:
        listed, n_scored = np.flatnonzero(mask).astype(np.int32), count
    else:
        listed, n_scored = np.empty(0, np.int32), n_rows
    return _possible_best(
        *rounded, readonly(query, np.float32), mask, listed, n_scored, min(k, n_rows)
    )


@kernel
def _rounded(query: NDArray[np.float32]) -> tuple[NDArray[np.int16], float, float, float]:
    """Round a query to two bytes per component: they cost no time, and make its error small.

    It is about ``steps * step``. Also returns its length, and that of what rounding took away, with
    some room for the rounding of float32.
    """
    largest, squares = 0.0, 0.0
    for j in range(query.size):
        largest = max(largest, abs(np.float64(query[j])))
        squares += np.float64(query[j]) ** 2
    steps, length = np.zeros(query.size, np.int16), np.sqrt(squares)
    if length == 0:
        return steps, 1.0, 0.0, 0.0
    # The second bound keeps a row's sum of products within 32 bits: by Cauchy-Schwarz it is at
    # most |codes| |steps|.
    room = 0.99 * 2.0**31 / (_LEVELS * np.sqrt(np.float64(query.size)))
    finest = min(_QUERY_LEVELS / largest, room / length)
    lost = 0.0
    for j in range(query.size):
        level = np.rint(query[j] * finest)
        steps[j] = np.int16(level)
        lost += (query[j] - level / finest) ** 2
    return steps, 1 / finest, length, np.sqrt(lost) + _SLACK * length


@kernel
def _possible_best(
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    errors: NDArray[np.float32],
    query: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    listed: NDArray[np.int32],
    n_scored: int,
    k: int,
) -> NDArray[np.int32]:
    """Score the listed rows, or all where none are listed, and keep what may be the best."""
    steps, step, length, query_error = _rounded(query)
    if length == 0:  # all tie
        return np.flatnonzero(allowed).astype(np.int32)
    is_listed = listed.size > 0
    most = np.empty(n_scored, np.float64)
    least = np.full(k, -np.inf)  # the k best of what rows reach at least, a heap: the worst first
    for place in range(n_scored):
        i = listed[place] if is_listed else place
        if is_listed and place + _AHEAD < n_scored:
            prefetch(codes, listed[place + _AHEAD])
        total = np.int32(0)
        for j in range(codes.shape[1]):
            # Numba would widen the sum to 64 bits, and halve the lanes of every instruction.
            total = np.int32(total + np.int32(codes[i, j]) * np.int32(steps[j]))
        if not allowed[i]:
            most[place] = -np.inf
            continue
        error = errors[i] * length + query_error
        most[place] = total * (scales[i] * step) + error
        reached = most[place] - 2 * error if error < np.inf else -np.inf
        if reached > least[0]:
            _replace_first(least, reached)
    rows = np.empty(n_scored, np.int32)
    found = 0
    for place in range(n_scored):
        i = listed[place] if is_listed else place
        if allowed[i] and most[place] >= least[0]:
            rows[found] = i
            found += 1
    return rows[:found].copy()


@kernel
def _replace_first(heap: NDArray[np.float64], value: float) -> None:
    """Put a value in the place of a heap's first, and make it a heap again."""
    place, child = 0, 1
    while child < heap.size:
        if child + 1 < heap.size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = value
