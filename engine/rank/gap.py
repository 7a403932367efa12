"""Hold nearness to words against nearness to pictures: the modality gap, measured and closed.

In an encoder of words and pictures the two lie apart (Liang et al., "Mind the gap", NeurIPS 2022):
a text is nearer to texts than to the pictures that they describe. An item that is judged by its
words because it has no picture would then drown all that have one. What a nearness to words is
worth as a nearness to pictures is read off the items that have both.
"""

from dataclasses import dataclass

import numpy as np

from ..types import Mask, Scores, Vectors
from .space import Space

__all__ = ["Bridge", "bridge"]

_SAMPLE = 2_048
"""Items that a correlation is measured on: it is then known to 0.04."""
_FEWEST = 20
"""Items with both that it takes to compare; of fewer, standings are taken as they are."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Standings in one space and what they are worth in another, both rising, shape (r,).

    `trust`, from 0 to 1, is what a crossed standing is multiplied by.
    """

    here: Scores
    there: Scores
    trust: float = 1.0

    def cross(self, standing: Scores) -> Scores:
        """Translate standings, shape (m,): equal ranks are worth the same.

        Between the known ranks in a straight line; beyond the best, on along the line from the
        first known rank to it; below what is usual, as they are.
        """
        if len(self.here) < 2:
            return standing
        crossed = np.interp(standing, self.here, self.there)
        width = self.here[-1] - self.here[0]
        slope = (self.there[-1] - self.there[0]) / width if width > 0 else 1.0
        beyond = standing > self.here[-1]
        crossed[beyond] = self.there[-1] + slope * (standing[beyond] - self.here[-1])
        below = standing < self.here[0]
        crossed[below] = self.there[0] + standing[below] - self.here[0]
        return (crossed * self.trust).astype(np.float32)


def bridge(
    here: tuple[Space, Vectors],
    there: tuple[Space, Vectors],
    both: Mask,
    size: int,
    *,
    is_proxy: bool = False,
) -> Bridge:
    """Compare how the items that have both stand to a query in two spaces.

    The k-th nearest of one space stands where the k-th nearest of the other does (quantile
    matching), for the `size` nearest, which are those that can come first; and what is usual,
    a standing of 0, is so in both.

    Parameters
    ----------
    here, there
        Space and queries, unit vectors of shape (q, d), by which an item is judged, and by which
        it would be if it could.
    both
        Which items have a vector in both spaces, shape (n,).
    size
        How many of the nearest are compared.
    is_proxy
        Whether standing `there` is what was asked for, and standing `here` only tells of it, as
        words do of looks when the query is a picture: then a standing is worth less by how little
        the two go together, their correlation over the items that have both. Asked in words, an
        item's words are as good an answer as its picture.
    """
    if np.count_nonzero(both) < _FEWEST:
        return Bridge(np.zeros(0, np.float32), np.zeros(0, np.float32))
    mine, theirs = (_nearest(space, queries, both, size) for space, queries in (here, there))
    depth = min(np.count_nonzero(mine > 0), np.count_nonzero(theirs > 0))
    usual = np.zeros(1, np.float32)
    steps, ranks = np.unique(np.concatenate([usual, mine[:depth]]), return_inverse=True)
    # Items of one title stand alike: each is worth the mean of the ranks that they share.
    worth = np.bincount(ranks, np.concatenate([usual, theirs[:depth]])) / np.bincount(ranks)
    trust = _correlation(here, there, both) if is_proxy else 1.0
    return Bridge(steps, worth.astype(np.float32), trust)


def _correlation(here: tuple[Space, Vectors], there: tuple[Space, Vectors], both: Mask) -> float:
    rows = np.flatnonzero(both)
    sample = rows[:: max(1, len(rows) // _SAMPLE)].astype(np.int32)
    mine, theirs = (space.standing(queries, sample) for space, queries in (here, there))
    if mine.std() == 0 or theirs.std() == 0:
        return 0.0
    return max(0.0, float(np.corrcoef(mine, theirs)[0, 1]))


def _nearest(space: Space, queries: Vectors, both: Mask, size: int) -> Scores:
    """Return the standings of those nearest to the queries, highest first."""
    rows = np.unique(space.nearest(queries, size, both))
    return np.sort(space.standing(queries, rows))[::-1][:size]
