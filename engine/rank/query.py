"""What all queries have in common: their options, checked and turned into one `Query`."""

import math
import operator
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, TypedDict

from ..errors import UnsupportedError
from ..inference import Inference, read_inference

__all__ = [
    "Query",
    "QueryOptions",
    "read_batch_query",
    "read_plain_query",
    "read_query",
    "read_session",
    "refuse_idle",
]


class QueryOptions(TypedDict, total=False):
    """Keyword arguments that every query takes; all may be left out."""

    limit: int | None
    """How many results; None for the model's default (10)."""
    filter_predicate: str | None
    """SQL condition on the items' columns, such as ``price < 50 AND category = 'Dress'``; what it
    may say is in `filter_grammar.parse`, and what of null and NaN in `filters.compile_filter`."""
    return_metadata: bool
    """Whether to return the catalogue's columns of every result; they are unless told otherwise."""
    explain: bool
    """Whether to return the parts of every score, and how the nearest were found."""
    config: Mapping[str, Any]
    """Shaped's per-request settings, in the place of the model's ``inference_config`` key by key:
    ``limit``, ``retrieval_k``, ``retriever_k_override``, ``exploration_factor``,
    ``diversity_factor``, ``diversity_attributes``, ``drop_near_duplicates``, ``boosting_factor``,
    ``value_model``, ``seed``, and of a search ``text_semantic_search_weight`` and
    ``personal_weight``; see `inference.Inference`."""
    user_features: Mapping[str, Any]
    """What is known of the person, as columns of ``fetch.users``; for people with no history."""
    ignore_paginations: bool
    """Of a model with ``pagination_store_ttl``: answer as if the person had been shown nothing, and
    do not note down what they are shown; of other models every answer is like that."""
    flush_paginations: bool
    """Forget what the person was shown, and begin at the best again."""
    item_features: Mapping[str, Any]
    """Not built yet: refused by name unless empty."""


_PAGING = ("ignore_paginations", "flush_paginations")
_BUILT = {
    "limit",
    "filter_predicate",
    "return_metadata",
    "explain",
    "config",
    "user_features",
    *_PAGING,
}
# Arguments of Shaped's endpoints that a later version builds: refused by name, never ignored.
_NOT_BUILT = {
    "text_query": "a search is for rank and retrieve alone",
    "item_features": "items that are not in the catalogue cannot be ranked yet",
}


@dataclass(frozen=True, slots=True)
class Query:
    """The options of one query, checked."""

    limit: int
    filter_predicate: str | None = None
    return_metadata: bool = True
    explain: bool = False
    inference: Inference = field(default_factory=Inference)
    """The model's settings with those of the request; its limit is the one above."""
    user_features: Mapping[str, Any] = field(default_factory=dict)
    ignore_paginations: bool = False
    flush_paginations: bool = False


def read_query(
    options: QueryOptions,
    default_limit: int | None = None,
    *,
    inference: Inference | None = None,
) -> Query:
    """Check the options of a query.

    Parameters
    ----------
    options
        As they were given.
    default_limit
        How many results where no option says so; None: as many as `inference` says.
    inference
        The settings of the model, which ``config`` takes the place of key by key; None: defaults.

    Raises
    ------
    UnsupportedError
        For an option of Shaped's that is not built yet.
    TypeError
        For an option that does not exist.
    ConfigError
        For a ``config`` with an unknown key or a value out of range.
    ValueError
        If the limit is not a whole number of at least 1, `user_features` is no mapping, or an
        option of pages is neither true nor false.
    """
    for name, value in options.items():
        if name not in _BUILT | set(_NOT_BUILT):
            message = f"unexpected keyword argument {name!r}"
            raise TypeError(message)
        if name in _NOT_BUILT and value:
            message = f"{name} cannot be honoured: {_NOT_BUILT[name]}"
            raise UnsupportedError(message)
    base = Inference() if inference is None else inference
    if default_limit is not None:
        base = replace(base, limit=default_limit)
    inference = read_inference(options.get("config"), base, "config")
    limit = options.get("limit")
    limit = inference.limit if limit is None else _positive(limit)
    return Query(
        limit,
        (options.get("filter_predicate") or "").strip() or None,
        options.get("return_metadata", True),
        options.get("explain", False),
        replace(inference, limit=limit),
        _features(options.get("user_features")),
        *(_is_on(name, options.get(name)) for name in _PAGING),
    )


