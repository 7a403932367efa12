"""Vectors in .npy files and the ids beside them, made one table of ids and vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import ConnectorError
from . import delimited
from .arrow import ArrowStream
from .columns import id_texts
from .frames import register
from .quoting import identifier
from .source import Loaded

__all__ = ["load"]

_IDS = ("txt", "npy", "parquet", "csv")
"""What a file of ids may end in, in the order in which they are looked for."""
_FLOATS = ("float16", "float32", "float64")
_EXAMPLES = 5


def load(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> Loaded:
    """Make arrays readable as the view `name`, with the columns ``id`` and ``vector``.

    Beside every ``<stem>.npy``, of shape (n, d), lies ``<stem>.ids.txt``, ``.ids.npy``,
    ``.ids.parquet`` or ``.ids.csv`` with n ids, one a line or in the first column. Of an id that
    comes twice, the later row is kept; rows with a blank id are left out.

    Raises
    ------
    ConnectorError
        If an array or its ids cannot be read, or do not go together.
    """
    notes: list[str] = []
    parts: list[pl.DataFrame] = []
    for file in [file for file in files if not file.name.endswith(".ids.npy")] or files:
        vectors = _floats(name, file)
        ids = _ids(connection, name, file, len(vectors), notes)
        parts.append(pl.DataFrame({"id": ids, "vector": pl.Series(vectors)}))
        if parts[-1].schema != parts[0].schema:
            message = (
                f"{name!r} is bound to files of different models: vectors of {files[0]} have "
                f"{_width(parts[0])} numbers, those of {file} have {_width(parts[-1])}"
            )
            raise ConnectorError(message)
    frame = pl.concat(parts, rechunk=False)
    with_id = frame.filter(frame["id"].is_not_null())
    is_last = with_id["id"].is_last_distinct()
    repeated = with_id["id"].filter(~is_last)
    register(connection, name, with_id.filter(is_last))
    dropped = {"no id": frame.height - with_id.height, "repeated id": len(repeated)}
    shown = tuple(repeated.unique(maintain_order=True).head(_EXAMPLES).to_list())
    return Loaded(
        dropped={reason: rows for reason, rows in dropped.items() if rows},
        examples={"repeated id": shown} if shown else {},
        notes=tuple(notes),
    )


def _floats(name: str, file: Path) -> NDArray[np.float32]:
    """Return the array of a file, shape (n, d)."""
    array = _array(name, file)
    if array.ndim != 2 or 0 in array.shape:
        message = (
            f"{name!r} is bound to {file}, an array of shape {array.shape}; it must have two "
            "dimensions: one row per id, one column per number of a vector"
        )
        raise ConnectorError(message)
    if array.dtype.name not in _FLOATS:
        message = (
            f"{name!r} is bound to {file}, which holds {array.dtype}; vectors are "
            f"{', '.join(_FLOATS)}: save array.astype('float32')"
        )
        raise ConnectorError(message)
    with np.errstate(over="ignore"):  # infinite then, and told of where the vectors are used
        return np.asarray(array, np.float32)


def _array(name: str, file: Path) -> NDArray[Any]:
    try:
        return np.lib.format.open_memmap(file, mode="r")  # refuses Python objects, runs nothing
    except (OSError, ValueError, EOFError) as error:
        message = (
            f"{name!r} cannot be read from {file}: {error}. "
            "It must be one array of numbers or text, as numpy.save writes it"
        )
        raise ConnectorError(message) from error


def _ids(
    connection: duckdb.DuckDBPyConnection, name: str, file: Path, rows: int, notes: list[str]
) -> pl.Series:
    """Return the ids of the rows of a file as text, null where blank."""
    places = [file.with_name(f"{file.stem}.ids.{ending}") for ending in _IDS]
    found = [place for place in places if place.is_file()]
    if not found:
        looked_for = ", ".join(place.name for place in places)
        message = (
            f"{name!r} is bound to {file}, which says nothing of the ids of its {rows:,} rows; "
            f"put one of {looked_for} beside it, with one id per row in the same order"
        )
        raise ConnectorError(message)
    place, *others = found
    if others:
        unread = " and ".join(other.name for other in others)
        notes.append(f"the ids of {file.name} are those of {place.name}; {unread} is not read")
    try:
        ids = id_texts(_read_ids(connection, name, place)).alias("id")
    except (OSError, ValueError, duckdb.Error, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        message = f"the ids of {name!r} cannot be read from {place}: {reason}"
        raise ConnectorError(message) from error
    if place.suffix == ".txt" and ids[rows:].is_null().all():
        ids = ids[:rows]  # blank lines at the end
    if len(ids) != rows:
        message = (
            f"{name!r} is bound to {file}, which has {rows:,} rows, but {place.name} has "
            f"{len(ids):,} ids; it needs one per row, in the same order"
        )
        if place.suffix == ".csv":
            message += " (its first line is the header)"
        raise ConnectorError(message)
    return ids


def _read_ids(connection: duckdb.DuckDBPyConnection, name: str, place: Path) -> pl.Series:
    match place.suffix:
        case ".txt":
            with place.open(encoding="utf-8-sig") as lines:
                return pl.Series([line.rstrip("\n") for line in lines], dtype=pl.String)
        case ".npy":
            array = _array(name, place)
            if array.ndim != 1 or array.dtype.kind not in "iufUS":
                message = (
                    f"{place} is an array of {array.dtype}, of shape {array.shape}; ids are "
                    "numbers or text, of one dimension"
                )
                raise ConnectorError(message)
            return pl.Series(np.strings.decode(array) if array.dtype.kind == "S" else array)
        case ".parquet":
            return pl.read_parquet(place, columns=[0], glob=False).to_series()
        case _:
            table = f"{name} ids"
            delimited.load(connection, table, [place])
            relation = connection.table(identifier(table))
            first = "#1" if relation.types[0].id in ("bigint", "double") else "CAST(#1 AS VARCHAR)"
            relation = relation.project(f"{first} AS id")
            ids = pl.DataFrame(ArrowStream(relation.__arrow_c_stream__)).to_series()
            connection.execute(f"DROP TABLE {identifier(table)}")
            return ids


def _width(frame: pl.DataFrame) -> int:
    return len(frame["vector"][0])
