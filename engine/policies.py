"""Which models a build trains: `model.policy_configs` read, or refused with what there is."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError, UnsupportedError
from .sections import check_keys, real_number, text_of, whole_number

__all__ = ["EmbeddingPolicy", "LightGbm", "Policies", "ScoringPolicy", "read_policies"]

OBJECTIVES = ("lambdarank", "rank_xendcg", "binary", "regression")

# Every spelling, in small letters, to the name that the dataclasses use.
_SCORING = {
    "score-ensemble": "score-ensemble",
    "lightgbm": "lightgbm",
    "popular": "popular",
    "rising": "rising",
    "rising-popular": "rising",
    "rising-popularity": "rising",
    "random": "random",
    "no-op": "no-op",
}
_EMBEDDING = {
    "auto-tune": "auto-tune",
    "ease": "ease",
    "als": "als",
    "item-item": "item-item",
    "item-content-similarity": "item-content-similarity",
    "no-op": "no-op",
}
_WHOLE = {
    "n_estimators": (1, 100_000),
    "max_depth": (-1, 1_000),
    "num_leaves": (2, 131_072),  # LightGBM's own bound
    "subsample_freq": (0, 100_000),
    "lambdarank_truncation_level": (1, 1_000_000),
}
_SHARES = ("colsample_bytree", "subsample")
_SWITCHES = ("zero_as_missing", "calibrate")
_LIGHTGBM_KEYS = {
    *_WHOLE,
    *_SHARES,
    *_SWITCHES,
    "event_values",
    "objective",
    "min_child_weight",
    "learning_rate",
}
# What item-content-similarity is here; Shaped's other choices are refused.
_CONTENT = {"pool_fn": "mean", "distance_fn": "cosine", "text_encoding": True}


@dataclass(frozen=True, slots=True)
class LightGbm:
    """Settings of a LightGBM ranker, named as LightGBM names them; None leaves one to the learner.

    `event_values` are the event types that count as a pick, all where there are none. `max_depth`
    -1 is no limit. `calibrate` makes scores probabilities.
    """

    objective: str = "lambdarank"
    event_values: tuple[str, ...] = ()
    n_estimators: int | None = None
    max_depth: int | None = None
    num_leaves: int | None = None
    min_child_weight: float | None = None
    learning_rate: float | None = None
    colsample_bytree: float | None = None
    subsample: float | None = None
    subsample_freq: int | None = None
    lambdarank_truncation_level: int | None = None
    zero_as_missing: bool = False
    calibrate: bool = False


@dataclass(frozen=True, slots=True)
class ScoringPolicy:
    """What makes one score of a candidate's signals.

    `policy_type` is ``score-ensemble`` (weights learned here), ``lightgbm``, ``popular`` (by count
    of events), ``rising`` (by trend), ``random``, or ``no-op`` (in the order of retrieval).
    """

    policy_type: str = "score-ensemble"
    lightgbm: LightGbm | None = None
    """Given where `policy_type` is ``lightgbm``."""


@dataclass(frozen=True, slots=True)
class EmbeddingPolicy:
    """Which collaborative model is trained.

    `policy_type` is ``auto-tune`` (the best that the size allows), ``ease``, ``als``,
    ``item-item``, ``item-content-similarity`` (none: pictures and words alone) or ``no-op`` (none).
    """

    policy_type: str = "auto-tune"


@dataclass(frozen=True, slots=True)
class Policies:
    """What is trained on the events."""

    scoring: ScoringPolicy = ScoringPolicy()
    embedding: EmbeddingPolicy = EmbeddingPolicy()


def read_policies(value: Any) -> Policies:  # noqa: ANN401 - straight from YAML
    """Read ``model.policy_configs``: `scoring_policy` and `embedding_policy`, null for the default.

    The case of a `policy_type` does not matter.

    Raises
    ------
    UnsupportedError
        For a policy that is not built; the message lists those that are.
    ConfigError
        For an unknown key, with the nearest one, and a value that is out of range.
    """
    where = "model.policy_configs"
    if value is None:
        return Policies()
    section = _mapping(value, where)
    check_keys(where, section, {"scoring_policy", "embedding_policy"})
    return Policies(
        _scoring(_mapping(section.get("scoring_policy"), f"{where}.scoring_policy")),
        _embedding(_mapping(section.get("embedding_policy"), f"{where}.embedding_policy")),
    )


def _scoring(section: Mapping[str, Any]) -> ScoringPolicy:
    where = "model.policy_configs.scoring_policy"
    kind = _policy_type(section, where, _SCORING, default="score-ensemble")
    if kind == "lightgbm":
        check_keys(where, section, {"policy_type", *_LIGHTGBM_KEYS})
        return ScoringPolicy(kind, _lightgbm(section, where))
    if misplaced := [key for key in section if key in _LIGHTGBM_KEYS]:
        message = (
            f"{where}.{misplaced[0]} is a setting of policy_type lightgbm; this policy is {kind}"
        )
        raise ConfigError(message)
    check_keys(where, section, {"policy_type"})
    return ScoringPolicy(kind)


def _embedding(section: Mapping[str, Any]) -> EmbeddingPolicy:
    where = "model.policy_configs.embedding_policy"
    kind = _policy_type(section, where, _EMBEDDING, default="auto-tune")
    known = set(_CONTENT) if kind == "item-content-similarity" else set()
    check_keys(where, section, {"policy_type", *known})
    for key in known & set(section):
        if section[key] is not None and section[key] != _CONTENT[key]:
            message = f"{where}.{key}: {section[key]!r} is not built; it is {_CONTENT[key]!r} here"
            raise UnsupportedError(message)
    return EmbeddingPolicy(kind)


def _policy_type(
    section: Mapping[str, Any], where: str, known: Mapping[str, str], *, default: str
) -> str:
    name = text_of(section, where, "policy_type", default=default)
    if (kind := known.get(name.lower())) is not None:
        return kind
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    supported = ", ".join(dict.fromkeys(known.values()))
    message = f"{where}.policy_type {name!r} is not built. {hint}Those that are: {supported}"
    raise UnsupportedError(message)


def _lightgbm(section: Mapping[str, Any], where: str) -> LightGbm:
    given = {
        key: _lightgbm_value(key, value, f"{where}.{key}")
        for key, value in section.items()
        if key in _LIGHTGBM_KEYS and value is not None
    }
    return LightGbm(**given)


def _lightgbm_value(key: str, value: Any, path: str) -> Any:  # noqa: ANN401 - by the key
    if key in _WHOLE:
        least, most = _WHOLE[key]
        return whole_number(value, path, least=least, most=most)
    if key in _SHARES:
        return real_number(value, path, above=0, most=1)
    if key == "learning_rate":
        return real_number(value, path, above=0)
    if key == "min_child_weight":
        return real_number(value, path, least=0)
    if key in _SWITCHES:
        if not isinstance(value, bool):
            message = f"{path} must be true or false, not {value!r}"
            raise ConfigError(message)
        return value
    if key == "event_values":
        return _event_values(value, path)
    objective = value.lower() if isinstance(value, str) else value
    if objective not in OBJECTIVES:
        message = f"{path} must be one of {', '.join(OBJECTIVES)}, not {value!r}"
        raise ConfigError(message)
    return objective


def _event_values(value: Any, path: str) -> tuple[str, ...]:  # noqa: ANN401 - straight from YAML
    values = [value] if isinstance(value, str) else value
    is_list = isinstance(values, Sequence)
    if not is_list or not all(isinstance(event, str) and event.strip() for event in values):
        message = f"{path} must list types of events, as in [purchase], not {value!r}"
        raise ConfigError(message)
    return tuple(dict.fromkeys(event.strip() for event in values))


def _mapping(value: Any, where: str) -> Mapping[str, Any]:  # noqa: ANN401 - straight from YAML
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    message = f"{where} must be a mapping such as {{policy_type: lightgbm}}, not {value!r}"
    raise ConfigError(message)
