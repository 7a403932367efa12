"""The last word on which rows are the nearest: candidates, scored by their vectors as stored."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .prefetch import prefetch

__all__ = ["ExactVectors", "exact_vectors", "extend_lists", "rank_rows"]

_AHEAD = 2  # rows asked of memory before they are scored
_BITS = 43
"""Of a product that decide: far below what float32 tells apart, and their sums fit into 53."""
_SHIFT, _KEPT, _SCALE = 13, ~0x7000_0000, np.float32(2.0**112)
"""From a float16 to a float32: where its bits go, all but copies of the sign, and what its exponent
is too small by."""


class ExactVectors(NamedTuple):
    """Vectors as they are stored, in the one of two arrays that has rows."""

    vectors: NDArray[np.float32]
    """Shape (n, d), of at most unit length; (0, d) where they are kept as `halves`."""
    halves: NDArray[np.int16]
    """The bits of float16 vectors, shape (n, d); (0, d) where there are `vectors`."""


def exact_vectors(vectors: NDArray[np.float32] | NDArray[np.float16]) -> ExactVectors:
    """Hand vectors to `rank_rows`, without copying what is contiguous.

    Float16 vectors have to be finite, and stay as they are: a row is widened when it is scored.
    """
    none = vectors[:0]
    whole, halves = (none, vectors) if vectors.dtype == np.float16 else (vectors, none)
    return ExactVectors(readonly(whole, np.float32), readonly(halves, np.float16).view(np.int16))


def rank_rows(
    exact: ExactVectors, rows: NDArray[np.int32], query: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the best k of some rows by inner product with a query, best first, with their scores.

    Parameters
    ----------
    exact
        From `exact_vectors`.
    rows
        int32, none twice, those that are scored finite.
    query
        Shape (d,), float32, finite.
    k
        At least 1.

    Returns
    -------
    rows, scores
        Shape (k',), int32 and float32, k' the lesser of `k` and the number of rows; equal scores by
        lower row. Each product is rounded to 43 bits below the query's largest component, and their
        sum is then exact: whoever does the same has the same score, in whichever order.
    """
    best_rows, best = _rank_rows(
        *exact, readonly(rows, np.int32), readonly(query, np.float32), min(k, len(rows))
    )
    return best_rows, best


def extend_lists(
    exact: ExactVectors,
    lists: NDArray[np.int32],
    owners: NDArray[np.int32],
    offsets: NDArray[np.int64],
    news: NDArray[np.int32],
) -> None:
    """Put rows into the lists of others' nearest, where they are nearer than what is there.

    Parameters
    ----------
    exact
        From `exact_vectors`.
    lists
        Shape (n, count), int32: the nearest of each row, best first, padded with -1 at the end;
        ranked and written as `rank_rows` does, with a row's vector for the query.
    owners
        Rows whose lists get more, shape (o,), none twice.
    offsets, news
        ``news[offsets[i]:offsets[i + 1]]`` are to come into the list of ``owners[i]``, none of them
        in it; shape (o + 1,), and int32.
    """
    _extend_lists(
        *exact,
        lists,
        readonly(owners, np.int32),
        readonly(offsets, np.int64),
        readonly(news, np.int32),
    )


@kernel
def _extend_lists(
    vectors: NDArray[np.float32],
    halves: NDArray[np.int16],
    lists: NDArray[np.int32],
    owners: NDArray[np.int32],
    offsets: NDArray[np.int64],
    news: NDArray[np.int32],
) -> None:
    count, dim = lists.shape[1], max(vectors.shape[1], halves.shape[1])
    query = np.empty(dim, np.float32)
    for place in range(owners.size):
        owner = owners[place]
        for j in range(dim):
            query[j] = _widened(halves[owner, j]) if halves.size > 0 else vectors[owner, j]
        held = 0
        while held < count and lists[owner, held] >= 0:
            held += 1
        more = news[offsets[place] : offsets[place + 1]]
        rows = np.empty(held + more.size, np.int32)
        rows[:held], rows[held:] = lists[owner, :held], more
        best, _ = _rank_rows(vectors, halves, rows, query, min(count, rows.size))
        lists[owner, : best.size] = best


@kernel
def _rank_rows(
    vectors: NDArray[np.float32],
    halves: NDArray[np.int16],
    rows: NDArray[np.int32],
    query: NDArray[np.float32],
    k: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    best_rows, best, n_best = np.empty(k, np.int32), np.empty(k, np.float32), 0
    largest = 0.0
    for j in range(query.size):
        largest = max(largest, abs(np.float64(query[j])))
    grain = 2.0 ** (_BITS - math.frexp(largest)[1])
    wide = query.astype(np.float64) * grain
    for place in range(rows.size):
        row = rows[place]
        if place + _AHEAD < rows.size:
            prefetch(vectors, rows[place + _AHEAD])  # no row of an empty array is read
            prefetch(halves, rows[place + _AHEAD])
        total = 0.0
        if halves.size > 0:
            for j in range(query.size):
                total += np.rint(np.float64(_widened(halves[row, j])) * wide[j])
        else:
            for j in range(query.size):
                total += np.rint(np.float64(vectors[row, j]) * wide[j])
        n_best = _insert(best, best_rows, n_best, np.float32(total / grain), row)
    return best_rows, best


@kernel
def _widened(half: np.int16) -> np.float32:
    """Return the value of a finite float16, exactly; Numba has no such type."""
    bits = np.int32((np.int32(half) << _SHIFT) & _KEPT)
    return np.float32(bits.view(np.float32) * _SCALE)


@kernel
def _insert(
    scores: NDArray[np.float32], rows: NDArray[np.int32], size: int, score: np.float32, row: int
) -> int:
    """Insert into `size` rows that are in order, the last of which goes if there is no room."""
    if size < scores.size:
        size += 1
    elif not _is_before(score, row, scores[size - 1], rows[size - 1]):
        return size
    spot = size - 1
    while spot > 0 and _is_before(score, row, scores[spot - 1], rows[spot - 1]):
        scores[spot], rows[spot] = scores[spot - 1], rows[spot - 1]
        spot -= 1
    scores[spot], rows[spot] = score, row
    return size


@kernel
def _is_before(score: np.float32, row: int, other_score: np.float32, other_row: int) -> bool:
    return bool(score > other_score or (score == other_score and row < other_row))
