"""How a build treats pictures that are missing: `model.image_config` read, or refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError
from .sections import check_keys, one_of

__all__ = ["ImageConfig", "read_image_config"]

_WHERE = "model.image_config"
_EXAMPLE = "{missing: category_mean}"
# The first of each is what a model has that does not say.
_MISSING = ("ignore", "text", "category_mean")
_PLACEHOLDERS = ("keep", "missing")


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What stands in for a missing picture, and which pictures count as missing.

    `missing` is ``ignore`` (nothing stands in: the item competes by all else that is known of it),
    ``text`` (its words, moved to where pictures are) or ``category_mean`` (the mean direction of
    the pictures of its category); see `stand_ins`. `placeholders` says whether one picture behind
    many items, such as "image coming soon", is kept as theirs, ``keep``, or is ``missing``.
    """

    missing: str = _MISSING[0]
    placeholders: str = _PLACEHOLDERS[0]


def read_image_config(value: Any) -> ImageConfig:  # noqa: ANN401 - straight from YAML
    """Read ``model.image_config``; what is left out or null is as `ImageConfig` has it.

    Raises
    ------
    ConfigError
        For an unknown key, with the nearest one, and for an unknown value.
    """
    if value is None:
        return ImageConfig()
    if not isinstance(value, Mapping):
        message = f"{_WHERE} must be a mapping such as {_EXAMPLE}, not {value!r}"
        raise ConfigError(message)
    check_keys(_WHERE, value, {"missing", "placeholders"})
    return ImageConfig(
        missing=one_of(value, _WHERE, "missing", _MISSING),
        placeholders=one_of(value, _WHERE, "placeholders", _PLACEHOLDERS),
    )
