"""What people were shown, page by page: a small SQLite database beside a model's generations."""

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import StorageError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["MOST_BOOKS", "MOST_SHOWN", "Book", "PageStore"]

Told = TypeVar("Told")

# Another format takes another file name: what is lost then is where people were in their lists.
FILE = "pages-v1.sqlite"

MOST_BOOKS = 50_000
"""Lists of people that are kept; beyond, those unread for longest are forgotten."""
MOST_SHOWN = 5_000
"""Items that are kept of a list; beyond, those shown first are forgotten and may come again."""

_LOCK_TIMEOUT = 10.0
_TABLES = """
CREATE TABLE IF NOT EXISTS books (
    user BLOB NOT NULL, name TEXT NOT NULL, time REAL NOT NULL,
    seed INTEGER NOT NULL, turned INTEGER NOT NULL, shown TEXT NOT NULL, UNIQUE (user, name));
CREATE INDEX IF NOT EXISTS books_by_time ON books (time);
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Book:
    """How far one person is in one list."""

    shown: tuple[str, ...]
    """Ids of items, in the order in which they were shown."""
    turned: int
    """How many of them, from the first, are of chapters that are finished."""
    seed: int
    """What everything in the list is drawn from, so that its order does not change underway."""


class PageStore:
    """The books of one model; threads and processes may share it.

    A book is forgotten once nothing was added to it for the time to live. Every call opens the
    database anew, a quarter of a millisecond, so that processes may fork and models be deleted and
    made again; nothing waits for the disk: a power cut may lose the file, which is begun again.

    Parameters
    ----------
    model_folder
        Folder of the model, which exists.
    ttl_seconds
        The time to live.
    clock
        Returns the seconds since 1970.
    """

    def __init__(
        self, model_folder: Path, ttl_seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.ttl_seconds = ttl_seconds
        self._path = model_folder / FILE
        self._clock = clock
        # SQLite lets processes wait in naps of milliseconds; threads are woken at once.
        self._turn = threading.Lock()

    def book(self, user_id: str, name: str) -> Book:
        """Return a person's book of the list called `name`, an empty one where there is none.

        Raises
        ------
        StorageError
            If the disk is full, read-only, or refuses; as all methods.
        """
        with self._open() as database:
            found = self._find(database, _blob(user_id), name)
        return found[1] if found else Book((), 0, secrets.randbits(62))

    def change(
        self, user_id: str, name: str, begun: Book, change: Callable[[Book], tuple[Book, Told]]
    ) -> Told:
        """Put what `change` makes of a book into its place; no other change comes between.

        Parameters
        ----------
        user_id, name
            Whose book of what.
        begun
            The book as it was read before. Where it is gone by now, `change` is given an empty one
            with its seed.
        change
            Called with the book as it is now; what it returns beside the new one is returned.
        """
        user = _blob(user_id)
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            renewed, book = self._find(database, user, name) or (0.0, Book((), 0, begun.seed))
            changed, told = change(book)
            if changed != book:
                now = self._clock() if changed.shown != book.shown else renewed
                self._write(database, user, name, now, changed)
                self._forget_old(database)
            database.execute("COMMIT")
        return told

    def forget(self, user_id: str) -> None:
        """Forget all books of a person."""
        with self._open() as database:
            database.execute("DELETE FROM books WHERE user = ?", (_blob(user_id),))

    def _find(
        self, database: "sqlite3.Connection", user: bytes, name: str
    ) -> tuple[float, Book] | None:
        query = "SELECT time, seed, turned, shown FROM books WHERE user = ? AND name = ?"
        row = database.execute(query, (user, name)).fetchone()
        # A clock that was set back must not keep a book for years.
        if row is None or abs(self._clock() - row[0]) >= self.ttl_seconds:
            return None
        return row[0], Book(tuple(json.loads(row[3])), row[2], row[1])

    def _write(
        self, database: "sqlite3.Connection", user: bytes, name: str, now: float, book: Book
    ) -> None:
        row = (user, name, now, book.seed, book.turned, json.dumps(book.shown))
        database.execute("INSERT OR REPLACE INTO books VALUES (?, ?, ?, ?, ?, ?)", row)

    def _forget_old(self, database: "sqlite3.Connection") -> None:
        now = self._clock()
        database.execute(
            "DELETE FROM books WHERE time <= ? OR time >= ?",
            (now - self.ttl_seconds, now + self.ttl_seconds),
        )
        (count,) = database.execute("SELECT count(*) FROM books").fetchone()
        if count > MOST_BOOKS:
            database.execute(
                "DELETE FROM books WHERE rowid IN (SELECT rowid FROM books ORDER BY time LIMIT ?)",
                (count - MOST_BOOKS,),
            )

    @contextmanager
    def _open(self) -> "Iterator[sqlite3.Connection]":
        import sqlite3  # a millisecond that a model without pages does not pay

        with self._turn:
            try:
                with closing(self._connect()) as connection:
                    yield connection
            except sqlite3.Error as error:
                if type(error) is sqlite3.DatabaseError:  # no disk that refuses: a damaged file
                    self._begin_again()
                message = (
                    f"cannot keep pages in {self._path}: {error}. Free or unlock the disk, or "
                    "point --home (or SIGHTLINE_HOME) at a writable folder"
                )
                raise StorageError(message) from error

    def _connect(self) -> "sqlite3.Connection":
        import sqlite3

        connection = sqlite3.connect(self._path, timeout=_LOCK_TIMEOUT, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = OFF")
            connection.executescript(_TABLES)
        except BaseException:
            connection.close()
            raise
        return connection

    def _begin_again(self) -> None:
        _log.warning("%s is damaged: people are at the start of their lists again", self._path)
        for name in (FILE, f"{FILE}-journal"):
            with suppress(OSError):
                self._path.with_name(name).unlink()


def _blob(user_id: str) -> bytes:
    # A caller's text may hold half a surrogate pair, which SQLite takes for no text.
    return user_id.encode(errors="surrogatepass")
