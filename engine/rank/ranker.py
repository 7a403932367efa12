"""Candidates for an item, a basket or a query, scored by fixed, documented weights."""

from collections.abc import Mapping, Sequence

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
            What the texts of items without a picture are judged by in place of `looks`, shape
            (p, t), where a picture is asked for: words then count by how much they are seen to tell
            of pictures. `meaning` if not given, which words answer as well as pictures do. Without
            a text, an item is judged by its picture alone.
        text
            Words to find literally.
        k, allowed
            See the class.
        """
        catalogue = self._catalogue
        asked = {
            name: (space, queries)
            for name, space, queries in (
                ("looks", catalogue.images, looks),
                ("meaning", catalogue.texts, meaning),
            )
            if queries is not None and space.presence.any()
        }
        size = max(_POOL, 2 * k)
        pools = [space.nearest(queries, size, allowed) for space, queries in asked.values()]
        if stand_in is not None and catalogue.texts.presence.any():
            pictureless = _both(~catalogue.images.presence, allowed)
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
            "looks": (catalogue.texts, meaning if stand_in is None else stand_in),
            "meaning": (catalogue.images, looks),
        }
        for name, (space, queries) in asked.items():
            fused[name] = _standing(
                pool, (space, queries), others[name], size, is_proxy=stand_in is not None
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

    def _words(self, pool: Rows, words: Scores) -> Signal:
        return Signal(words[pool], self._catalogue.words.presence()[pool])

    def _without(self, rows: Rows, allowed: Mask | None) -> Mask:
        kept = np.ones(len(self._catalogue), np.bool_) if allowed is None else allowed.copy()
        kept[rows] = False
        return kept


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
    asked: tuple[Space, Vectors],
    other: tuple[Space, Vectors | None],
    size: int,
    *,
    is_proxy: bool,
) -> Signal:
    """How the candidates stand to a query in one space, those absent from it in the other one."""
    space, queries = asked
    known = space.presence[pool]
    standing = np.zeros(len(pool), np.float32)
    standing[known] = space.standing(queries, pool[known])
    substitute, substitute_queries = other
    judged = substitute.presence[pool] & ~known
    if substitute_queries is not None and judged.any():
        here = substitute, substitute_queries
        both = space.presence & substitute.presence
        crossing = bridge(here, asked, both, size, is_proxy=is_proxy)
        standing[judged] = crossing.cross(substitute.standing(substitute_queries, pool[judged]))
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
