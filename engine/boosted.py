"""Judged lists of candidates into boosted trees that rank them: LambdaMART, through LightGBM."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError, UnsupportedError
from .learn.fusion import logistic
from .policies import LightGbm
from .rank.trees import Trees, inner_levels

__all__ = ["check_settings", "require_lightgbm", "train_trees"]

_SECTION = "model.policy_configs.scoring_policy"
_INSTALL = "pip install 'sightline[lightgbm]'"

FEWEST_LISTS = 20
"""Lists with candidates of both kinds, below which trees are a guess and none are learned."""

_HELD_OUT = 5  # every fifth list
_ROUNDS, _PATIENCE = 500, 50
_NUM_LEAVES, _LEARNING_RATE = 8, 0.05
_SUBSAMPLE = 0.7
_PLACES = 10
_LONGEST = 10_000  # LightGBM's own bound on a list
_METRICS = {
    "lambdarank": "ndcg",
    "rank_xendcg": "ndcg",
    "binary": "binary_logloss",
    "regression": "l2",
}
_RANKING = ("lambdarank", "rank_xendcg")

# What a node says of missing values: bits of LightGBM's decision_type.
_DEFAULT_LEFT, _MISSING_SHIFT, _MISSING_BITS = 2, 2, 3

_LARGEST = 1e30  # sums of such numbers are still float32


def require_lightgbm() -> ModuleType:
    """Import LightGBM: call it before hours of work that would end without it.

    Raises
    ------
    UnsupportedError
        If it is not installed, with the extra that brings it, or cannot be loaded.
    """
    try:
        return importlib.import_module("lightgbm")
    except (ImportError, OSError) as error:  # OSError: its library lacks one of the system's
        if isinstance(error, ImportError) and error.name == "lightgbm":
            message = (
                f"{_SECTION}.policy_type lightgbm needs the package lightgbm, which is not "
                f"installed: {_INSTALL}"
            )
        else:
            message = (
                f"{_SECTION}.policy_type lightgbm: the package lightgbm cannot be imported "
                f"({error}). If a library such as libgomp.so.1 is missing, install that; if not, "
                f"{_INSTALL} again"
            )
        raise UnsupportedError(message) from error


def check_settings(settings: LightGbm) -> None:
    """Refuse what `train_trees` cannot honour: it is told what is relevant, not why.

    A caller that chose what is relevant by `event_values` passes settings without them.

    Raises
    ------
    UnsupportedError
        If `event_values` are given.
    """
    if settings.event_values:
        message = (
            f"{_SECTION}.event_values: {list(settings.event_values)!r} cannot be honoured: every "
            "pick counts as one, whatever its type. Remove the key, and weigh or leave out types "
            "of events in fetch.events"
        )
        raise UnsupportedError(message)


def train_trees(
    values: NDArray[np.float32],
    offsets: NDArray[np.int64],
    relevant: NDArray[np.bool_],
    names: Sequence[str],
    settings: LightGbm,
    *,
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trees | None:
    """Learn trees that put the relevant candidates of a list before the others.

    By default LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART: an overview", 2010)
    as LightGBM has it (Ke et al., "LightGBM: a highly efficient gradient boosting decision tree",
    2017). No score falls where a signal rises, between known values. A fifth of the lists is held
    out: trees are added until 50 in a row do not improve on it (NDCG@10 of the ranking objectives,
    the loss of the others), and the best number is kept.

    What `settings` leave open: at most 500 trees of 8 leaves, learning rate 0.05, each from a
    random 70 % of the candidates. `subsample` without `subsample_freq` draws for every tree.
    `calibrate` turns scores into probabilities of being relevant by a logistic regression on the
    lists held out (Platt, "Probabilistic outputs for support vector machines", 1999), whose slope
    is kept above 0 so that it reorders nothing. Of `objective` binary they are that anyway.

    Parameters
    ----------
    values
        Signals of the candidates, shape (N, s), float32; NaN where a signal knows nothing. A signal
        that is nowhere NaN here is read as 0 where it is NaN in ranking.
    offsets
        Shape (q + 1,): list i is ``offsets[i]:offsets[i + 1]``.
    relevant
        Shape (N,): what should come first.
    names
        Of the signals, in the order of the columns.
    settings
        The policy, as `check_settings` accepts it.
    seed
        Of which lists are held out, and of every draw in training.
    threads
        Threads that train; the trees do not depend on it.
    progress
        Called with how many rounds are done, and how many there are at most.

    Returns
    -------
    trees
        What ranks by itself, without LightGBM. None if fewer than 20 lists have both relevant and
        other candidates: fixed weights are then better.

    Raises
    ------
    UnsupportedError
        As `require_lightgbm` and `check_settings`.
    ConfigError
        If LightGBM cannot train with these settings.
    ValueError
        If the shapes do not fit, or a list has more than 10,000 candidates, which is as many as
        LightGBM ranks.
    """
    check_settings(settings)
    lightgbm = require_lightgbm()
    _check_lists(values, offsets, relevant, names, settings.objective)
    tells = _tell(offsets, relevant)
    if tells.sum() < FEWEST_LISTS:
        return None
    held = _held_out(tells, seed)
    # To a ranking objective, lists of one kind are nothing but noise.
    taught = ~held & tells if settings.objective in _RANKING else ~held
    rounds = settings.n_estimators or _ROUNDS
    parameters = _parameters(settings, len(names), seed, threads)
    progress(0, rounds)
    lists = values, offsets, relevant
    try:
        learnt_from = _dataset(lightgbm, *lists, taught, parameters)
        booster = lightgbm.train(
            parameters,
            learnt_from,
            num_boost_round=rounds,
            valid_sets=[_dataset(lightgbm, *lists, held, parameters, learnt_from)],
            callbacks=[
                lambda at: progress(at.iteration + 1, rounds),
                lightgbm.early_stopping(_PATIENCE, verbose=False),
            ],
        )
        text, gains = booster.model_to_string(), booster.feature_importance("gain")
    except lightgbm.basic.LightGBMError as error:
        message = f"LightGBM cannot train by {_SECTION} ({error}); change its settings"
        raise ConfigError(message) from error
    trees = _read_trees(text, names, gains, settings)
    if settings.calibrate:
        rows = np.repeat(held, np.diff(offsets))
        trees = replace(trees, link=logistic(trees.scores(values[rows]), relevant[rows]))
    progress(rounds, rounds)
    return trees


def _check_lists(
    values: NDArray[np.float32],
    offsets: NDArray[np.int64],
    relevant: NDArray[np.bool_],
    names: Sequence[str],
    objective: str,
) -> None:
    if values.shape != (len(relevant), len(names)):
        message = (
            f"values of shape {values.shape} do not fit {len(relevant)} candidates and "
            f"{len(names)} names"
        )
        raise ValueError(message)
    sizes = np.diff(offsets)
    if offsets[0] != 0 or offsets[-1] != len(values) or sizes.min(initial=0) < 0:
        message = f"offsets must rise from 0 to {len(values)}, the number of candidates"
        raise ValueError(message)
    if objective in _RANKING and sizes.max(initial=0) > _LONGEST:
        message = f"a list has {sizes.max()} candidates; LightGBM ranks at most {_LONGEST} at once"
        raise ValueError(message)


def _tell(offsets: NDArray[np.int64], relevant: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which lists have candidates of both kinds, shape (q,)."""
    found = np.diff(np.concatenate([[0], np.cumsum(relevant)])[offsets])
    tells: NDArray[np.bool_] = (found > 0) & (found < np.diff(offsets))
    return tells


