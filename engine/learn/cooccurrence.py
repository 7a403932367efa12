"""Items picked by the same people, as every item's nearest others."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..types import Rows, Scores
from .interactions import Interactions

__all__ = ["in_parts", "newest", "picked_together"]

Part = TypeVar("Part")

NEIGHBOURS = 50
"""Others kept per item."""
SHRINKAGE = 5.0
"""Added to the norm product: a pair that few people share is trusted less."""
LONGEST = 500
"""Entries of one user that are paired, the newest: the work per entry stays bounded."""

_PARTS_PER_THREAD = 4


def picked_together(
    interactions: Interactions, n_items: int, *, threads: int = 1
) -> tuple[Rows, Scores]:
    """Return, for every item, the others that the same people picked.

    The score is the cosine of the two items' columns in the user-item matrix of positive weights,
    shrunk (ItemKNN: Sarwar et al., 2001; Deshpande & Karypis, 2004). Of longer histories the
    newest 500 positive entries count: a user adds the square of a history's length to the work,
    and who picked thousands of items hardly says that any two of them go together.

    Parameters
    ----------
    interactions
        The histories; entries with negative weights do not count.
    n_items
        Size of the catalogue.
    threads
        Threads to share the items; the result does not depend on it.

    Returns
    -------
    neighbours, scores
        Both of shape (n_items, 50), best first, padded with -1 and 0.
    """
    from sightline_kernels.cooccurrence import cooccurrence  # wakes Numba: building only

    picks = newest(interactions.where(interactions.weights > 0), LONGEST)
    if len(picks.rows) == 0:
        empty = np.zeros((n_items, 0), np.int32)
        return empty, empty.astype(np.float32)

    def neighbours(start: int, stop: int) -> tuple[Rows, Scores]:
        return cooccurrence(
            picks.offsets,
            picks.rows,
            picks.weights,
            n_items=n_items,
            k=NEIGHBOURS,
            shrinkage=SHRINKAGE,
            start=start,
            stop=stop,
        )

    parts = in_parts(neighbours, pairing_costs(picks, n_items), threads=threads)
    rows, scores = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(scores)


def newest(interactions: Interactions, count: int) -> Interactions:
    """Return the newest `count` entries of every user."""
    counts = np.diff(interactions.offsets)
    from_end = np.repeat(interactions.offsets[1:], counts) - np.arange(len(interactions.rows))
    return interactions.where(from_end <= count)


def pairing_costs(interactions: Interactions, n_items: int) -> NDArray[np.float64]:
    """Return what meeting an item's users' items costs, by item: 1 and their histories' lengths."""
    counts = np.diff(interactions.offsets)
    met = np.bincount(interactions.rows, np.repeat(counts, counts), minlength=n_items)
    return met.astype(np.float64) + 1


def in_parts(
    work: Callable[[int, int], Part], costs: NDArray[np.float64], *, threads: int
) -> list[Part]:
    """Call `work` on ranges of rows that cost about the same, several at a time.

    Parameters
    ----------
    work
        Called with the start and the stop of a range; must release the GIL to gain anything, and
        treat every row alike whatever range it is in.
    costs
        What each row costs, in any unit, shape (n,), at least 0.
    threads
        How many threads work; one of them takes all rows in one call.

    Returns
    -------
    parts
        What `work` returned, in the order of the rows. Together the ranges cover all rows once.
    """
    if threads <= 1 or len(costs) <= 1:
        return [work(0, len(costs))]
    from concurrent.futures import ThreadPoolExecutor  # not for a query that reads factors only

    total = np.cumsum(costs)
    shares = np.linspace(0, total[-1], threads * _PARTS_PER_THREAD + 1)[1:-1]
    edges = np.unique([0, *np.searchsorted(total, shares), len(costs)]).tolist()
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, edges[:-1], edges[1:]))
