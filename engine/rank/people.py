"""People like one person: by what both picked and by how alike their tastes look."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import History, Mask, Rows, Vectors
from .fuse import Ranked, Signal, best_first, fuse, top_rows

__all__ = ["People"]

_WEIGHTS = {"picks": 1.0, "looks": 1.0}
_POOL = 200


@dataclass(frozen=True, slots=True)
class People:
    """What is known of every user, in user-row order.

    Item i was picked by ``fans[fan_offsets[i]:fan_offsets[i + 1]]``. `picks`, shape (u,), counts
    every user's positive entries. `tastes`, shape (u, d), are unit vectors where `has_taste`,
    shape (u,), is true; see `catalogue.taste_vector`.
    """

    fan_offsets: NDArray[np.int64]
    fans: Rows
    picks: NDArray[np.int64]
    tastes: Vectors
    has_taste: Mask

    def like(self, user: int, history: History, k: int) -> Ranked:
        """Return the k users most like `user`, best first: user rows, not item rows.

        Shared picks count as the cosine of the two sets of picks (Salton & Buckley, 1988), looks
        as the cosine of the two tastes. Only users with something in common are returned.
        """
        shared = self._shared(history)
        overlap = shared / np.sqrt(np.maximum(self.picks * max(self.picks[user], 1), 1))
        looks = np.zeros(len(self.picks), np.float32)
        if self.has_taste[user]:
            looks = np.where(self.has_taste, self.tastes @ self.tastes[user], 0)
        others = np.arange(len(self.picks)) != user
        size = max(_POOL, 2 * k)
        pool = np.union1d(
            top_rows(overlap, size, (overlap > 0) & others),
            top_rows(looks, size, (looks > 0) & others),
        ).astype(np.int32)
        signals = {
            "picks": Signal(overlap[pool].astype(np.float32)),
            "looks": Signal(looks[pool], np.asarray(self.has_taste[pool])),
        }
        return best_first(fuse(pool, signals, _WEIGHTS), k)

    def _shared(self, history: History) -> NDArray[np.int64]:
        picked = history.rows[history.weights > 0]
        spans = [self.fans[self.fan_offsets[row] : self.fan_offsets[row + 1]] for row in picked]
        return np.bincount(np.concatenate([*spans, []]).astype(np.int64), minlength=len(self.picks))
