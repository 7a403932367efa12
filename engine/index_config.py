"""How a generation keeps what it searches: `model.index_config` read, or refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError
from .sections import check_keys, one_of

__all__ = ["IndexConfig", "read_index_config"]

_WHERE = "model.index_config"
_VECTORS = ("float32", "float16")  # the first is what a model has that does not say


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """How the vectors of pictures and of texts are kept on disk.

    `vectors` is ``float32``, as an encoder gives them, or ``float16``: files and the memory that
    searches share are half as large, and a cosine moves by less than 1e-3. Searches are of the
    stored vectors, and exact for them. Vectors of the taste space are short, and always float32.
    """

    vectors: str = _VECTORS[0]


def read_index_config(value: Any) -> IndexConfig:  # noqa: ANN401 - straight from YAML
    """Read ``model.index_config``; what is left out or null is as `IndexConfig` has it.

    Raises
    ------
    ConfigError
        For an unknown key, with the nearest one, and for an unknown value.
    """
    if value is None:
        return IndexConfig()
    if not isinstance(value, Mapping):
        message = f"{_WHERE} must be a mapping such as {{vectors: float16}}, not {value!r}"
        raise ConfigError(message)
    check_keys(_WHERE, value, {"vectors"})
    return IndexConfig(vectors=one_of(value, _WHERE, "vectors", _VECTORS))
