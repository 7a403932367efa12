"""Values of a `filter_predicate` as Polars expressions: casts, and literals typed as columns."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import polars as pl

from .filter_tree import Literal

__all__ = ["TYPES", "Value", "cast", "compare", "compare_with", "fitting", "value_of"]

TYPES: dict[str, pl.DataType] = {
    "TINYINT": pl.Int8(),
    "SMALLINT": pl.Int16(),
    **dict.fromkeys(("INT", "INTEGER"), pl.Int32()),
    "BIGINT": pl.Int64(),
    **dict.fromkeys(("FLOAT", "REAL"), pl.Float32()),
    "DOUBLE": pl.Float64(),
    **dict.fromkeys(("BOOLEAN", "BOOL"), pl.Boolean()),
    **dict.fromkeys(("VARCHAR", "TEXT", "STRING", "CHAR"), pl.String()),
    "DATE": pl.Date(),
    **dict.fromkeys(("TIMESTAMP", "DATETIME"), pl.Datetime("us", "UTC")),
}
"""What CAST turns values into, by the names of SQL."""

_MOMENT = pl.Datetime("us", "UTC")
_TRUE, _FALSE = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0")
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d.*)?", re.ASCII)
_ORDERED = {"<", "<=", ">", ">="}
_Simple: TypeAlias = "str | int | float | bool | datetime"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of every item: its expression, its type, and what an error calls it."""

    expr: pl.Expr
    dtype: pl.DataType
    name: str


def value_of(literal: Literal) -> Value:
    """Return the same value for every item."""
    if isinstance(literal, bool):
        dtype: pl.DataType = pl.Boolean()
    elif isinstance(literal, str):
        dtype = pl.String()
    elif literal is None:
        dtype = pl.Null()
    else:
        is_whole = isinstance(literal, int) and literal.bit_length() < 64
        dtype, literal = (pl.Int64(), literal) if is_whole else (pl.Float64(), float(literal))
    return Value(pl.lit(literal, dtype), dtype, "NULL" if literal is None else repr(literal))


def cast(value: Value, target: str) -> Value | None:
    """Cast to one of `TYPES`; null where a value is none of that type, None if it never can be.

    A fraction is cut off, as in Shaped, not rounded. Text is read without outer blanks; a time
    without a zone is in UTC, and is written as ``2026-01-31 12:00:00``.
    """
    dtype, before, name = TYPES[target], value.dtype, f"{value.name}::{target}"
    if before == pl.Null:
        return Value(pl.lit(None, dtype), dtype, name)
    if before in (pl.Categorical, pl.Enum):
        value = Value(value.expr.cast(pl.String), pl.String(), value.name)
        before = value.dtype
    if before == pl.String:
        return Value(_read(value.expr.str.strip_chars(), dtype), dtype, name)
    if before.is_nested() or not (
        before.is_numeric() or before.is_temporal() or before == pl.Boolean
    ):
        return None
    if before.is_temporal():
        expr = _of_moments(value, dtype)
    elif dtype.is_temporal():
        return None
    else:
        expr = value.expr.cast(dtype, strict=False)
    return None if expr is None else Value(expr, dtype, name)


