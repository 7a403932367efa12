"""Histories of many people into their factors, and these into how much they like candidates."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .slate import Column, People, Pools, check_shape, typed_slate


def likings(
    factors: NDArray[np.float32],
    gram: NDArray[np.float32],
    people: People,
    pools: Pools,
    column: Column,
) -> None:
    """Fold histories into the factors of their people, and multiply with those of candidates.

    With V the factors of a person's picks and W their strengths, the person's factors solve
    (gram + V'WV) x = V'w: the row step of Hu, Koren & Volinsky, "Collaborative filtering for
    implicit feedback datasets", 2008. By Cholesky.

    Parameters
    ----------
    factors
        Of the items, shape (n, f).
    gram
        Shape (f, f), symmetric and positive definite.
    people, pools
        Who is asked for, and their candidates.
    column
        Written to; everything is known.

    Raises
    ------
    ValueError
        If shapes do not fit each other, or a row, a count or an offset is outside its range.
    """
    items, products = readonly(factors, np.float32), readonly(gram, np.float32)
    check_shape(products, shape=2 * items.shape[1:])
    slate = typed_slate(people, pools, column, len(items))
    _likings(items, products, *slate, *column)


@kernel
def _likings(
    factors: NDArray[np.float32],
    gram: NDArray[np.float32],
    offsets: NDArray[np.int64],
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> None:
    size = factors.shape[1]
    matrix, user = np.empty((size, size), np.float32), np.empty(size, np.float32)
    for person in range(counts.size):
        matrix[:] = gram
        user[:] = 0
        for i in range(offsets[person], offsets[person + 1]):
            vector = factors[picks[i]]
            for j in range(size):
                scaled = strengths[i] * vector[j]
                user[j] += scaled
                for k in range(j + 1):
                    matrix[j, k] += scaled * vector[k]
        _solve(matrix, user)
        for i in range(counts[person]):
            vector, total = factors[rows[person, i]], np.float32(0)
            for j in range(size):
                total += vector[j] * user[j]
            values[person, i], known[person, i] = total, True


@kernel
def _solve(matrix: NDArray[np.float32], right: NDArray[np.float32]) -> None:
    """Solve matrix x = right in place, from the lower triangle, by Cholesky."""
    for i in range(right.size):
        for k in range(i + 1):
            total = matrix[i, k]
            for j in range(k):
                total -= matrix[i, j] * matrix[k, j]
            if k < i:
                matrix[i, k] = total * matrix[k, k]
            else:
                matrix[i, i] = np.float32(1) / np.sqrt(total)  # its inverse is all that is needed
    for i in range(right.size):
        total = right[i]
        for j in range(i):
            total -= matrix[i, j] * right[j]
        right[i] = total * matrix[i, i]
    for i in range(right.size - 1, -1, -1):
        right[i] *= matrix[i, i]
        for j in range(i):
            right[j] -= matrix[i, j] * right[i]
