"""JSON lines turned into a DuckDB table, with the lines that are not objects counted."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from ..errors import ConnectorError
from .quoting import identifier, literal, path_list
from .source import Loaded

__all__ = ["load"]


def load(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> Loaded:
    """Read files with one JSON object a line as the table `name`."""
    paths = path_list(files)
    try:
        connection.execute(
            f"CREATE TABLE {identifier(name)} AS FROM read_json({paths}, sample_size = -1, "
            "format = 'newline_delimited', records = true, union_by_name = true)"
        )
    except (duckdb.InvalidInputException, duckdb.BinderException):
        # DuckDB stops at the first broken line, so the broken ones have to be sorted out first.
        return _load_objects(connection, name, paths)
    return Loaded()


def _load_objects(connection: duckdb.DuckDBPyConnection, name: str, paths: str) -> Loaded:
    lines, objects = identifier(f"{name} lines"), identifier(f"{name} objects")
    connection.execute(
        f"CREATE TABLE {lines} AS FROM read_ndjson_objects({paths}, ignore_errors = true)"
    )
    connection.execute(f"CREATE TABLE {objects} AS FROM {lines} WHERE json_type(json) = 'OBJECT'")
    structure, broken = connection.execute(
        f"SELECT json_group_structure(json), (SELECT count(*) FROM {lines}) - count(*) "
        f"FROM {objects}"
    ).fetchall()[0]
    if structure is None:
        message = f"{name!r} has nothing to read: no line of {paths} is a JSON object"
        raise ConnectorError(message)
    connection.execute(
        f"CREATE TABLE {identifier(name)} AS "
        f"SELECT unnest(json_transform(json, {literal(structure)})) FROM {objects}"
    )
    connection.execute(f"DROP TABLE {lines}; DROP TABLE {objects}")
    return Loaded(dropped={"not a JSON object": broken} if broken else {})
