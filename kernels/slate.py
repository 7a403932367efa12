"""What retrieval, signals and fusion hand to each other: people, candidates, and one signal."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .compile import readonly


class People(NamedTuple):
    """What u people picked and saw, one person after the other.

    Those of person i are ``picks[pick_offsets[i]:pick_offsets[i + 1]]``, item rows, oldest first,
    with `strengths` above 0, and ``seen[seen_offsets[i]:seen_offsets[i + 1]]``, item rows.
    """

    pick_offsets: NDArray[np.int64]
    picks: NDArray[np.int32]
    strengths: NDArray[np.float32]
    seen_offsets: NDArray[np.int64]
    seen: NDArray[np.int32]


class Pools(NamedTuple):
    """Candidates of u people: those of person i are ``rows[i, :counts[i]]``, in no order.

    `rows`, shape (u, c), are item rows also where they mean nothing. `counts`, shape (u,), is -1
    for whom no candidates could be found.
    """

    rows: NDArray[np.int32]
    counts: NDArray[np.int64]


class Column(NamedTuple):
    """One signal of the candidates of u people, shape (u, c), contiguous.

    `values`, float32, are 0 or more where `known`, bool: whether there is any opinion.
    """

    values: NDArray[np.float32]
    known: NDArray[np.bool_]


Slate: TypeAlias = tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.int32],
    NDArray[np.int64],
]
"""Picks of people (offsets, rows, strengths) and their candidates (rows, counts)."""


def typed_people(people: People, n_items: int) -> People:
    """Return the arrays as compiled code takes them.

    Raises
    ------
    ValueError
        If an offset or a row is outside its range, or shapes do not fit each other.
    """
    typed = People(
        readonly(people.pick_offsets, np.int64),
        readonly(people.picks, np.int32),
        readonly(people.strengths, np.float32),
        readonly(people.seen_offsets, np.int64),
        readonly(people.seen, np.int32),
    )
    check_shape(typed.seen_offsets, shape=typed.pick_offsets.shape)
    check_shape(typed.strengths, shape=typed.picks.shape)
    for offsets, rows in ((typed.pick_offsets, typed.picks), (typed.seen_offsets, typed.seen)):
        rising = len(offsets) > 0 and bool((np.diff(offsets) >= 0).all())
        if not rising or offsets[0] != 0 or offsets[-1] != len(rows):
            message = f"offsets must rise from 0 to {len(rows)}, the number of entries"
            raise ValueError(message)
        _check_rows(rows, n_items)
    return typed


def typed_pools(pools: Pools, n_items: int) -> Pools:
    """Return the arrays as compiled code takes them.

    Raises
    ------
    ValueError
        If a row or a count is outside its range, or shapes do not fit each other.
    """
    rows, counts = readonly(pools.rows, np.int32), readonly(pools.counts, np.int64)
    check_shape(counts, shape=rows.shape[:1])
    _check_rows(rows, n_items)
    if counts.max(initial=0) > rows.shape[1]:
        message = f"there is room for {rows.shape[1]} candidates, but a count of {counts.max()}"
        raise ValueError(message)
    return Pools(rows, counts)


def typed_slate(people: People, pools: Pools, column: Column, n_items: int) -> Slate:
    """Return the arrays as compiled code takes them that fills in a column.

    Raises
    ------
    ValueError
        As `typed_people` and `typed_pools`, and if the column is of another shape.
    """
    offsets, picks, strengths, _, _ = typed_people(people, n_items)
    rows, counts = typed_pools(pools, n_items)
    check_shape(offsets[1:], shape=counts.shape)
    check_shape(*column, shape=rows.shape)
    return offsets, picks, strengths, rows, counts


def check_shape(*arrays: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise a ValueError if an array is of another shape."""
    for array in arrays:
        if array.shape != shape:
            message = f"an array of shape {array.shape}, where {shape} goes with the others"
            raise ValueError(message)


def _check_rows(rows: NDArray[np.int32], n_items: int) -> None:
    if rows.size and not (rows.min() >= 0 and rows.max() < n_items):
        message = f"rows must lie in 0..{n_items - 1}, got {rows.min()}..{rows.max()}"
        raise ValueError(message)
