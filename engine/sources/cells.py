"""Cells turned into what their column's role says they are, with those that are not counted."""

from collections.abc import Mapping

import polars as pl

from .columns import without_blanks
from .roles import Role
from .times import microseconds

__all__ = ["absent", "read_columns", "read_numbers"]

_TRUE = ["true", "yes", "t", "y", "1", "1.0"]
_FALSE = ["false", "no", "f", "n", "0", "0.0"]
_LIST_MARKS = r"\s*[|;,]\s*"


def read_columns(
    frame: pl.DataFrame, roles: Mapping[str, Role]
) -> tuple[pl.DataFrame, dict[str, dict[str, int]]]:
    """Give every column the type of its role.

    Parameters
    ----------
    frame, roles
        The table, and a role for each of its columns to return; ID columns are left alone.

    Returns
    -------
    frame
        NUMBER is Int64 where all are whole, else Float64; BOOLEAN is Boolean; TIME is Datetime in
        microseconds, UTC; TEXT, CATEGORY and URL are String; IMAGE is String or Binary, of a list
        its first element; LIST is a list, and text in it is split at ``|``, ``;`` or ``,``. Blank
        text is null: it says as little.
    nulled
        Column to reason to the number of cells that could not be read so and are null now. Cells
        that were null or blank before are not counted.
    """
    columns: list[pl.Series] = []
    nulled: dict[str, dict[str, int]] = {}
    for name, role in roles.items():
        given = without_blanks(frame[name])
        read, reasons = _read(given, role)
        columns.append(read.alias(name))
        if counted := {reason: int(cells) for reason, cells in reasons.items() if cells}:
            nulled[name] = counted
    return pl.DataFrame(columns), nulled


def _read(given: pl.Series, role: Role) -> tuple[pl.Series, dict[str, int]]:
    match role:
        case Role.NUMBER:
            return read_numbers(given)
        case Role.BOOLEAN:
            read = _booleans(given)
            return read, {"not true or false": _lost(given, read)}
        case Role.TIME:
            read = microseconds(given).cast(pl.Datetime("us", "UTC"))
            return read, {"not a time": _lost(given, read)}
        case Role.LIST:
            read = _lists(given)
            return read, {"not a list": _lost(given, read)}
        case Role.IMAGE:
            given = without_blanks(_first_element(given))
            read = given if given.dtype == pl.Binary else _texts(given)
            return read, {"not a URL, path or bytes": _lost(given, read)}
        case Role.TEXT | Role.CATEGORY | Role.URL:
            read = _texts(given)
            return read, {"not text": _lost(given, read)}
        case Role.ID | Role.OTHER | Role.IMAGE_VECTOR | Role.TEXT_VECTOR:
            return given, {}


def read_numbers(given: pl.Series) -> tuple[pl.Series, dict[str, int]]:
    """Read numbers: Int64 where all are whole, else Float64; true is 1.

    Returns
    -------
    numbers
        Same name and length; null where the cell was null, not a number, NaN or infinite.
    reasons
        Reason to the number of cells that were lost for it; zeros included.
    """
    if given.dtype.is_nested() or given.dtype.is_temporal() or given.dtype == pl.Binary:
        numbers = absent(given.name, pl.Float64(), len(given))
        return numbers, {"not a number": _lost(given, numbers)}
    if given.dtype.is_integer() or given.dtype == pl.String:
        text = given.str.strip_chars() if given.dtype == pl.String else given
        whole = text.cast(pl.Int64, strict=False)
        if not _lost(given, whole):
            return whole, {}
        given = text
    numbers = given.cast(pl.Float64, strict=False)
    finite = numbers.set(~numbers.is_finite(), None)
    reasons = {"not a number": _lost(given, numbers), "not finite": _lost(numbers, finite)}
    return finite, reasons


def _booleans(given: pl.Series) -> pl.Series:
    if given.dtype.is_nested() or given.dtype == pl.Binary:
        return absent(given.name, pl.Boolean(), len(given))
    words = given.cast(pl.String).str.strip_chars().str.to_lowercase()
    answers = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
    return words.replace_strict(answers, default=None, return_dtype=pl.Boolean)


def _lists(given: pl.Series) -> pl.Series:
    if given.dtype == pl.String:
        marked = given.str.strip_chars("[]() ").str.replace_all(_LIST_MARKS, "|")
        parts = marked.str.split("|").list.eval(pl.element().str.strip_chars("'\" "))
        return parts.list.eval(pl.element().filter(pl.element() != ""))
    if isinstance(given.dtype, pl.Array):
        given = given.arr.to_list()
    if not isinstance(given.dtype, pl.List):
        return absent(given.name, pl.List(pl.String), len(given))
    inner = given.dtype.inner
    if inner.is_decimal():
        return given.cast(pl.List(pl.Float64))
    return given if inner.is_numeric() else given.cast(pl.List(pl.String))


def _first_element(given: pl.Series) -> pl.Series:
    if isinstance(given.dtype, pl.Array):
        return given.arr.first()
    return given.list.first() if isinstance(given.dtype, pl.List) else given


def _texts(given: pl.Series) -> pl.Series:
    if given.dtype == pl.String:
        return given
    if given.dtype.is_nested() or given.dtype == pl.Binary:
        return absent(given.name, pl.String(), len(given))
    return given.cast(pl.String)


def absent(name: str, dtype: pl.DataType, height: int) -> pl.Series:
    """Return a column of nulls."""
    return pl.repeat(None, height, dtype=dtype, eager=True).alias(name)


def _lost(before: pl.Series, after: pl.Series) -> int:
    return after.null_count() - before.null_count()
