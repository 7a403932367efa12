"""Rows joined to a graph of near neighbours that is in use, and rows that leave it.

A row is linked to few of its near ones that lie in different directions: one is kept if it is
nearer to the row than to all that were kept before (Malkov & Yashunin, "Efficient and robust
approximate nearest neighbor search using hierarchical navigable small world graphs", 2018,
algorithm 4). Here, copies of the row get half of its links at most: hundreds of equal vectors would
otherwise lead to each other only. Of rows that are equally near, those come first that follow the
row, so that copies form a ring and not a star. Nearness is the inner product of vectors in bytes.

Every function treats a range of its rows, each as if it were alone, so that threads may share them
and the graph is the same however they do.
"""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .prefetch import prefetch
from .scan import ByteVectors

_TIE = 1e-9  # less than any two scores of float32 differ by, those of rows that are near

__all__ = ["choose_links", "link_back", "mend"]


def mend(
    before: NDArray[np.int32],
    now: NDArray[np.int32],
    was: NDArray[np.int32],
    rounded: ByteVectors,
    neighbours: NDArray[np.int32],
    start: int,
    stop: int,
) -> None:
    """Take over the links of an earlier graph, and close the gaps that rows leave which left it.

    A row keeps its links to rows that stay. For every other one it gets a row that the one that
    left was linked to: the nearest ones that the heuristic lets stand beside those it has.

    Parameters
    ----------
    before
        The earlier links, shape (o, m), padded with -1 at the end.
    now
        Where each earlier row is now, shape (o,); -1 if it left.
    was
        Where each row was, shape (n,), the inverse of `now`; -1 if it was not in the graph.
    rounded
        The vectors, n rows, from `scan.to_bytes`.
    neighbours
        Shape (n, m), int32, all -1; rows `start` to `stop` are written, those that were not in the
        graph excepted.
    start, stop
        The range of rows.
    """
    _mend(
        readonly(before, np.int32),
        readonly(now, np.int32),
        readonly(was, np.int32),
        readonly(rounded.codes, np.int8),
        readonly(rounded.scales, np.float32),
        neighbours,
        start,
        stop,
    )


def choose_links(
    rows: NDArray[np.int32],
    candidates: NDArray[np.int32],
    rounded: ByteVectors,
    most: int,
    start: int,
    stop: int,
) -> NDArray[np.int32]:
    """Choose from candidates what rows are linked to.

    Parameters
    ----------
    rows
        Shape (r,).
    candidates
        Shape (r, c): rows near each of them, in any order, padded with -1 anywhere; the row itself
        and repetitions do no harm.
    rounded
        The vectors in bytes.
    most
        Links of a row, at most.
    start, stop
        The range of `rows`.

    Returns
    -------
    chosen
        Shape (stop - start, most), int32, the nearest first, padded with -1 at the end.
    """
    chosen = np.full((stop - start, most), -1, np.int32)
    _choose_links(
        readonly(rows[start:stop], np.int32),
        readonly(candidates[start:stop], np.int32),
        readonly(rounded.codes, np.int8),
        readonly(rounded.scales, np.float32),
        chosen,
    )
    return chosen


def link_back(
    neighbours: NDArray[np.int32],
    targets: NDArray[np.int32],
    offsets: NDArray[np.int64],
    sources: NDArray[np.int32],
    rounded: ByteVectors,
    start: int,
    stop: int,
) -> None:
    """Link rows to those that chose them; where there is no room, choose again from all.

    Parameters
    ----------
    neighbours
        Shape (n, m), int32, padded with -1 at the end; the lists of `targets` are rewritten.
    targets
        Rows, none twice, shape (t,).
    offsets, sources
        Who chose ``targets[i]``: ``sources[offsets[i]:offsets[i + 1]]``.
    rounded
        The vectors in bytes.
    start, stop
        The range of `targets`.
    """
    _link_back(
        neighbours,
        readonly(targets, np.int32),
        readonly(offsets, np.int64),
        readonly(sources, np.int32),
        readonly(rounded.codes, np.int8),
        readonly(rounded.scales, np.float32),
        start,
        stop,
    )


@kernel
def _mend(
    before: NDArray[np.int32],
    now: NDArray[np.int32],
    was: NDArray[np.int32],
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    neighbours: NDArray[np.int32],
    start: int,
    stop: int,
) -> None:
    room = neighbours.shape[1]
    met = np.full(neighbours.shape[0], -1, np.int32)  # by which row each was met last
    pool, scores = np.empty(room * room, np.int32), np.empty(room * room, np.float32)
    for row in range(start, stop):
        if was[row] < 0:
            continue
        met[row] = row
        n_links = _width(before[was[row]])
        links = before[was[row], :n_links]
        width = _add_staying(links, now, met, row, neighbours[row], 0)
        count = 0
        if width < n_links:
            for other in links:
                if now[other] < 0:
                    count = _add_staying(before[other], now, met, row, pool, count)
        _score_all(codes, scales, row, pool[:count], scores)
        _keep(codes, scales, row, pool[:count], scores[:count], neighbours[row, :n_links], width)


