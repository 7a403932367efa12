"""Ranks a catalogue for one person: candidates, what is known of them, and one score."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..inference import Inference
from ..types import History, Mask, Rows
from .catalogue import Catalogue
from .fuse import Ranked, best_first
from .policy import Policy
from .profile import read_profile
from .retrievers import candidates
from .signals import person_signals

__all__ = ["Recommender"]

_AS_USUAL = Inference()


class Recommender:
    """Ranks the items of one catalogue by one policy; holds no state, so threads may share it."""

    def __init__(self, catalogue: Catalogue, policy: Policy) -> None:
        self._catalogue = catalogue
        self._policy = policy

    def for_person(
        self,
        history: History,
        k: int,
        *,
        inference: Inference = _AS_USUAL,
        allowed: Mask | None = None,
        only: Rows | None = None,
        rng: np.random.Generator | None = None,
        explain: bool = False,
    ) -> Ranked:
        """Score candidates for someone with this history.

        Parameters
        ----------
        history
            What they picked; items in it are not shown again unless named by `only`. Someone who
            picked nothing gets what is trending.
        k
            How many results are wanted.
        inference
            The sizes of the retrievers.
        allowed
            Items that may be returned, shape (n,); None: all.
        only
            Score just these rows.
        rng
            For what is drawn; None draws anew.
        explain
            Whether the parts must be by signal also where that takes an effort.

        Returns
        -------
        Ranked
            All candidates, best first: k of them at least, or all there are.
        """
        profile = read_profile(history)
        together = self._catalogue.picked_together(profile.rows, profile.weights)
        plans: Mapping[str, str] = {}
        if only is not None:
            pool = only if allowed is None else only[allowed[only]]
        else:
            unseen = np.ones(len(self._catalogue), np.bool_) if allowed is None else allowed.copy()
            unseen[profile.seen] = False
            found = candidates(self._catalogue, profile, together, inference, unseen, k, rng=rng)
            pool, plans = found.rows, found.plans
        if len(profile) == 0:
            name = self._policy.for_strangers
            facts = self._catalogue.facts
            liked = (facts.popularity if name == "popularity" else facts.trend)[pool]
            return best_first(Ranked(pool, liked, {name: liked}), len(pool))
        signals = person_signals(self._catalogue, profile, pool, together, self._policy.needs)
        rng = rng or np.random.default_rng()
        ranked = self._policy.score(pool, signals, rng, explain=explain)
        return best_first(replace(ranked, plans=plans), len(pool))
