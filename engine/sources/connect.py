"""What a connector is bound to, a path, a URI or a table, turned into a source to load."""

import os
import re
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

import polars as pl

from ..errors import ConnectorError
from .arrow import ArrowTable
from .database import TableChoice
from .fetch import run_queries
from .files import FileSource, find_files
from .frames import FrameSource
from .report import TableReport
from .source import Source
from .sqlite import SqliteSource

__all__ = ["Binding", "open_source", "read_table"]

Binding: TypeAlias = str | os.PathLike[str] | pl.LazyFrame | ArrowTable
"""A path, glob or URI, or a table in memory of any library that speaks Arrow."""

_SQLITE_SUFFIXES = (".db", ".db3", ".sqlite", ".sqlite3")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def open_source(
    binding: Binding,
    *,
    connector: str,
    base_dir: Path,
    name: str | None = None,
    table: str | None = None,
) -> Source:
    """Find out what kind of source a binding is.

    Files are looked for at once; a database is first spoken to when the source is loaded.

    Parameters
    ----------
    binding
        One of: a file (.csv, .tsv, .parquet, .ndjson, .jsonl, .json; text also as .gz or .zst), an
        array of vectors (.npy, with the ids of its rows in ``<stem>.ids.txt`` beside it), a glob
        of such files, a folder of Parquet segments, a SQLite file (.db, .sqlite, .sqlite3) or
        ``sqlite:///path``, ``postgresql://user@host/database``, or a table in memory. A database
        may end in ``#table`` or ``#schema.table``.
    connector
        The connector's id: the name of the table in `fetch` SQL.
    base_dir
        What a relative path is relative to.
    name
        The connector's name, which a database table may be called by; the id is tried as well.
    table
        Table of a database, where the binding itself does not say.

    Raises
    ------
    ConnectorError
        If nothing is there, or it is of a kind that is not read.
    """
    if not isinstance(binding, str | os.PathLike):
        return FrameSource(binding)
    text = os.fspath(binding)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _open_path(text, connector, base_dir, _choice(connector, name, table))
    place, _, fragment = text.partition("#")
    choice = _choice(connector, name, unquote(fragment) or table)
    match scheme[1].lower():
        case "postgresql" | "postgres":
            _check_quoting(connector, text)
            return _open_postgres(place, choice)
        case "sqlite":
            return SqliteSource(_sqlite_path(place, base_dir), choice)
        case "file":
            return _open_path(unquote(text[len("file://") :]), connector, base_dir, choice)
        case other:
            message = (
                f"{connector!r} is bound to a {other}:// address, which is not read; bind a file, "
                "a sqlite:/// or a postgresql:// address, or a table in memory"
            )
            raise ConnectorError(message)


def read_table(binding: Binding, *, base_dir: Path) -> tuple[pl.DataFrame, TableReport]:
    """Read all of one binding, and say which of its rows could not be read.

    Raises
    ------
    ConnectorError
        If nothing is there, or it cannot be read.
    """
    source = open_source(binding, connector="rows", base_dir=base_dir)
    fetched = run_queries({"rows": "FROM rows"}, {"rows": source})
    return fetched.tables["rows"], fetched.sources["rows"]


def _choice(connector: str, name: str | None, table: str | None) -> TableChoice:
    likely = (name, connector) if name is not None and name != connector else (connector,)
    return TableChoice(connector, named=table, likely=likely)


def _open_path(text: str, connector: str, base_dir: Path, choice: TableChoice) -> Source:
    place, mark, fragment = text.rpartition("#")
    if mark and place.lower().endswith(_SQLITE_SUFFIXES):
        choice = TableChoice(connector, named=fragment, likely=())
    else:
        place = text
    path = base_dir / Path(place).expanduser()
    if place.lower().endswith(_SQLITE_SUFFIXES):
        return SqliteSource(path, choice)
    try:
        return FileSource(find_files(path, name=connector))
    except OSError as error:
        message = f"{connector!r} is bound to {path}, which cannot be read: {error.strerror}"
        raise ConnectorError(message) from error


def _sqlite_path(address: str, base_dir: Path) -> Path:
    """Read ``sqlite:///shop.db`` and ``sqlite:////srv/shop.db``, as SQLAlchemy writes them.

    Three slashes before an absolute path are common too, so the root is the second place to look.
    """
    path = unquote(address[len("sqlite://") :].removeprefix("/"))
    relative = base_dir / Path(path).expanduser()
    rooted = Path("/") / path
    return rooted if not relative.exists() and rooted.exists() else relative


def _check_quoting(connector: str, uri: str) -> None:
    """Refuse a URI that its password ends too early: errors would show the rest of it."""
    parts = re.fullmatch(r"[^:]+://([^/?#]*)([^?#]*)(?:\?[^#]*)?(.*)", uri, re.DOTALL)
    server, path, fragment = parts.groups() if parts else ("", "", "")
    if server.count("@") > 1 or "@" in path or "@" in fragment:
        message = (
            f"{connector!r} is bound to a PostgreSQL URI with more than one @; special characters "
            "in user and password must be percent-encoded (@ is %40, / is %2F, # is %23)"
        )
        raise ConnectorError(message)


def _open_postgres(uri: str, choice: TableChoice) -> Source:
    try:
        from .postgres import PostgresSource
    except ImportError as error:
        message = (
            f"{choice.connector!r} is bound to a PostgreSQL database, for which psycopg is "
            "missing: pip install 'sightline[postgres]'"
        )
        raise ConnectorError(message) from error
    return PostgresSource(uri, choice)
