"""Joins an answer with its reasons: parts of the score, the look-alike, the colours, the chance."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .answers import parts_of, rounded
from .rank.catalogue import Catalogue
from .rank.fuse import Ranked
from .rank.profile import Profile, read_profile
from .rank.query import Query
from .types import History, Rows

__all__ = ["Explainer", "most_alike_picks"]

_NOTABLE_SHARE = 0.15
"""Share of a picture, and of what a person picks, from which on a colour is worth a word."""


class Explainer:
    """Says why items were ranked for a person, from one generation.

    Parameters
    ----------
    catalogue
        The items.
    item_id
        Returns the id of an item row.
    colors
        Names of the columns of the palettes.
    policy
        What the manifest says of the scoring policy.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        item_id: Callable[[int], str],
        colors: Sequence[str],
        policy: Mapping[str, Any],
    ) -> None:
        self._catalogue = catalogue
        self._item_id = item_id
        self._colors = colors
        self._policy = policy

    def explain(self, ranked: Ranked, history: History, query: Query) -> dict[str, Any]:
        """Return the reasons for results, lists parallel to them.

        Returns
        -------
        dict
            ``score`` has ``scoring_policy_scores``, the parts by signal, and, where the policy
            learned it and made the score alone, ``probability``: the chance that a candidate with
            such a score is picked.
            ``plans`` has how the nearest were found, see `Response.explanation`.
            ``looks_like`` has the person's own pick that looks most like each item, None where
            there is no picture to compare; ``palette`` the colours of each that they pick much of;
            ``stand_in`` whether something else stood in for the picture of an item.
        """
        profile = read_profile(history)
        reasons = parts_of(ranked)
        is_own = query.inference.value_model is None and query.inference.boosting_factor == 0
        if self._policy.get("learned") and is_own and len(profile):
            odds = self._policy["slope"] * ranked.scores + self._policy["intercept"]
            reasons["score"]["probability"] = rounded(1 / (1 + np.exp(-odds)))
        picks = most_alike_picks(self._catalogue, profile.rows, ranked.rows)
        placed = self._catalogue.images.presence[ranked.rows]
        pictured = self._catalogue.facts.has_picture[ranked.rows]
        return {
            **reasons,
            "looks_like": [None if pick is None else self._item_id(pick) for pick in picks],
            "palette": self._shared_colors(ranked.rows, profile),
            "stand_in": (placed & ~pictured).tolist(),
        }

    def _shared_colors(self, rows: Rows, profile: Profile) -> list[list[str]]:
        palettes = self._catalogue.facts.palettes
        if palettes.shape[1] == 0 or len(profile) == 0:
            return [[] for _ in rows]
        picked = profile.weights @ palettes[profile.rows]
        liked = picked >= _NOTABLE_SHARE * max(float(picked.sum()), 1e-6)
        shared = liked & (palettes[rows] >= _NOTABLE_SHARE)
        return [[self._colors[place] for place in np.flatnonzero(row).tolist()] for row in shared]


def most_alike_picks(catalogue: Catalogue, picks: Rows, rows: Rows) -> list[int | None]:
    """Return, for every row, the pick that looks most like it; None where a picture is missing."""
    images, has_picture = catalogue.images, catalogue.facts.has_picture
    picks = picks[has_picture[picks]]
    if len(picks) == 0:
        return [None] * len(rows)
    nearest = picks[images.cosines(rows, picks).argmax(axis=1)]
    present = has_picture[rows]
    return [int(pick) if seen else None for pick, seen in zip(nearest, present, strict=True)]
