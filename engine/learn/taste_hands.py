"""Histories and pairs dealt into hands: small groups of items that belong together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows, Scores
from .interactions import Interactions

__all__ = ["Deck", "Hands", "deck_of_pairs", "deck_of_picks", "joined"]

_LARGEST = 10
"""Picks in a hand: what a score is pooled from. Fifty picks of one person would fill a batch."""


class Hands(NamedTuple):
    """Hand h belongs to ``owners[h]`` and holds ``offsets[h]:offsets[h + 1]`` of the others."""

    owners: NDArray[np.int64]
    offsets: NDArray[np.int64]
    rows: Rows
    weights: Scores

    def some(self, which: NDArray[np.int64]) -> "Hands":
        """Return the hands `which`, in that order."""
        offsets, entries = _spans(self.offsets, which)
        return Hands(self.owners[which], offsets, self.rows[entries], self.weights[entries])


@dataclass(frozen=True, slots=True)
class Deck:
    """What hands are dealt from.

    `deal` returns all hands of one pass; the items ``rows[offsets[o]:offsets[o + 1]]`` are no wrong
    answers for owner o.
    """

    deal: Callable[[np.random.Generator], Hands]
    offsets: NDArray[np.int64]
    rows: Rows

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Hands]:
        """Yield hands with about `size` entries, pass after pass, for ever.

        All batches of a pass are of one size: a small rest would step as far as a whole batch, on
        little evidence.
        """
        while True:
            hands = self.deal(rng)
            order = rng.permutation(len(hands.owners))
            total = np.cumsum(np.diff(hands.offsets)[order])
            batches = max(1, round(int(total[-1]) / size))
            edges = np.searchsorted(total * batches, total[-1] * np.arange(batches + 1))
            edges[-1] = len(order)
            for start, stop in pairwise(np.unique(edges).tolist()):
                yield hands.some(order[start:stop])

    def known(self, owners: NDArray[np.int64], candidates: Rows, n_items: int) -> Mask:
        """Say which candidates are no wrong answers, shape (owners, candidates)."""
        place = np.full(n_items, -1, np.int64)
        place[candidates] = np.arange(len(candidates))  # of one that comes again, any of its places
        offsets, entries = _spans(self.offsets, owners)
        found = place[self.rows[entries]]
        owner = np.repeat(np.arange(len(owners)), np.diff(offsets))
        known = np.zeros((len(owners), len(candidates)), np.bool_)
        known[owner[found >= 0], found[found >= 0]] = True
        return known[:, place[candidates]]


def deck_of_picks(picks: Interactions) -> Deck:
    """Deal histories: each of two picks or more into as few hands as will do, of about one size."""
    counts = np.diff(picks.offsets)
    users = np.repeat(np.arange(len(picks)), counts)
    hands = -(-counts // _LARGEST)
    place = np.arange(len(users)) - picks.offsets[users]
    hand = (np.cumsum(hands) - hands)[users] + place % np.maximum(hands, 1)[users]
    by_hand = np.argsort(hand, kind="stable")
    sizes = np.bincount(hand, minlength=int(hands.sum()))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    owners = np.repeat(np.arange(len(picks)), hands)

    def deal(rng: np.random.Generator) -> Hands:
        order = np.lexsort((rng.random(len(users)), users))[by_hand]
        dealt = Hands(owners, offsets, picks.rows[order], picks.weights[order])
        return dealt.some(np.flatnonzero(sizes > 1))

    return Deck(deal, picks.offsets, picks.rows)


def deck_of_pairs(first: Rows, second: Rows, *, copies: int) -> Deck:
    """Deal pairs of items that are the same, each as so many hands of two.

    What either item of a pair is the same as is no wrong answer for it.
    """
    both = np.stack([first, second], axis=1).ravel()
    others = np.stack([second, first], axis=1).ravel()
    by_item = np.argsort(both, kind="stable")
    items, others = both[by_item], others[by_item]
    item_offsets = np.searchsorted(items, np.append(np.unique(items), np.iinfo(np.int32).max))
    offsets, entries = _spans(item_offsets, np.searchsorted(np.unique(items), both))
    pairs = np.tile(np.arange(len(first)), copies)
    hands = Hands(
        owners=pairs,
        offsets=2 * np.arange(len(pairs) + 1),
        rows=np.tile(both, copies),
        weights=np.ones(2 * len(pairs), np.float32),
    )
    # Side by side, what is the same as the first and as the second item are one range.
    return Deck(lambda _: hands, offsets[::2], others[entries])


def joined(one: Deck, other: Deck) -> Deck:
    """Return a deck of the hands of both."""
    owners = len(one.offsets) - 1

    def deal(rng: np.random.Generator) -> Hands:
        a, b = one.deal(rng), other.deal(rng)
        return Hands(
            np.concatenate([a.owners, b.owners + owners]),
            np.concatenate([a.offsets, b.offsets[1:] + a.offsets[-1]]),
            np.concatenate([a.rows, b.rows]),
            np.concatenate([a.weights, b.weights]),
        )

    offsets = np.concatenate([one.offsets, other.offsets[1:] + one.offsets[-1]])
    return Deck(deal, offsets, np.concatenate([one.rows, other.rows]))


def _spans(
    offsets: NDArray[np.int64], which: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lay the ranges `which` side by side: return their new offsets, and their places."""
    sizes = (offsets[1:] - offsets[:-1])[which]
    laid = np.concatenate([[0], np.cumsum(sizes)])
    return laid, np.repeat(offsets[which] - laid[:-1], sizes) + np.arange(laid[-1])
