"""Sections of a YAML document: values read as what they must be, or refused by name."""

import difflib
import math
import sys
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from .errors import ConfigError, UnsupportedError

__all__ = [
    "check_keys",
    "one_of",
    "pagination_ttl",
    "positive_int",
    "positive_number",
    "real_number",
    "section_of",
    "text_of",
    "whole_number",
]

_ALL_EVENTS_COUNT = (
    "popularity and trend count every event that is kept; see model.interaction_expiration_days"
)

# Keys of the surface that this version knows and does not build: refused by name, because a key
# that is silently ignored is a promise that is silently broken.
_NOT_BUILT = {
    "unique_keys": "rows are kept as they are inserted; of items with one id, the last wins",
    "version": "v2 engine files are not read yet; write the v1 form (model, connectors, fetch)",
    "model.slate_size": "slates are not built yet",
    "model.policy_configs.scoring_policy.mode": _ALL_EVENTS_COUNT,
    "model.policy_configs.scoring_policy.time_window": _ALL_EVENTS_COUNT,
    "model.policy_configs.scoring_policy.time_window_in_days": _ALL_EVENTS_COUNT,
    "model.policy_configs.scoring_policy.time_frequency": _ALL_EVENTS_COUNT,
    **{
        f"{where}.{key}": reason
        for where in ("config", "model.inference_config")
        for key, reason in (
            ("filter_interaction_iids", "it is not built yet: what was seen is always left out"),
        )
    },
}


def section_of(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the section called `key`, which must be there."""
    section = document.get(key)
    if isinstance(section, Mapping):
        return section
    message = f"the model file needs a `{key}:` section; see the README for a complete example"
    raise ConfigError(message)


def text_of(section: Mapping[str, Any], where: str, key: str, *, default: str | None = None) -> str:
    """Return a text without outer blanks; one that is missing is `default`, or an error if None."""
    value = section.get(key)
    if value is None and default is not None:
        return default
    if isinstance(value, str) and value.strip():
        return value.strip()
    message = f"{where}.{key} must be a non-empty text, not {value!r}"
    raise ConfigError(message)


def positive_number(section: Mapping[str, Any], key: str) -> float | None:
    """Return a number above 0 of the section `model`, or None if it is missing."""
    value = section.get(key)
    return None if value is None else real_number(value, f"model.{key}", above=0)


def positive_int(section: Mapping[str, Any], key: str) -> int | None:
    """Return a whole number above 0 of the section `model`, or None if it is missing."""
    value = section.get(key)
    return None if value is None else whole_number(value, f"model.{key}", least=1)


def pagination_ttl(value: object) -> float:
    """Return ``model.pagination_store_ttl``, seconds; 0, which is off, where it is not given."""
    return 0.0 if value is None else real_number(value, "model.pagination_store_ttl", least=0)


def real_number(
    value: object,
    path: str,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
) -> float:
    """Return a finite number above `above` and from `least` to `most`; `path` is what it is of."""
    number = _finite(value)
    if number is not None and number > above and least <= number <= most:
        return number
    bound = f"above {above:g}" if above > -math.inf else f"of at least {least:g}"
    wanted = f"a number {bound}" + (f" and at most {most:g}" if most < math.inf else "")
    message = f"{path} must be {wanted}, not {value!r}"
    raise ConfigError(message)


def whole_number(value: object, path: str, *, least: int, most: int = sys.maxsize) -> int:
    """Return a whole number from `least` to `most`; `path` is what it is of."""
    number = _finite(value)
    if number is not None and number == math.floor(number) and least <= number <= most:
        return int(value)  # type: ignore[call-overload, no-any-return]  # exact, as a float is not
    bound = f"from {least} to {most}" if most < sys.maxsize else f"of at least {least}"
    message = f"{path} must be a whole number {bound}, not {value!r}"
    raise ConfigError(message)


def _finite(value: object) -> float | None:
    """Return a number as a float; None if it is none, or truth, infinite or beyond a float."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def one_of(section: Mapping[str, Any], where: str, key: str, choices: Sequence[str]) -> str:
    """Return the value of `key`, one of `choices`; the first of them where it is not given."""
    value = section.get(key)
    if value is None:
        return choices[0]
    if value in choices:
        return str(value)
    message = f"{where}.{key} must be one of {', '.join(choices)}, not {value!r}"
    raise ConfigError(message)


def check_keys(where: str, section: Mapping[str, Any], known: set[str]) -> None:
    """Refuse keys that are unknown, or known and not built; a neutral value (0, [], …) is off."""
    for key, value in section.items():
        if key in known:
            continue
        path = f"{where}.{key}" if where else str(key)
        reason = _NOT_BUILT.get(path)
        if reason is None:
            message = f"unknown key {path!r}.{_nearest(str(key), where, known)}"
            raise ConfigError(message)
        if not _is_neutral(value):
            message = f"{path}: {value!r} cannot be honoured: {reason}. Remove the key"
            raise UnsupportedError(message)


def _nearest(key: str, where: str, known: set[str]) -> str:
    prefix = f"{where}." if where else ""
    surface = {path.removeprefix(prefix) for path in _NOT_BUILT if path.startswith(prefix)}
    candidates = sorted(known | {name for name in surface if "." not in name})
    if close := difflib.get_close_matches(key, candidates, n=1, cutoff=0.6):
        return f" Did you mean {close[0]!r}?"
    return f" Known keys here: {', '.join(candidates)}"


def _is_neutral(value: Any) -> bool:  # noqa: ANN401 - straight from YAML
    if isinstance(value, Mapping):
        return all(_is_neutral(entry) for entry in value.values())
    return value is None or value is False or value == 0 or value == []
