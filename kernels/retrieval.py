"""Histories of many people into candidates for each, and how often these are picked together."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .slate import People, Pools, check_shape, typed_people


class Lists(NamedTuple):
    """What candidates are taken from, in item-row order.

    `together` and `together_scores`, shape (n, c), `near`, shape (n, a), and `cold_near`, shape
    (n, b), are the others of every item, best first, padded with -1: those picked together with it,
    and those near to it. `placed`, shape (n,), says which items are near to any and `is_cold`,
    shape (n,), which hardly anyone picked. `trending`, `popular` and `newest` are rows in order.
    """

    together: NDArray[np.int32]
    together_scores: NDArray[np.float32]
    near: NDArray[np.int32]
    cold_near: NDArray[np.int32]
    placed: NDArray[np.bool_]
    is_cold: NDArray[np.bool_]
    trending: NDArray[np.int32]
    popular: NDArray[np.int32]
    newest: NDArray[np.int32]


class Sizes(NamedTuple):
    """How many candidates each of the lists brings, 0 or more, and the limits of retrieval."""

    together: int
    near: int
    cold_near: int
    trending: int
    popular: int
    newest: int
    latest: int
    """Picks whose near ones are brought: of the latest so many, those that are placed."""
    few: int
    """So many items that may be returned are all candidates."""
    least_share: float
    """Share of what is near that must be allowed; below it the lists hold too little."""


def gather_candidates(
    lists: Lists, sizes: Sizes, people: People, allowed: NDArray[np.bool_]
) -> tuple[Pools, NDArray[np.float32]]:
    """Return candidates for many people: what several lists bring, each item once.

    Parameters
    ----------
    lists
        Rows that are not in 0..n-1 are passed over.
    sizes
        `near` and `cold_near` are for all picks of a person together, the same of each, rounded up.
    people
        With or without picks.
    allowed
        What may be returned, shape (n,); to a person only what they have not seen.

    Returns
    -------
    pools, together
        The candidates, and how often each is picked together with what the person picked, of the
        shape of their rows: the sum over the lists of the picks of score times strength. People
        whose lists of near items name too little that they may get have no pool, a count of -1.

    Raises
    ------
    ValueError
        If shapes do not fit each other, an offset or a row of a history is outside its range, or a
        size is below 0.
    """
    sources, kept = _typed(lists), readonly(allowed, np.bool_)
    histories = typed_people(people, len(kept))
    check_shape(sources.together_scores, shape=sources.together.shape)
    for array in (sources.together, sources.near, sources.cold_near):
        check_shape(array, shape=(len(kept), *array.shape[1:]))
    check_shape(sources.placed, sources.is_cold, shape=kept.shape)
    if min(sizes) < 0:
        message = f"sizes must be at least 0, got {sizes}"
        raise ValueError(message)
    near = sizes.near + sizes.cold_near + 2 * sizes.latest  # the most that rounding up can add
    most = near + sizes.together + sizes.trending + sizes.popular + sizes.newest
    shape = len(histories.pick_offsets) - 1, min(max(most, sizes.few), len(kept))
    pools = Pools(np.zeros(shape, np.int32), np.zeros(shape[0], np.int64))
    together = np.zeros(shape, np.float32)
    rows = readonly(np.flatnonzero(kept), np.int32)
    _gather(sources, sizes, *histories, kept, rows, *pools, together)
    return pools, together


def _typed(lists: Lists) -> Lists:
    return Lists(
        readonly(lists.together, np.int32),
        readonly(lists.together_scores, np.float32),
        readonly(lists.near, np.int32),
        readonly(lists.cold_near, np.int32),
        readonly(lists.placed, np.bool_),
        readonly(lists.is_cold, np.bool_),
        readonly(lists.trending, np.int32),
        readonly(lists.popular, np.int32),
        readonly(lists.newest, np.int32),
    )


@kernel
def _gather(
    lists: Lists,
    sizes: Sizes,
    pick_offsets: NDArray[np.int64],
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    seen_offsets: NDArray[np.int64],
    seen: NDArray[np.int32],
    allowed: NDArray[np.bool_],
    allowed_rows: NDArray[np.int32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    together: NDArray[np.float32],
) -> None:
    n_items = allowed.size
    sums, met_by = np.empty(n_items), np.full(n_items, -1, np.int32)
    met, keys = np.empty(n_items, np.int32), np.empty(n_items, np.int64)
    marks = np.zeros(n_items, np.int32)  # see _seen
    for person in range(counts.size):
        n_free = allowed_rows.size
        for i in range(seen_offsets[person], seen_offsets[person + 1]):
            if marks[seen[i]] != _seen(person):
                marks[seen[i]] = _seen(person)
                n_free -= allowed[seen[i]]
        span = slice(pick_offsets[person], pick_offsets[person + 1])
        mine, pool = picks[span], rows[person]
        n_met = _sum_together(lists, mine, strengths[span], person, met_by, met, sums)
        count = 0
        if n_free <= sizes.few:
            for i in range(allowed_rows.size):
                if marks[allowed_rows[i]] != _seen(person):
                    pool[count] = allowed_rows[i]
                    count += 1
        else:
            latest = mine[max(mine.size - sizes.latest, 0) :]
            count = _best_met(met[:n_met], sums, sizes.together, allowed, marks, person, keys, pool)
            count = _near(lists, sizes, latest, False, allowed, marks, person, pool, count)
            count = _near(lists, sizes, latest, True, allowed, marks, person, pool, count)
            count = _first(lists.trending, sizes.trending, allowed, marks, person, pool, count)
            count = _first(lists.popular, sizes.popular, allowed, marks, person, pool, count)
            count = _first(lists.newest, sizes.newest, allowed, marks, person, pool, count)
        counts[person] = count
        for i in range(count):
            together[person, i] = sums[pool[i]] if met_by[pool[i]] == person else 0.0


@kernel
def _seen(person: int) -> int:
    """Mark of what a person has seen; the number after it marks their candidates."""
    return 2 * person + 1


@kernel
def _sum_together(
    lists: Lists,
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    person: int,
    met_by: NDArray[np.int32],
    met: NDArray[np.int32],
    sums: NDArray[np.float64],
) -> int:
    """Add up the lists of the picks; return how many items they name, which come to `met`."""
    count = 0
    for i in range(picks.size):
        others, scores = lists.together[picks[i]], lists.together_scores[picks[i]]
        for j in range(others.size):
            row = others[j]
            if 0 <= row < met_by.size:
                if met_by[row] != person:
                    met_by[row] = person
                    sums[row] = 0.0
                    met[count] = row
                    count += 1
                sums[row] += np.float64(scores[j] * strengths[i])
    return count


@kernel
def _best_met(
    met: NDArray[np.int32],
    sums: NDArray[np.float64],
    size: int,
    allowed: NDArray[np.bool_],
    marks: NDArray[np.int32],
    person: int,
    keys: NDArray[np.int64],
    rows: NDArray[np.int32],
) -> int:
    """Bring what is picked together most, of equal sums the lower rows; return how many."""
    single = np.empty(1, np.float32)
    bits = single.view(np.int32)
    count = 0
    for i in range(met.size):
        row = met[i]
        single[0] = sums[row]
        if single[0] > 0 and allowed[row] and marks[row] != _seen(person):
            # The bits of floats above 0 are in the order of the floats.
            keys[count] = (np.int64(bits[0]) << 32) | (0x7FFFFFFF - row)
            count += 1
    kept = min(size, count)
    if kept < count:
        for place in range(count // 2 - 1, -1, -1):
            _sink(keys, place, count)
        for last in range(count - 1, count - 1 - kept, -1):
            keys[0], keys[last] = keys[last], keys[0]
            _sink(keys, 0, last)
    for i in range(kept):
        row = 0x7FFFFFFF - (keys[count - 1 - i] & 0x7FFFFFFF)
        rows[i] = row
        marks[row] = _seen(person) + 1
    return kept


@kernel
def _near(
    lists: Lists,
    sizes: Sizes,
    picks: NDArray[np.int32],
    is_cold: bool,
    allowed: NDArray[np.bool_],
    marks: NDArray[np.int32],
    person: int,
    rows: NDArray[np.int32],
    count: int,
) -> int:
    """Bring what is near to the picks; return how many there are now, -1 if it was too little."""
    table = lists.cold_near if is_cold else lists.near
    size = sizes.cold_near if is_cold else sizes.near
    placed = 0
    for i in range(picks.size):
        placed += lists.placed[picks[i]]
    if size == 0 or placed == 0 or count < 0:
        return count
    each = min((size + placed - 1) // placed, table.shape[1])
    named, found = 0, 0
    for i in range(picks.size):
        if not lists.placed[picks[i]]:
            continue
        for j in range(each):
            row = table[picks[i], j]
            if not 0 <= row < allowed.size:
                continue
            named += 1
            if allowed[row] and marks[row] != _seen(person) and (lists.is_cold[row] or not is_cold):
                found += 1
                if marks[row] != _seen(person) + 1:
                    marks[row] = _seen(person) + 1
                    rows[count] = row
                    count += 1
    return count if found >= sizes.least_share * named else -1


@kernel
def _first(
    order: NDArray[np.int32],
    size: int,
    allowed: NDArray[np.bool_],
    marks: NDArray[np.int32],
    person: int,
    rows: NDArray[np.int32],
    count: int,
) -> int:
    """Bring the first of an order that may be returned; return how many there are now."""
    found = 0
    for i in range(order.size):
        if found == size or count < 0:
            break
        row = order[i]
        if 0 <= row < allowed.size and allowed[row] and marks[row] != _seen(person):
            found += 1
            if marks[row] != _seen(person) + 1:
                marks[row] = _seen(person) + 1
                rows[count] = row
                count += 1
    return count


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
