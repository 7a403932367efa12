"""Every opinion there is about a person's candidates, as the signals that a policy fuses."""

from collections.abc import Callable, Collection

import numpy as np

from ..types import Mask, Rows, Scores
from .catalogue import Catalogue
from .fuse import Signal, SparseScores
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
    catalogue: Catalogue,
    profile: Profile,
    pool: Rows,
    together: SparseScores,
    wanted: Collection[str] = SIGNALS,
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
        As `Catalogue.picked_together` tells of the profile.
    wanted
        Names of the signals that are asked for.

    Returns
    -------
    signals
        Under those of the names that have anything to say, in the order of `SIGNALS`.
    """
    facts, images, words = catalogue.facts, catalogue.images, catalogue.words
    latest = _pair(profile.latest(LATEST))
    tell: dict[str, Callable[[], Signal | None]] = {
        "picked_together": lambda: Signal(together[pool]),
        "factors": lambda: _factors(catalogue, profile, pool),
        "taste": lambda: _taste(catalogue, profile, pool),
        "looks": lambda: mean_likeness(images, pool, *latest),
        "meaning": lambda: mean_likeness(catalogue.texts, pool, *latest),
        "words": lambda: Signal(words.among(*latest, pool), words.presence()[pool]),
        "palette": lambda: _known(facts.palette_affinity(pool, profile)),
        "category": lambda: _known(facts.category_affinity(pool, profile)),
        "price": lambda: _known(facts.price_affinity(pool, profile)),
        "popularity": lambda: Signal(facts.popularity[pool]),
        "trend": lambda: Signal(facts.trend[pool]),
        "newness": lambda: _newness(facts.newness[pool]),
        "is_new": lambda: Signal(facts.is_new[pool].astype(np.float32)),
        "has_picture": lambda: Signal(facts.has_picture[pool].astype(np.float32)),
    }
    signals = {name: tell[name]() for name in SIGNALS if name in wanted}
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
