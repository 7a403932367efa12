"""Every opinion there is about a person's candidates, as the signals that a policy fuses."""

import numpy as np

from ..types import Mask, Rows, Scores
from .catalogue import Catalogue
from .fuse import Signal
from .profile import Profile
from .space import Space

__all__ = ["LATEST", "SIGNALS", "mean_likeness", "person_signals"]

SIGNALS = (
    "picked_together",
    "factors",
    "taste",
    "looks",
    "meaning",
    "words",
    "palette",
    "category",
    "price",
    "popularity",
    "trend",
    "newness",
    "is_new",
    "has_picture",
)
"""Names of the signals, in the order of the columns that policies learn from.

More of a signal always speaks for an item, so that no weight of one is below 0.
"""
LATEST = 30
"""Picks that vectors are compared with."""


def person_signals(
    catalogue: Catalogue, profile: Profile, pool: Rows, together: Scores
) -> dict[str, Signal]:
    """Return what is known of the candidates for a person with at least one pick.

    Parameters
    ----------
    catalogue
        The items.
    profile
        The person.
    pool
        Candidates, shape (m,).
    together
        As `Catalogue.picked_together` tells of the profile, shape (n,).

    Returns
    -------
    signals
        Under the names of `SIGNALS`, without those that have nothing to say.
    """
    facts = catalogue.facts
    words = catalogue.words.among(*_pair(profile.latest(LATEST)), pool)
    signals: dict[str, Signal | None] = {
        "picked_together": Signal(together[pool]),
        "factors": _factors(catalogue, profile, pool),
        "taste": _taste(catalogue, profile, pool),
        "looks": mean_likeness(catalogue.images, pool, *_pair(profile.latest(LATEST))),
        "meaning": mean_likeness(catalogue.texts, pool, *_pair(profile.latest(LATEST))),
        "words": Signal(words, catalogue.words.presence()[pool]),
        "palette": _known(facts.palette_affinity(pool, profile)),
        "category": _known(facts.category_affinity(pool, profile)),
        "price": _known(facts.price_affinity(pool, profile)),
        "popularity": Signal(facts.popularity[pool]),
        "trend": Signal(facts.trend[pool]),
        "newness": _newness(facts.newness[pool]),
        "is_new": Signal(facts.is_new[pool].astype(np.float32)),
        "has_picture": Signal(catalogue.images.presence[pool].astype(np.float32)),
    }
    return {name: signal for name, signal in signals.items() if signal is not None}


def mean_likeness(space: Space, pool: Rows, picks: Rows, weights: Scores) -> Signal:
    """Mean likeness to the picks; what is unlike one pick does not count against the others."""
    present = space.presence[pool]
    values = np.zeros(len(pool), np.float32)
    seen = space.presence[picks]
    if seen.any() and present.any():
        cosine = space.cosines(pool[present], picks[seen])
        values[present] = np.maximum(cosine, 0) @ weights[seen]
    return Signal(values, present)


def _factors(catalogue: Catalogue, profile: Profile, pool: Rows) -> Signal | None:
    if catalogue.factors is None:
        return None
    return Signal(catalogue.factors.likings(profile.rows, profile.weights, pool))


def _taste(catalogue: Catalogue, profile: Profile, pool: Rows) -> Signal | None:
    values = catalogue.taste.likeness(pool, profile)
    return None if values is None else Signal(values, catalogue.taste.presence[pool])


def _newness(newness: Scores) -> Signal:
    known = ~np.isnan(newness)
    return Signal(np.where(known, newness, 0).astype(np.float32), known)


def _known(found: tuple[Scores, Mask] | None) -> Signal | None:
    return None if found is None else Signal(*found)


def _pair(profile: Profile) -> tuple[Rows, Scores]:
    return profile.rows, profile.weights
