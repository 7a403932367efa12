"""Joins the scoring policies: learned from lists of candidates, kept with a generation, opened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .learn.fusion import Lists, learn_weights, logistic
from .policies import ScoringPolicy
from .rank.policy import PRIOR, Boosted, Drawn, Ensemble, One, Policy, Retrieved
from .rank.signals import SIGNALS
from .rank.trees import Trees

__all__ = ["FittedPolicy", "check_policy", "fit_policy", "prior_policy"]

Progress: TypeAlias = Callable[[str, int, int], None]

_SHARPNESS = 10.0
_SINGLE = {"popular": "popularity", "rising": "trend"}
_LEARNED = {"score-ensemble", "lightgbm"}
_AS_USUAL = ScoringPolicy()


@dataclass(frozen=True, slots=True)
class FittedPolicy:
    """A scoring policy with all that it learned.

    `record`, JSON values, goes into the manifest, where ``arrays`` names those beside it. That of
    score-ensemble has ``weights`` by signal, which sum to 1, whether they were ``learned`` and from
    how many ``lists``, and with ``slope`` and ``intercept`` the chance that a candidate with a
    score is picked, 1 / (1 + exp(-(slope * score + intercept))).
    """

    record: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def open(self) -> Policy:
        """Return the policy, ready to score."""
        kind = self.record["policy_type"]
        if kind == "score-ensemble":
            return Ensemble(self.record["weights"])
        if kind == "lightgbm":
            return Boosted(Trees.from_arrays(self.arrays))
        if kind in _SINGLE:
            return One(_SINGLE[kind])
        return Drawn() if kind == "random" else Retrieved()


def check_policy(wanted: ScoringPolicy) -> None:
    """Refuse what `fit_policy` refuses: call it before the hours of work that come first.

    Raises
    ------
    UnsupportedError
        As `fit_policy`.
    """
    if wanted.lightgbm is not None:
        from .boosted import check_settings, require_lightgbm  # building only

        check_settings(wanted.lightgbm)
        require_lightgbm()


def fit_policy(
    wanted: ScoringPolicy, lists: Lists, *, seed: int, threads: int, progress: Progress
) -> FittedPolicy:
    """Learn a policy from lists of candidates and what was picked of them.

    Raises
    ------
    UnsupportedError
        If it needs a package that is not installed, or cannot honour a setting.
    """
    if wanted.policy_type == "lightgbm" and wanted.lightgbm is not None:
        from .boosted import train_trees  # building only

        trees = train_trees(
            lists.values,
            lists.offsets,
            lists.relevant,
            SIGNALS,
            wanted.lightgbm,
            seed=seed,
            threads=threads,
            progress=lambda done, total: progress("lightgbm", done, total),
        )
        if trees is None:
            return prior_policy()
        arrays = trees.to_arrays()
        record = {"policy_type": "lightgbm", "lists": len(lists), "arrays": sorted(arrays)}
        return FittedPolicy(record, arrays)
    if wanted.policy_type not in _LEARNED:
        return prior_policy(wanted)
    prior = _prior()
    learned = learn_weights(
        lists,
        _SHARPNESS * prior,
        threads=threads,
        progress=lambda done, total: progress("weights", done, total),
    )
    return _ensemble(prior if learned is None else learned, lists, learned=learned is not None)


def prior_policy(wanted: ScoringPolicy = _AS_USUAL) -> FittedPolicy:
    """Return the policy where nothing can be learned: for one that would be, the ensemble."""
    if wanted.policy_type not in _LEARNED:
        return FittedPolicy({"policy_type": wanted.policy_type})
    nothing = np.zeros((0, len(SIGNALS)), np.float32)
    none = np.zeros(0, np.bool_)
    lists = Lists(nothing, np.zeros(1, np.int64), none, np.zeros(0, np.int64))
    return _ensemble(_prior(), lists, learned=False)


def _prior() -> NDArray[np.float64]:
    prior = np.array([PRIOR[name] for name in SIGNALS])
    shares: NDArray[np.float64] = prior / prior.sum()
    return shares


def _ensemble(weights: NDArray[np.float64], lists: Lists, *, learned: bool) -> FittedPolicy:
    slope, intercept = logistic(lists.scores(weights), lists.relevant) if learned else (0.0, 0.0)
    return FittedPolicy(
        {
            "policy_type": "score-ensemble",
            "weights": dict(zip(SIGNALS, weights.tolist(), strict=True)),
            "learned": learned,
            "lists": len(lists),
            "slope": slope,
            "intercept": intercept,
        }
    )
