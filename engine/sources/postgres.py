"""A table or view of a PostgreSQL database turned into a typed Polars frame."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import duckdb
import polars as pl
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ..errors import ConnectorError
from .database import BATCH_ROWS, TableChoice, frame_of
from .frames import register
from .source import Loaded

__all__ = ["PostgresSource", "redacted"]

_CONNECT_SECONDS = 10

# Every table and view a query could name, those that need no schema first.
_TABLES = """
    SELECT n.nspname, c.relname, pg_table_is_visible(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg~_%' ESCAPE '~'
    ORDER BY pg_table_is_visible(c.oid) DESC, 1, 2
"""

# PostgreSQL type -> the SQL that brings a value into its column's type while still in the server,
# so that no Python object is made that the column cannot hold. Dates travel as days, times as
# microseconds; infinite ones become null, and a numeric beyond float8 becomes infinite.
_MICROSECONDS: LiteralString = (
    "CASE WHEN isfinite({0}) THEN (extract(epoch FROM {0}) * 1000000)::int8 END"
)
_READINGS: dict[str, tuple[LiteralString, pl.DataType]] = {
    "bool": ("{0}", pl.Boolean()),
    "int2": ("{0}", pl.Int64()),
    "int4": ("{0}", pl.Int64()),
    "int8": ("{0}", pl.Int64()),
    "float4": ("{0}::float8", pl.Float64()),
    "float8": ("{0}", pl.Float64()),
    "numeric": (
        "CASE WHEN abs({0}) < 1e308 THEN {0}::float8 WHEN {0} < 0 THEN '-Infinity'::float8 "
        "WHEN {0} IS NOT NULL THEN 'Infinity'::float8 END",
        pl.Float64(),
    ),
    "date": ("CASE WHEN isfinite({0}) THEN {0} - DATE '1970-01-01' END", pl.Date()),
    "timestamp": (_MICROSECONDS, pl.Datetime("us")),
    "timestamptz": (_MICROSECONDS, pl.Datetime("us", "UTC")),
    "bytea": ("{0}", pl.Binary()),
}
_OTHER: tuple[LiteralString, pl.DataType] = ("{0}::text", pl.String())
_ELEMENTS: dict[str, tuple[LiteralString, pl.DataType]] = {
    "bool": ("bool", pl.Boolean()),
    "int2": ("int8", pl.Int64()),
    "int4": ("int8", pl.Int64()),
    "int8": ("int8", pl.Int64()),
    "float4": ("float8", pl.Float64()),
    "float8": ("float8", pl.Float64()),
    "numeric": ("float8", pl.Float64()),
}
_OTHER_ELEMENTS: tuple[LiteralString, pl.DataType] = ("text", pl.String())
_TRAVELS_AS = {pl.Date: pl.Int32(), pl.Datetime: pl.Int64()}


@dataclass(frozen=True, slots=True, repr=False)  # a repr would show the password
class PostgresSource:
    """A table in a PostgreSQL database, read in one read-only transaction."""

    uri: str
    choice: TableChoice

    def load(self, connection: duckdb.DuckDBPyConnection, name: str) -> Loaded:
        """Make the table readable as the view `name`."""
        parameters = self._parameters(name)
        try:
            with psycopg.connect(**parameters) as server:
                server.read_only = True
                server.execute("SET TIME ZONE 'UTC'")
                frame = self._read(server)
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
            if parameters.get("password"):
                reason = reason.replace(str(parameters["password"]), "***")
            message = f"{name!r} cannot be read from {redacted(self.uri)}: {reason}"
            raise ConnectorError(message) from None  # the cause could show the password
        register(connection, name, frame)
        return Loaded()

    def _parameters(self, name: str) -> dict[str, Any]:
        try:
            stated = conninfo_to_dict(self.uri)
        except psycopg.Error:
            message = (
                f"{name!r} is bound to {redacted(self.uri)}, which is not a PostgreSQL URI; "
                "special characters in user and password must be percent-encoded"
            )
            raise ConnectorError(message) from None  # libpq quotes the part it stumbled over
        return {"connect_timeout": _CONNECT_SECONDS, **stated, "client_encoding": "utf8"}

    def _read(self, server: psycopg.Connection) -> pl.DataFrame:
        tables: dict[str, tuple[str, str]] = {}
        for schema, table, visible in server.execute(_TABLES).fetchall():
            if visible:
                tables.setdefault(table, (schema, table))
            tables[f"{schema}.{table}"] = (schema, table)
        name = self.choice.pick(list(tables), database=redacted(self.uri))
        table = sql.Identifier(*tables[name])
        readings = _readings(server, table)
        types = {column: dtype for column, (_, dtype) in readings.items()}
        selected = sql.SQL(", ").join(expression for expression, _ in readings.values())
        # A named cursor stays in the server, so that one batch of Python objects is held at a time.
        with server.cursor(name="sightline") as cursor:
            cursor.execute(sql.SQL("SELECT {} FROM {}").format(selected, table))
            travels = {name: _TRAVELS_AS.get(type(dtype), dtype) for name, dtype in types.items()}
            rows = frame_of(_batches(cursor), pl.Schema(travels))
        return rows.select(pl.col(name).cast(dtype) for name, dtype in types.items())


def redacted(uri: str) -> str:
    """Write a database URI without user, password and parameters.

    Examples
    --------
    >>> redacted("postgresql://shop:s3cret@db.example:5432/shop?sslmode=require")
    'postgresql://db.example:5432/shop'
    """
    scheme, _, rest = uri.partition("://")
    place = re.match(r"[^?&#\s]*", rest.rpartition("@")[2])
    return f"{scheme}://{place[0] if place else ''}"


def _readings(
    server: psycopg.Connection, table: sql.Identifier
) -> dict[str, tuple[sql.Composed, pl.DataType]]:
    """Map each column to the SQL that reads it and its type here."""
    described = server.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(table)).description or []
    known = server.execute(
        "SELECT t.oid, t.typname, e.typname FROM pg_type t "
        "LEFT JOIN pg_type e ON t.typcategory = 'A' AND e.oid = t.typelem WHERE t.oid = ANY(%s)",
        [[column.type_code for column in described]],
    ).fetchall()
    names = {oid: (name, element) for oid, name, element in known}
    return {column.name: _reading(column.name, *names[column.type_code]) for column in described}


def _reading(column: str, name: str, element: str | None) -> tuple[sql.Composed, pl.DataType]:
    if element is None:
        template, dtype = _READINGS.get(name, _OTHER)
        return sql.SQL(template).format(sql.Identifier(column)), dtype
    cast, dtype = _ELEMENTS.get(element, _OTHER_ELEMENTS)
    # unnest walks any number of dimensions, so an array of arrays becomes one list.
    elements: LiteralString = "CASE WHEN {0} IS NOT NULL THEN ARRAY(SELECT unnest({0}))::{1}[] END"
    return sql.SQL(elements).format(sql.Identifier(column), sql.SQL(cast)), pl.List(dtype)


def _batches(cursor: psycopg.ServerCursor) -> Iterator[list[tuple[Any, ...]]]:
    while batch := cursor.fetchmany(BATCH_ROWS):
        yield batch
