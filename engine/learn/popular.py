"""How fast fashions pass in a log, and how popular items may become that nobody has met yet."""

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Scores, Vectors
from .interactions import Interactions
from .newcomers import fit_newcomers
from .splits import global_time_split

__all__ = ["HALF_LIVES", "best_half_life", "expected_popularity"]

HALF_LIVES = (7.0, 30.0, 90.0, 365.0, np.inf)
"""In days: what is tried."""
_USUAL = 7.0
_CUT_OFF = 10
_FEWEST, _MOST = 20, 2_000
_MICROSECONDS_PER_DAY = 86_400_000_000


def best_half_life(interactions: Interactions, n_items: int) -> float:
    """Return how fast the past should fade for what is popular now to foretell what is picked next.

    The last fifth of all entries by time is held out, and the half-life taken whose ten most
    popular unseen items have the highest NDCG over the people who picked something in it. A week,
    where fewer than twenty people tell; of equally good ones the shorter.

    Parameters
    ----------
    interactions
        All histories; entries with weights of 0 or less do not count.
    n_items
        Size of the catalogue.
    """
    picks = interactions.where(interactions.weights > 0)
    earlier, later = global_time_split(picks)
    people = np.flatnonzero(np.diff(later.offsets))
    people = people[:: max(1, len(people) // _MOST)]
    if len(people) < _FEWEST or len(earlier.rows) == 0:
        return _USUAL
    ages = (earlier.times.max() - earlier.times) / _MICROSECONDS_PER_DAY
    figures = []
    for half_life in HALF_LIVES:
        counts = earlier.weights * np.exp2(-ages / half_life)
        order = np.argsort(-np.bincount(earlier.rows, counts, minlength=n_items), kind="stable")
        figures.append(np.mean([_ndcg(order, earlier, later, user) for user in people.tolist()]))
    return HALF_LIVES[int(np.argmax(figures))]


def expected_popularity(
    vectors: Vectors, presence: Mask, popularity: Scores, events: NDArray[np.int64]
) -> Scores:
    """Guess how popular new items are by what they look and read like.

    A ridge regression of the popularity of known items on their vectors; see `fit_newcomers`.
    Guesses are brought below the least popular known item: who was picked comes first.

    Parameters
    ----------
    vectors, presence
        Of all items, shapes (n, d) and (n,); see `Taste`.
    popularity
        From 0 to 1, shape (n,).
    events
        How many people picked each item, shape (n,).

    Returns
    -------
    expected
        Shape (n,): 0 for items that somebody picked, for those without a place, and for all where
        vectors explain nothing.
    """
    expected = np.zeros(len(popularity), np.float32)
    warm, new = presence & (events > 0), presence & (events == 0)
    if np.count_nonzero(warm) < _FEWEST or not new.any():
        return expected
    guess = fit_newcomers(vectors, popularity[:, None], warm)
    if guess.r2 <= 0:
        return expected
    hoped = guess.predict(vectors[new])[:, 0]
    spread = max(float(np.ptp(hoped)), 1e-6)
    least = float(popularity[events > 0].min())
    expected[new] = (0.05 + 0.9 * (hoped - hoped.min()) / spread) * least
    return expected


def _ndcg(order: NDArray[np.int64], earlier: Interactions, later: Interactions, user: int) -> float:
    seen, wanted = earlier[user].rows, later[user].rows
    first = order[: _CUT_OFF + len(seen)]
    shown = first[~np.isin(first, seen)][:_CUT_OFF]
    discounts = 1 / np.log2(np.arange(2, _CUT_OFF + 2))
    gain = discounts[: len(shown)][np.isin(shown, wanted)].sum()
    return float(gain / discounts[: min(_CUT_OFF, len(wanted))].sum())
