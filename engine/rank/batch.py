"""Ranks a catalogue for many people at once, each as `Recommender` does for one."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..half import HalfVectors
from ..types import History, Mask, Rows, Scores
from .catalogue import Catalogue
from .facts import LEAST_SPREAD
from .fuse import Ranked
from .policy import Ensemble
from .profile import Profile, read_profile
from .recommender import Recommender
from .retrievers import FEW, SIZES
from .signals import LATEST as LATEST_COMPARED
from .signals import SIGNALS
from .space import Space
from .taste import LATEST, SHARPNESS, WIDE

if TYPE_CHECKING:
    from sightline_kernels.retrieval import Lists, Sizes
    from sightline_kernels.slate import Column, People, Pools

    Fill: TypeAlias = Callable[[People, Pools, Column], None]

__all__ = ["rank_many"]

_AT_ONCE = 64
"""People whose candidates are held at a time: a signal of all of them fits into the cache."""
_MANY = 1_000
"""Results from which on candidates are held of fewer people."""
_NO_HISTORY = History(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))


def rank_many(
    catalogue: Catalogue,
    weights: Mapping[str, float],
    histories: Sequence[History],
    k: int,
    *,
    allowed: Mask | None,
    threads: int,
) -> list[Ranked]:
    """Rank the catalogue for many people by the weighted sum of the signals.

    What `Recommender.for_person` says with the policy `Ensemble` and an `Inference` that says
    nothing, up to rounding: scores differ by less than 1e-5, and only items whose scores are as
    near to each other may change places. Compiled, for those whose candidates can be taken from
    lists; one by one for people without picks, and where a filter leaves too little of the lists.

    Parameters
    ----------
    catalogue
        The items.
    weights
        By the names of `SIGNALS`, 0 or more.
    histories
        What everybody picked.
    k
        How many items for each, at least 1.
    allowed
        What may be returned, shape (n,); None: everything. Nobody gets what they have seen.
    threads
        How many share the work; the results do not depend on it.

    Returns
    -------
    ranked
        In the order of `histories`, each with the `k` best, or all there are, and without parts.
    """
    alone = Recommender(catalogue, Ensemble(weights))

    def ask_alone(history: History) -> Ranked:
        ranked = alone.for_person(history, k, allowed=allowed)
        return Ranked(ranked.rows[:k], ranked.scores[:k], {})

    kept = np.ones(len(catalogue), np.bool_) if allowed is None else allowed
    batch = _batch(catalogue, weights, kept, k)
    at_once = max(1, _AT_ONCE * _MANY // max(k, _MANY))
    stranger = cache(lambda: ask_alone(_NO_HISTORY))

    def ask(start: int) -> list[Ranked]:
        some = histories[start : start + at_once]
        found = [None] * len(some) if batch is None else batch.ranked(some)
        return [
            ranked or (ask_alone(history) if len(history) else stranger())
            for history, ranked in zip(some, found, strict=True)
        ]

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(ask, range(0, len(histories), at_once)))
    return [ranked for part in parts for ranked in part]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Everything that is the same for all people."""

    lists: "Lists"
    sizes: "Sizes"
    allowed: Mask
    k: int
    together_weight: float
    signals: "Sequence[tuple[float, Fill]]"
    """Weights above 0, and what fills in a column."""

    def ranked(self, histories: Sequence[History]) -> list[Ranked | None]:
        """Return the best for everyone who has picks and enough in the lists, None for others."""
        from sightline_kernels.recommend import Sums, add_signal, best_candidates
        from sightline_kernels.retrieval import gather_candidates
        from sightline_kernels.slate import Column

        profiles = [read_profile(history) for history in histories]
        places = [place for place, profile in enumerate(profiles) if len(profile)]
        people = _people([profiles[place] for place in places])
        pools, together = gather_candidates(self.lists, self.sizes, people, self.allowed)
        shape = pools.rows.shape
        sums = Sums(np.zeros(shape, np.float32), np.zeros(shape[0]))
        if self.together_weight > 0:
            column = Column(together, np.ones(shape, np.bool_))
            add_signal(column, pools, self.together_weight, sums)
        column = Column(np.zeros(shape, np.float32), np.zeros(shape, np.bool_))
        for weight, fill in self.signals:
            fill(people, pools, column)
            add_signal(column, pools, weight, sums)
        rows, scores = best_candidates(pools, sums, self.k)
        found: list[Ranked | None] = [None] * len(histories)
        for i, place in enumerate(places):
            if (count := min(int(pools.counts[i]), rows.shape[1])) >= 0:
                found[place] = Ranked(rows[i, :count], scores[i, :count], {})
        return found


