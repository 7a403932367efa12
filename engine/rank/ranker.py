"""Candidates for a person, an item, a basket or a query, scored by fixed, documented weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..types import History, Mask, Rows, Scores
from .catalogue import Catalogue, recent_picks
from .fuse import Ranked, Signal, best_first, fuse, top_rows

__all__ = ["Ranker"]

# How much each signal counts, chosen once on drawn and real catalogues; a learned fusion replaces
# them. A signal that says nothing for a request takes no part in it.
PERSON_WEIGHTS = {"looks": 1.0, "picked_together": 1.0, "words": 0.2, "trend": 0.1}
ALIKE_WEIGHTS = {"looks": 1.0, "words": 0.35, "picked_together": 0.15, "taste": 0.25}
COMPLEMENT_WEIGHTS = {"picked_together": 1.0, "looks": 0.2, "words": 0.1, "taste": 0.1}
QUERY_WEIGHTS = {"looks": 1.0, "words": 1.0, "trend": 0.02}

_POOL = 200
"""Candidates each retriever brings, at least."""
_PER_PICK = 40
"""Nearest looks brought for each of the latest picks."""
_LATEST_PICKS = 10
_LEAST_ALIKE = 0.1
"""Share of the best that the least alike candidate gets: more than one nobody can see."""


class Ranker:
    """Ranks the items of one catalogue; holds no state, so threads may share it.

    Every method takes `k`, how many results are wanted, and `allowed`, shape (n,), the items that
    may be returned (None: all); it returns the k best allowed items, or all there are.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def trending(self, k: int, *, allowed: Mask | None = None) -> Ranked:
        """Rank by trend alone: for people nothing is known of."""
        trend = self._catalogue.trend
        rows = top_rows(trend, k, allowed)
        return Ranked(rows, np.asarray(trend[rows]), {"trend": np.asarray(trend[rows])})

    def for_person(
        self, history: History, k: int, *, allowed: Mask | None = None, only: Rows | None = None
    ) -> Ranked:
        """Rank for someone with this history.

        Parameters
        ----------
        history
            What they picked; items in it are not shown again unless named by `only`.
        k, allowed
            See the class.
        only
            Rank just these rows.
        """
        picks, weights = recent_picks(history)
        if len(picks) == 0:
            unseen = allowed if only is not None else self._without(history.rows, allowed)
            return self.trending(k, allowed=self._among(only, unseen))
        together = self._catalogue.picked_together(picks, weights)
        words = self._catalogue.words.of_items(picks, weights)
        if only is None:
            unseen = self._without(history.rows, allowed)
            pool = self._pool(picks, weights, together, words, k, unseen)
        else:
            pool = self._filtered(only, allowed)
        signals = {
            "looks": self._looks(pool, picks, weights),
            "picked_together": Signal(together[pool]),
            "words": self._words(pool, words),
            "trend": Signal(self._catalogue.trend[pool]),
        }
        return best_first(fuse(pool, signals, PERSON_WEIGHTS), k)

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
        vector: NDArray[np.float32] | None = None,
        text: str | None = None,
        allowed: Mask | None = None,
    ) -> Ranked:
        """Rank by a picture's vector, shape (d,), by words, or both; by trend when given neither.

        Only items that answer the query are returned: with words alone, those that share one.
        """
        if vector is None and text is None:
            return self.trending(k, allowed=allowed)
        signals: dict[str, Scores] = {}
        pools: list[Rows] = []
        if vector is not None:
            pools.append(self._nearest(vector[None], max(_POOL, 2 * k), allowed))
        if text is not None:
            words = self._catalogue.words.of_text(text)
            matching = words > 0 if allowed is None else (words > 0) & allowed
            pools.append(top_rows(words, max(_POOL, 2 * k), matching))
            signals["words"] = words
        pool = _union(pools)
        fused = {name: Signal(values[pool]) for name, values in signals.items()}
        if vector is not None:
            present = self._catalogue.presence[pool]
            cosine = np.zeros(len(pool), np.float32)
            cosine[present] = self._catalogue.vectors[pool[present]] @ vector
            fused["looks"] = Signal(cosine, present)
        fused["trend"] = Signal(self._catalogue.trend[pool])
        return best_first(fuse(pool, fused, QUERY_WEIGHTS), k)

    def most_alike_pick(self, history: History, rows: Rows) -> list[int | None]:
        """Return, for every row, the pick of the history that looks most like it, if any can."""
        picks, _ = recent_picks(history)
        picks = picks[self._catalogue.presence[picks]]
        if len(picks) == 0:
            return [None] * len(rows)
        cosine = self._catalogue.centered(rows) @ self._catalogue.centered(picks).T
        nearest = picks[cosine.argmax(axis=1)]
        present = self._catalogue.presence[rows]
        return [int(pick) if seen else None for pick, seen in zip(nearest, present, strict=True)]

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
            "looks": self._likeness(pool, rows, weights),
            "words": self._words(pool, words),
            "picked_together": Signal(together[pool]),
        }
        if history is not None:
            signals["taste"] = self._looks(pool, *recent_picks(history))
        return best_first(fuse(pool, signals, mixture), k)

    def _pool(
        self,
        picks: Rows,
        weights: Scores,
        together: Scores,
        words: Scores,
        k: int,
        allowed: Mask | None,
    ) -> Rows:
        """Candidates: by looks, by company, by words and, so that there are always k, by trend."""
        size = max(_POOL, 2 * k)
        pools = [
            top_rows(together, size, _both(together > 0, allowed)),
            top_rows(words, size, _both(words > 0, allowed)),
            top_rows(self._catalogue.trend, size, allowed),
        ]
        seen = self._catalogue.presence[picks]
        if seen.any():
            looks = self._catalogue.centered(picks[seen])
            mean = weights[seen] @ looks
            pools.append(self._nearest(mean[None], size, allowed))
            pools.append(self._nearest(looks[-_LATEST_PICKS:], _PER_PICK, allowed))
        return _union(pools)

    def _nearest(self, vectors: NDArray[np.float32], k: int, allowed: Mask | None) -> Rows:
        """Candidates by looks, from the encoder's own space.

        For a centred query q, the index orders items by q.(v - c) and scoring by that divided by
        the length of v - c: alike unless the pictures crowd around their mean, and the pool is
        wide enough to make up for it.
        """
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
        return self._catalogue.index.query(unit.astype(np.float32), k, allowed=allowed).rows.ravel()

    def _looks(self, pool: Rows, picks: Rows, weights: Scores) -> Signal:
        """Mean likeness to the picks; what is unlike one pick does not count against the others."""
        present = self._catalogue.presence[pool]
        values = np.zeros(len(pool), np.float32)
        seen = self._catalogue.presence[picks]
        if seen.any():
            pictures = self._catalogue.centered(picks[seen])
            cosine = self._catalogue.centered(pool[present]) @ pictures.T
            values[present] = np.maximum(cosine, 0) @ weights[seen]
        return Signal(values, present)

    def _likeness(self, pool: Rows, rows: Rows, weights: Scores) -> Signal:
        """Mean likeness to the given items, told apart down to the least alike candidate.

        Of a candidate without a picture nobody can say that it looks alike: it comes last.
        """
        present = self._catalogue.presence[pool]
        values = np.zeros(len(pool), np.float32)
        seen = self._catalogue.presence[rows]
        if seen.any() and present.any():
            pictures = self._catalogue.centered(rows[seen])
            cosine = self._catalogue.centered(pool[present]) @ pictures.T @ weights[seen]
            spread = cosine - cosine.min()
            values[present] = spread + _LEAST_ALIKE * spread.max() if spread.max() > 0 else 1
        return Signal(values, present, unknown_is_nothing=True)

    def _words(self, pool: Rows, words: Scores) -> Signal:
        return Signal(words[pool], self._catalogue.words.presence()[pool])

    def _without(self, rows: Rows, allowed: Mask | None) -> Mask:
        kept = np.ones(len(self._catalogue), np.bool_) if allowed is None else allowed.copy()
        kept[rows] = False
        return kept

    def _filtered(self, rows: Rows, allowed: Mask | None) -> Rows:
        return rows if allowed is None else rows[allowed[rows]]

    def _among(self, only: Rows | None, allowed: Mask | None) -> Mask | None:
        if only is None:
            return allowed
        named = np.zeros(len(self._catalogue), np.bool_)
        named[self._filtered(only, allowed)] = True
        return named


def _union(pools: Sequence[Rows]) -> Rows:
    return np.unique(np.concatenate(pools)).astype(np.int32)


def _both(one: Mask, other: Mask | None) -> Mask:
    return one if other is None else one & other
