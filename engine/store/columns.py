"""Shaped's column types: their names turned into Polars types, and cells into cells of a type."""

import re
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    _Type: TypeAlias = pl.DataType | type[pl.DataType]

__all__ = ["fit", "polars_type", "type_name"]

_SCALARS = {
    "String": "String",
    "Bytes": "Binary",
    "Int32": "Int32",
    "Int64": "Int64",
    "Float": "Float32",
    "Double": "Float64",
    "Bool": "Boolean",
    "Boolean": "Boolean",
    "Date": "Date",
    "DateTime": "Datetime",
}
_TYPE_NAME = re.compile(r"Array\((\w+)\)|(\w+)")

# The Shaped type that holds all values of a Polars type. A column of nulls tells nothing: String.
_NAMES = {
    **dict.fromkeys(("String", "Categorical", "Enum", "Time", "Null"), "String"),
    **dict.fromkeys(("Int8", "Int16", "Int32", "UInt8", "UInt16"), "Int32"),
    **dict.fromkeys(("Int64", "UInt32", "UInt64"), "Int64"),
    **dict.fromkeys(("Float64", "Decimal"), "Double"),
    "Float32": "Float",
    "Binary": "Bytes",
    "Boolean": "Bool",
    "Date": "Date",
    "Datetime": "DateTime",
}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_WITH_ZONE = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
_WITHOUT_ZONE = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def polars_type(column: str, name: str) -> "pl.DataType":
    """Return the Polars type of a Shaped type name, such as ``String`` or ``Array(Int64)``.

    Raises
    ------
    ConfigError
        If Shaped has no such type.
    """
    import polars as pl

    found = _TYPE_NAME.fullmatch(name)
    scalar = found and (found[1] or found[2])
    if found is None or scalar not in _SCALARS:
        message = (
            f"column_schema.{column}: {name!r} is not a column type; "
            f"use one of {', '.join(_SCALARS)}, or Array(…) of one"
        )
        raise ConfigError(message)
    dtype: pl.DataType = (
        pl.Datetime("us", "UTC") if scalar == "DateTime" else getattr(pl, _SCALARS[scalar])()
    )
    return pl.List(dtype) if found[1] else dtype


def type_name(column: str, dtype: "pl.DataType") -> str:
    """Return the name of the Shaped type that holds the values of a Polars type.

    Raises
    ------
    ConfigError
        If Shaped has none, as for structs and durations.
    """
    import polars as pl

    held = dtype.inner if isinstance(dtype, pl.List | pl.Array) else dtype
    scalar = _NAMES.get(str(held.base_type()))
    if scalar is None:
        message = (
            f"column {column!r} is of type {dtype}, which no column_schema can name; "
            "leave it out, or give it as text"
        )
        raise ConfigError(message)
    return scalar if held is dtype else f"Array({scalar})"


def fit(values: "pl.Series", dtype: "_Type") -> "pl.Series":
    """Turn cells into cells of a type.

    Parameters
    ----------
    values
        Any column.
    dtype
        One that `polars_type` returns. Text is read as a number, as true, false, 1 or 0, as an
        ISO 8601 time, or as a list split at ``,``, ``;`` or ``|``; times without a zone are UTC.
        A number is no time: its unit would be a guess. A list fits if all its elements do.

    Returns
    -------
    pl.Series
        Of `dtype`, same length; null where a cell was null or does not fit.
    """
    import polars as pl

    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.Null:
        return values.cast(dtype)
    if isinstance(dtype, pl.List):
        return _fit_lists(values, dtype)
    if values.dtype.is_nested() or values.dtype == pl.Object:
        return _nulls(values, dtype)
    if dtype == pl.Boolean:
        return _fit_booleans(values)
    if dtype.is_numeric():
        return _fit_numbers(values, dtype)
    if dtype.is_temporal():
        moments = _moments(values)
        return moments.dt.date() if dtype == pl.Date else moments
    if values.dtype == pl.Binary and dtype == pl.String:
        return pl.Series(values.name, [_decode(cell) for cell in values], dtype=pl.String)
    if dtype == pl.Binary and values.dtype not in (pl.String, pl.Binary):
        return _nulls(values, dtype)
    return values.cast(dtype, strict=False)


