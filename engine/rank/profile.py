"""A history into what is known of a person: picks, how much each counts, interests."""

from dataclasses import dataclass

import numpy as np

from ..recency import by_order
from ..types import History, Rows, Scores, Vectors

__all__ = ["MAX_PICKS", "Profile", "interests", "read_profile"]

MAX_PICKS = 200
"""Latest picks of a history that speak for it; older ones change no order any more."""
RECENCY_HALF_LIFE_DAYS = 90.0
_LEAST_DECAY = 2.0**-20  # a pick of 1970 must not round to none
MAX_INTERESTS = 4
_SAME_INTEREST = 0.5
"""Cosine in the taste space from which on two picks are of one interest."""
_MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person picked, oldest first, and what they have seen.

    `rows` are item rows and `weights`, above 0, how much each counts, both of shape (p,). `seen`
    are the rows of everything in the history, also of what was turned down.
    """

    rows: Rows
    weights: Scores
    seen: Rows

    def __len__(self) -> int:
        return len(self.rows)

    def latest(self, count: int) -> "Profile":
        """Return the profile of the `count` latest picks alone."""
        return Profile(self.rows[-count:], self.weights[-count:], self.seen)


def read_profile(history: History) -> Profile:
    """Weigh the picks of a history.

    A pick counts by the square root of its event's weight: a purchase says more of a taste than a
    view, yet five views of one kind say more than one purchase of another. It counts less the more
    picks came after it, see `recency`, and half as much for every ninety days that it is older than
    the newest: what matters is a person's own order, not how long ago they last came.
    """
    picked = np.flatnonzero(history.weights > 0)[-MAX_PICKS:]
    rows, weights = history.rows[picked], history.weights[picked]
    if len(rows) == 0:
        return Profile(rows, weights.astype(np.float32), history.rows)
    times = history.times[picked]
    days = (times[-1] - times) / _MICROSECONDS_PER_DAY
    decay = np.maximum(np.exp2(-days / RECENCY_HALF_LIFE_DAYS), _LEAST_DECAY)
    counts = np.sqrt(weights) * by_order(len(rows)) * decay
    return Profile(rows, counts.astype(np.float32), history.rows)


def interests(vectors: Vectors, weights: Scores) -> tuple[Vectors, Scores]:
    """Gather picks into at most four interests.

    The latest pick begins an interest; then, as long as there is one that is unlike all of them,
    the pick that is least like any. Every pick joins the interest whose beginning it is most like.

    Parameters
    ----------
    vectors
        Of the picks, oldest first, unit rows of shape (p, d), at least one.
    weights
        Of the picks, shape (p,).

    Returns
    -------
    interests, weights
        Unit vectors, shape (q, d), and the sums of the weights of their picks, shape (q,).
    """
    begun = [len(vectors) - 1]
    nearest = vectors @ vectors[-1]
    while len(begun) < min(MAX_INTERESTS, len(vectors)):
        other = int(np.argmin(nearest))
        if nearest[other] >= _SAME_INTEREST:
            break
        begun.append(other)
        nearest = np.maximum(nearest, vectors @ vectors[other])
    belongs = (vectors @ vectors[begun].T).argmax(axis=1)
    shares = np.where(belongs[:, None] == np.arange(len(begun)), weights[:, None], 0)
    means = shares.T @ vectors
    lengths = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.float32(1e-12))
    return (means / lengths).astype(np.float32), shares.sum(axis=0).astype(np.float32)
