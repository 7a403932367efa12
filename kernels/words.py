"""How many words the candidates of many people share with what each of them picked."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .slate import Column, People, Pools, check_shape, typed_slate


def shared_words(
    offsets: NDArray[np.int64],
    words: NDArray[np.int32],
    weights: NDArray[np.float32],
    telling: NDArray[np.bool_],
    people: People,
    pools: Pools,
    column: Column,
    *,
    latest: int,
) -> None:
    """Compare candidates with picks by the words they share: the mean of cosines, by strength.

    Parameters
    ----------
    offsets, words, weights
        The words of n items: those of item i are ``offsets[i]:offsets[i + 1]``, rows of a
        vocabulary of v, a word once per item; shapes (n + 1,), (e,) and (e,). Words outside 0..v-1
        are passed over.
    telling
        Which words count, shape (v,).
    people, pools
        Who is asked for, and their candidates.
    column
        Written to; known is what has words.
    latest
        Picks that are compared with, the latest.

    Raises
    ------
    ValueError
        If shapes do not fit each other, or a row, a count or an offset is outside its range.
    """
    starts, entries = readonly(offsets, np.int64), readonly(words, np.int32)
    shares, counted = readonly(weights, np.float32), readonly(telling, np.bool_)
    check_shape(shares, shape=entries.shape)
    slate = typed_slate(people, pools, column, len(starts) - 1)
    _shared_words(starts, entries, shares, counted, latest, *slate, *column)


@kernel
def _shared_words(
    starts: NDArray[np.int64],
    words: NDArray[np.int32],
    weights: NDArray[np.float32],
    telling: NDArray[np.bool_],
    latest: int,
    offsets: NDArray[np.int64],
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> None:
    shares = np.zeros(telling.size, np.float32)  # of each word in what the person picked
    for person in range(counts.size):
        first, last = max(offsets[person], offsets[person + 1] - latest), offsets[person + 1]
        total = np.float32(0)
        for i in range(first, last):
            total += strengths[i]
        for i in range(first, last):
            _add_words(starts, words, weights, telling, picks[i], strengths[i] / total, shares)
        for i in range(counts[person]):
            row, value = rows[person, i], np.float32(0)
            begin, end = max(starts[row], 0), min(starts[row + 1], words.size)
            for j in range(begin, end):
                if 0 <= words[j] < shares.size:
                    value += shares[words[j]] * weights[j]
            values[person, i], known[person, i] = value, end > begin
        for i in range(first, last):
            _add_words(starts, words, weights, telling, picks[i], np.float32(0), shares)


@kernel
def _add_words(
    starts: NDArray[np.int64],
    words: NDArray[np.int32],
    weights: NDArray[np.float32],
    telling: NDArray[np.bool_],
    row: int,
    share: np.float32,
    shares: NDArray[np.float32],
) -> None:
    """Add the telling words of an item; a share of 0 takes all its words away."""
    for j in range(max(starts[row], 0), min(starts[row + 1], words.size)):
        word = words[j]
        if 0 <= word < shares.size and telling[word]:
            shares[word] = shares[word] + share * weights[j] if share > 0 else np.float32(0)