def _held_out(tells: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Draw a fifth of the lists that tell something and a fifth of the others, shape (q,)."""
    order = np.random.default_rng(seed).permutation(len(tells))
    held = np.zeros(len(tells), np.bool_)
    held[order[np.argsort(~tells[order], kind="stable")][::_HELD_OUT]] = True
    return held


def _parameters(settings: LightGbm, n_signals: int, seed: int, threads: int) -> dict[str, Any]:
    """Write the settings in LightGBM's words, with all that makes it repeat itself."""
    subsample = _SUBSAMPLE if settings.subsample is None else settings.subsample
    given = {
        "max_depth": settings.max_depth,
        "min_sum_hessian_in_leaf": settings.min_child_weight,
        "feature_fraction": settings.colsample_bytree,
        "lambdarank_truncation_level": settings.lambdarank_truncation_level,
    }
    return {
        "objective": settings.objective,
        "metric": _METRICS[settings.objective],
        "eval_at": [_PLACES],
        "num_leaves": settings.num_leaves or _NUM_LEAVES,
        "learning_rate": settings.learning_rate or _LEARNING_RATE,
        "bagging_fraction": subsample,
        "bagging_freq": 1 if settings.subsample_freq is None else settings.subsample_freq,
        "zero_as_missing": settings.zero_as_missing,
        "monotone_constraints": [1] * n_signals,
        "seed": seed % 2**31,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        **{name: value for name, value in given.items() if value is not None},
    }


def _dataset(
    lightgbm: ModuleType,
    values: NDArray[np.float32],
    offsets: NDArray[np.int64],
    relevant: NDArray[np.bool_],
    lists: NDArray[np.bool_],
    parameters: dict[str, Any],
    reference: Any = None,  # noqa: ANN401 - LightGBM's own, which mypy does not see
) -> Any:  # noqa: ANN401 - the same
    """Return some of the lists as LightGBM takes them; to judge by, with those learnt from."""
    sizes = np.diff(offsets)
    rows = np.repeat(lists, sizes)
    return lightgbm.Dataset(
        np.ascontiguousarray(values[rows], np.float32),
        label=relevant[rows].astype(np.float32),
        group=sizes[lists & (sizes > 0)],
        reference=reference,
        params=parameters,
    )


class _Nodes(NamedTuple):
    """A tree as in `Trees`, its first node at 0, and how many candidates ended in each leaf."""

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    unknown_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    value: NDArray[np.float64]
    counts: NDArray[np.float64]


def _read_trees(
    text: str, names: Sequence[str], gains: NDArray[np.float64], settings: LightGbm
) -> Trees:
    """Read LightGBM's text form of a model, flat and exact, where its JSON nests by depth."""
    trees = [_read_tree(block) for block in text.split("\nTree=")[1:]]
    joined = _Nodes(*map(np.concatenate, zip(*trees, strict=True)))
    sizes = [len(tree.left) for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]]).astype(np.int32)
    left, value, counts = joined.left + np.repeat(roots, sizes), joined.value, joined.counts
    if not np.abs(value).max() < _LARGEST:
        message = f"the trees' scores grew beyond all bounds: lower {_SECTION}.learning_rate"
        raise ConfigError(message)
    for nodes in reversed(list(inner_levels(left, roots))):
        below = left[nodes], left[nodes] + 1
        counts[nodes] = counts[below[0]] + counts[below[1]]
        value[nodes] = sum(counts[node] * value[node] for node in below) / counts[nodes]
    return Trees(
        tuple(names),
        joined.feature,
        joined.threshold,
        joined.unknown_left,
        left,
        value,
        roots,
        np.asarray(gains, np.float64),
        settings.zero_as_missing,
        (1.0, 0.0) if settings.objective == "binary" and not settings.calibrate else None,
    )


