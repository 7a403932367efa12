"""A query in one space of vectors: what is near to it there, and how near the candidates stand."""

from dataclasses import dataclass

import numpy as np

from ..types import Mask, Rows, Scores, Vectors
from .fuse import Signal
from .gap import bridge
from .space import Neighbours, Space

__all__ = ["Asked", "asked_in", "standing_of", "told_apart"]

_LEAST_ALIKE = 0.1
"""Share of the best that the least alike candidate gets: more than one nobody can see."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query in one space, and which items it is held against there, shape (n,)."""

    space: Space
    queries: Vectors
    known: Mask

    def nearest(self, size: int, allowed: Mask | None) -> Neighbours:
        """Find the nearest allowed items that are known, `size` of each query."""
        # All that have a vector are what an index searches anyway, and without a mask faster.
        if self.known is self.space.presence:
            among = allowed
        else:
            among = self.known if allowed is None else self.known & allowed
        return self.space.neighbours(self.queries, size, among)


def asked_in(space: Space, queries: Vectors | None, known: Mask | None = None) -> Asked | None:
    """Return the query in a space where it says something there; all with a vector are known."""
    if queries is None:
        return None
    return Asked(space, queries, space.presence if known is None else known)


def standing_of(
    pool: Rows,
    asked: Asked,
    other: Asked | None,
    both: Mask,
    size: int,
    *,
    is_proxy: bool,
) -> Signal:
    """How the candidates stand to a query in one space, those absent from it in the other one.

    `both`, shape (n,), are the items by which the two are compared.
    """
    known = asked.known[pool]
    standing = np.zeros(len(pool), np.float32)
    standing[known] = asked.space.standing(asked.queries, pool[known])
    judged = ~known if other is None else other.known[pool] & ~known
    if other is not None and judged.any():
        here, there = (other.space, other.queries), (asked.space, asked.queries)
        crossing = bridge(here, there, both, size, is_proxy=is_proxy)
        standing[judged] = crossing.cross(other.space.standing(other.queries, pool[judged]))
        known = known | judged
    values = np.zeros(len(pool), np.float32)
    values[known] = told_apart(standing[known])
    return Signal(values, known)


def told_apart(scores: Scores) -> Scores:
    """Shift scores, shape (m,), so that the least of them is a little more than nothing."""
    if len(scores) == 0:
        return scores
    spread = scores - scores.min()
    widest = spread.max()
    return spread + _LEAST_ALIKE * widest if widest > 0 else np.ones_like(scores)
