"""Signals about the candidates of many people into the best few for each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .slate import Column, Pools, check_shape, typed_pools

_LEAST = np.finfo(np.float32).tiny


class Sums(NamedTuple):
    """What signals said so far; contiguous.

    `scores`, shape (u, c), float32, are weights times scaled values, added up; `told`, shape (u,),
    float64, are the weights of those that said anything.
    """

    scores: NDArray[np.float32]
    told: NDArray[np.float64]


def add_signal(column: Column, pools: Pools, weight: float, sums: Sums) -> None:
    """Add one signal to the scores of every person's candidates.

    A person's values are scaled to have the best that is known at 1; what is not known gets the
    median of what is. A signal that is 0 everywhere, or less than a float32 has digits for, adds
    nothing.

    Parameters
    ----------
    column
        The signal, shape (u, c). Values below 0 count as 0.
    pools
        The candidates; only how many there are is read.
    weight
        What the signal counts, above 0.
    sums
        Added to.

    Raises
    ------
    ValueError
        If shapes do not fit each other or a count is above c.
    """
    counts = _typed_counts(pools, sums)
    check_shape(column.values, column.known, shape=sums.scores.shape)
    opinions = readonly(column.values, np.float32), readonly(column.known, np.bool_)
    _add_signal(*opinions, counts, float(weight), sums.scores, sums.told)


def best_candidates(
    pools: Pools, sums: Sums, k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the best candidates of every person.

    Parameters
    ----------
    pools
        The candidates, shape (u, c).
    sums
        What `add_signal` made of them.
    k
        How many, at least 1.

    Returns
    -------
    rows, scores
        Shape (u, min(k, c)), int32 and float32, best first, of equal scores the lower row first.
        Scores are divided by what was told: 0 to 1. Where candidates are fewer, rows are -1 and
        scores 0.

    Raises
    ------
    ValueError
        If shapes do not fit each other, a count is above c or `k` is below 1.
    """
    if k < 1:
        message = f"k must be at least 1, got {k}"
        raise ValueError(message)
    counts = _typed_counts(pools, sums)
    best = np.full((len(counts), min(k, pools.rows.shape[1])), -1, np.int32)
    values = np.zeros(best.shape, np.float32)
    scores, told = readonly(sums.scores, np.float32), readonly(sums.told, np.float64)
    _best_candidates(readonly(pools.rows, np.int32), counts, scores, told, best, values)
    return best, values


def _typed_counts(pools: Pools, sums: Sums) -> NDArray[np.int64]:
    check_shape(sums.scores, shape=pools.rows.shape)
    check_shape(sums.told, shape=pools.rows.shape[:1])
    return typed_pools(pools, 2**31).counts


@kernel
def _add_signal(
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
    counts: NDArray[np.int64],
    weight: float,
    scores: NDArray[np.float32],
    told: NDArray[np.float64],
) -> None:
    opinions = np.empty(values.shape[1], np.float32)
    nothing = np.float32(0)
    for person in range(counts.size):
        n_known, top = 0, nothing
        for i in range(counts[person]):
            if known[person, i]:
                opinions[n_known] = max(values[person, i], nothing)
                top = max(top, opinions[n_known])
                n_known += 1
        if top < _LEAST:
            continue
        scale, unknown = np.float32(weight) / top, nothing
        if n_known < counts[person]:
            unknown = scale * _median(opinions, n_known)
        for i in range(counts[person]):
            opinion = scale * max(values[person, i], nothing)
            scores[person, i] += opinion if known[person, i] else unknown
        told[person] += weight


@kernel
def _median(values: NDArray[np.float32], size: int) -> np.float32:
    """Return the median of the first `size` values, at least one, which change places."""
    upper = _select(values, size, size // 2)
    lower = upper if size % 2 == 1 else values[0]
    for i in range(1, size // 2 if size % 2 == 0 else 0):
        lower = max(lower, values[i])  # the largest of those that now stand before the upper one
    median: np.float32 = (lower + upper) / np.float32(2)
    return median


@kernel
def _select(values: NDArray[np.float32], size: int, place: int) -> np.float32:
    """Put the value at `place` that belongs there, and before it none that are larger.

    Quickselect (Hoare, "Algorithm 65: Find", 1961) with the value in the middle as the pivot.
    """
    first, last = 0, size - 1
    while first < last:
        pivot = values[(first + last) // 2]
        i, j = first, last
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i, j = i + 1, j - 1
        if place <= j:
            last = j
        elif place >= i:
            first = i
        else:
            break
    selected: np.float32 = values[place]
    return selected


@kernel
def _best_candidates(
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    scores: NDArray[np.float32],
    told: NDArray[np.float64],
    best: NDArray[np.int32],
    values: NDArray[np.float32],
) -> None:
    keys = np.empty(rows.shape[1], np.int64)
    score = np.zeros(1, np.float32)
    bits = score.view(np.int32)
    for person in range(best.shape[0]):
        count = max(counts[person], 0)
        total = told[person] if told[person] > 0 else 1.0
        for i in range(count):
            # Floats of 0 and more are in the order of their bits; of equal ones the lower row wins.
            score[0] = scores[person, i] / total
            keys[i] = (np.int64(bits[0]) << 32) | (0x7FFFFFFF - rows[person, i])
        for place in range(count // 2 - 1, -1, -1):
            _sink(keys, place, count)
        for place in range(min(count, best.shape[1])):
            bits[0] = keys[0] >> 32
            values[person, place] = score[0]
            best[person, place] = 0x7FFFFFFF - (keys[0] & 0x7FFFFFFF)
            keys[0] = keys[count - 1 - place]
            _sink(keys, 0, count - 1 - place)


@kernel
def _sink(heap: NDArray[np.int64], place: int, size: int) -> None:
    """Move a value down a heap of the first `size` until none below it is larger."""
    value = heap[place]
    child = 2 * place + 1
    while child < size:
        if child + 1 < size and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= value:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = value
