"""What ranking reads of one generation, and the signals that follow from it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import History, Mask, Rows, Scores, Vectors

__all__ = ["Catalogue", "recent_picks", "taste_vector"]

RECENCY_HALF_LIFE_DAYS = 90.0
MAX_PICKS = 50
"""Latest picks of a history that speak for it."""
_MICROSECONDS_PER_DAY = 86_400_000_000


class Neighbours(Protocol):
    """Answer of a vector index: rows and scores, shape (q, k), best first."""

    @property
    def rows(self) -> Rows: ...

    @property
    def scores(self) -> Scores: ...


class Nearest(Protocol):
    """A vector index."""

    def query(self, vectors: Vectors, k: int, *, allowed: Mask | None = None) -> Neighbours:
        """Return the k nearest allowed rows to every one of `vectors`, or all there are."""
        ...


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

    `vectors`, shape (n, d), unit rows where `presence`, shape (n,), is true; other rows are never
    read. `center`, shape (d,), is about the mean of the vectors: what all pictures of this
    catalogue share says nothing of a taste, so looks are compared after taking it away.
    `neighbours` and `neighbour_scores`, shape (n, c), are the items picked together with each item,
    padded with -1. `trend`, shape (n,), is from 0 to 1.
    """

    vectors: Vectors
    presence: Mask
    center: NDArray[np.float32]
    index: Nearest
    neighbours: Rows
    neighbour_scores: Scores
    trend: Scores
    words: WordScorer

    def __len__(self) -> int:
        return len(self.presence)

    def centered(self, rows: Rows) -> Vectors:
        """Vectors of `rows` without what the whole catalogue shares, unit length, shape (m, d)."""
        return center_vectors(self.vectors[rows], self.center)

    def picked_together(self, rows: Rows, weights: Scores) -> Scores:
        """How often every item is picked by those who pick `rows`, shape (n,)."""
        others = self.neighbours[rows]
        known = others >= 0
        shares = self.neighbour_scores[rows] * weights[:, None]
        total = np.bincount(others[known], shares[known], minlength=len(self))
        return total.astype(np.float32)


def center_vectors(vectors: Vectors, center: NDArray[np.float32]) -> Vectors:
    """Take `center` away from unit `vectors`, shape (m, d), and scale them to unit length again."""
    moved = vectors - center
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    unit: Vectors = moved / np.maximum(lengths, np.float32(1e-6))
    return unit


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
    seen = catalogue.presence[rows]
    if not seen.any():
        return None
    mean = weights[seen] @ catalogue.centered(rows[seen])
    length = float(np.linalg.norm(mean))
    return (mean / np.float32(length)).astype(np.float32) if length > 0 else None
