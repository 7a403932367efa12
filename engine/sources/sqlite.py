"""A table or view of a SQLite file turned into a typed Polars frame."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..errors import ConnectorError
from .database import BATCH_ROWS, TableChoice, frame_of
from .frames import register
from .quoting import identifier
from .source import Loaded

__all__ = ["SqliteSource"]


@dataclass(frozen=True, slots=True)
class SqliteSource:
    """A table in a SQLite file, which is opened read-only."""

    path: Path
    choice: TableChoice

    def load(self, connection: duckdb.DuckDBPyConnection, name: str) -> Loaded:
        """Make the table readable as the view `name`."""
        if not self.path.is_file():
            message = f"{name!r} is bound to {self.path}, which does not exist"
            raise ConnectorError(message)
        try:
            with closing(
                sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)
            ) as db:
                # Text that is not UTF-8 would end the run; str(…, errors) runs in C.
                db.text_factory = partial(str, encoding="utf-8", errors="replace")
                # One view of the file: rows written after the types were asked may not have them.
                db.execute("BEGIN")
                frame = self._read(db)
        except sqlite3.Error as error:
            message = f"{name!r} cannot be read from the SQLite file {self.path}: {error}"
            raise ConnectorError(message) from error
        register(connection, name, frame)
        return Loaded()

    def _read(self, db: sqlite3.Connection) -> pl.DataFrame:
        found = db.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
        ).fetchall()
        table = self.choice.pick([name for (name,) in found], database=str(self.path))
        columns = _columns(db, table)
        selected = ", ".join(expression for expression, _ in columns.values())
        cursor = db.execute(f"SELECT {selected} FROM {identifier(table)}")
        schema = pl.Schema({name: dtype for name, (_, dtype) in columns.items()})
        return frame_of(_batches(cursor), schema)


def _columns(db: sqlite3.Connection, table: str) -> dict[str, tuple[str, type[pl.DataType]]]:
    """Map each column to the SQL that reads it and the type that holds every value in it.

    SQLite types values, not columns, so the types are asked of the values, all of them.
    """
    declared = {
        name: kind.upper()
        for _, name, kind, *_ in db.execute(f"PRAGMA table_info({identifier(table)})")
    }
    kinds = ", ".join(
        f"group_concat(DISTINCT typeof({identifier(name)})), "
        f"min({identifier(name)}) >= 0 AND max({identifier(name)}) <= 1"
        for name in declared
    )
    (stored,) = db.execute(f"SELECT {kinds} FROM {identifier(table)}").fetchall()
    return {
        name: _reading(identifier(name), declared[name], stored[2 * at], bool(stored[2 * at + 1]))
        for at, name in enumerate(declared)
    }


def _reading(
    column: str, declared: str, kinds: str | None, is_binary: bool
) -> tuple[str, type[pl.DataType]]:
    stored = set((kinds or "").split(",")) - {"null", ""}
    if stored == {"integer"}:
        return column, pl.Boolean if is_binary and "BOOL" in declared else pl.Int64
    if stored in ({"real"}, {"real", "integer"}):
        return f"CAST({column} AS REAL)", pl.Float64
    if stored == {"blob"}:
        return column, pl.Binary
    # Mixed types: only text can hold them all, and no row is lost.
    return f"CAST({column} AS TEXT)", pl.String


def _batches(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    while batch := cursor.fetchmany(BATCH_ROWS):
        yield batch
