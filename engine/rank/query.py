"""What all queries have in common: their options, checked and turned into one `Query`."""

import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypedDict

from ..errors import UnsupportedError

__all__ = ["Query", "QueryOptions", "read_query", "read_session"]


class QueryOptions(TypedDict, total=False):
    """Keyword arguments that every query takes; all may be left out."""

    limit: int | None
    """How many results; None for the model's default (10)."""
    filter_predicate: str | None
    """SQL condition on the items' columns, such as ``price < 50 AND category = 'Dress'``."""
    return_metadata: bool
    """Whether to return the catalogue's columns of every result; they are unless told otherwise."""
    explain: bool
    """Whether to return the parts of every score."""
    config: Mapping[str, Any]
    """Shaped's per-request settings; ``limit`` is the one that is built."""
    item_features: Mapping[str, Any]
    """Not built yet, as what follows: refused by name unless empty or false."""
    user_features: Mapping[str, Any]
    ignore_paginations: bool
    flush_paginations: bool


_BUILT = {"limit", "filter_predicate", "return_metadata", "explain", "config"}
# Arguments of Shaped's endpoints that a later version builds: refused by name, never ignored.
_NOT_BUILT = {
    "text_query": "searching with a person in mind is not built yet; use retrieve(text_query=…)",
    "item_features": "items that are not in the catalogue cannot be ranked yet",
    "user_features": "people cannot be described by features yet; give their interactions",
    "ignore_paginations": "pagination is not built yet",
    "flush_paginations": "pagination is not built yet",
}


@dataclass(frozen=True, slots=True)
class Query:
    """The options of one query, checked."""

    limit: int
    filter_predicate: str | None = None
    return_metadata: bool = True
    explain: bool = False


def read_query(options: QueryOptions, default_limit: int) -> Query:
    """Check the options of a query.

    Raises
    ------
    UnsupportedError
        For an option of Shaped's that is not built yet.
    TypeError
        For an option that does not exist.
    ValueError
        If the limit is not a whole number of at least 1.
    """
    for name, value in options.items():
        if name not in _BUILT | set(_NOT_BUILT):
            message = f"unexpected keyword argument {name!r}"
            raise TypeError(message)
        if name in _NOT_BUILT and value:
            message = f"{name} cannot be honoured: {_NOT_BUILT[name]}"
            raise UnsupportedError(message)
    settings = options.get("config") or {}
    if unknown := sorted(name for name, value in settings.items() if name != "limit" and value):
        message = f"config.{unknown[0]} cannot be honoured: only config.limit is built yet"
        raise UnsupportedError(message)
    given = (options.get("limit"), settings.get("limit"), default_limit)
    limit = next(value for value in given if value is not None)
    return Query(
        _positive(limit),
        (options.get("filter_predicate") or "").strip() or None,
        options.get("return_metadata", True),
        options.get("explain", False),
    )


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


def _positive(limit: object) -> int:
    try:
        whole = 0 if isinstance(limit, bool) else operator.index(limit)  # type: ignore[arg-type]
    except TypeError:
        whole = 0
    if whole < 1:
        message = f"limit must be a whole number of at least 1, not {limit!r}"
        raise ValueError(message)
    return whole
