"""Hands and pairs turned into a linear map, one step after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Pairs, Rows, Vectors
from .interactions import Interactions
from .taste_hands import Deck, Hands, deck_of_pairs, deck_of_picks, joined
from .taste_loss import Batch, contrasts_loss, hands_loss
from .taste_space import JointSpace

__all__ = ["Evidence", "training"]

_BATCH = 512
_CONTRASTS = 128
_COPIES = 3
"""Picks that an item of a pair is worth: somebody judged it."""
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

    @property
    def teaches(self) -> bool:
        """Whether there is somebody with two picks, or a same pair.

        Different pairs alone would be torn apart with nothing to hold the rest together.
        """
        any_same = self.pairs is not None and bool(self.pairs.same.any())
        return any_same or bool((np.diff(self.picks.offsets) > 1).any())


class _Contrasts:
    """Different pairs, each with a same pair that is to be more alike, where there is any.

    Of a triplet that is its own, of other pairs any of all the same ones.
    """

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._same = np.flatnonzero(pairs.same)
        self._different = np.flatnonzero(~pairs.same)
        before = np.maximum(self._different - 1, 0)
        is_triplet = pairs.same[before] & (pairs.group[before] == pairs.group[self._different])
        self._of_triplet = np.where(is_triplet, before, -1)

    def __len__(self) -> int:
        return len(self._different)

    def weight(self, picks: int) -> float:
        """Return what their loss counts for beside that of so many picks, up to 1."""
        return min(1.0, 2 * _COPIES * len(self) / max(1, picks))

    def gradient(
        self, weights: NDArray[np.float32], vectors: Vectors, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Return the gradient of the loss of some that are drawn."""
        drawn = rng.integers(0, len(self), _CONTRASTS)
        different = self._sides(self._different[drawn], vectors)
        if len(self._same) == 0:
            none = np.zeros_like(different[0])
            return contrasts_loss(weights, (none, none), different)[1]
        any_same = self._same[rng.integers(0, len(self._same), _CONTRASTS)]
        own = self._of_triplet[drawn]
        same = self._sides(np.where(own >= 0, own, any_same), vectors)
        return contrasts_loss(weights, same, different)[1]

    def _sides(self, which: NDArray[np.int64], vectors: Vectors) -> tuple[Vectors, Vectors]:
        return vectors[self._pairs.first[which]], vectors[self._pairs.second[which]]


def training(space: JointSpace, evidence: Evidence, *, seed: int) -> Iterator[NDArray[np.float32]]:
    """Yield W, shape (d, d), after every step of training, for ever; it starts at the identity.

    A step takes a batch of about 512 entries (see `hands_loss`): hands of up to ten picks of one
    person, and same pairs as hands of two, three times as often as picks. Against these stand,
    besides the other entries, mined negatives: of 1,024 items drawn at random, the two that each
    hand is now nearest to. Different pairs have a loss of their own (`contrasts_loss`), which
    counts by their number beside that of the picks. Adam (Kingma & Ba, 2015) makes the step.

    Parameters
    ----------
    space
        x of every item.
    evidence
        What to learn from; see `Evidence.teaches`.
    seed
        Of everything that is drawn.
    """
    rng = np.random.default_rng(seed)
    deck = _deck(evidence)
    batches = deck.batches(_BATCH, rng)
    contrasts = None if evidence.pairs is None else _Contrasts(evidence.pairs)
    say = contrasts.weight(len(evidence.picks.rows)) if contrasts else 0.0
    size = space.vectors.shape[1]
    weights = np.eye(size, dtype=np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    step = 0
    while True:
        step += 1
        gradient = _of_hands(weights, space, deck, next(batches), rng)
        if contrasts:
            gradient += np.float32(say) * contrasts.gradient(weights, space.vectors, rng)
        mean = _MOMENTUM * mean + (1 - _MOMENTUM) * gradient
        square = _SCALE_MEMORY * square + (1 - _SCALE_MEMORY) * gradient**2
        rate = _RATE * np.sqrt(1 - _SCALE_MEMORY**step) / (1 - _MOMENTUM**step)
        weights = (weights - rate * mean / (np.sqrt(square) + _TINY)).astype(np.float32)
        yield weights


def _deck(evidence: Evidence) -> Deck:
    deck, pairs = deck_of_picks(evidence.picks), evidence.pairs
    if pairs is None:
        return deck
    same = pairs.same
    return joined(deck, deck_of_pairs(pairs.first[same], pairs.second[same], copies=_COPIES))


def _of_hands(
    weights: NDArray[np.float32],
    space: JointSpace,
    deck: Deck,
    hands: Hands,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return the gradient of one step by its hands."""
    starts = hands.offsets[:-1]
    present = np.flatnonzero(space.presence)
    pool = present[rng.integers(0, len(present), _MINED_FROM)].astype(np.int32)
    mined = _mined(weights, space.vectors, hands.rows, starts, pool)
    candidates = np.concatenate([hands.rows, mined])
    known = deck.known(hands.owners, candidates, len(space.presence))
    inputs = space.with_losses(candidates, rng)
    return hands_loss(weights, Batch(starts, hands.weights, inputs, known))[1]


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