def _read_tree(block: str) -> _Nodes:
    entries = dict(line.split("=") for line in block.partition("\n\n")[0].splitlines()[1:])

    def numbers(key: str) -> NDArray[np.float64]:
        return np.array([float(number) for number in entries[key].split()])

    children = np.stack([numbers("left_child"), numbers("right_child")], axis=1).astype(np.int32)
    inner, ends = np.arange(len(children), dtype=np.int32), children.ravel() < 0
    # The children of inner node k are put at 2k + 1 and 2k + 2, so that siblings are neighbours.
    places = np.arange(1, 2 * len(inner) + 1)
    at, leaves = np.zeros(len(inner), np.int32), np.zeros(len(inner) + 1, np.int32)
    at[children.ravel()[~ends]] = places[~ends]
    leaves[~children.ravel()[ends]] = places[ends]
    size = 2 * len(inner) + 1
    tree = _Nodes(
        np.zeros(size, np.int32),
        np.full(size, np.inf, np.float32),
        np.ones(size, np.bool_),
        np.arange(size, dtype=np.int32),
        np.zeros(size),
        np.zeros(size),
    )
    threshold, decisions = numbers("threshold"), numbers("decision_type").astype(np.int32)
    # A node that met nothing missing in training reads it as 0.
    has_default = decisions >> _MISSING_SHIFT & _MISSING_BITS > 0
    tree.unknown_left[at] = np.where(has_default, decisions & _DEFAULT_LEFT > 0, threshold >= 0)
    tree.feature[at] = numbers("split_feature")
    tree.threshold[at] = _rounded_down(threshold)
    tree.left[at] = 2 * inner + 1
    tree.value[leaves] = numbers("leaf_value")
    tree.counts[leaves] = numbers("leaf_count") if len(inner) else 1  # not always told of one leaf
    return tree


def _rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the highest float32 that is not above: float32 values fall on the same side of it."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
