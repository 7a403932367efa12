"""Downloads and local files into content hashes that the next run can use without asking again."""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import StorageError
from .objects import ObjectFiles
from .picture import Content

DAY = 86_400.0
_LOCK_TIMEOUT = 60.0

# A cache in another format takes another file name; this one needs no migration.
_INDEX = "index-v1.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS downloads (
    url BLOB PRIMARY KEY, content_hash TEXT NOT NULL,
    etag TEXT NOT NULL, last_modified TEXT NOT NULL, fetched_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    content_hash TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class KnownDownload:
    """What an earlier run learned of a URL.

    Parameters
    ----------
    content_hash
        Of the body.
    etag, last_modified
        The server's validators for a conditional request; empty where it sent none.
    is_fresh
        Whether it was fetched or confirmed within the last day.
    """

    content_hash: str
    etag: str
    last_modified: str
    is_fresh: bool


class ImageCache:
    """Downloads by content, with an index by URL, and an index of local files.

    Safe for threads, for several processes, and under a kill at any moment.

    Parameters
    ----------
    folder
        Made if need be.
    now
        Seconds since 1970.

    Raises
    ------
    StorageError
        From any method: the folder cannot be read or written, or its index is damaged.
    """

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now
        self._lock = threading.Lock()
        with self._storage_errors():
            self._objects = ObjectFiles(folder / "objects", stale_before=now() - DAY)
            self._index = sqlite3.connect(
                folder / _INDEX,
                timeout=_LOCK_TIMEOUT,
                isolation_level=None,  # each statement is its own transaction
                check_same_thread=False,
            )
            try:
                # Write-ahead log without fsync per commit: a power cut may lose the last entries,
                # never the file, and what is lost is fetched again.
                self._index.execute("PRAGMA journal_mode = WAL")
                self._index.execute("PRAGMA synchronous = NORMAL")
                self._index.executescript(_TABLES)
            except sqlite3.Error:
                self._index.close()
                raise

    def __enter__(self) -> "ImageCache":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the index; the cache cannot be used afterwards."""
        self._index.close()

    def find_download(self, url: str) -> KnownDownload | None:
        """Return what is known of a URL."""
        row = self._execute(
            "SELECT content_hash, etag, last_modified, fetched_at FROM downloads WHERE url = ?",
            _key(url),
        )
        if row is None:
            return None
        content_hash, etag, last_modified, fetched_at = row
        # A time from the future (a clock set back) is not fresh.
        is_fresh = 0 <= self._now() - fetched_at < DAY
        return KnownDownload(content_hash, etag, last_modified, is_fresh)

    def add_download(
        self, url: str, content: Content, *, etag: str = "", last_modified: str = ""
    ) -> None:
        """Keep a body that was fetched just now."""
        with self._storage_errors():
            self._objects.add(content)
        self._execute(
            "INSERT OR REPLACE INTO downloads VALUES (?, ?, ?, ?, ?)",
            *(_key(url), content.content_hash, etag, last_modified, self._now()),
        )

    def confirm_download(self, url: str) -> None:
        """Note that the server says now that its body has not changed."""
        self._execute("UPDATE downloads SET fetched_at = ? WHERE url = ?", self._now(), _key(url))

    def read(self, content_hash: str) -> Content | None:
        """Return a downloaded body, or None if its file is missing or damaged."""
        with self._storage_errors():
            return self._objects.read(content_hash)

    def find_file(self, path: Path, facts: os.stat_result) -> str | None:
        """Return the content hash of a file whose size and time of change are still the same."""
        row = self._execute(
            "SELECT content_hash FROM files WHERE path = ? AND size = ? AND mtime_ns = ?",
            *(os.fsencode(path), facts.st_size, facts.st_mtime_ns),
        )
        return None if row is None else str(row[0])

    def add_file(self, path: Path, facts: os.stat_result, content_hash: str) -> None:
        """Note what a file holds; `facts` were taken before it was read."""
        self._execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
            *(os.fsencode(path), facts.st_size, facts.st_mtime_ns, content_hash),
        )

    def _execute(self, statement: str, *values: object) -> Any:  # noqa: ANN401 - a row of any types
        with self._storage_errors(), self._lock:
            return self._index.execute(statement, values).fetchone()

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            message = (
                f"the picture cache {self._folder} cannot be used ({error}): free some space, make "
                "the folder writable, or choose another home (--home, SIGHTLINE_HOME)"
            )
            raise StorageError(message) from error
        except sqlite3.DatabaseError as error:
            message = (
                f"the picture cache {self._folder / _INDEX} is damaged ({error}): delete this file,"
                " and pictures will be fetched again"
            )
            raise StorageError(message) from error


def _key(url: str) -> bytes:
    # A string may hold half a surrogate pair, which has no place in SQLite's text.
    return url.encode("utf-8", "surrogatepass")
