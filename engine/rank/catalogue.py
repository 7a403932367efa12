"""What ranking reads of one generation, and the signals that follow from it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import History, Mask, Rows, Scores
from .space import Space

__all__ = ["Catalogue", "recent_picks", "taste_vector"]

RECENCY_HALF_LIFE_DAYS = 90.0
MAX_PICKS = 50
"""Latest picks of a history that speak for it."""
_MICROSECONDS_PER_DAY = 86_400_000_000


class WordScorer(Protocol):
    """Scores items by their words; see `features.words.WordIndex`."""

    def of_items(self, rows: Rows, weights: Scores) -> Scores:
        """Mean cosine of every item to the given ones."""
        ...

    def of_text(self, text: str) -> Scores:
        """Cosine of every item to a text."""
        ...

    def presence(self) -> Mask:
        """Say which items have words."""
        ...


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The arrays of one generation that ranking reads, all in item-row order.

    `images` and `texts` are the vectors of the items' pictures and of their words; whether the two
    share one space is the encoder's affair. `neighbours` and `neighbour_scores`, shape (n, c), are
    the items picked together with each item, padded with -1. `trend`, shape (n,), is from 0 to 1.
    """

    images: Space
    texts: Space
    neighbours: Rows
    neighbour_scores: Scores
    trend: Scores
    words: WordScorer

    def __len__(self) -> int:
        return len(self.trend)

    def picked_together(self, rows: Rows, weights: Scores) -> Scores:
        """How often every item is picked by those who pick `rows`, shape (n,)."""
        others = self.neighbours[rows]
        known = others >= 0
        shares = self.neighbour_scores[rows] * weights[:, None]
        total = np.bincount(others[known], shares[known], minlength=len(self))
        return total.astype(np.float32)


def recent_picks(history: History) -> tuple[Rows, Scores]:
    """Return the rows of the latest positive picks, newest last, and how much each counts.

    A pick counts by the square root of its event's weight: a purchase says more of a taste than a
    view, yet five views of one kind say more than one purchase of another. It counts half as much
    for every ninety days that it is older than the newest: what matters is the order of a person's
    own picks, not how long ago they last came.
    """
    picked = history.weights > 0
    rows, weights = history.rows[picked][-MAX_PICKS:], history.weights[picked][-MAX_PICKS:]
    times = history.times[picked][-MAX_PICKS:]
    if len(rows) == 0:
        return rows, weights
    age_days = (times[-1] - times) / _MICROSECONDS_PER_DAY
    decay = np.exp2(-age_days / RECENCY_HALF_LIFE_DAYS)
    return rows, (np.sqrt(weights) * decay).astype(np.float32)


def taste_vector(catalogue: Catalogue, history: History) -> NDArray[np.float32] | None:
    """Return the mean of a history's looks, unit length, shape (d,); None if none has a picture."""
    rows, weights = recent_picks(history)
    seen = catalogue.images.presence[rows]
    if not seen.any():
        return None
    mean = weights[seen] @ catalogue.images.centered(rows[seen])
    length = float(np.linalg.norm(mean))
    return (mean / np.float32(length)).astype(np.float32) if length > 0 else None
