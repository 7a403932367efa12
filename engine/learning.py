"""Joins what behaviour teaches: content and histories in, a catalogue and a scoring policy out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .features.behaviour import popularity, trend
from .features.facts import ItemFacts
from .index.plan import fresh_index
from .inference import Inference
from .learn.collaborative import Collaborative, factors_from_content, learn_collaborative
from .learn.evaluation import picks_of_items
from .learn.factors import Factors
from .learn.fusion import Lists
from .learn.interactions import Interactions
from .learn.popular import best_half_life, expected_popularity
from .learn.taste import Taste, learn_taste
from .policies import Policies
from .rank.catalogue import Catalogue, WordScorer
from .rank.facts import Facts
from .rank.policy import signal_matrix
from .rank.profile import read_profile
from .rank.retrievers import candidates
from .rank.signals import SIGNALS, person_signals
from .rank.space import Space
from .rank.taste import TasteSpace
from .threads import blas_threads
from .types import Mask, Modality, Pairs

__all__ = ["Content", "Learning", "Lesson", "candidate_lists", "catalogue_of", "facts_of"]

Progress: TypeAlias = Callable[[str, int, int], None]

_AS_USUAL = Policies()
_RETRIEVED = Inference()
_CUT_OFF = 10
_FEW = 20  # vectors of whose mean little can be said
_NO_LISTS = {"item-content-similarity", "no-op"}
_METHODS = {"auto-tune": None, "ease": "EASE", "als": "ALS", "item-item": "item-item"}


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of the items before anybody did anything, in item-row order."""

    images: Modality
    """Places among the pictures, stand-ins with them."""
    has_picture: Mask
    """Which of these are of pictures, shape (n,)."""
    texts: Modality
    words: WordScorer
    facts: ItemFacts
    palettes: NDArray[np.float32]
    """Shares of colours, shape (n, c), zero without a picture."""
    pairs: Pairs | None = None
    """Items that a person said are the same to them, or different."""

    def __len__(self) -> int:
        return len(self.images.presence)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned of one set of histories."""

    catalogue: Catalogue
    collaborative: Collaborative
    taste: Taste
    trend_half_life: float
    """Half-life of the trend, in days."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """What was chosen, and what each part is worth by its own measure; JSON values."""


@dataclass(frozen=True, slots=True)
class Learning:
    """How histories are learned from; the same settings and histories teach the same.

    Parameters
    ----------
    policies
        Which collaborative model, and which scoring policy.
    half_life_days
        Half-life of an event's weight in training; None: none fades.
    seed
        Of everything that is drawn.
    threads
        How many to work with.
    """

    policies: Policies = _AS_USUAL
    half_life_days: float | None = None
    seed: int = 0
    threads: int = 1

    def of(
        self,
        content: Content,
        interactions: Interactions,
        progress: Progress,
        *,
        like: Lesson | None = None,
    ) -> Lesson:
        """Learn from these histories what is picked together, tastes, and what is popular.

        What has to be tried out, such as how long to train, is taken over from the lesson that a
        part of the histories taught, `like`, where there is one.
        """
        with blas_threads(1):
            return self._learned(content, interactions, progress, like)

    def _learned(
        self,
        content: Content,
        interactions: Interactions,
        progress: Progress,
        like: Lesson | None,
    ) -> Lesson:
        n_items = len(content)
        histories = interactions.decayed(self.half_life_days)
        with blas_threads(self.threads):  # these products are large, those of taste small
            collaborative = self._collaborative(histories, n_items, progress, like)
        taste = learn_taste(
            content.images,
            content.texts,
            histories,
            pairs=content.pairs,
            like=None if like is None else like.taste,
            seed=self.seed,
            threads=self.threads,
            progress=lambda done, total: progress("taste", done, total),
        )
        half_life = like.trend_half_life if like else best_half_life(histories, n_items)
        facts = facts_of(content, histories, taste, half_life)
        known = factors_from_content(
            taste.vectors,
            taste.presence,
            collaborative.factors,
            facts.events > 0,
            facts.events.astype(np.int64),
        )
        collaborative = replace(collaborative, factors=known.factors)
        catalogue = catalogue_of(content, collaborative, taste, facts)
        report = {
            "collaborative": collaborative.method,
            "factors": int(collaborative.factors.shape[1]),
            "no_factors": collaborative.reason,
            "cold_factors_r2": round(known.r2, 4),
            "taste": taste.report,
            "trend_half_life_days": half_life if np.isfinite(half_life) else None,
        }
        return Lesson(catalogue, collaborative, taste, half_life, report)

    def _collaborative(
        self, histories: Interactions, n_items: int, progress: Progress, like: Lesson | None
    ) -> Collaborative:
        policy = self.policies.embedding.policy_type
        if policy in _NO_LISTS or not (histories.weights > 0).any():
            empty = np.zeros((n_items, 0), np.int32)
            none = np.zeros((n_items, 0), np.float32), np.zeros((0, 0), np.float32)
            reason = "there are no picks" if policy not in _NO_LISTS else f"{policy} was asked for"
            return Collaborative("none", empty, empty.astype(np.float32), *none, reason)
        return learn_collaborative(
            histories,
            n_items,
            method=_METHODS[policy],
            like=None if like is None else like.collaborative,
            seed=self.seed,
            threads=self.threads,
            progress=progress,
        )


def candidate_lists(
    catalogue: Catalogue,
    earlier: Interactions,
    later: Interactions,
    users: Sequence[int],
    progress: Progress,
    *,
    allowed: Callable[[int], Mask | None] = lambda user: None,
) -> tuple[Lists, NDArray[np.int64]]:
    """Retrieve candidates for people as serving would, and note which of them were picked later.

    `allowed` returns which items a user row may be shown, shape (n,), None for all.

    Returns
    -------
    lists, people
        A list for each of `users` who picked something before, and their user rows.
    """
    known = [user for user in users if (earlier[user].weights > 0).any()]

    def listed(user: int) -> tuple[NDArray[np.float32], NDArray[np.bool_], int]:
        profile = read_profile(earlier[user])
        together = catalogue.picked_together(profile.rows, profile.weights)
        shown = allowed(user)
        unseen = np.ones(len(catalogue), np.bool_) if shown is None else shown.copy()
        unseen[profile.seen] = False
        pool = candidates(catalogue, profile, together, _RETRIEVED, unseen, _CUT_OFF).rows
        picked = later[user].rows[later[user].weights > 0]
        signals = person_signals(catalogue, profile, pool, together)
        return signal_matrix(signals, len(pool)), np.isin(pool, picked), len(picked)

    values = [np.zeros((0, len(SIGNALS)), np.float32)]
    relevant, wanted = [np.zeros(0, np.bool_)], []
    with blas_threads(1):
        for place, (matrix, hits, count) in enumerate(map(listed, known)):
            values.append(matrix)
            relevant.append(hits)
            wanted.append(count)
            progress("candidates", place + 1, len(known))
    lists = Lists(
        np.concatenate(values),
        np.cumsum([0, *map(len, relevant[1:])], dtype=np.int64),
        np.concatenate(relevant),
        np.array(wanted, np.int64),
    )
    return lists, np.array(known, np.int64)


def catalogue_of(
    content: Content, collaborative: Collaborative, taste: Taste, facts: Facts
) -> Catalogue:
    """Put together what ranking reads, to be searched exactly."""
    return Catalogue(
        images=_space(content.images),
        texts=_space(content.texts),
        neighbours=collaborative.neighbours,
        neighbour_scores=collaborative.neighbour_scores,
        words=content.words,
        facts=facts,
        taste=TasteSpace(
            taste.vectors,
            taste.presence,
            taste.crowding,
            fresh_index(taste.vectors, taste.presence),
        ),
        factors=_factors(collaborative),
    )


def facts_of(content: Content, histories: Interactions, taste: Taste, half_life: float) -> Facts:
    """Return the facts about items, those about what people did counted from `histories`."""
    n_items = len(content)
    events = picks_of_items(histories, n_items)
    popular = np.log1p(popularity(histories.rows, histories.weights, n_items))
    popular = (popular / max(float(popular.max(initial=0)), 1e-6)).astype(np.float32)
    trending = trend(
        histories.rows, histories.weights, histories.times, n_items, half_life_days=half_life
    )
    hoped = expected_popularity(taste.vectors, taste.presence, popular, events)
    return Facts(
        events=events.astype(np.int32),
        popularity=np.maximum(popular, hoped),
        trend=np.maximum(trending, hoped * _least(trending)),
        newness=content.facts.newness,
        prices=content.facts.prices,
        categories=content.facts.categories,
        palettes=content.palettes,
        has_picture=content.has_picture,
    )


def _least(values: NDArray[np.float32]) -> np.float32:
    """Return the least value above 0, or 1 where there is none."""
    return np.float32(values[values > 0].min(initial=1))


def _factors(collaborative: Collaborative) -> Factors | None:
    if collaborative.factors.shape[1] == 0:
        return None
    return Factors(collaborative.factors, collaborative.gram)


def _space(modality: Modality) -> Space:
    vectors, presence = modality.vectors, modality.presence
    total = vectors.sum(axis=0, dtype=np.float64)  # rows of what is absent are zero
    # Of a few vectors the mean says little of what all share: it is drawn towards nothing.
    center = (total / (np.count_nonzero(presence) + _FEW)).astype(np.float32)
    return Space(vectors, presence, center, fresh_index(vectors, presence))
