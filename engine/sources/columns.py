"""Column names and ids: the column that plays a part, whatever its spelling, and ids as text."""

import re
from collections.abc import Sequence

import polars as pl

from ..errors import ConfigError, SchemaError

__all__ = [
    "distinct_names",
    "find_column",
    "id_texts",
    "listed",
    "name_words",
    "named_column",
    "required_column",
    "without_blanks",
]


def find_column(columns: Sequence[str], accepted: Sequence[str]) -> str | None:
    """Return the column spelt like one of `accepted`, or None.

    Exact spellings are tried first, then spellings that differ in case or punctuation only
    (``movieId``, ``Movie ID``); within each round the earlier accepted name wins.
    """
    for name in accepted:
        if name in columns:
            return name
    folded = {_folded(column): column for column in reversed(columns)}
    return next((folded[_folded(name)] for name in accepted if _folded(name) in folded), None)


def named_column(columns: Sequence[str], name: str, *, table: str) -> str:
    """Return the column that the user named, whatever its case.

    Raises
    ------
    ConfigError
        If the table has no such column; the message lists those it has.
    """
    column = find_column(columns, [name])
    if column is None:
        message = (
            f"schema_override names the column {name!r}, which {table} does not have; "
            f"its columns are {listed(columns)}"
        )
        raise ConfigError(message)
    return column


def required_column(
    columns: Sequence[str], accepted: Sequence[str], *, named: str | None, table: str, part: str
) -> str:
    """Return the column the user named or else the one with an accepted name.

    Raises
    ------
    ConfigError
        If the user named a column the table does not have.
    SchemaError
        If no column has an accepted name; the message lists the columns found.
    """
    if named is not None:
        return named_column(columns, named, table=table)
    column = find_column(columns, accepted)
    if column is None:
        message = (
            f"{table} has no {part}: its columns are {listed(columns)}. "
            f"Name one of them {accepted[0]} (SELECT … AS {accepted[0]}); "
            f"also read: {', '.join(accepted[1:])}"
        )
        raise SchemaError(message)
    return column


def id_texts(values: pl.Series) -> pl.Series:
    """Write ids as text: 12 and 12.0 as ``12``, bytes in hexadecimal, text without outer spaces.

    Returns
    -------
    pl.Series
        String, same name and length; null where the id is null, blank or not a finite number.

    Raises
    ------
    SchemaError
        If the column holds lists or structures.
    """
    dtype = values.dtype
    if dtype.is_nested():
        message = f"{values.name} cannot be an id column: it holds {dtype}, not text or numbers"
        raise SchemaError(message)
    if dtype == pl.Binary:
        return values.bin.encode("hex").replace("", None)
    if dtype.is_float():
        values = values.set(~values.is_finite(), None)
    texts = values.cast(pl.String)
    if dtype.is_float() or dtype.is_decimal():
        texts = texts.str.replace(r"\.0+$", "")
    return texts.str.strip_chars().replace("", None)


def distinct_names(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Give every column a name of its own, whatever the case, and say which were changed.

    SQL and people read names without regard to case, so ``Title`` and ``title`` in one table
    would be one column to a filter. The later one gets a number; a blank name gets its position.
    """
    taken: set[str] = set()
    names: list[str] = []
    notes: list[str] = []
    for position, column in enumerate(frame.columns, start=1):
        wanted = column.strip() or f"column_{position}"
        name, number = wanted, 2
        while name.casefold() in taken:
            name, number = f"{wanted}_{number}", number + 1
        if name != column:
            notes.append(f"column {position}, {column!r}, is called {name!r}")
        taken.add(name.casefold())
        names.append(name)
    return frame.rename(dict(zip(frame.columns, names, strict=True))), tuple(notes)


def name_words(name: str) -> list[str]:
    """Split a column name where people do.

    Examples
    --------
    >>> name_words("productImage_url2")
    ['product', 'image', 'url']
    """
    return re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower())


def listed(names: Sequence[str]) -> str:
    """Write names for a message: the first twenty, and how many more there are."""
    shown = ", ".join(names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown or "none"


def without_blanks(values: pl.Series) -> pl.Series:
    """Return categories as text, and text that is empty or only spaces as null."""
    if values.dtype in (pl.Null, pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        return values.set(values.str.strip_chars() == "", None)
    return values


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
