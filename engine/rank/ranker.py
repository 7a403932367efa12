"""Candidates for an item, a basket or a query, scored by fixed, documented weights."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from ..types import History, Mask, Rows, Scores, Vectors
from .asked import Asked, asked_in, standing_of, told_apart
from .catalogue import Catalogue
from .complements import in_same_basket
from .fuse import Ranked, Signal, SparseScores, best_first, fuse, top_rows
from .literal import QUERY_WEIGHTS, SEMANTIC_SHARE, code_share, literally, shared_weights
from .pool import Pool
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
BASKET_WEIGHTS = {
    "same_basket": 1.0,
    "picked_together": 0.1,
    "looks": 0.03,
    "words": 0.015,
    "meaning": 0.015,
    "taste": 0.1,
}
"""For complements where baskets speak: the same people pick alternatives too, looks break ties."""
NOTHING_ASIDE: Mapping[str, float] = {}
"""A query that says in every space what to be near to."""
_POOL = 200
"""Candidates each retriever brings, at least."""
_PER_PICK = 40
"""Nearest looks brought for each of the latest picks."""
_LATEST_PICKS = 10


class Ranker:
    """Ranks the items of one catalogue, for people `Recommender` does; threads may share it.

    Every method takes `k`, how many results are wanted, and `allowed`, shape (n,), the items that
    may be returned (None: all); it returns the k best allowed items, or all there are.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def trending(self, k: int, *, allowed: Mask | None = None) -> Ranked:
        """Rank by trend alone: for people nothing is known of."""
        trend = self.catalogue.facts.trend
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
        """Rank what lies in one basket with these items; without baskets, what people pick too."""
        weights = np.full(len(basket), 1 / len(basket), np.float32)
        baskets = in_same_basket(self.catalogue, basket, weights, self._is_bought)
        mixture = BASKET_WEIGHTS if (baskets.values > 0).any() else COMPLEMENT_WEIGHTS
        return self._like(basket, weights, k, allowed, history, mixture, baskets)

    def for_query(
        self,
        k: int,
        *,
        looks: Vectors | None = None,
        meaning: Vectors | None = None,
        stand_in: Vectors | None = None,
        text: str | Mapping[str, float] | None = None,
        semantic_share: float = SEMANTIC_SHARE,
        wordless_share: float = 0.0,
        allowed: Mask | None = None,
    ) -> Ranked:
        """Rank by vectors, by words, or both; by trend when given neither.

        The k best of `query_candidates`, best first.
        """
        if looks is None and meaning is None and text is None:
            return self.trending(k, allowed=allowed)
        found = self.query_candidates(
            k,
            looks=looks,
            meaning=meaning,
            stand_in=stand_in,
            text=text,
            semantic_share=semantic_share,
            wordless_share=wordless_share,
            allowed=allowed,
        )
        return best_first(found, k)

    def query_candidates(
        self,
        k: int,
        *,
        looks: Vectors | None = None,
        meaning: Vectors | None = None,
        stand_in: Vectors | None = None,
        text: str | Mapping[str, float] | None = None,
        semantic_share: float = SEMANTIC_SHARE,
        wordless_share: float = 0.0,
        aside: Mapping[str, float] = NOTHING_ASIDE,
        allowed: Mask | None = None,
        only: Rows | None = None,
    ) -> Ranked:
        """Score what may answer a query, by vectors, by words, or both; in no order.

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
            Words to find literally, or several texts with the weight of each: the words of those
            above 0 are searched for, the words of those below 0 count against an item. Asked in
            words, an item without a picture is judged by its own where it has some, not by the
            place of a stand-in: of its words that is a copy among pictures, nearer to the query
            than any of them.
        semantic_share
            What the vectors of `text` count for beside its words, 0 to 1. At 0 they play no part,
            at 1 words do not. Between, numbers and codes that the catalogue has are left to the
            words, see `literal.shared_weights`.
        wordless_share
            How much of the query is no words, but pictures and items, 0 to 1.
        aside
            ``looks`` or ``meaning`` where the query there says only what to be far from, with the
            share of the weight that is left to it. Candidates come from it only where they come
            from nothing else.
        only
            Score just these rows, as far as they are allowed: then nothing else is looked for.
        k, allowed
            See the class; of all candidates that are returned the k best are as they should be.
        """
        catalogue = self.catalogue
        texts = {text: 1.0} if isinstance(text, str) else text
        placed = catalogue.images.presence if texts is None else self._placed_for_words
        told = {
            "looks": asked_in(catalogue.images, looks, placed),
            "meaning": asked_in(catalogue.texts, meaning),
        }
        if texts and semantic_share == wordless_share == 0:
            told, stand_in = {}, None
        asked = {name: each for name, each in told.items() if each and each.space.presence.any()}
        size = max(_POOL, 2 * k)
        signals: dict[str, Scores] = {}
        literal: Scores | None = None
        if texts is not None and not (asked and semantic_share == 1):
            found, against = literally(catalogue, texts)
            literal = found if any(weight > 0 for weight in texts.values()) else None
            signals["words"] = found if against is None else found - against
        gathered = Pool()
        if only is not None:
            gathered.add(only if allowed is None else only[allowed[only]])
        else:
            near = {name: each for name, each in asked.items() if name not in aside}
            without = self._pictureless(stand_in, placed) if "looks" not in aside else None
            _search(gathered, near, without, literal, size, allowed)
        if gathered.is_untouched and not _seeks(told, texts, aside):
            _search(gathered, asked, None, None, size, allowed)
            if gathered.is_untouched:
                gathered.add(top_rows(catalogue.facts.trend, size, allowed))
        pool = gathered.rows
        fused = {name: Signal(_above_nothing(values[pool])) for name, values in signals.items()}
        others = {
            "looks": asked_in(catalogue.texts, meaning if stand_in is None else stand_in),
            "meaning": asked_in(catalogue.images, looks, placed),
        }
        both = catalogue.facts.has_picture & catalogue.texts.presence
        for name, each in asked.items():
            fused[name] = standing_of(
                pool, each, others[name], both, size, is_proxy=stand_in is not None
            )
        fused["trend"] = Signal(catalogue.facts.trend[pool])
        weights = QUERY_WEIGHTS
        if "words" in signals and texts is not None and asked:
            weights = shared_weights(
                semantic_share, wordless_share, code_share(catalogue, texts), asked
            )
        weights = {name: weight * aside.get(name, 1.0) for name, weight in weights.items()}
        return replace(fuse(pool, fused, weights), plans=gathered.plans)

    def _like(
        self,
        rows: Rows,
        weights: Scores,
        k: int,
        allowed: Mask | None,
        history: History | None,
        mixture: dict[str, float],
        baskets: SparseScores | None = None,
    ) -> Ranked:
        others = self._without(rows, allowed)
        together = self.catalogue.picked_together(rows, weights)
        words = self.catalogue.words.of_items(rows, weights)
        company = [together] if baskets is None else [together, baskets]
        gathered = self._pool(rows, weights, company, words, k, others)
        pool = gathered.rows
        signals = {
            "looks": _likeness(self.catalogue.images, pool, rows, weights),
            "words": self._words(pool, words),
            "meaning": _likeness(self.catalogue.texts, pool, rows, weights),
            "picked_together": Signal(together[pool]),
        }
        if mixture is BASKET_WEIGHTS and baskets is not None:
            signals["same_basket"] = Signal(baskets[pool])
        if history is not None:
            profile = read_profile(history)
            images = self.catalogue.images
            signals["taste"] = mean_likeness(images, pool, profile.rows, profile.weights)
        ranked = best_first(fuse(pool, signals, _words_once(mixture, signals)), k)
        return replace(ranked, plans=gathered.plans)

    def _pool(
        self,
        picks: Rows,
        weights: Scores,
        company: Sequence[SparseScores],
        words: Scores,
        k: int,
        allowed: Mask | None,
    ) -> Pool:
        """Candidates: by vectors, company, words and, so that there are always k, by trend."""
        size, pool = max(_POOL, 2 * k), Pool()
        for one in company:
            pool.add(one.best(size, allowed))
        pool.add(top_rows(words, size, _both(words > 0, allowed)))
        pool.add(top_rows(self.catalogue.facts.trend, size, allowed))
        for name, space in (("looks", self.catalogue.images), ("meaning", self.catalogue.texts)):
            seen = space.presence[picks]
            if seen.any():
                vectors = space.centered(picks[seen])
                mean = weights[seen] @ vectors
                pool.add_nearest(name, space.neighbours(mean[None], size, allowed))
                if len(vectors) > 1:  # of one, these are among the nearest to the mean
                    latest = vectors[-_LATEST_PICKS:]
                    pool.add_nearest(name, space.neighbours(latest, _PER_PICK, allowed))
        return pool

    @cached_property
    def _is_bought(self) -> Mask:
        """Items that lie in baskets with others, shape (n,)."""
        baskets = self.catalogue.baskets
        if baskets is None or baskets.neighbours.shape[1] == 0:
            return np.zeros(len(self.catalogue), np.bool_)
        return np.asarray(baskets.neighbours[:, 0] >= 0)

    @cached_property
    def _placed_for_words(self) -> Mask:
        """Items that words are held against by their place among the pictures, shape (n,)."""
        images, texts = self.catalogue.images, self.catalogue.texts
        stands_in = images.presence & ~self.catalogue.facts.has_picture & texts.presence
        return images.presence & ~stands_in if stands_in.any() else images.presence

    def _pictureless(self, stand_in: Vectors | None, placed: Mask) -> Asked | None:
        """Return what the texts of items without a place among the pictures are asked."""
        texts = self.catalogue.texts
        return asked_in(texts, stand_in, ~placed) if texts.presence.any() else None

    def _words(self, pool: Rows, words: Scores) -> Signal:
        return Signal(words[pool], self.catalogue.words.presence()[pool])

    def _without(self, rows: Rows, allowed: Mask | None) -> Mask:
        kept = np.ones(len(self.catalogue), np.bool_) if allowed is None else allowed.copy()
        kept[rows] = False
        return kept