def _fit_booleans(values: "pl.Series") -> "pl.Series":
    import polars as pl

    if values.dtype == pl.String:
        words = values.str.strip_chars().str.to_lowercase()
        return words.replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
    if values.dtype.is_numeric():
        numbers = values.cast(pl.Float64)
        return (numbers == 1).zip_with(numbers.is_in([0.0, 1.0]), _nulls(values, pl.Boolean()))
    return values if values.dtype == pl.Boolean else _nulls(values, pl.Boolean())


def _fit_numbers(values: "pl.Series", dtype: "_Type") -> "pl.Series":
    import polars as pl

    if values.dtype == pl.String:
        values = values.str.strip_chars()
    elif not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        return _nulls(values, dtype)
    fitted = values.cast(dtype, strict=False)
    if dtype.is_integer():
        if not (values.dtype.is_float() or values.dtype.is_decimal()):
            return fitted
        numbers = values.cast(pl.Float64)
        fits = numbers == numbers.floor()
    else:
        fits = fitted.is_finite() | ~values.cast(pl.Float64, strict=False).is_finite()
    return fitted.zip_with(fits, _nulls(values, dtype))


def _moments(values: "pl.Series") -> "pl.Series":
    """Read a column of times, as microseconds in UTC."""
    import polars as pl

    dtype = values.dtype
    if dtype == pl.String:
        return _written_moments(values)
    if dtype == pl.Date:
        return values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if not isinstance(dtype, pl.Datetime):
        return _nulls(values, pl.Datetime("us", "UTC"))
    moments = values.dt.cast_time_unit("us")
    if dtype.time_zone is None:
        return moments.dt.replace_time_zone("UTC")
    return moments.dt.convert_time_zone("UTC")


def _written_moments(values: "pl.Series") -> "pl.Series":
    import polars as pl

    text = pl.col(values.name).str
    text = text.strip_chars().str.replace(r"^(\d{4})[-/](\d\d)[-/](\d\d)[Tt ]*", "$1-$2-$3 ").str
    text = text.strip_chars().str.replace(r"\s*[Zz]$", "+00:00").str
    with_zone = [
        text.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _WITH_ZONE
    ]
    without_zone = [
        text.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")
        for form in _WITHOUT_ZONE
    ]
    return values.to_frame().select(pl.coalesce(*with_zone, *without_zone)).to_series()


def _fit_lists(values: "pl.Series", dtype: "pl.List") -> "pl.Series":
    import polars as pl

    lists = _as_lists(values)
    if not isinstance(lists.dtype, pl.List):
        return _nulls(values, dtype)
    lengths = lists.list.len().fill_null(0)
    before = lists.filter(lengths > 0).explode()
    after = fit(before, dtype.inner)  # type: ignore[arg-type]  # never a class in an instance
    elements = pl.DataFrame(
        {
            "row": np.repeat(np.arange(len(lists)), lengths.to_numpy()),
            "cell": after,
            "fits": after.is_not_null() | before.is_null(),
        }
    )
    whole = elements.group_by("row").agg("cell", pl.col("fits").all()).filter("fits")
    empty = pl.when(lists.is_not_null() & (lengths == 0)).then(pl.lit([], dtype=dtype))
    rows = pl.DataFrame({"row": np.arange(len(lists))}).with_columns(empty.alias("empty"))
    joined = rows.join(whole, on="row", how="left", maintain_order="left")
    return joined.select(pl.coalesce("empty", "cell").alias(values.name)).to_series()


def _as_lists(values: "pl.Series") -> "pl.Series":
    import polars as pl

    if isinstance(values.dtype, pl.Array):
        return values.arr.to_list()
    if values.dtype != pl.String:
        return values
    parts = values.str.strip_chars("[]() ").str.replace_all("[,;]", "|").str.split("|")
    words = parts.list.eval(pl.element().str.strip_chars("'\" "))
    return words.list.eval(pl.element().filter(pl.element() != ""))


def _decode(cell: bytes | None) -> str | None:
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return None


def _nulls(values: "pl.Series", dtype: "_Type") -> "pl.Series":
    import polars as pl

    return pl.Series(values.name, [None], dtype=dtype).new_from_index(0, len(values))
