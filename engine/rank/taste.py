"""The taste space at serving: how near an item is to any of a person's picks."""

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows, Scores, Vectors
from .pool import LISTS, Found
from .profile import Profile, interests
from .space import Nearest

__all__ = ["LATEST", "SHARPNESS", "WIDE", "TasteSpace"]

SHARPNESS = 5.0
"""How much nearer picks count for more; `learn.taste` trains for the same."""
LATEST = 30
"""Picks that an item is compared with."""
WIDE = 0.25
"""Share of what the lists bring that must pass a filter for the lists to do."""


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
    neighbours, cold_neighbours
        Of every item the nearest others, and the nearest of those that hardly anyone picked, best
        first, padded with -1, shapes (n, c) and (n, e). None where they are not prepared: then the
        index is asked for those of the picks.
    """

    def __init__(
        self,
        vectors: Vectors,
        presence: Mask,
        crowding: Scores,
        index: Nearest,
        neighbours: Rows | None = None,
        cold_neighbours: Rows | None = None,
    ) -> None:
        self.vectors = vectors
        self.presence = presence
        self.crowding = crowding
        self.neighbours = neighbours
        self.cold_neighbours = cold_neighbours
        self._index = index

    def near_picks(self, profile: Profile, size: int, allowed: Mask) -> Found:
        """Find about `size` allowed items that are near to a person's latest picks.

        As many of the nearest of each pick, as far as they are prepared; where a filter leaves less
        than a quarter of these, the nearest that it leaves to each of the person's interests. Items
        may come up twice.
        """
        return self._near(profile, size, allowed, self.neighbours)

    def cold_near_picks(self, profile: Profile, size: int, cold: Mask) -> Found:
        """Find the same of items that hardly anyone picked, `cold` being those allowed."""
        return self._near(profile, size, cold, self.cold_neighbours)

    def nearest(self, vectors: NDArray[np.float32], k: int, allowed: Mask | None) -> Found:
        """Find the rows nearest to each of `vectors`, shape (q, d), k of each."""
        found = self._index.query(vectors, k, allowed=allowed)
        return Found(found.rows.ravel(), found.plan)

    def _near(self, profile: Profile, size: int, allowed: Mask, lists: Rows | None) -> Found:
        picks = self._placed(profile.latest(LATEST))
        if len(picks) == 0:
            return Found(np.zeros(0, np.int32), None)
        if lists is not None:
            near = lists[picks.rows, : -(-size // len(picks))].ravel()
            near = near[near >= 0]
            found: Rows = near[allowed[near]]
            if len(found) >= WIDE * len(near):
                return Found(found, LISTS)
        centres, _ = interests(self.vectors[picks.rows], picks.weights)
        return self.nearest(centres, -(-size // len(centres)), allowed)

    def knows(self, profile: Profile) -> bool:
        """Say whether any of a person's latest picks has a place."""
        return len(self._placed(profile.latest(LATEST))) > 0

    def likeness(self, pool: Rows, profile: Profile) -> Scores | None:
        """How alike items are to a person's picks; None if none of the latest thirty has a place.

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
        picks = self._placed(profile.latest(LATEST))
        if len(picks) == 0:
            return None
        cosine = self.vectors.take(pool, axis=0) @ self.vectors[picks.rows].T
        cosine *= np.float32(SHARPNESS)
        kernel = np.exp(cosine, out=cosine) @ picks.weights
        likeness: Scores = kernel / np.sqrt(self.crowding[pool])
        return likeness

    def _placed(self, profile: Profile) -> Profile:
        placed = self.presence[profile.rows]
        return Profile(profile.rows[placed], profile.weights[placed], profile.seen)