def _read(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Read texts as values of a type."""
    if dtype == pl.String:
        return text
    if dtype == pl.Boolean:
        words = text.str.to_lowercase()
        answer = pl.when(words.is_in(_TRUE)).then(statement=True)
        return answer.when(words.is_in(_FALSE)).then(statement=False)
    if dtype == pl.Date:
        return _read(text, _MOMENT).dt.date()
    if dtype.is_temporal():
        plain = text.str.replace(r"^(\d{4}-\d\d-\d\d)[Tt]", "$1 ").str.replace(r"[Zz]$", "+00:00")
        zoned = [
            plain.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
            for form in ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
        ]
        naive = [
            plain.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")
            for form in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
        ]
        return pl.coalesce(*zoned, *naive)
    return text.cast(dtype, strict=False)


def _of_moments(value: Value, dtype: pl.DataType) -> pl.Expr | None:
    if not isinstance(value.dtype, pl.Date | pl.Datetime):
        return None
    moments = _as_moments(value)
    if dtype == pl.Date:
        return moments.dt.date()
    if dtype.is_temporal():
        return moments
    if dtype != pl.String:
        return None
    return moments.dt.strftime("%Y-%m-%d" if value.dtype == pl.Date else "%Y-%m-%d %H:%M:%S%.f")


def _as_moments(value: Value) -> pl.Expr:
    """Return times in UTC; a day begins at midnight there."""
    if isinstance(value.dtype, pl.Datetime) and value.dtype.time_zone is not None:
        return value.expr.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    return value.expr.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def compare(left: Value, operator: str, right: Value) -> pl.Expr | None:
    """Compare two values of every item; None if these types do not compare."""
    if pl.Null in (left.dtype, right.dtype):
        return pl.lit(None, pl.Boolean)
    kinds = {_kind(left.dtype), _kind(right.dtype)}
    if len(kinds) > 1 or None in kinds:
        return None
    one, other = left.expr, right.expr
    if "moment" in kinds:
        one, other = _as_moments(left), _as_moments(right)
    elif "text" in kinds:
        one, other = one.cast(pl.String), other.cast(pl.String)
    return _compared(one, operator, other)


def compare_with(value: Value, operator: str, literal: Literal) -> pl.Expr | None:
    """Compare a value of every item with a literal, which is first typed as the value is.

    A number is rounded to what a column of floats holds, so that ``brightness = 0.6`` means the
    0.6 of the column. Beside whole numbers nothing is rounded: ``stock < 2.5`` is ``stock <= 2``.
    Of floats NaN is the largest and equals itself. Texts are compared by their characters' codes.

    Returns
    -------
    pl.Expr
        Boolean, null where the value or the literal is; None if the two do not compare.
    """
    if literal is None or value.dtype == pl.Null:
        return pl.lit(None, pl.Boolean)
    if not _compares(value.dtype, literal):
        return None
    if isinstance(literal, str) and _kind(value.dtype) == "moment":
        moment = _moment(literal)
        return None if moment is None else _compared(_as_moments(value), operator, pl.lit(moment))
    if value.dtype.is_integer() and not isinstance(literal, str):
        return _compare_whole(value, operator, literal)
    if _kind(value.dtype) == "text":
        return _compared(value.expr.cast(pl.String), operator, pl.lit(literal))
    return _compared(value.expr, operator, _typed(literal, value.dtype))


def fitting(literals: Iterable[Literal], dtype: pl.DataType) -> tuple[pl.Series, int | None]:
    """Type literals for `is_in`, and say which of them, if any, do not compare with `dtype`.

    Returns
    -------
    values
        Of the type that `dtype` is looked up as. Numbers that no cell of `dtype` can hold are
        left out, and so is NULL.
    misfit
        Place of the first literal that does not compare, or None.
    """
    found: list[_Simple] = []
    is_moment, is_whole = _kind(dtype) == "moment", dtype.is_integer()
    least, most = _bounds(dtype) if is_whole else (0, 0)
    for place, literal in enumerate(literals):
        if literal is None:
            continue
        if not _compares(dtype, literal):
            return pl.Series([], dtype=pl.Null), place
        if isinstance(literal, str) and is_moment:
            moment = _moment(literal)
            if moment is None:
                return pl.Series([], dtype=pl.Null), place
            found.append(moment)
        elif is_whole and not isinstance(literal, str):
            if literal == math.floor(literal) and least <= literal <= most:
                found.append(int(literal))
        else:
            found.append(float(literal) if dtype.is_numeric() else literal)
    return pl.Series(found, dtype=lookup_type(dtype)), None


def lookup_type(dtype: pl.DataType) -> pl.DataType:
    """Return the type that values of `dtype` are looked up in lists as."""
    kind = _kind(dtype)
    if kind == "moment":
        return _MOMENT
    if kind == "text":
        return pl.String()
    return pl.Float64() if dtype.is_decimal() else dtype


def _typed(literal: str | float | bool, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_decimal():
        return pl.lit(literal, pl.Float64)
    return pl.lit(float(literal), dtype) if dtype.is_float() else pl.lit(literal, dtype)


def _compare_whole(value: Value, operator: str, number: float) -> pl.Expr:
    floor = math.floor(number)
    is_ordered = operator in _ORDERED
    if floor != number:
        if not is_ordered:
            return _where_known(value.expr, answer=operator == "<>")
        operator, floor = ("<=", floor) if operator in {"<", "<="} else (">=", floor + 1)
    least, most = _bounds(value.dtype)
    if not least <= floor <= most:
        below = operator in {"<", "<="}
        answer = below == (floor > most) if is_ordered else operator == "<>"
        return _where_known(value.expr, answer=answer)
    return _compared(value.expr, operator, pl.lit(floor, value.dtype))


def _where_known(expr: pl.Expr, *, answer: bool) -> pl.Expr:
    return pl.when(expr.is_not_null()).then(statement=answer)


def _compared(one: pl.Expr, operator: str, other: pl.Expr) -> pl.Expr:
    match operator:
        case "=":
            return one == other
        case "<>":
            return one != other
        case "<":
            return one < other
        case "<=":
            return one <= other
        case ">":
            return one > other
        case _:
            return one >= other


def _compares(dtype: pl.DataType, literal: str | float | bool) -> bool:
    if isinstance(literal, bool):
        return dtype == pl.Boolean
    if isinstance(literal, str):
        return _kind(dtype) in {"text", "moment"}
    return dtype.is_numeric()


def _kind(dtype: pl.DataType) -> str | None:
    """Say what values are compared as; None where they are not."""
    if dtype.is_numeric():
        return "number"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if isinstance(dtype, pl.Date | pl.Datetime):
        return "moment"
    return "truth" if dtype == pl.Boolean else None


def _bounds(dtype: pl.DataType) -> tuple[int, int]:
    bits = int(re.sub(r"\D", "", str(dtype)))
    if dtype.is_unsigned_integer():
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _moment(text: str) -> datetime | None:
    """Read a day or a time; one without a zone is in UTC."""
    if not _WRITTEN.fullmatch(text.strip()):
        return None
    try:
        moment = datetime.fromisoformat(text.strip().upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
