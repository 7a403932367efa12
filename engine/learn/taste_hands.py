"""Histories and pairs dealt into hands: small groups of items that belong together."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Rows, Scores
from .interactions import Interactions

__all__ = ["Hands", "Known", "deal", "dealt_forever"]

_LARGEST = 10
"""Picks in a hand: what a score is pooled from, and 50 picks of one person would crowd a batch."""


class Hands(NamedTuple):
    """Hand h belongs to `owners[h]` and holds ``offsets[h]:offsets[h + 1]`` of the others."""

    owners: NDArray[np.int64]
    offsets: NDArray[np.int64]
    rows: Rows
    weights: Scores

    def some(self, which: NDArray[np.int64]) -> "Hands":
        """Return the hands `which`, in that order."""
        offsets, entries = spans(self.offsets, which)
        return Hands(self.owners[which], offsets, self.rows[entries], self.weights[entries])


class Known(NamedTuple):
    """The items ``rows[offsets[o]:offsets[o + 1]]`` are right for owner o."""

    offsets: NDArray[np.int64]
    rows: Rows


def spans(
    offsets: NDArray[np.int64], which: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lay the ranges `which` side by side: return their new offsets, and their places."""
    sizes = (offsets[1:] - offsets[:-1])[which]
    laid = np.concatenate([[0], np.cumsum(sizes)])
    return laid, np.repeat(offsets[which] - laid[:-1], sizes) + np.arange(laid[-1])


def deal(picks: Interactions, rng: np.random.Generator) -> Hands:
    """Deal every history of two picks or more into as few hands as will do, of about one size."""
    counts = np.diff(picks.offsets)
    users = np.repeat(np.arange(len(picks)), counts)
    shuffled = np.lexsort((rng.random(len(users)), users))
    hands = -(-counts // _LARGEST)
    place = np.arange(len(users)) - picks.offsets[users]
    hand = (np.cumsum(hands) - hands)[users] + place % np.maximum(hands, 1)[users]
    order = shuffled[np.argsort(hand, kind="stable")]
    sizes = np.bincount(hand, minlength=int(hands.sum()))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    owners = np.repeat(np.arange(len(picks)), hands)
    all_hands = Hands(owners, offsets, picks.rows[order], picks.weights[order])
    return all_hands.some(np.flatnonzero(sizes > 1))


def dealt_forever(
    deal: Callable[[np.random.Generator], Hands], size: int, rng: np.random.Generator
) -> Iterator[Hands]:
    """Yield batches of hands with about `size` entries, pass after pass over all there are."""
    while True:
        hands = deal(rng)
        order = rng.permutation(len(hands.owners))
        total = np.cumsum(np.diff(hands.offsets)[order])
        batches = max(1, round(int(total[-1]) / size))
        # Batches of one size: a small rest would step as far as a whole batch, on little evidence.
        edges = np.searchsorted(total * batches, total[-1] * np.arange(batches + 1))
        edges[-1] = len(order)
        for start, stop in pairwise(np.unique(edges).tolist()):
            yield hands.some(order[start:stop])
