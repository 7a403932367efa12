"""A parsed `filter_predicate` applied to the item table: which rows may be returned."""

import difflib
import re
from typing import TypeAlias

import polars as pl

from ..errors import FilterError
from ..types import Mask
from .filter_grammar import (
    And,
    Between,
    Compare,
    In,
    Is,
    Like,
    Literal,
    Not,
    Or,
    Predicate,
    parse,
)

__all__ = ["filter_mask"]

_Condition: TypeAlias = Compare | In | Like | Between | Is


def filter_mask(predicate: str, items: pl.DataFrame) -> Mask:
    """Say which rows of `items` satisfy a predicate, shape (n,).

    Null behaves as in SQL: a comparison with it is neither true nor false, and a row is returned
    only where the whole predicate is true. The text becomes a Polars expression over named
    columns; no part of it is ever run as SQL.

    Raises
    ------
    FilterError
        If it does not parse, names a column the items do not have, or compares a column with a
        value of another type.
    """
    expression = _compile(parse(predicate), dict(items.schema))
    mask = items.lazy().select(expression.fill_null(value=False)).collect().to_series()
    return mask.to_numpy()


def _compile(predicate: Predicate, schema: dict[str, pl.DataType]) -> pl.Expr:
    match predicate:
        case And(operands):
            return pl.all_horizontal([_compile(operand, schema) for operand in operands])
        case Or(operands):
            return pl.any_horizontal([_compile(operand, schema) for operand in operands])
        case Not(operand):
            return ~_compile(operand, schema)
        case _:
            return _condition(predicate, schema)


def _condition(condition: _Condition, schema: dict[str, pl.DataType]) -> pl.Expr:
    name, dtype = _resolve(condition.column, schema)
    column = pl.col(name)
    match condition:
        case Is(_, value):
            return column.eq_missing(_literal(value, name, dtype))
        case Compare(_, operator, value):
            return _compare(column, operator, _literal(value, name, dtype))
        case In(_, values):
            options = [column == _literal(value, name, dtype) for value in values]
            return pl.any_horizontal(options)
        case Between(_, low, high):
            return column.is_between(_literal(low, name, dtype), _literal(high, name, dtype))
        case Like(_, pattern):
            _literal(pattern, name, dtype)
            return column.cast(pl.String).str.contains(_like_to_regex(pattern))


def _compare(column: pl.Expr, operator: str, value: pl.Expr) -> pl.Expr:
    comparisons = {
        "=": column == value,
        "<>": column != value,
        "<": column < value,
        "<=": column <= value,
        ">": column > value,
        ">=": column >= value,
    }
    return comparisons[operator]


def _resolve(name: str, schema: dict[str, pl.DataType]) -> tuple[str, pl.DataType]:
    """Find a column as SQL does: exactly, else regardless of case when only one fits."""
    if name in schema:
        return name, schema[name]
    alike = [column for column in schema if column.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0], schema[alike[0]]
    near = difflib.get_close_matches(name, schema, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"columns: {', '.join(schema)}"
    message = f"filter_predicate: the items have no column {name!r}; {hint}"
    raise FilterError(message)


def _literal(value: Literal, name: str, dtype: pl.DataType) -> pl.Expr:
    """Type `value` as the column is typed, or say that they do not compare."""
    if value is None:
        return pl.lit(None, dtype)
    if isinstance(value, bool):
        fits = dtype == pl.Boolean
    elif isinstance(value, str):
        fits = dtype in {pl.String, pl.Categorical} or dtype.is_temporal()
    else:
        fits = dtype.is_numeric()
    if not fits:
        message = (
            f"filter_predicate: column {name!r} is {dtype}; it cannot be compared with {value!r}"
        )
        raise FilterError(message)
    if isinstance(value, str) and isinstance(dtype, pl.Date | pl.Datetime):
        return pl.lit(_moment(value, name, dtype))
    return pl.lit(value)


def _moment(value: str, name: str, dtype: pl.Date | pl.Datetime) -> pl.Series:
    texts = pl.Series([value])
    if isinstance(dtype, pl.Date):
        parsed = texts.str.to_date(strict=False)
    else:
        utc = pl.Datetime("us", "UTC")
        parsed = texts.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
        if parsed.null_count():
            parsed = texts.str.to_date(strict=False).cast(pl.Datetime("us")).cast(utc)
        parsed = parsed.cast(pl.Datetime(dtype.time_unit, dtype.time_zone))
    if parsed.null_count():
        message = (
            f"filter_predicate: {value!r} is not a date that column {name!r} can be compared with; "
            "write '2026-01-31' or '2026-01-31T12:00:00'"
        )
        raise FilterError(message)
    return parsed


def _like_to_regex(pattern: str) -> str:
    parts = [{"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern]
    return f"(?s)^{''.join(parts)}$"