@kernel
def _width(links: NDArray[np.int32]) -> int:
    """Return how many links come before the padding."""
    width = links.size
    while width > 0 and links[width - 1] < 0:
        width -= 1
    return width


@kernel
def _add_staying(
    links: NDArray[np.int32],
    now: NDArray[np.int32],
    met: NDArray[np.int32],
    row: int,
    pool: NDArray[np.int32],
    count: int,
) -> int:
    """Add to `count` rows of a pool those links that stay and that the row has not met."""
    for link in links:
        if link < 0:
            break
        other = now[link]
        if other >= 0 and met[other] != row:
            met[other] = row
            pool[count] = other
            count += 1
    return count


@kernel
def _choose_links(
    rows: NDArray[np.int32],
    candidates: NDArray[np.int32],
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    chosen: NDArray[np.int32],
) -> None:
    pool = np.empty(candidates.shape[1], np.int32)
    scores = np.empty(candidates.shape[1], np.float32)
    for place in range(rows.size):
        count = 0
        for other in candidates[place]:
            if other >= 0 and other != rows[place]:
                pool[count] = other
                count += 1
        _score_all(codes, scales, rows[place], pool[:count], scores)
        _keep(codes, scales, rows[place], pool[:count], scores[:count], chosen[place], 0)


@kernel
def _link_back(
    neighbours: NDArray[np.int32],
    targets: NDArray[np.int32],
    offsets: NDArray[np.int64],
    sources: NDArray[np.int32],
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    room = neighbours.shape[1]
    for place in range(start, stop):
        row = targets[place]
        links = neighbours[row]
        pool = np.empty(room + offsets[place + 1] - offsets[place], np.int32)
        count = _width(links)
        pool[:count] = links[:count]
        for at in range(offsets[place], offsets[place + 1]):
            is_new = sources[at] != row
            for other in pool[:count]:
                is_new &= other != sources[at]
            if is_new:
                pool[count] = sources[at]
                count += 1
        if count <= room:
            links[:count] = pool[:count]
            continue
        scores = np.empty(count, np.float32)
        _score_all(codes, scales, row, pool[:count], scores)
        links[:] = -1
        _keep(codes, scales, row, pool[:count], scores, links, 0)


@kernel
def _score_all(
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    row: int,
    others: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> None:
    for other in others:
        prefetch(codes, other)
    for place in range(others.size):
        scores[place] = _score(codes, scales, row, others[place])


@kernel
def _keep(
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    row: int,
    pool: NDArray[np.int32],
    scores: NDArray[np.float32],
    kept: NDArray[np.int32],
    n_kept: int,
) -> int:
    """Add from a pool, the nearest first, until all places are taken; return how many are."""
    itself = _score(codes, scales, row, row)
    order = np.empty(pool.size, np.float64)
    for place in range(pool.size):
        after = (pool[place] - row) % scales.size  # rows that tie would all choose the same ones
        order[place] = -np.float64(scores[place]) + _TIE * after / scales.size
    copies: int = 0
    for place in range(n_kept):
        copies += int(_score(codes, scales, row, kept[place]) >= itself)
    for place in np.argsort(order, kind="mergesort"):
        if n_kept == kept.size:
            break
        other, score = pool[place], scores[place]
        is_copy = score >= itself
        if is_copy and 2 * (copies + 1) > kept.size:
            continue
        if _stands_apart(codes, scales, other, score, kept[:n_kept]):
            kept[n_kept] = other
            n_kept += 1
            copies += int(is_copy)
    return n_kept


@kernel
def _stands_apart(
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    other: int,
    score: np.float32,
    kept: NDArray[np.int32],
) -> bool:
    for beside in kept:
        if beside == other or _score(codes, scales, other, beside) > score:
            return False
    return True


@kernel
def _score(
    codes: NDArray[np.int8], scales: NDArray[np.float32], one: int, other: int
) -> np.float32:
    total = np.int32(0)
    for j in range(codes.shape[1]):
        # Numba would widen the sum to 64 bits, and halve the lanes of every instruction.
        total = np.int32(total + np.int32(codes[one, j]) * np.int32(codes[other, j]))
    return np.float32(total * (np.float64(scales[one]) * np.float64(scales[other])))
