"""The taste space at serving: how near an item is to any of a person's picks."""

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows, Scores, Vectors
from .profile import Profile, interests
from .space import Nearest

__all__ = ["SHARPNESS", "TasteSpace"]

SHARPNESS = 5.0
"""How much nearer picks count for more; `learn.taste` trains for the same."""
_LATEST = 30
"""Picks that an item is compared with."""


class TasteSpace:
    """Vectors of items, from pictures and words, in which one person's picks lie close together.

    Parameters
    ----------
    vectors
        Shape (n, d), unit rows where `presence`, shape (n,), is true.
    presence
        Which items have a place: those with a picture or with words.
    crowding
        How many others an item lies near to, above 0, shape (n,); see `likeness`.
    index
        Finds the nearest of the vectors.
    """

    def __init__(self, vectors: Vectors, presence: Mask, crowding: Scores, index: Nearest) -> None:
        self.vectors = vectors
        self.presence = presence
        self.crowding = crowding
        self._index = index

    def interests(self, profile: Profile) -> tuple[Vectors, Scores] | None:
        """Return a person's interests and their weights; None if no pick has a place."""
        picks = self._placed(profile)
        if len(picks) == 0:
            return None
        return interests(self.vectors[picks.rows], picks.weights)

    def nearest(self, vectors: NDArray[np.float32], k: int, allowed: Mask | None) -> Rows:
        """Return the rows nearest to each of `vectors`, shape (q, d), k of each."""
        return self._index.query(vectors, k, allowed=allowed).rows.ravel()

    def likeness(self, pool: Rows, profile: Profile) -> Scores | None:
        """How alike items are to a person's picks; None if no pick has a place.

        The estimate of a density by a kernel on the sphere, sum_j w_j exp(5 x.x_j), over the square
        root of the same over the catalogue (Parzen, 1962; Zelnik-Manor & Perona, 2004): being near
        to one pick is enough, so that a person may have several tastes, and an item that is near to
        everything is near to no one in particular.

        Parameters
        ----------
        pool
            Items, shape (m,).
        profile
            The picks; the latest thirty are compared with.

        Returns
        -------
        likeness
            Shape (m,), above 0; what stands for an item without a place means nothing.
        """
        picks = self._placed(profile.latest(_LATEST))
        if len(picks) == 0:
            return None
        cosine = self.vectors[pool] @ self.vectors[picks.rows].T
        kernel = np.exp(np.float32(SHARPNESS) * cosine) @ picks.weights
        likeness: Scores = kernel / np.sqrt(self.crowding[pool])
        return likeness

    def _placed(self, profile: Profile) -> Profile:
        placed = self.presence[profile.rows]
        return Profile(profile.rows[placed], profile.weights[placed], profile.seen)