def _batch(
    catalogue: Catalogue, weights: Mapping[str, float], allowed: Mask, k: int
) -> _Batch | None:
    """Prepare for many people; None where candidates cannot be taken from lists."""
    from sightline_kernels.retrieval import Lists, Sizes

    facts, taste = catalogue.facts, catalogue.taste
    if taste.neighbours is None or taste.cold_neighbours is None:
        return None
    lists = Lists(
        together=catalogue.neighbours,
        together_scores=catalogue.neighbour_scores,
        near=taste.neighbours,
        cold_near=taste.cold_neighbours,
        placed=taste.presence,
        is_cold=facts.is_cold,
        trending=facts.most_trending,
        popular=facts.most_popular,
        newest=facts.newest,
    )
    sizes = Sizes(
        together=SIZES["collaborative"],
        near=SIZES["knn"],
        cold_near=SIZES["cold_start"],
        trending=max(SIZES["trending"], k),
        popular=SIZES["toplist"],
        newest=SIZES["chronological"],
        latest=LATEST,
        few=FEW,
        least_share=WIDE,
    )
    fills = _fills(catalogue)
    signals = [(weights[name], fills[name]) for name in SIGNALS if name in fills]
    counted = [(weight, fill) for weight, fill in signals if weight > 0]
    return _Batch(lists, sizes, allowed, k, weights["picked_together"], counted)


def _fills(catalogue: Catalogue) -> "dict[str, Fill]":
    """Return what fills in every signal that there is, but for what is picked together."""
    from sightline_kernels import affinity, likeness, liking, words

    facts, taste, factors = catalogue.facts, catalogue.taste, catalogue.factors

    def fact(values: Scores) -> "Fill":
        return lambda _, pools, column: affinity.facts(values, pools, column)

    fills: dict[str, Fill] = {
        "taste": partial(
            likeness.density,
            taste.vectors,
            taste.presence,
            taste.crowding,
            latest=LATEST,
            sharpness=SHARPNESS,
        ),
        "words": partial(words.shared_words, *catalogue.words.by_item(), latest=LATEST_COMPARED),
        "palette": partial(affinity.shared_colors, facts.palettes),
        "category": partial(
            affinity.shared_kinds,
            facts.categories,
            n_codes=int(facts.categories.max(initial=-1)) + 1,
        ),
        "price": partial(affinity.like_prices, facts.prices, least_spread=LEAST_SPREAD),
        "popularity": fact(facts.popularity),
        "trend": fact(facts.trend),
        "newness": fact(facts.newness),
        "is_new": fact(facts.is_new.astype(np.float32)),
        "has_picture": fact(facts.has_picture.astype(np.float32)),
    }
    for name, space in (("looks", catalogue.images), ("meaning", catalogue.texts)):
        fills[name] = partial(_likeness, space)
    if factors is not None:
        fills["factors"] = partial(liking.likings, factors.factors, factors.gram)
    return fills


def _likeness(space: Space, people: "People", pools: "Pools", column: "Column") -> None:
    from sightline_kernels.likeness import mean_likeness

    vectors, presence = space.vectors, space.presence
    if isinstance(vectors, HalfVectors):
        # The kernel reads float32: of half floats, rows that come up are numbered anew and widened.
        used = np.unique(np.concatenate([people.picks, people.seen, pools.rows.ravel()]))
        place = np.zeros(len(vectors), np.int32)
        place[used] = np.arange(len(used))
        people = people._replace(picks=place[people.picks], seen=place[people.seen])
        pools = pools._replace(rows=place[pools.rows])
        vectors, presence = vectors[used], presence[used]
    mean_likeness(vectors, presence, space.center, people, pools, column, latest=LATEST_COMPARED)


def _people(profiles: Sequence[Profile]) -> "People":
    from sightline_kernels.slate import People

    def joined(rows: Sequence[Rows]) -> tuple[NDArray[np.int64], Rows]:
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return offsets, np.concatenate([*rows, np.zeros(0, np.int32)])

    pick_offsets, picks = joined([profile.rows for profile in profiles])
    seen_offsets, seen = joined([profile.seen for profile in profiles])
    strengths = np.concatenate([*(p.weights for p in profiles), np.zeros(0, np.float32)])
    return People(pick_offsets, picks, strengths, seen_offsets, seen)
