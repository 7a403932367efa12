"""Histories and the factors of one side into the best factors of the other: the steps of ALS.

A round of implicit ALS solves one ridge regression per row, and all rows of a side share the Gram
matrix of the other side. Where the caller has turned that side so that its Gram matrix is diagonal,
a row with fewer entries than factors can be solved in the space of its entries, and most rows are
that short.
"""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly


def solve_rows(
    offsets: NDArray[np.int64],
    columns: NDArray[np.int32],
    strengths: NDArray[np.float32],
    others: NDArray[np.float32],
    base: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the factors of rows that fit their entries best, exactly.

    With c the strengths of a row's entries, V the factors (h, f) of what it has entries in, and
    B = diag(base), its factors x minimise sum_k c_k (1 - x.v_k)^2 + x'B x: the row step of Hu,
    Koren & Volinsky ("Collaborative filtering for implicit feedback datasets", 2008). Rows with
    h >= f solve (B + V'C V) x = V'c, shorter ones the same with h unknowns, (1/C + V B^-1 V') a = 1
    and x = B^-1 V'a (the push-through identity), both by Cholesky.

    Parameters
    ----------
    offsets
        Shape (r + 1,), int64: row i's entries are ``offsets[i]:offsets[i + 1]``.
    columns, strengths
        Shape (e,), int32 and float32; strengths are above 0.
    others
        Shape (m, f), float32: the factors of the other side, turned so that others'others is
        diagonal.
    base
        Shape (f,), float32, above 0: the regularisation, and the weight of unobserved pairs times
        that diagonal.

    Returns
    -------
    factors
        Shape (r, f), float32; zero for rows without entries. A row's do not depend on the others.

    Raises
    ------
    ValueError
        If a shape does not fit another, or an offset, column, strength or `base` is outside its
        range.
    """
    places, numbers = readonly(offsets, np.int64), readonly(columns, np.int32)
    weights, vectors = readonly(strengths, np.float32), readonly(others, np.float32)
    ridge = readonly(base, np.float32)
    _check(places, numbers, weights, vectors, ridge)
    solved = np.zeros((len(places) - 1, vectors.shape[1]), np.float32)
    _solve_rows(places, numbers, weights, vectors, ridge, solved)
    return solved


def _check(
    offsets: NDArray[np.int64],
    columns: NDArray[np.int32],
    strengths: NDArray[np.float32],
    others: NDArray[np.float32],
    base: NDArray[np.float32],
) -> None:
    """Refuse what would make compiled code, which checks no bounds, read another's memory."""
    if len(strengths) != len(columns) or base.shape != others.shape[1:]:
        message = (
            f"{len(columns)} columns do not fit {len(strengths)} strengths, or others of shape "
            f"{others.shape} a base of shape {base.shape}"
        )
        raise ValueError(message)
    steps_forward = len(offsets) > 0 and bool((np.diff(offsets) >= 0).all())
    if not steps_forward or offsets[0] != 0 or offsets[-1] != len(columns):
        message = f"offsets must rise from 0 to {len(columns)}, the number of entries"
        raise ValueError(message)
    if len(columns) and not (columns.min() >= 0 and columns.max() < len(others)):
        message = f"columns must lie in 0..{len(others) - 1}, got {columns.min()}..{columns.max()}"
        raise ValueError(message)
    if not (_above_zero(strengths) and _above_zero(base)):
        message = "strengths and base must be finite and above 0"
        raise ValueError(message)


def _above_zero(values: NDArray[np.float32]) -> bool:
    return bool((np.isfinite(values) & (values > 0)).all())


@kernel
def _solve_rows(
    offsets: NDArray[np.int64],
    columns: NDArray[np.int32],
    strengths: NDArray[np.float32],
    others: NDArray[np.float32],
    base: NDArray[np.float32],
    solved: NDArray[np.float32],
) -> None:
    size = base.size
    matrix = np.empty((size, size), np.float32)
    gathered = np.empty((size, size), np.float32)
    unknowns = np.empty(size, np.float32)
    scales = (1 / np.sqrt(base)).astype(np.float32)
    for row in range(solved.shape[0]):
        span = slice(offsets[row], offsets[row + 1])
        entries, weights = columns[span], strengths[span]
        if 0 < entries.size < size:
            _short(entries, weights, others, scales, gathered, matrix, unknowns, solved[row])
        elif entries.size > 0:
            _long(entries, weights, others, base, matrix, solved[row])


@kernel
def _short(
    columns: NDArray[np.int32],
    strengths: NDArray[np.float32],
    others: NDArray[np.float32],
    scales: NDArray[np.float32],
    gathered: NDArray[np.float32],
    matrix: NDArray[np.float32],
    unknowns: NDArray[np.float32],
    factors: NDArray[np.float32],
) -> None:
    """Solve a row in the space of its entries."""
    count, size = columns.size, scales.size
    for i in range(count):
        for j in range(size):
            gathered[i, j] = others[columns[i], j] * scales[j]
        for k in range(i + 1):
            total = np.float32(0)
            for j in range(size):
                total += gathered[i, j] * gathered[k, j]
            matrix[i, k] = total
        matrix[i, i] += np.float32(1) / strengths[i]
        unknowns[i] = 1
    _solve(matrix, unknowns, count)
    for i in range(count):
        for j in range(size):
            factors[j] += gathered[i, j] * unknowns[i]
    for j in range(size):
        factors[j] *= scales[j]


@kernel
def _long(
    columns: NDArray[np.int32],
    strengths: NDArray[np.float32],
    others: NDArray[np.float32],
    base: NDArray[np.float32],
    matrix: NDArray[np.float32],
    factors: NDArray[np.float32],
) -> None:
    """Solve a row in the space of the factors; entries come by fours, to store less often."""
    size = base.size
    matrix[:] = 0
    for j in range(size):
        matrix[j, j] = base[j]
    fours = columns.size - columns.size % 4
    for i in range(0, fours, 4):
        v0, v1 = others[columns[i]], others[columns[i + 1]]
        v2, v3 = others[columns[i + 2]], others[columns[i + 3]]
        c0, c1, c2, c3 = strengths[i], strengths[i + 1], strengths[i + 2], strengths[i + 3]
        for j in range(size):
            a0, a1, a2, a3 = c0 * v0[j], c1 * v1[j], c2 * v2[j], c3 * v3[j]
            factors[j] += a0 + a1 + a2 + a3
            for k in range(j + 1):
                matrix[j, k] += a0 * v0[k] + a1 * v1[k] + a2 * v2[k] + a3 * v3[k]
    for i in range(fours, columns.size):
        vector = others[columns[i]]
        for j in range(size):
            scaled = strengths[i] * vector[j]
            factors[j] += scaled
            for k in range(j + 1):
                matrix[j, k] += scaled * vector[k]
    _solve(matrix, factors, size)


@kernel
def _solve(matrix: NDArray[np.float32], right: NDArray[np.float32], size: int) -> None:
    """Solve matrix x = right in place, from the lower triangle, by Cholesky."""
    for i in range(size):
        for k in range(i + 1):
            total = matrix[i, k]
            for j in range(k):
                total -= matrix[i, j] * matrix[k, j]
            if k < i:
                matrix[i, k] = total * matrix[k, k]
            else:
                matrix[i, i] = np.float32(1) / np.sqrt(total)  # its inverse is all that is needed
    for i in range(size):
        total = right[i]
        for j in range(i):
            total -= matrix[i, j] * right[j]
        right[i] = total * matrix[i, i]
    for i in range(size - 1, -1, -1):
        right[i] *= matrix[i, i]
        for j in range(i):
            right[j] -= matrix[i, j] * right[i]
