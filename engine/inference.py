"""How a request is answered unless it says otherwise: `model.inference_config` and `config`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import ConfigError
from .sections import check_keys, real_number, whole_number

__all__ = ["DEFAULT_LIMIT", "OF_SEARCH", "RETRIEVERS", "Inference", "read_inference"]

DEFAULT_LIMIT = 10
RETRIEVERS = (
    "knn",
    "collaborative",
    "trending",
    "toplist",
    "chronological",
    "cold_start",
    "random",
)
OF_SEARCH = ("text_semantic_search_weight", "personal_weight")
"""Settings that count only where something is searched for."""
_FACTORS = (
    "exploration_factor",
    "diversity_factor",
    "boosting_factor",
    *OF_SEARCH,
)
_SIZES = ("limit", "retrieval_k")
_KEYS = {
    *_FACTORS,
    *_SIZES,
    "retriever_k_override",
    "diversity_attributes",
    "drop_near_duplicates",
    "value_model",
    "seed",
}


@dataclass(frozen=True, slots=True)
class Inference:
    """Settings of the retrieval, the scoring and the order of one answer.

    What each of them does to the order is told in `rank.reorder`.
    """

    limit: int = DEFAULT_LIMIT
    """How many results."""
    retrieval_k: int | None = None
    """Candidates of every retriever that `retriever_k_override` does not name; None: its own
    default."""
    retriever_k_override: Mapping[str, int] = field(default_factory=dict)
    """Candidates of single retrievers, by their names in `RETRIEVERS`; 0 is switched off."""
    exploration_factor: float = 0.0
    """Share of the places that go to items little is known of, 0 to 1."""
    diversity_factor: float = 0.0
    """0 ranks by relevance alone, 1 by unlikeness to what stands above."""
    boosting_factor: float = 0.0
    """Share of the boost in the score, 0 to 1."""
    diversity_attributes: tuple[str, ...] = ()
    """Columns of the items whose values are to alternate."""
    drop_near_duplicates: bool = False
    """Whether of items whose pictures are copies of one another only the best ranked is shown."""
    value_model: str | None = None
    """Expression that takes the place of the score; see `rank.value_model`."""
    seed: int | None = None
    """Makes exploration and the random retriever repeatable; None: every answer is drawn anew."""
    text_semantic_search_weight: float = 0.7
    """What the meaning of a text query counts for beside its words, found literally: 0 is words
    alone, 1 is meaning alone."""
    personal_weight: float = 0.3
    """What a person's liking counts for in a search beside how well an item answers it, 0 to 1.

    On MovieLens, searching for two genres and judged by what the person liked later, NDCG@10 is
    0.020 at 0, 0.186 at 0.3 and at most 0.215, at 0.5; searching for a title, the reciprocal rank
    of the film is 0.78 at 0, 0.81 at 0.3 and 0.54 at 0.5."""

    def size_of(self, retriever: str, default: int) -> int:
        """Return how many candidates a retriever brings; 0 is none.

        `default` is what it brings unless told otherwise. One that is off by default, as `random`
        is, stays off until `retriever_k_override` names it: `retrieval_k` is the size of those that
        are on.
        """
        usual = default if self.retrieval_k is None or default == 0 else self.retrieval_k
        return self.retriever_k_override.get(retriever, usual)


def read_inference(
    settings: Any,  # noqa: ANN401 - straight from YAML or a request
    base: Inference,
    where: str,
) -> Inference:
    """Read the settings a model or a request gives; what they leave out is as in `base`.

    As in Shaped's template, a size of 0 is not a size but the default: that of `base`. So is null,
    for every key. False, a factor of 0, an empty `diversity_attributes` and a `value_model` without
    text switch off what `base` has on. A retriever is switched off by ``false``:
    ``retriever_k_override: {trending: false}``; those that an override does not name stay as they
    are.

    Parameters
    ----------
    settings
        Mapping as it was written; None for none at all.
    base
        What holds otherwise: `Inference()` for a model, the model's for a request.
    where
        What the mapping is called in a message: ``model.inference_config`` or ``config``.

    Raises
    ------
    ConfigError
        For an unknown key, with the nearest one, and for a value out of range. It is a `ValueError`
        as well.
    UnsupportedError
        For a key of Shaped's that is not built yet.
    """
    if settings is None:
        return base
    if not isinstance(settings, Mapping):
        message = f"{where} must be a mapping such as {{limit: 20}}, not {settings!r}"
        raise ConfigError(message)
    check_keys(where, settings, _KEYS)
    given = {key: value for key, value in settings.items() if key in _KEYS and value is not None}
    return replace(
        base, **{key: _read(key, value, base, f"{where}.{key}") for key, value in given.items()}
    )


def _read(key: str, value: Any, base: Inference, path: str) -> Any:  # noqa: ANN401 - by the key
    if key in _FACTORS:
        return real_number(value, path, least=0, most=1)
    if key in _SIZES:
        return whole_number(value, path, least=0) or getattr(base, key)
    if key == "seed":
        return whole_number(value, path, least=0)
    if key == "retriever_k_override":
        return _sizes(value, base.retriever_k_override, path)
    if key == "diversity_attributes":
        return _names(value, path)
    if key == "drop_near_duplicates":
        return _truth(value, path)
    if not isinstance(value, str):
        message = f"{path} must be an expression such as 'score * item.margin', not {value!r}"
        raise ConfigError(message)
    return value.strip() or None


def _sizes(value: Any, base: Mapping[str, int], path: str) -> dict[str, int]:  # noqa: ANN401
    if not isinstance(value, Mapping):
        message = f"{path} must map retrievers to sizes, as in {{knn: 300}}, not {value!r}"
        raise ConfigError(message)
    check_keys(path, value, set(RETRIEVERS))
    sizes = dict(base)
    for retriever, size in value.items():
        if size is False:
            sizes[retriever] = 0
        elif size is not None and (whole := whole_number(size, f"{path}.{retriever}", least=0)):
            sizes[retriever] = whole
    return sizes


def _truth(value: Any, path: str) -> bool:  # noqa: ANN401
    if not isinstance(value, bool):
        message = f"{path} must be true or false, not {value!r}"
        raise ConfigError(message)
    return value


def _names(value: Any, path: str) -> tuple[str, ...]:  # noqa: ANN401
    names = [value] if isinstance(value, str) else value
    is_list = isinstance(names, Sequence)
    if not is_list or not all(isinstance(name, str) and name.strip() for name in names):
        message = f"{path} must list columns of the items, as in [category], not {value!r}"
        raise ConfigError(message)
    return tuple(dict.fromkeys(name.strip() for name in names))
