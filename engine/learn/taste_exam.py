"""How well vectors find what people picked later, and tell held-out pairs apart."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Pairs, Rows, Scores, Vectors
from .cooccurrence import in_parts, newest
from .evaluation import users_to_judge
from .interactions import Interactions
from .taste_loss import KERNEL_SHARPNESS

__all__ = ["Exam", "Grade", "crowd_of", "crowding", "hold_out_pairs", "hold_out_picks"]

T = TypeVar("T", bound=np.generic)

FEWEST_CASES = 20
"""People with held-out picks, or held-out pairs, below whom nothing can be told."""

_CANDIDATES = 5_000
_LATER_PICKS = 5
_HIDDEN = 1 / 3
_HELD_OUT_PAIRS = 0.2
_MOST_PAIRS = 2_000
_DRAWN_PAIRS = 1_000
_CROWD, _SMALLEST_CROWD = 1_024, 256
_USERS_AT_ONCE = 32
_ITEMS_AT_ONCE = 4_096
_CUT_OFF = 10


@dataclass(frozen=True, slots=True)
class Grade:
    """What an exam says of some vectors, higher being better.

    `values`, shape (c,), are of every case. A person's is minus the mean log of the places at which
    later picks are found: of a few hundred people that tells a better map from chance by eight
    standard errors where NDCG@10 tells it by two, because it also sees what moves up without
    reaching the first ten. A pair's is the share of the pairs of the other kind that are rightly
    more alike, or less. `figure` is for people to read.
    """

    values: NDArray[np.float64]
    figure: float


class Exam(Protocol):
    """Held-out cases."""

    @property
    def figure(self) -> str:
        """What `Grade.figure` is."""
        ...

    def grade(self, vectors: Vectors, *, threads: int) -> Grade:
        """Judge vectors of all items, shape (n, d), unit rows."""
        ...


@dataclass(frozen=True, slots=True)
class _PicksExam:
    """People's later picks, ranked among `candidates` by what they picked earlier.

    User u of `earlier` is user u of `later`; both have entries of every user.
    """

    earlier: Interactions
    later: Interactions
    candidates: Rows
    crowd: Rows
    n_items: int

    @property
    def figure(self) -> str:
        return f"NDCG@{_CUT_OFF} of later picks among {len(self.candidates):,} items"

    def grade(self, vectors: Vectors, *, threads: int) -> Grade:
        among = vectors[self.candidates]
        root = np.sqrt(crowding(among, vectors[self.crowd], threads=threads))
        place = np.full(self.n_items, -1, np.int64)
        place[self.candidates] = np.arange(len(self.candidates))

        def places(first: int) -> NDArray[np.float64]:
            users = slice(first, min(first + _USERS_AT_ONCE, len(self.earlier)))
            rows, weights, owners, starts = _entries(self.earlier, users)
            kernel = np.exp(np.float32(KERNEL_SHARPNESS) * (vectors[rows] @ among.T))
            pooled = np.add.reduceat(kernel * weights[:, None], starts, axis=0)
            scores: Scores = (pooled / root).astype(np.float32)
            seen = place[rows]
            scores[owners[seen >= 0], seen[seen >= 0]] = -np.inf
            rows, _, owners, _ = _entries(self.later, users)
            return _places(scores[owners], scores[owners, place[rows]])

        starts = range(0, len(self.earlier), _USERS_AT_ONCE)
        found = np.concatenate(_in_blocks(places, starts, threads))
        counts = np.diff(self.later.offsets)
        logs = np.add.reduceat(np.log1p(found), self.later.offsets[:-1])
        gains = np.where(found < _CUT_OFF, 1 / np.log2(found + 2), 0)
        ideal = np.cumsum(1 / np.log2(np.arange(_CUT_OFF) + 2))[np.minimum(counts, _CUT_OFF) - 1]
        ndcg = np.add.reduceat(gains, self.later.offsets[:-1]) / ideal
        return Grade(-logs / counts, float(ndcg.mean()))


@dataclass(frozen=True, slots=True)
class _PairsExam:
    """Held-out same pairs and different ones, first and second items in two rows, shape (2, p).

    Where all are of one kind, pairs drawn at random stand for the other; `counted` says of either
    kind whether it is told, not drawn.
    """

    same: Rows
    different: Rows
    counted: tuple[bool, bool]

    @property
    def figure(self) -> str:
        kinds = [
            name for name, told in zip(("same", "different"), self.counted, strict=True) if told
        ]
        beside = "" if all(self.counted) else " beside pairs drawn at random"
        return f"AUC of held-out {' and '.join(kinds)} pairs{beside}"

    def grade(self, vectors: Vectors, *, threads: int) -> Grade:
        del threads  # at most 2,000 pairs are done at once
        same, different = (
            (vectors[first] * vectors[second]).sum(axis=1)
            for first, second in (self.same, self.different)
        )
        right = (same[:, None] > different) + 0.5 * (same[:, None] == different)
        by_case = (right.mean(axis=1), right.mean(axis=0))
        values = [part for part, told in zip(by_case, self.counted, strict=True) if told]
        return Grade(np.concatenate(values), float(right.mean()))


def hold_out_picks(
    picks: Interactions, present: Mask, *, seed: int
) -> tuple[Interactions, Exam | None]:
    """Split histories by time (see `user_time_split`), and keep some items out of the earlier part.

    A third of the items, drawn at random, is not learnt from, whoever picked them: so the exam asks
    about items that are new to the map as well, and these are what it is for.

    Parameters
    ----------
    picks
        Histories, weights above 0, of items that are present.
    present
        Which items have vectors, shape (n,).
    seed
        Of who is judged, at most 1,000 people by at most five later picks, and of the at most 5,000
        items among which these are ranked.

    Returns
    -------
    earlier, exam
        What to learn from; None, and `picks` whole, where fewer than 20 people can be judged.
    """
    earlier, later = picks.split_by_time()
    users = np.array(users_to_judge(later, n_items=_CANDIDATES, seed=seed), np.int64)
    if len(users) < FEWEST_CASES:
        return picks, None
    rng = np.random.default_rng(seed)
    judged = newest(_of_users(later, users), _LATER_PICKS)
    wanted = np.unique(judged.rows)
    rest = np.setdiff1d(np.flatnonzero(present), wanted)
    room = min(len(rest), max(0, _CANDIDATES - len(wanted)))
    candidates = np.concatenate([wanted, rng.choice(rest, room, replace=False)])
    crowd = crowd_of(earlier, present, seed=seed)
    exam = _PicksExam(
        _of_users(earlier, users), judged, candidates.astype(np.int32), crowd, len(present)
    )
    hidden = rng.random(len(present)) < _HIDDEN
    return earlier.where(~hidden[earlier.rows]), exam


def hold_out_pairs(pairs: Pairs, present: Mask, *, seed: int) -> tuple[Pairs, Exam | None]:
    """Hold out a fifth of the pairs, triplets as a whole, and judge by at most 2,000 of them.

    Returns
    -------
    rest, exam
        What to learn from; None, and `pairs` whole, where fewer than 20 pairs would be held out.
    """
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.unique(pairs.group))
    held_out = np.isin(pairs.group, groups[: int(len(groups) * _HELD_OUT_PAIRS)])
    if np.count_nonzero(held_out) < FEWEST_CASES:
        return pairs, None
    judged = pairs_at(pairs, np.flatnonzero(held_out)[:_MOST_PAIRS])
    both = np.stack([judged.first, judged.second])
    counted = bool(judged.same.any()), not judged.same.all()
    drawn = rng.choice(np.flatnonzero(present), (2, _DRAWN_PAIRS)).astype(np.int32)
    same = both[:, judged.same] if counted[0] else drawn
    different = both[:, ~judged.same] if counted[1] else drawn
    return pairs_at(pairs, ~held_out), _PairsExam(same, different, counted)


def pairs_at(pairs: Pairs, which: NDArray[np.bool_] | NDArray[np.int64]) -> Pairs:
    """Return some of the pairs."""
    return Pairs(pairs.first[which], pairs.second[which], pairs.same[which], pairs.group[which])


def crowd_of(picks: Interactions, present: Mask, *, seed: int) -> Rows:
    """Draw the items that say where it is crowded: picked ones, or any where few are picked."""
    crowd: NDArray[np.integer] = np.unique(picks.rows)
    if len(crowd) < _SMALLEST_CROWD:
        crowd = np.flatnonzero(present)
    if len(crowd) > _CROWD:
        crowd = np.sort(np.random.default_rng(seed).choice(crowd, _CROWD, replace=False))
    return crowd.astype(np.int32)


def crowding(vectors: Vectors, crowd: Vectors, *, threads: int) -> Scores:
    """Return the mean of exp(KERNEL_SHARPNESS cosine) to the crowd, shape (n,), above 0."""

    def part(first: int) -> Scores:
        cosine = vectors[first : first + _ITEMS_AT_ONCE] @ crowd.T
        means: Scores = np.exp(np.float32(KERNEL_SHARPNESS) * cosine).mean(axis=1)
        return means

    starts = range(0, len(vectors), _ITEMS_AT_ONCE)
    return np.concatenate(_in_blocks(part, starts, threads))


def _in_blocks(work: Callable[[int], NDArray[T]], starts: range, threads: int) -> list[NDArray[T]]:
    """Do the work of every block on several threads; the blocks are those of one thread."""

    def some(first: int, last: int) -> list[NDArray[T]]:
        return [work(start) for start in starts[first:last]]

    parts = in_parts(some, np.ones(len(starts)), threads=threads)
    return [block for part in parts for block in part]


def _places(scores: Scores, found: Scores) -> NDArray[np.float64]:
    """Count what is above each of `found` in its row; equals share the middle of their places."""
    above = (scores > found[:, None]).sum(axis=1)
    equal = (scores == found[:, None]).sum(axis=1)
    places: NDArray[np.float64] = above + np.maximum(equal - 1, 0) / 2
    return places


def _of_users(interactions: Interactions, users: NDArray[np.int64]) -> Interactions:
    """Return the entries of some users, ascending, who become users 0, 1, ..."""
    counts = np.diff(interactions.offsets)
    wanted = np.zeros(len(interactions), np.bool_)
    wanted[users] = True
    kept = interactions.where(np.repeat(wanted, counts))
    offsets = np.concatenate([[0], np.cumsum(counts[users])])
    return Interactions(offsets, kept.rows, kept.weights, kept.times)


def _entries(
    interactions: Interactions, users: slice
) -> tuple[Rows, Scores, NDArray[np.int64], NDArray[np.int64]]:
    """Return rows, weights and users, counted from the first, and where each user starts."""
    offsets = interactions.offsets[users.start : users.stop + 1]
    span = slice(offsets[0], offsets[-1])
    owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return interactions.rows[span], interactions.weights[span], owners, offsets[:-1] - offsets[0]
