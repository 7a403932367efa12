"""Ranks a catalogue for someone without a history, by what is known of people like them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Scores
from .catalogue import Catalogue
from .fuse import Ranked, Signal, best_first, fuse, top_rows
from .pool import Pool
from .taste import SHARPNESS

__all__ = ["Guess", "for_newcomer"]

_WEIGHTS = {"people_like_you": 1.0, "taste": 0.3, "popularity": 0.3, "trend": 0.3}
"""Set by hand: there is no history to learn from, and whom a person is like is a guess."""
_POOL = 300


@dataclass(frozen=True, slots=True)
class Guess:
    """What a person's features say of their taste.

    `liked`, shape (n,), 0 or more, is how much more often people like them pick every item than
    others do. `interest`, shape (d,), is a unit vector of the taste space; None where features say
    nothing of it.
    """

    liked: Scores
    interest: NDArray[np.float32] | None


def for_newcomer(catalogue: Catalogue, guess: Guess, k: int, allowed: Mask | None) -> Ranked:
    """Return candidates for someone of whom only features are known, best first."""
    facts, taste = catalogue.facts, catalogue.taste
    kept = np.ones(len(catalogue), np.bool_) if allowed is None else allowed
    size = max(_POOL, 2 * k)
    gathered = Pool()
    gathered.add(top_rows(guess.liked, size, (guess.liked > 0) & kept))
    gathered.add(top_rows(facts.trend, size, kept))
    gathered.add(top_rows(facts.popularity, size, kept))
    if guess.interest is not None:
        gathered.add_nearest("taste", taste.nearest(guess.interest[None], size, kept))
    pool = gathered.rows
    signals = {
        "people_like_you": Signal(guess.liked[pool]),
        "popularity": Signal(facts.popularity[pool]),
        "trend": Signal(facts.trend[pool]),
    }
    if guess.interest is not None:
        kernel = np.exp(np.float32(SHARPNESS) * (taste.vectors[pool] @ guess.interest))
        likeness = kernel / np.sqrt(taste.crowding[pool])
        signals["taste"] = Signal(likeness.astype(np.float32), taste.presence[pool])
    ranked = best_first(fuse(pool, signals, _WEIGHTS), len(pool))
    return replace(ranked, plans=gathered.plans)