def read_plain_query(
    options: QueryOptions, inference: Inference, verb: str, *, honoured: Collection[str] = ()
) -> Query:
    """Check the options of a query that does not rank for a person: `read_query`, and a refusal.

    The model's own settings are of `rank` and mean nothing here; what a request asks for and cannot
    get is refused.

    Parameters
    ----------
    options, inference
        As of `read_query`.
    verb
        What is asked.
    honoured
        Settings of ``config``, besides the limit, that it goes by.

    Raises
    ------
    UnsupportedError
        For `user_features` and what is about pages, and for a setting of ``config`` that it does
        not go by.
    ConfigError, TypeError, ValueError
        As `read_query`.
    """
    query = read_query(options, inference=inference)
    for name in ("user_features", *_PAGING):
        if getattr(query, name):
            message = f"{name} cannot be honoured by {verb}: it is of rank alone"
            raise UnsupportedError(message)
    told = {name: getattr(query.inference, name) for name in honoured}
    if query.inference != replace(inference, limit=query.limit, **told):
        given = sorted(set(options.get("config") or {}) - {"limit", *honoured})
        message = f"config.{given[0]} cannot be honoured by {verb}: it is a setting of rank alone"
        raise UnsupportedError(message)
    return query


def refuse_idle(options: QueryOptions, verb: str, idle: Mapping[str, str]) -> None:
    """Refuse settings of ``config`` that a request gives although nothing would come of them.

    `idle` has their names, and why nothing would.

    Raises
    ------
    UnsupportedError
        For the first of them.
    """
    for name, value in (options.get("config") or {}).items():
        if name in idle and value is not None:
            message = f"config.{name} cannot be honoured by {verb}: {idle[name]}"
            raise UnsupportedError(message)


def read_batch_query(options: QueryOptions, inference: Inference) -> Query:
    """Check the options of answers to many people, which leave pages alone: as `read_query`.

    Raises
    ------
    UnsupportedError
        For `flush_paginations`.
    """
    query = read_query(options, inference=inference)
    if query.flush_paginations:
        message = (
            "flush_paginations cannot be honoured by rank_batch: it answers as if nothing had been "
            "shown, and notes nothing down; leave it out"
        )
        raise UnsupportedError(message)
    return replace(query, ignore_paginations=True)


def read_session(interactions: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Read what happened in a session: item id to 1 for a pick, -1 for an item turned down.

    Ids are in the order of their last mention, which is also the one that counts.

    Raises
    ------
    ValueError
        If an entry has no item_id, a label that is no number, or says anything else: what is not
        understood might have been a dislike.
    """
    session: dict[str, float] = {}
    for entry in interactions:
        label = entry.get("label", 1)
        is_number = isinstance(label, Real) and not math.isnan(label)
        if entry.get("item_id") is None or not is_number or set(entry) - {"item_id", "label"}:
            message = f"interactions must be like {{'item_id': …, 'label': 1}}, not {dict(entry)!r}"
            raise ValueError(message)
        item_id = str(entry["item_id"])
        session.pop(item_id, None)
        session[item_id] = 1.0 if label > 0 else -1.0
    return session


def _features(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is told of a person, without what is null: that tells nothing."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        message = f"user_features must map columns to values, as in {{'age': 30}}, not {given!r}"
        raise ValueError(message)
    return {name: value for name, value in given.items() if value is not None}


def _is_on(name: str, value: object) -> bool:
    if isinstance(value, bool | None):
        return bool(value)
    message = f"{name} must be true or false, not {value!r}"
    raise ValueError(message)


def _positive(limit: object) -> int:
    try:
        whole = 0 if isinstance(limit, bool) else operator.index(limit)  # type: ignore[arg-type]
    except TypeError:
        whole = 0
    if whole < 1:
        message = f"limit must be a whole number of at least 1, not {limit!r}"
        raise ValueError(message)
    return whole