def _words_once(weights: Mapping[str, float], signals: Mapping[str, Signal]) -> Mapping[str, float]:
    """Let words and their meaning, where both speak, share a weight: they say one thing twice."""
    if not signals["meaning"].values.any():
        return weights
    return {**weights, "words": weights["words"] / 2, "meaning": weights["meaning"] / 2}


def _search(
    pool: Pool,
    asked: Mapping[str, Asked],
    stand_in: Asked | None,
    literal: Scores | None,
    size: int,
    allowed: Mask | None,
) -> None:
    """Gather what is near to a query, or shares words with it."""
    for name, each in asked.items():
        pool.add_nearest(name, each.nearest(size, allowed))
    if stand_in is not None:
        pool.add_nearest("meaning", stand_in.nearest(size, allowed))
    if literal is not None:
        pool.add(top_rows(literal, size, _both(literal > 0, allowed)))


def _likeness(space: Space, pool: Rows, rows: Rows, weights: Scores) -> Signal:
    """Mean likeness to the given items, told apart down to the least alike candidate.

    Of a candidate without a vector nobody can say that it is alike: it comes last.
    """
    present = space.presence[pool]
    values = np.zeros(len(pool), np.float32)
    seen = space.presence[rows]
    if seen.any() and present.any():
        cosine: Scores = space.centered(pool[present]) @ space.centered(rows[seen]).T
        values[present] = told_apart((cosine @ weights[seen]).astype(np.float32))
    return Signal(values, present, unknown_is_nothing=True)


def _seeks(
    told: Mapping[str, Asked | None],
    texts: Mapping[str, float] | None,
    aside: Mapping[str, float],
) -> bool:
    """Whether a query says what to be near to, and not only what to be far from."""
    return any(each is not None and name not in aside for name, each in told.items()) or any(
        weight > 0 for weight in (texts or {}).values()
    )


def _above_nothing(scores: Scores) -> Scores:
    """Shift scores, shape (m,), so that none is below 0: what is taken away must count."""
    shifted: Scores = scores - min(0, scores.min(initial=0))
    return shifted


def _both(one: Mask, other: Mask | None) -> Mask:
    return one if other is None else one & other
