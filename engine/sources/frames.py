"""Tables given from Python, made readable by SQL without a copy."""

from dataclasses import dataclass

import duckdb
import polars as pl
from polars.datatypes import DataTypeClass

from ..errors import ConnectorError
from .arrow import ArrowStream, ArrowTable
from .source import Loaded

__all__ = ["FrameSource", "register"]


@dataclass(frozen=True, slots=True)
class FrameSource:
    """A table in memory."""

    table: pl.LazyFrame | ArrowTable

    def load(self, connection: duckdb.DuckDBPyConnection, name: str) -> Loaded:
        """Make the table readable as the view `name`."""
        try:
            frame = _collected(self.table)
        except (pl.exceptions.PolarsError, ImportError, TypeError, ValueError) as error:
            message = f"the table bound to {name!r} cannot be read as Arrow data: {error}"
            raise ConnectorError(message) from error
        register(connection, name, frame)
        return Loaded()


def register(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Make a Polars frame readable as the view `name` for as long as the connection lives."""
    if not frame.columns:
        message = f"the table bound to {name!r} has no columns"
        raise ConnectorError(message)
    for column, dtype in frame.schema.items():
        if dtype == pl.Object:
            message = (
                f"column {column!r} of the table bound to {name!r} holds Python objects; "
                "convert it to text or numbers"
            )
            raise ConnectorError(message)
    readable = frame.select(
        pl.col(column).cast(_plain(dtype)) for column, dtype in frame.schema.items()
    )
    try:
        connection.register(name, ArrowStream(readable.__arrow_c_stream__))
    except duckdb.Error as error:
        message = f"the table bound to {name!r} has a column that SQL cannot read: {error}"
        raise ConnectorError(message) from error


def _collected(table: pl.LazyFrame | ArrowTable) -> pl.DataFrame:
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, pl.DataFrame):
        return table
    return pl.DataFrame(ArrowStream(table.__arrow_c_stream__))


def _plain(dtype: pl.DataType | DataTypeClass) -> pl.DataType | DataTypeClass:
    """Replace the types that have no Arrow form DuckDB reads; everything else stays."""
    match dtype:
        case pl.Null():
            return pl.String()
        case pl.Int128() | pl.UInt128():
            return pl.Float64()
        case pl.Float16():
            return pl.Float32()
        case pl.List(inner=inner):
            return pl.List(_plain(inner))
        case pl.Array(inner=inner):
            return pl.List(_plain(inner))
        case pl.Struct(fields=fields):
            return pl.Struct({field.name: _plain(field.dtype) for field in fields})
        case _:
            return dtype
