"""Joins `fetch.users` with learning: what people's features say of those without a history."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .features.people import UserDesign
from .learn.interactions import Interactions
from .learn.newcomers import GroupTaste, Newcomers, fit_newcomers, group_taste
from .rank.newcomer import Guess
from .rank.profile import read_profile
from .rank.taste import TasteSpace

if TYPE_CHECKING:
    import polars as pl

__all__ = ["NewcomerModel", "learn_newcomers"]


@dataclass(frozen=True, slots=True)
class NewcomerModel:
    """What features of people say of their taste.

    `rows`, shape (u, p), are the features of the users of the generation; `groups` what groups
    pick; `interests` guesses a place in the taste space.
    """

    design: UserDesign
    rows: NDArray[np.float32]
    groups: GroupTaste
    interests: Newcomers

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps; JSON values."""
        return {"design": self.design.to_dict(), "r2": round(self.interests.r2, 5)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are kept beside it."""
        return {
            "rows": self.rows,
            "offsets": self.groups.offsets,
            "items": self.groups.rows,
            "lifts": self.groups.lifts,
            "weights": self.interests.weights,
        }

    @classmethod
    def open(cls, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> "NewcomerModel":
        """Return the model that was kept as `record` and `arrays`."""
        return cls(
            UserDesign.from_dict(record["design"]),
            arrays["rows"],
            GroupTaste(arrays["offsets"], arrays["items"], arrays["lifts"]),
            Newcomers(arrays["weights"], record["r2"]),
        )

    def of_user(self, row: int, n_items: int) -> Guess | None:
        """Guess for a user of the generation; None if nothing is known of them."""
        vector = np.asarray(self.rows[row])
        return self._guess(vector, n_items) if vector.any() else None

    def of_features(
        self, features: Mapping[str, Any], n_items: int
    ) -> tuple[Guess | None, list[str]]:
        """Guess from the features of a request; tell what of them was not understood."""
        vector, notes = self.design.encode(features)
        return (self._guess(vector, n_items) if vector.any() else None), notes

    def _guess(self, vector: NDArray[np.float32], n_items: int) -> Guess:
        interest = None
        if self.interests.r2 > 0:
            guess = self.interests.predict(vector)
            length = float(np.linalg.norm(guess))
            interest = (guess / np.float32(length)).astype(np.float32) if length > 0 else None
        return Guess(self.groups.scores(vector, n_items), interest)


def learn_newcomers(
    users: "pl.DataFrame",
    roles: Mapping[str, str],
    interactions: Interactions,
    taste: TasteSpace,
) -> NewcomerModel:
    """Learn what the features of those with a history say of it.

    Parameters
    ----------
    users
        The described users in user-row order.
    roles
        What their columns are for.
    interactions
        Histories of the same users.
    taste
        Where their picks lie.
    """
    design = UserDesign.fit(users, roles)
    rows = design.encode_frame(users)
    places = np.zeros((len(interactions), taste.vectors.shape[1]), np.float32)
    known = np.zeros(len(interactions), np.bool_)
    for user, history in enumerate(interactions):
        profile = read_profile(history)
        present = taste.presence[profile.rows]
        if present.any() and rows[user].any():
            places[user] = profile.weights[present] @ taste.vectors[profile.rows[present]]
            places[user] /= max(float(np.linalg.norm(places[user])), 1e-6)
            known[user] = True
    groups = group_taste(rows, design.groups, interactions, len(taste.presence))
    return NewcomerModel(design, rows, groups, fit_newcomers(rows, places, known))
