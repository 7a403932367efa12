"""An index asked for every one of its own rows: the nearest others of each, as one table."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..types import Mask, Rows, Scores, Vectors
from .base import VectorIndex

__all__ = ["Listed", "carry_neighbours", "nearest_others"]

Part = TypeVar("Part")

REACH = 4
"""How many times as many rows as a list is long a new row is put before: its own nearest ones."""

_AT_ONCE = 256
_ALONE = 4
_SAME = 1e-6  # what rounding may do to a score of float32


@dataclass(frozen=True, slots=True)
class Listed:
    """The table of the generation before."""

    others: Rows
    """Shape (o, count), from `nearest_others` or `carry_neighbours`."""
    among: Mask
    """Which rows could be others, shape (o,)."""


def nearest_others(index: VectorIndex, vectors: Vectors, among: Mask, count: int) -> Rows:
    """Return the nearest others of every row.

    Parameters
    ----------
    index
        Over `vectors`.
    vectors
        Shape (n, d); rows without a vector are zeros.
    among
        Which rows may be others, shape (n,).
    count
        Others of each row.

    Returns
    -------
    others
        Shape (n, count), int32, best first, padded with -1. Rows without a vector have none.
    """
    others = np.full((len(vectors), count), -1, np.int32)
    _ask(index, vectors, among, _rows(vectors.any(axis=1)), others)
    return others


def carry_neighbours(
    index: VectorIndex, vectors: Vectors, among: Mask, count: int, was: Rows, earlier: Listed
) -> Rows:
    """Return about the nearest others of every row, most of them from the generation before.

    A row that was there keeps its list, without those that are gone or may no longer be others.
    The lists of new rows, and those less than half as long as they could be, are asked for as by
    `nearest_others`. A row that is new, or may be another and could not before, is put into the
    lists of the rows that are its own nearest, `REACH` times `count`, if it is nearer than their
    last, or if they held all there were.

    So lists are in order, and as far as they go they lack new rows at most, and of these only
    those that have many others nearer to them; but a list may be shorter than `count`. Where no row
    is gone and there are no more than `REACH` times `count`, the table is that of `nearest_others`.

    Parameters
    ----------
    index, vectors, among, count
        As for `nearest_others`.
    was
        The earlier row of each row whose vector is the same, shape (n,), -1 for others; no earlier
        row twice.
    earlier
        The table to start from; one with lists of another length is of no use, and all are asked.
    """
    if earlier.others.shape[1] != count:
        return nearest_others(index, vectors, among, count)
    present = vectors.any(axis=1)
    rows = _rows(present & (was >= 0))
    now = np.full(len(earlier.others), -1, np.int32)
    now[was[rows]] = rows
    others = np.full((len(vectors), count), -1, np.int32)
    before = earlier.others[was[rows]]
    lists = np.where(before >= 0, now[before], -1)
    lists[~among[lists]] = -1
    others[rows] = np.take_along_axis(lists, np.argsort(lists < 0, axis=1, kind="stable"), axis=1)
    had, has = (before >= 0).sum(axis=1), (lists >= 0).sum(axis=1)
    there_are = np.minimum(count, np.count_nonzero(among & present) - among[rows])
    listed = np.zeros(len(vectors), np.bool_)
    listed[rows[2 * has >= there_are]] = True
    _ask(index, vectors, among, _rows(present & ~listed), others)
    could = earlier.among[was[rows]]
    had_all = had == np.minimum(count, np.count_nonzero(earlier.among) - could)
    last = np.full(len(vectors), np.inf, np.float32)
    last[rows] = np.where((had < count) & had_all, -np.inf, _last_scores(vectors, rows, others))
    is_fresh: Mask = present & among
    is_fresh[rows[could]] = False
    _put_before(index, vectors, _rows(is_fresh), listed, last, others)
    return others


def _rows(mask: Mask | np.bool_) -> Rows:
    return np.flatnonzero(mask).astype(np.int32)


def _in_blocks(rows: Rows, work: Callable[[Rows], Part]) -> list[Part]:
    """Call `work` on some rows at a time, on all cores; return what it did, in order."""
    blocks = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
    # The first ones alone: until these have woken compiled loops, a query may take much memory.
    done = [work(block) for block in blocks[:_ALONE]]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [*done, *pool.map(work, blocks[_ALONE:])]


def _ask(index: VectorIndex, vectors: Vectors, among: Mask, asked: Rows, others: Rows) -> None:
    """Write the nearest others of some rows into their lists."""
    count = others.shape[1]
    others[asked] = -1

    def ask(rows: Rows) -> None:
        found = index.query(vectors[rows], count + 1, allowed=among).rows
        if found.shape[1] == 0:
            return
        # Of count + 1 nearest at most one is the row itself: it, or else the last one, goes.
        kept = found != rows[:, None]
        kept[:, -1] &= ~kept.all(axis=1) if found.shape[1] > count else True
        width = np.minimum(kept.sum(axis=1), count)
        place = np.arange(count) < width[:, None]
        others[np.repeat(rows, width), np.nonzero(place)[1]] = found[kept]

    _in_blocks(asked, ask)


def _put_before(
    index: VectorIndex, vectors: Vectors, fresh: Rows, listed: Mask, last: Scores, others: Rows
) -> None:
    """Put rows into the lists, of those of their own nearest that have one, up to their last."""
    from sightline_kernels.ranking import exact_vectors, extend_lists

    count = others.shape[1]

    def ask(rows: Rows) -> tuple[Rows, Rows]:
        found = index.query(vectors[rows], REACH * count + 1, allowed=listed)
        belongs = (found.scores >= last[found.rows] - _SAME) & (found.rows != rows[:, None])
        return found.rows[belongs], np.repeat(rows, belongs.sum(axis=1))

    none = np.empty(0, np.int32)
    parts = [(none, none), *_in_blocks(fresh, ask)]
    owner, new = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((new, owner))
    unlike, starts = np.unique(owner[order], return_index=True)
    offsets = np.append(starts, len(order))
    extend_lists(exact_vectors(vectors), others, unlike, offsets, new[order])


def _last_scores(vectors: Vectors, rows: Rows, others: Rows) -> Scores:
    """Return how near the last of each row's list is, infinitely where there is none."""
    scores = np.full(len(rows), np.inf, np.float32)
    for start in range(0, len(rows), _AT_ONCE):
        block = rows[start : start + _AT_ONCE]
        width = (others[block] >= 0).sum(axis=1)
        nearest = vectors[others[block, width - 1]]
        near = (vectors[block] * nearest).sum(axis=1)
        scores[start : start + _AT_ONCE] = np.where(width > 0, near, np.inf)
    return scores
