"""Candidates for an item, a basket or a query, scored by fixed, documented weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..types import History, Mask, Rows, Scores, Vectors
from .catalogue import Catalogue
from .fuse import Ranked, Signal, SparseScores, best_first, fuse, top_rows
from .gap import bridge
from .profile import read_profile
from .signals import mean_likeness
from .space import Space

__all__ = ["Ranker"]

# How much each signal counts, chosen once on drawn and real catalogues. A signal that says nothing
# for a request takes no part in it.
ALIKE_WEIGHTS = {
    "looks": 1.0,
    "words": 0.35,
    "meaning": 0.35,
    "picked_together": 0.15,
    "taste": 0.25,
}
COMPLEMENT_WEIGHTS = {
    "picked_together": 1.0,
    "looks": 0.2,
    "words": 0.1,
    "meaning": 0.1,
    "taste": 0.1,
}
QUERY_WEIGHTS = {"looks": 1.0, "meaning": 1.0, "words": 1.0, "trend": 0.02}
SEMANTIC_SHARE = 0.7
"""What vectors count for beside literal words where both are asked, as in Shaped's front end: one
shared word shall not outweigh what the whole query means."""

_POOL = 200
"""Candidates each retriever brings, at least."""
_PER_PICK = 40
"""Nearest looks brought for each of the latest picks."""
_LATEST_PICKS = 10
_LEAST_ALIKE = 0.1
"""Share of the best that the least alike candidate gets: more than one nobody can see."""


class Ranker:
    """Ranks the items of one catalogue, for people `Recommender` does; threads may share it.

    Every method takes `k`, how many results are wanted, and `allowed`, shape (n,), the items that
    may be returned (None: all); it returns the k best allowed items, or all there are.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def trending(self, k: int, *, allowed: Mask | None = None) -> Ranked:
        """Rank by trend alone: for people nothing is known of."""
        trend = self._catalogue.facts.trend
        rows = top_rows(trend, k, allowed)
        return Ranked(rows, np.asarray(trend[rows]), {"trend": np.asarray(trend[rows])})

    def like_item(
        self, row: int, k: int, *, allowed: Mask | None = None, history: History | None = None
    ) -> Ranked:
        """Rank what looks, reads and sells most like one item; that item is left out.

        With a `history`, likeness to that person's picks joins in.
        """
        rows, weights = np.array([row], np.int32), np.ones(1, np.float32)
        return self._like(rows, weights, k, allowed, history, ALIKE_WEIGHTS)

    def complementing(
        self, basket: Rows, k: int, *, allowed: Mask | None = None, history: History | None = None
    ) -> Ranked:
        """Rank what is picked together with the basket; looks decide where behaviour is silent."""
        weights = np.full(len(basket), 1 / len(basket), np.float32)
        return self._like(basket, weights, k, allowed, history, COMPLEMENT_WEIGHTS)

    def for_query(
        self,
        k: int,
        *,
        looks: Vectors | None = None,
        meaning: Vectors | None = None,
        stand_in: Vectors | None = None,
        text: str | None = None,
        allowed: Mask | None = None,
    ) -> Ranked:
        """Rank by vectors, by words, or both; by trend when given neither.

        Only items that answer the query are returned: with words alone, those that share one.

        Parameters
        ----------
        looks
            What to be near to among the items' pictures, unit vectors, shape (q, d).
        meaning
            The same among the items' texts, shape (p, t).
        stand_in
            What the texts of items without a place among the pictures are judged by in place of
            `looks`, shape (p, t), where a picture is asked for: words then count by how much they
            are seen to tell of pictures. `meaning` if not given, which words answer as well as
            pictures do. Without a text, an item is judged by its place alone.
        text
            Words to find literally. Asked in words, an item without a picture is judged by its own
            where it has some, not by the place of a stand-in: of its words that is a copy among
            pictures, nearer to the query than any of them.
        k, allowed
            See the class.
        """
        catalogue = self._catalogue
        placed = catalogue.images.presence if text is None else self._placed_for_words
        told = {
            "looks": _asked(catalogue.images, looks, placed),
            "meaning": _asked(catalogue.texts, meaning),
        }
        asked = {name: each for name, each in told.items() if each and each.space.presence.any()}
        size = max(_POOL, 2 * k)
        pools = [each.nearest(size, allowed) for each in asked.values()]
        if stand_in is not None and catalogue.texts.presence.any():
            pictureless = _both(~placed, allowed)
            pools.append(catalogue.texts.nearest(stand_in, size, pictureless))
        signals: dict[str, Scores] = {}
        if text is not None:
            words = catalogue.words.of_text(text)
            pools.append(top_rows(words, size, _both(words > 0, allowed)))
            signals["words"] = words
        if looks is None and meaning is None and text is None:
            return self.trending(k, allowed=allowed)
        pool = _union(pools) if pools else np.zeros(0, np.int32)
        fused = {name: Signal(values[pool]) for name, values in signals.items()}
        others = {
            "looks": _asked(catalogue.texts, meaning if stand_in is None else stand_in),
            "meaning": _asked(catalogue.images, looks, placed),
        }
        both = catalogue.facts.has_picture & catalogue.texts.presence
        for name, each in asked.items():
            fused[name] = _standing(
                pool, each, others[name], both, size, is_proxy=stand_in is not None
            )
        fused["trend"] = Signal(catalogue.facts.trend[pool])
        weights = QUERY_WEIGHTS
        if meaning is not None and asked:  # else there is nothing to hold words against
            semantic = sum(QUERY_WEIGHTS[name] for name in asked)
            weights = {**weights, "words": semantic * (1 - SEMANTIC_SHARE) / SEMANTIC_SHARE}
        return best_first(fuse(pool, fused, weights), k)

    def _like(
        self,
        rows: Rows,
        weights: Scores,
        k: int,
        allowed: Mask | None,
        history: History | None,
        mixture: dict[str, float],
    ) -> Ranked:
        others = self._without(rows, allowed)
        together = self._catalogue.picked_together(rows, weights)
        words = self._catalogue.words.of_items(rows, weights)
        pool = self._pool(rows, weights, together, words, k, others)
        signals = {
            "looks": _likeness(self._catalogue.images, pool, rows, weights),
            "words": self._words(pool, words),
            "meaning": _likeness(self._catalogue.texts, pool, rows, weights),
            "picked_together": Signal(together[pool]),
        }
        if history is not None:
            profile = read_profile(history)
            images = self._catalogue.images
            signals["taste"] = mean_likeness(images, pool, profile.rows, profile.weights)
        return best_first(fuse(pool, signals, _words_once(mixture, signals)), k)

    def _pool(
        self,
        picks: Rows,
        weights: Scores,
        together: SparseScores,
        words: Scores,
        k: int,
        allowed: Mask | None,
    ) -> Rows:
        """Candidates: by vectors, company, words and, so that there are always k, by trend."""
        size = max(_POOL, 2 * k)
        pools = [
            together.best(size, allowed),
            top_rows(words, size, _both(words > 0, allowed)),
            top_rows(self._catalogue.facts.trend, size, allowed),
        ]
        for space in (self._catalogue.images, self._catalogue.texts):
            seen = space.presence[picks]
            if seen.any():
                vectors = space.centered(picks[seen])
                mean = weights[seen] @ vectors
                pools.append(space.nearest(mean[None], size, allowed))
                pools.append(space.nearest(vectors[-_LATEST_PICKS:], _PER_PICK, allowed))
        return _union(pools)

    @cached_property
    def _placed_for_words(self) -> Mask:
        """Items that words are held against by their place among the pictures, shape (n,)."""
        images, texts = self._catalogue.images, self._catalogue.texts
        stands_in = images.presence & ~self._catalogue.facts.has_picture & texts.presence
        return images.presence & ~stands_in if stands_in.any() else images.presence

    def _words(self, pool: Rows, words: Scores) -> Signal:
        return Signal(words[pool], self._catalogue.words.presence()[pool])

    def _without(self, rows: Rows, allowed: Mask | None) -> Mask:
        kept = np.ones(len(self._catalogue), np.bool_) if allowed is None else allowed.copy()
        kept[rows] = False
        return kept


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query in one space, and which items it is held against there, shape (n,)."""

    space: Space
    queries: Vectors
    known: Mask

    def nearest(self, size: int, allowed: Mask | None) -> Rows:
        # All that have a vector are what an index searches anyway, and without a mask faster.
        is_all = self.known is self.space.presence
        among = allowed if is_all else _both(self.known, allowed)
        return self.space.nearest(self.queries, size, among)


def _asked(space: Space, queries: Vectors | None, known: Mask | None = None) -> _Asked | None:
    if queries is None:
        return None
    return _Asked(space, queries, space.presence if known is None else known)


def _words_once(weights: Mapping[str, float], signals: Mapping[str, Signal]) -> Mapping[str, float]:
    """Let words and their meaning, where both speak, share a weight: they say one thing twice."""
    if not signals["meaning"].values.any():
        return weights
    return {**weights, "words": weights["words"] / 2, "meaning": weights["meaning"] / 2}


def _likeness(space: Space, pool: Rows, rows: Rows, weights: Scores) -> Signal:
    """Mean likeness to the given items, told apart down to the least alike candidate.

    Of a candidate without a vector nobody can say that it is alike: it comes last.
    """
    present = space.presence[pool]
    values = np.zeros(len(pool), np.float32)
    seen = space.presence[rows]
    if seen.any() and present.any():
        cosine: Scores = space.centered(pool[present]) @ space.centered(rows[seen]).T
        values[present] = _told_apart((cosine @ weights[seen]).astype(np.float32))
    return Signal(values, present, unknown_is_nothing=True)


def _standing(
    pool: Rows,
    asked: _Asked,
    other: _Asked | None,
    both: Mask,
    size: int,
    *,
    is_proxy: bool,
) -> Signal:
    """How the candidates stand to a query in one space, those absent from it in the other one.

    `both`, shape (n,), are the items by which the two are compared.
    """
    known = asked.known[pool]
    standing = np.zeros(len(pool), np.float32)
    standing[known] = asked.space.standing(asked.queries, pool[known])
    judged = ~known if other is None else other.known[pool] & ~known
    if other is not None and judged.any():
        here, there = (other.space, other.queries), (asked.space, asked.queries)
        crossing = bridge(here, there, both, size, is_proxy=is_proxy)
        standing[judged] = crossing.cross(other.space.standing(other.queries, pool[judged]))
        known = known | judged
    values = np.zeros(len(pool), np.float32)
    values[known] = _told_apart(standing[known])
    return Signal(values, known)


def _told_apart(scores: Scores) -> Scores:
    """Shift scores, shape (m,), so that the least of them is a little more than nothing."""
    if len(scores) == 0:
        return scores
    spread = scores - scores.min()
    widest = spread.max()
    return spread + _LEAST_ALIKE * widest if widest > 0 else np.ones_like(scores)


def _union(pools: Sequence[Rows]) -> Rows:
    return np.unique(np.concatenate(pools)).astype(np.int32)


def _both(one: Mask, other: Mask | None) -> Mask:
    return one if other is None else one & other
