"""The index of the picture cache: URLs, bodies, segments and local files in an SQLite database."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import StorageError
from .bodies import Download, Place

# An index in another format takes another file name; this one needs no migration.
INDEX = "index-v1.sqlite"
_LOCK_TIMEOUT = 60.0
_TABLES = """
CREATE TABLE IF NOT EXISTS downloads (
    url BLOB PRIMARY KEY, content_hash TEXT NOT NULL,
    etag TEXT NOT NULL, last_modified TEXT NOT NULL, fetched_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    content_hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bodies (
    content_hash TEXT PRIMARY KEY, segment TEXT NOT NULL,
    start INTEGER NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bodies_by_segment ON bodies (segment);
CREATE TABLE IF NOT EXISTS segments (
    name TEXT PRIMARY KEY, bytes INTEGER NOT NULL, used_at REAL NOT NULL) WITHOUT ROWID;
"""


class LocalFile(NamedTuple):
    """What a local file held when it had this size and this time of change."""

    path: bytes
    size: int
    mtime_ns: int
    content_hash: str


@dataclass(slots=True)
class Learned:
    """What was learned and is to be written to the index together."""

    downloads: dict[bytes, Download] = field(default_factory=dict)
    """By URL."""
    places: dict[str, Place] = field(default_factory=dict)
    """Of bodies, by content hash."""
    files: dict[bytes, LocalFile] = field(default_factory=dict)
    """By path."""
    ends: dict[str, int] = field(default_factory=dict)
    """Per segment, how far it has been read into this, in bytes."""

    def __len__(self) -> int:
        return len(self.downloads) + len(self.files)

    def put_before(self, older: "Learned") -> None:
        """Add what was learned earlier; what is here already is newer."""
        self.downloads = older.downloads | self.downloads
        self.places = older.places | self.places
        self.files = older.files | self.files
        self.ends = older.ends | self.ends


class Index:
    """Looks things up for any thread, and writes for one at a time, in transactions.

    Parameters
    ----------
    folder
        Where the database is or will be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reading, self._writing = threading.Lock(), threading.RLock()
        with storage_errors(folder), contextlib.ExitStack() as stack:
            # A connection of its own for each: who looks something up waits for no transaction.
            self._writer, self._reader = (
                stack.enter_context(contextlib.closing(self._connect())) for _ in range(2)
            )
            # Write-ahead log without fsync per commit: a power cut may lose the last entries,
            # never the file, and what is lost is fetched again.
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = NORMAL")
            self._writer.executescript(_TABLES)
            self._most_values = self._writer.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
            stack.pop_all()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._folder / INDEX,
            timeout=_LOCK_TIMEOUT,
            isolation_level=None,  # a statement is its own transaction, unless we begin one
            check_same_thread=False,
        )

    def close(self) -> None:
        """Close the database; may be called again."""
        with self._writing:
            self._writer.close()
        with self._reading:
            self._reader.close()

    def downloads(self, urls: Sequence[bytes]) -> dict[bytes, Download]:
        """Return what is known of those of these URLs that are known."""
        rows = self._look_up("SELECT * FROM downloads WHERE url", urls)
        return {row[0]: Download(*row) for row in rows}

    def places(self, content_hashes: Sequence[str]) -> dict[str, Place]:
        """Return where those of these bodies are that are known."""
        query = "SELECT content_hash, segment, start, size FROM bodies WHERE content_hash"
        return {key: Place(*place) for key, *place in self._look_up(query, content_hashes)}

    def file(self, path: bytes) -> LocalFile | None:
        """Return what is known of a local file."""
        rows = self._look_up("SELECT * FROM files WHERE path", [path])
        return LocalFile(*rows[0]) if rows else None

    def segments(self) -> dict[str, int]:
        """Return all segments and how far each is indexed, in bytes, last used first."""
        with storage_errors(self._folder), self._writing:
            query = "SELECT name, bytes FROM segments ORDER BY used_at DESC, name"
            return dict(self._writer.execute(query).fetchall())

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Let everything that is written within take effect together or not at all."""
        with storage_errors(self._folder), self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def write(self, learned: Learned, *, used_at: float) -> None:
        """Write what was learned; the segments it comes from have been used just now."""
        self._insert(
            "downloads",
            [
                (one.url, one.content_hash, one.etag, one.last_modified, one.fetched_at)
                for one in learned.downloads.values()
            ],
        )
        places = learned.places.items()
        self._insert("bodies", [(key, at.segment, at.start, at.size) for key, at in places])
        self._insert("segments", [(name, end, used_at) for name, end in learned.ends.items()])
        self._insert("files", list(learned.files.values()))

    def note_use(self, segments: Iterable[str], *, used_at: float) -> None:
        """Note that bodies of these segments have been read."""
        rows = [(used_at, name) for name in segments]
        self._writer.executemany("UPDATE segments SET used_at = ? WHERE name = ?", rows)

    def forget_body(self, content_hash: str, place: Place) -> None:
        """Forget that a body is at a place."""
        self._writer.execute(
            "DELETE FROM bodies WHERE content_hash = ? AND segment = ? AND start = ?",
            (content_hash, place.segment, place.start),
        )

    def forget_segment(self, name: str) -> None:
        """Forget a segment and where its bodies are; what is known of their URLs stays."""
        self._writer.execute("DELETE FROM bodies WHERE segment = ?", (name,))
        self._writer.execute("DELETE FROM segments WHERE name = ?", (name,))

    def _look_up(self, query: str, keys: Sequence[object]) -> list[Any]:
        rows: list[Any] = []
        with storage_errors(self._folder), self._reading:
            for start in range(0, len(keys), self._most_values):
                some = keys[start : start + self._most_values]
                marks = ",".join("?" * len(some))
                rows += self._reader.execute(f"{query} IN ({marks})", some).fetchall()
        return rows

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert or replace rows by few statements.

        `executemany` lets go of the interpreter for every row, and each time a thread that has
        work to do, as an event loop has, makes it wait.
        """
        if not rows:
            return
        width = len(rows[0])
        row = f"({','.join('?' * width)})"
        at_once = self._most_values // width
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            self._writer.execute(
                f"INSERT OR REPLACE INTO {table} VALUES {','.join([row] * len(some))}",
                [value for values in some for value in values],
            )


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn what disk and database raise into errors that say what to do."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        message = (
            f"the picture cache {folder} cannot be used ({error}): free some space, make the "
            "folder writable, or choose another home (--home, SIGHTLINE_HOME)"
        )
        raise StorageError(message) from error
    except sqlite3.DatabaseError as error:
        message = (
            f"the picture cache {folder / INDEX} is damaged ({error}): delete this file, and it is "
            "made again from the pictures beside it"
        )
        raise StorageError(message) from error
