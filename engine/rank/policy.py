"""Scoring policies: what makes one score of all that the signals say of a candidate."""

from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import Rows
from .fuse import Ranked, Signal, fuse, scaled
from .signals import SIGNALS
from .trees import Trees

__all__ = [
    "PRIOR",
    "Boosted",
    "Drawn",
    "Ensemble",
    "One",
    "Policy",
    "Retrieved",
    "signal_matrix",
]

PRIOR = {
    "picked_together": 1.0,
    "factors": 0.2,
    "taste": 0.6,
    "looks": 0.4,
    "meaning": 0.1,
    "words": 0.1,
    "palette": 0.1,
    "category": 0.1,
    "price": 0.05,
    "popularity": 0.05,
    "trend": 0.1,
    "newness": 0.02,
    "is_new": 0.0,
    "has_picture": 0.0,
}
"""How much each signal counts where too little happened to learn it, and what learning starts from
and is drawn towards. Set by hand on drawn and real catalogues."""


class Policy(Protocol):
    """Makes one score of the signals about a person's candidates."""

    @property
    def for_strangers(self) -> str:
        """What people of whom nothing is known are ranked by: ``trend`` or ``popularity``."""
        ...

    @property
    def needs(self) -> Collection[str]:
        """Names of the signals that `score` reads: others need not be told."""
        ...

    def score(
        self,
        pool: Rows,
        signals: Mapping[str, Signal],
        rng: np.random.Generator,
        *,
        explain: bool = False,
    ) -> Ranked:
        """Score the candidates, in the order of `pool`.

        Parameters
        ----------
        pool, signals
            Candidates, shape (m,), and what is known of them.
        rng
            For policies that draw.
        explain
            Whether the parts must be by signal also where that takes an effort.
        """
        ...


class _Trending:
    """Shows what is trending to people of whom nothing is known."""

    for_strangers = "trend"


class Ensemble(_Trending):
    """The weighted sum of the signals: score-ensemble, the default.

    Parameters
    ----------
    weights
        By the names of `SIGNALS`, above 0 for those that count; see `learn.fusion`.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = weights
        self.needs = [name for name in SIGNALS if weights.get(name, 0) > 0]

    def score(
        self,
        pool: Rows,
        signals: Mapping[str, Signal],
        rng: np.random.Generator,
        *,
        explain: bool = False,
    ) -> Ranked:
        """Score the candidates from 0 to 1; see `Policy` and `fuse`."""
        counted = {name: signals[name] for name in self.needs if name in signals}
        return fuse(pool, counted, self.weights)


class One(Ensemble):
    """One signal alone, for strangers too: `popular` and `rising`."""

    def __init__(self, name: str) -> None:
        super().__init__({name: 1.0})
        self.for_strangers = name


class Retrieved(Ensemble):
    """No policy: candidates as the collaborative model, then taste, has them."""

    def __init__(self) -> None:
        super().__init__({"picked_together": 1.0, "taste": 0.01})


class Drawn(_Trending):
    """A score drawn at random: what every policy should beat."""

    needs = ()

    def score(
        self,
        pool: Rows,
        signals: Mapping[str, Signal],
        rng: np.random.Generator,
        *,
        explain: bool = False,
    ) -> Ranked:
        """Score the candidates from 0 to 1; see `Policy`."""
        drawn = rng.random(len(pool), dtype=np.float32)
        return Ranked(pool, drawn, {"random": drawn})


class Boosted(_Trending):
    """LambdaMART over the signals: lightgbm."""

    needs = SIGNALS

    def __init__(self, model: Trees) -> None:
        self._model = model

    def score(
        self,
        pool: Rows,
        signals: Mapping[str, Signal],
        rng: np.random.Generator,
        *,
        explain: bool = False,
    ) -> Ranked:
        """Score the candidates by the trees, in no fixed range; see `Policy`."""
        values = signal_matrix(signals, len(pool))
        scores = self._model.scores(values)
        if not explain:
            return Ranked(pool, scores, {"lightgbm": scores})
        shares = self._model.contributions(values)
        return Ranked(pool, scores, dict(zip(SIGNALS, shares.T, strict=True)))


def signal_matrix(signals: Mapping[str, Signal], n_candidates: int) -> NDArray[np.float32]:
    """Return the scaled signals as columns in the order of `SIGNALS`, shape (m, s); 0 if silent."""
    values = np.zeros((n_candidates, len(SIGNALS)), np.float32)
    for name, column in scaled(signals).items():
        values[:, SIGNALS.index(name)] = column
    return values
