"""`fetch` SQL run by DuckDB over the bound sources, and over nothing else, into Polars tables."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import polars as pl
from duckdb.sqltypes import DuckDBPyType

from ..errors import ConnectorError, QueryError
from .arrow import ArrowStream
from .comments import strip_comments
from .explain import query_error
from .quoting import identifier, literal
from .report import TableReport
from .source import Loaded, Source

__all__ = ["Fetched", "run_queries"]

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}

# What crosses to Polars as it is. The rest has no counterpart there, or one that Polars ends the
# process over (intervals, unions), and becomes text.
_CROSSES = {
    "boolean",
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "hugeint",
    "utinyint",
    "usmallint",
    "uinteger",
    "ubigint",
    "uhugeint",
    "float",
    "double",
    "decimal",
    "varchar",
    "blob",
    "date",
    "timestamp",
    "timestamp_s",
    "timestamp_ms",
    "timestamp_ns",
    "timestamp with time zone",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """The tables that the queries returned, and what was read for them."""

    tables: Mapping[str, pl.DataFrame]
    """By query name; columns in the order of the SELECT."""
    sources: Mapping[str, TableReport]
    """By connector id: rows that could be read, and those that could not."""


def run_queries(queries: Mapping[str, str], sources: Mapping[str, Source]) -> Fetched:
    """Run every query over the sources.

    SQL comes from strangers: each query is one SELECT, and it sees the bound tables only. DuckDB is
    closed before the first query runs (no files but those behind a bound Parquet view, no network,
    no extensions, no Python variables, settings locked) and the queries run in a read-only
    transaction. Comments are taken out first, `#` notes among them. Times are UTC.

    Parameters
    ----------
    queries
        SQL by name, such as ``{"items": "SELECT …"}``.
    sources
        Tables by the name that SQL calls them.

    Raises
    ------
    ConnectorError
        If a source cannot be reached or read.
    QueryError
        If a query is not one SELECT, does not parse, names what is not there, or fails.
    """
    with (
        tempfile.TemporaryDirectory(prefix="sightline-") as spill,
        duckdb.connect(":memory:", config={**_CONFIG, "temp_directory": spill}) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        statements = {
            name: _only_select(connection, name, strip_comments(sql))
            for name, sql in queries.items()
        }
        _check_names(sources)
        loaded = {name: source.load(connection, name) for name, source in sources.items()}
        _close(connection, loaded)
        connection.execute("BEGIN TRANSACTION READ ONLY")
        reports = {name: _report(connection, name, what) for name, what in loaded.items()}
        bound = {name: connection.table(identifier(name)).columns for name in sources}
        tables = {name: _run(connection, name, sql, bound) for name, sql in statements.items()}
    return Fetched(tables, reports)


def _check_names(sources: Mapping[str, Source]) -> None:
    """Refuse names that differ in case only: SQL would read them as one."""
    first: dict[str, str] = {}
    for name in sources:
        if (other := first.setdefault(name.casefold(), name)) != name:
            message = f"connectors {other!r} and {name!r} are one table to SQL; rename one"
            raise ConnectorError(message)


def _only_select(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> str:
    """Return the one SELECT of a query, or refuse it."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise query_error(error, name, sql, {}) from error
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        found = " and ".join(kinds) or "nothing"
        message = f"fetch.{name} must be exactly one SELECT; it holds {found}"
        raise QueryError(message)
    return sql.rstrip(" \t\r\n;")


def _close(connection: duckdb.DuckDBPyConnection, loaded: Mapping[str, Loaded]) -> None:
    """Leave the connection only what is in it, for good: the last setting locks them all."""
    files = [literal(file) for what in loaded.values() for file in what.files_read_later]
    connection.execute(f"SET allowed_paths = [{', '.join(files)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _report(connection: duckdb.DuckDBPyConnection, name: str, loaded: Loaded) -> TableReport:
    ((kept,),) = connection.execute(f"SELECT count(*) FROM {identifier(name)}").fetchall()
    rows = kept + sum(loaded.dropped.values())
    return TableReport(
        name, rows, kept, dropped=loaded.dropped, examples=loaded.examples, notes=loaded.notes
    )


def _run(
    connection: duckdb.DuckDBPyConnection, name: str, sql: str, bound: Mapping[str, list[str]]
) -> pl.DataFrame:
    try:
        relation = _readable(connection.sql(sql))
        return pl.DataFrame(ArrowStream(relation.__arrow_c_stream__))
    except (duckdb.Error, pl.exceptions.ComputeError) as error:
        raise query_error(error, name, sql, bound) from error


def _readable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Give every column a type that Polars has and a name that no other column has."""
    taken: set[str] = set()
    expressions = []
    for position, (column, dtype) in enumerate(
        zip(relation.columns, relation.types, strict=True), start=1
    ):
        name, number = column, 1
        while name.casefold() in taken:  # a join of two tables that both have an item_id
            name, number = f"{column}_{number}", number + 1
        taken.add(name.casefold())
        expressions.append(f"{_crossing(f'#{position}', dtype)} AS {identifier(name)}")
    return relation.project(", ".join(expressions))


def _crossing(column: str, dtype: DuckDBPyType) -> str:
    if str(dtype) == "JSON":
        return f"json_extract_string({column}, '$')"
    if dtype.id in ("list", "array"):
        child = dtype.children[0][1]
        crosses = isinstance(child, DuckDBPyType) and child.id in _CROSSES and str(child) != "JSON"
        element = str(child) if crosses else "VARCHAR"
        return f"CAST({column} AS {element}[])"
    if dtype.id in ("struct", "map", "union"):
        return f"CAST(to_json({column}) AS VARCHAR)"
    return column if dtype.id in _CROSSES else f"CAST({column} AS VARCHAR)"
