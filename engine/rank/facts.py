"""What is known of items besides vectors and words: how popular, how new, price, kind, colours."""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows, Scores
from .profile import Profile

__all__ = ["FACT_ARRAYS", "LEAST_SPREAD", "Facts", "no_facts"]

_COLD_EVENTS = 5
LEAST_SPREAD = 0.3
"""Of log prices: someone who bought one thing for 20 also buys at 15 and 27."""


@dataclass(frozen=True)
class Facts:
    """Arrays in item-row order.

    `events`, shape (n,), counts the people who picked each item; `popularity` and `trend`, its
    popularity of now, shape (n,), are from 0 to 1. `newness`, shape (n,), is from 0 to 1, NaN where
    it is not known when an item came to be. `prices`, shape (n,), are NaN where there is none.
    `categories`, shape (n, g), are codes, -1 where there is none. `palettes`, shape (n, c), are
    shares of colours, all 0 without a picture. `has_picture`, shape (n,), tells the truth where an
    item without one has a place among the pictures, that of a stand-in.
    """

    events: NDArray[np.int32]
    popularity: Scores
    trend: Scores
    newness: Scores
    prices: Scores
    categories: NDArray[np.int32]
    palettes: NDArray[np.float32]
    has_picture: Mask

    @cached_property
    def most_popular(self) -> Rows:
        """All rows, the most popular first."""
        return _order(self.popularity)

    @cached_property
    def most_trending(self) -> Rows:
        """All rows, the most trending first."""
        return _order(self.trend)

    @cached_property
    def newest(self) -> Rows:
        """The rows whose time is known, the newest first."""
        known = np.flatnonzero(~np.isnan(self.newness))
        order: Rows = known[_order(self.newness[known])].astype(np.int32)
        return order

    @cached_property
    def is_new(self) -> Mask:
        """Items that nobody picked yet, shape (n,)."""
        is_new: Mask = self.events == 0
        return is_new

    @cached_property
    def is_cold(self) -> Mask:
        """Items that fewer than five people picked, shape (n,)."""
        is_cold: Mask = self.events < _COLD_EVENTS
        return is_cold

    def price_affinity(self, pool: Rows, profile: Profile) -> tuple[Scores, Mask] | None:
        """How near prices are to what a person pays: a normal density of their log prices.

        Returns values from 0 to 1 and which of them are known; None if no pick has a price.
        """
        paid = self.prices[profile.rows]
        known = ~np.isnan(paid)
        if not known.any():
            return None
        weights = profile.weights[known] / profile.weights[known].sum()
        logs = np.log1p(np.maximum(paid[known], 0))
        mean = float(weights @ logs)
        spread = max(LEAST_SPREAD, float(np.sqrt(weights @ (logs - mean) ** 2)))
        prices = self.prices[pool]
        present = ~np.isnan(prices)
        offset = (np.log1p(np.maximum(np.where(present, prices, 0), 0)) - mean) / spread
        return np.exp(-(offset**2) / 2).astype(np.float32), present

    def category_affinity(self, pool: Rows, profile: Profile) -> tuple[Scores, Mask] | None:
        """Share of a person's picks that are of an item's kind, averaged over the columns."""
        if self.categories.shape[1] == 0:
            return None
        # One up: 0 is no kind, and the last count, of a kind that nobody picked, is 0.
        picked = self.categories[profile.rows].T + 1
        candidates = self.categories.take(pool, axis=0).T + 1
        shares, known = np.zeros(len(pool)), np.zeros(len(pool), np.int32)
        for codes, values in zip(picked, candidates, strict=True):
            counts = np.bincount(codes, profile.weights, minlength=codes.max() + 2)
            counts[0] = 0
            if (total := counts.sum()) > 0:
                shares += (counts / total).take(values, mode="clip")
                known += values > 0
        if not known.any():
            return None
        mean: Scores = (shares / np.maximum(known, 1)).astype(np.float32)
        return mean, known > 0

    def palette_affinity(self, pool: Rows, profile: Profile) -> tuple[Scores, Mask] | None:
        """Cosine of an item's colours to those of a person's picks; None without such."""
        if self.palettes.shape[1] == 0:
            return None
        liked = profile.weights @ self.palettes[profile.rows]
        length = float(np.linalg.norm(liked))
        if length == 0:
            return None
        colors = self.palettes[pool]
        lengths = np.linalg.norm(colors, axis=1)
        present = lengths > 0
        cosine = colors @ (liked / np.float32(length)) / np.maximum(lengths, np.float32(1e-6))
        return cosine.astype(np.float32), present


FACT_ARRAYS = tuple(field.name for field in fields(Facts))


def no_facts(n_items: int) -> Facts:
    """Return the facts about items of which nothing is known."""
    unknown = np.full(n_items, np.nan, np.float32)
    return Facts(
        events=np.zeros(n_items, np.int32),
        popularity=np.zeros(n_items, np.float32),
        trend=np.zeros(n_items, np.float32),
        newness=unknown,
        prices=unknown,
        categories=np.zeros((n_items, 0), np.int32),
        palettes=np.zeros((n_items, 0), np.float32),
        has_picture=np.zeros(n_items, np.bool_),
    )


def _order(scores: Scores) -> Rows:
    return np.argsort(-scores, kind="stable").astype(np.int32)
