"""Points into groups of those that are near a first one: all that are, none missed by a hash."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly

_AXES = 6
_SAMPLE = 20_000
# Rounding may move a projection or a rotated distance by this share of the radius.
_SLACK = 1.001
# Hashes of cells wrap here, not where integers end: a sum of two still fits.
_WRAP = 2**61 - 1


def first_within(points: NDArray[np.float32], radius: float) -> NDArray[np.int32]:
    """Return for every point the first one that it is within `radius` of.

    Points are taken in order. One that is within the radius of none that stands for itself stands
    for itself; any other belongs to the first of those that it is near. So nothing chains: a point
    is near the one it belongs to, and no two that stand for themselves are near each other.

    The points that stand for themselves lie in the cells of a grid, two radii wide, over the
    `_AXES` directions in which the points spread most, and are asked only where a cell is within
    the radius: exact, as no projection makes a distance longer. Points that crowd in few cells
    without being near each other are compared pair by pair; copies are not, however many.

    Parameters
    ----------
    points
        Shape (n, d), float32, all finite.
    radius
        Euclidean distance above 0; one just as far is still near.

    Returns
    -------
    first
        Rows, shape (n,), int32: ``first[i] <= i`` and ``first[first[i]] == first[i]``.
    """
    first = np.arange(len(points), dtype=np.int32)
    if len(points) == 0:
        return first
    turned = _turned(points)
    axes = min(_AXES, points.shape[1])
    at = turned[:, :axes].astype(np.float64) / (2 * radius * _SLACK)
    cells = np.floor(at)
    steps = np.random.default_rng(0).integers(0, _WRAP, axes)
    keys = (cells.astype(np.int64) * steps).sum(axis=1) & _WRAP
    _first_within(
        readonly(points, np.float32),
        readonly(turned, np.float32),
        readonly(keys, np.int64),
        readonly(at - cells, np.float32),
        readonly(steps, np.int64),
        radius,
        first,
    )
    return first


def _turned(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn points so that what they differ in most comes first: far ones are soon told apart."""
    sample = points[:: max(1, len(points) // _SAMPLE)].astype(np.float64)
    center = sample.mean(axis=0)
    _, directions = np.linalg.eigh((sample - center).T @ (sample - center))
    turned: NDArray[np.float32] = (points - center.astype(np.float32)) @ np.ascontiguousarray(
        directions[:, ::-1].astype(np.float32)
    )
    return turned


@kernel
def _first_within(
    points: NDArray[np.float32],
    turned: NDArray[np.float32],
    cells: NDArray[np.int64],
    within: NDArray[np.float32],
    steps: NDArray[np.int64],
    radius: float,
    first: NDArray[np.int32],
) -> None:
    n, axes = within.shape
    size = 1
    while size < 2 * n:
        size *= 2
    # A table of cells by their hash: should two have the same one, both are looked through.
    keys = np.zeros(size, np.int64)
    heads, tails = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
    after = np.full(n, -1, np.int32)
    reach2 = np.float32((radius * _SLACK) ** 2)
    width = np.float32(2.0 * radius * _SLACK)
    near_keys, near_gaps = np.empty(1 << axes, np.int64), np.empty(1 << axes, np.float32)
    for i in range(n):
        near_keys[0], near_gaps[0] = cells[i], 0.0
        count = 1
        for axis in range(axes):
            # A radius reaches half a cell: of the two cells beside, only the nearer one.
            up = within[i, axis] >= 0.5
            gap = width * (np.float32(1.0) - within[i, axis] if up else within[i, axis])
            for at in range(count):
                gap2 = near_gaps[at] + gap * gap
                if gap2 <= reach2:
                    step = steps[axis] if up else -steps[axis]
                    near_keys[count] = (near_keys[at] + step) & _WRAP
                    near_gaps[count] = gap2
                    count += 1
        best = i
        for at in range(count):
            other = heads[_slot(keys, heads, near_keys[at])]
            best = _first_in_cell(points, turned, i, other, after, radius, reach2, best)
        first[i] = best
        if best == i:
            slot = _slot(keys, heads, cells[i])
            if heads[slot] < 0:
                keys[slot], heads[slot] = cells[i], i
            else:
                after[tails[slot]] = i
            tails[slot] = i


@kernel
def _slot(keys: NDArray[np.int64], heads: NDArray[np.int32], key: int) -> int:
    """Return where in the table a cell is, or would be."""
    last = len(keys) - 1
    slot = (key ^ (key >> 31)) & last
    while heads[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & last
    return slot


@kernel
def _first_in_cell(
    points: NDArray[np.float32],
    turned: NDArray[np.float32],
    i: int,
    other: int,
    after: NDArray[np.int32],
    radius: float,
    reach2: np.float32,
    best: int,
) -> int:
    """Return the first in a cell, from `other` on, that point i is near, if it is before `best`."""
    dim = points.shape[1]
    while other >= 0 and other < best:
        distance2 = np.float32(0.0)
        axis = 0
        while axis < dim and distance2 <= reach2:
            for at in range(axis, min(axis + 8, dim)):
                gap = turned[i, at] - turned[other, at]
                distance2 += gap * gap
            axis += 8
        if distance2 <= reach2:
            exact = 0.0
            for at in range(dim):
                apart = float(points[i, at]) - float(points[other, at])
                exact += apart * apart
            if exact <= radius * radius:
                return other
        other = after[other]
    return best
