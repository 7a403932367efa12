"""Ranks a catalogue for one person: candidates, what is known of them, and one score."""

import numpy as np

from ..inference import Inference
from ..types import History, Mask, Rows
from .catalogue import Catalogue
from .fuse import Ranked, best_first
from .policy import Policy
from .profile import Profile, read_profile
from .retrievers import candidates
from .signals import person_signals

__all__ = ["Recommender"]

_AS_USUAL = Inference()


class Recommender:
    """Ranks the items of one catalogue by one policy; holds no state, so threads may share it."""

    def __init__(self, catalogue: Catalogue, policy: Policy) -> None:
        self.catalogue = catalogue
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

        Returns
        -------
        Ranked
            All candidates, best first: k of them at least, or all there are.
        """
        profile = read_profile(history)
        pool = self.pool(profile, k, inference=inference, allowed=allowed, only=only, rng=rng)
        return self.scored(profile, pool, rng=rng)

    def pool(
        self,
        profile: Profile,
        k: int,
        *,
        inference: Inference = _AS_USUAL,
        allowed: Mask | None = None,
        only: Rows | None = None,
        rng: np.random.Generator | None = None,
    ) -> Rows:
        """Return the candidates of a profile, as `for_person` scores them; each once."""
        if only is not None:
            return only if allowed is None else only[allowed[only]]
        unseen = np.ones(len(self.catalogue), np.bool_) if allowed is None else allowed.copy()
        unseen[profile.seen] = False
        return candidates(self.catalogue, profile, inference, unseen, k, rng=rng)

    def scored(
        self, profile: Profile, pool: Rows, *, rng: np.random.Generator | None = None
    ) -> Ranked:
        """Score these candidates of a profile, best first; of equal scores the lower row first."""
        if len(profile) == 0:
            trend = self.catalogue.facts.trend[pool]
            return best_first(Ranked(pool, trend, {"trend": trend}), len(pool))
        signals = person_signals(self.catalogue, profile, pool)
        ranked = self._policy.score(pool, signals, rng or np.random.default_rng())
        return best_first(ranked, len(pool))
