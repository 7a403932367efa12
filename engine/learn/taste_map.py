"""Hands and pairs turned into a linear map, one step after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Pairs, Rows, Vectors
from .interactions import Interactions
from .taste_hands import Deck, Hands, deck_of_pairs, deck_of_picks
from .taste_loss import Batch, hands_loss, triplets_loss
from .taste_space import JointSpace

__all__ = ["Evidence", "training"]

_BATCH = 512
_PAIRS_SHARE = 0.2
_TRIPLETS = 128
_MINED_FROM, _MINED_PER_HAND = 1_024, 2
_RATE, _MOMENTUM, _SCALE_MEMORY = 0.006, 0.9, 0.999
_TINY = 1e-8


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a map is learnt from: histories, their weights above 0, and pairs, or None."""

    picks: Interactions
    pairs: Pairs | None

    def __len__(self) -> int:
        return len(self.picks.rows) + (0 if self.pairs is None else len(self.pairs))


class _Triplets:
    """Different pairs, each with what is the same as its first item, where that is told."""

    def __init__(self, pairs: Pairs) -> None:
        different = np.flatnonzero(~pairs.same)
        is_triplet = np.zeros(len(different), np.bool_)
        before = np.maximum(different - 1, 0)
        is_triplet = pairs.same[before] & (pairs.group[before] == pairs.group[different])
        self.first = pairs.first[different]
        self.same = np.where(is_triplet, pairs.second[before], -1)
        self.different = pairs.second[different]

    def __len__(self) -> int:
        return len(self.first)


def training(space: JointSpace, evidence: Evidence, *, seed: int) -> Iterator[NDArray[np.float32]]:
    """Yield W, shape (d, d), after every step of training, for ever; it starts at the identity.

    A step takes a batch of about 512 entries (see `hands_loss`): hands of up to ten picks of one
    person, and same pairs as hands of two, a fifth of the entries where there are both. Against
    these stand, besides the other entries, mined negatives: of 1,024 items drawn at random, the two
    that each hand is now nearest to. Different pairs have a loss of their own (`triplets_loss`).
    Adam (Kingma & Ba, 2015) makes the step.

    Parameters
    ----------
    space
        x of every item.
    evidence
        What to learn from: at least a person with two picks, or a pair.
    seed
        Of everything that is drawn.
    """
    rng = np.random.default_rng(seed)
    draw_hands = _drawn_hands(evidence, rng)
    triplets = None if evidence.pairs is None else _Triplets(evidence.pairs)
    present = np.flatnonzero(space.presence).astype(np.int32)
    size = space.vectors.shape[1]
    weights = np.eye(size, dtype=np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    step = 0
    while True:
        step += 1
        gradient = np.zeros_like(weights)
        if draw_hands is not None:
            gradient += _of_hands(weights, space, next(draw_hands), present, rng)
        if triplets:
            gradient += _of_triplets(weights, space, triplets, rng)
        mean = _MOMENTUM * mean + (1 - _MOMENTUM) * gradient
        square = _SCALE_MEMORY * square + (1 - _SCALE_MEMORY) * gradient**2
        rate = _RATE * np.sqrt(1 - _SCALE_MEMORY**step) / (1 - _MOMENTUM**step)
        weights = (weights - rate * mean / (np.sqrt(square) + _TINY)).astype(np.float32)
        yield weights


def _drawn_hands(
    evidence: Evidence, rng: np.random.Generator
) -> Iterator[list[tuple[Deck, Hands]]] | None:
    """Yield the hands of every step, by what they are dealt from; None where there are none."""
    pairs = evidence.pairs
    same = None
    if pairs is not None:
        same = deck_of_pairs(pairs.first[pairs.same], pairs.second[pairs.same])
    found = [
        (deck, share)
        for deck, share in ((deck_of_picks(evidence.picks), 1 - _PAIRS_SHARE), (same, _PAIRS_SHARE))
        if deck
    ]
    if not found:
        return None
    total = sum(share for _, share in found)
    sources = [(deck, deck.batches(round(_BATCH * share / total), rng)) for deck, share in found]
    return ([(deck, next(batches)) for deck, batches in sources] for _ in iter(int, 1))


def _of_hands(
    weights: NDArray[np.float32],
    space: JointSpace,
    dealt: list[tuple[Deck, Hands]],
    present: Rows,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return the gradient of one step by its hands."""
    rows = np.concatenate([hands.rows for _, hands in dealt])
    sizes = np.concatenate([np.diff(hands.offsets) for _, hands in dealt])
    starts = np.cumsum(sizes) - sizes
    pool = present[rng.integers(0, len(present), _MINED_FROM)]
    mined = _mined(weights, space.vectors, rows, starts, pool)
    candidates = np.concatenate([rows, mined])
    known = [deck.known(hands.owners, candidates, len(space.presence)) for deck, hands in dealt]
    batch = Batch(
        starts,
        np.concatenate([hands.weights for _, hands in dealt]),
        space.with_losses(candidates, rng),
        np.concatenate(known),
    )
    return hands_loss(weights, batch)[1]


def _mined(
    weights: NDArray[np.float32],
    vectors: Vectors,
    rows: Rows,
    starts: NDArray[np.int64],
    pool: Rows,
) -> Rows:
    """Return those of the pool that are nearest to the mean of a hand, each once."""
    items = np.concatenate([rows, pool])
    moved = vectors[items] @ weights.T
    moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), np.float32(_TINY))
    means = np.add.reduceat(moved[: len(rows)], starts, axis=0)
    likeness = means @ moved[len(rows) :].T
    nearest = np.argpartition(-likeness, _MINED_PER_HAND, axis=1)[:, :_MINED_PER_HAND]
    return np.unique(pool[nearest])


def _of_triplets(
    weights: NDArray[np.float32],
    space: JointSpace,
    triplets: _Triplets,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return the gradient of one step by different pairs."""
    drawn = rng.integers(0, len(triplets), _TRIPLETS)
    first, different = triplets.first[drawn], triplets.different[drawn]
    same = triplets.same[drawn]
    nearer = np.where((same >= 0)[:, None], space.vectors[same], np.float32(0))
    return triplets_loss(weights, space.vectors[first], nearer, space.vectors[different])[1]
