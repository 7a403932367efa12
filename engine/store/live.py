"""The log of events that are inserted into a model between its builds: one file, appended to."""

import errno
import logging
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .atomic import storage_errors, sync_file, sync_folder
from .inserted import InsertedEvent, line_of, read_line, read_rows

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LiveEvents", "NewEvents", "live_frame"]

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
_EVENTS_PER_LINE = 10_000
_BLOCK_BYTES = 1 << 24

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewEvents:
    """What was read of a log."""

    events: list[InsertedEvent]
    """In the order they were inserted."""
    offset: int
    """Where to read on, in bytes."""
    damaged: int
    """Lines that cannot be read: what a killed process or a full disk left half-written."""


class LiveEvents:
    """The events inserted into one model; threads and processes may share it, without a lock.

    A line holds the events of one insert and is appended by one write, which POSIX keeps whole and
    apart from others' (`O_APPEND`); on Windows and on network drives one process at a time should
    insert. Every line begins with a newline of its own: after a half-written one the next is
    intact, and only the half is lost, counted where it is read.

    What is appended is with the operating system: it outlives the process at once, and a power cut
    once the system has written it out, on Linux within about half a minute, or `sync` has. The log
    only grows: every build reads all of it, so that events of items that come later find them, and
    it goes with its model.

    Parameters
    ----------
    model_folder
        Folder of the model, which exists.
    """

    def __init__(self, model_folder: Path) -> None:
        self._path = model_folder / "events.jsonl"

    def append(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert events, and return how many; see `inserted.read_rows` for what a row holds.

        Raises
        ------
        ValueError
            If a row is not an event; nothing is inserted then.
        StorageError
            If the disk is full, read-only, or refuses. Of up to 10,000 events nothing counts then,
            so that they may be inserted again; of more, those of whole ten thousands may.
        """
        events = read_rows(rows, now=time.time_ns() // 1_000)
        with storage_errors(self._path):
            for start in range(0, len(events), _EVENTS_PER_LINE):
                self._write(b"\n%b\n" % line_of(events[start : start + _EVENTS_PER_LINE]))
        return len(events)

    def sync(self) -> None:
        """Make what was appended survive a power cut."""
        with storage_errors(self._path), suppress(FileNotFoundError):
            sync_file(self._path)
            sync_folder(self._path.parent)

    def read_since(self, offset: int) -> NewEvents:
        """Read what was appended behind `offset`; where that is nothing, at the price of a stat.

        Parameters
        ----------
        offset
            0, or where an earlier reading ended.

        Returns
        -------
        NewEvents
            About 16 MB of the log at a time: there may be more behind its offset. A line is left
            for later until its end is there.

        Raises
        ------
        StorageError
            If the log may not be read.
        """
        with storage_errors(self._path, action="read"):
            block = self._block(offset)
        events: list[InsertedEvent] = []
        damaged = 0
        for line in filter(None, block.split(b"\n")):
            try:
                events += read_line(line)
            except ValueError as error:
                damaged += 1
                _log.warning("%s: a line is damaged and left out: %s", self._path, error)
        return NewEvents(events, offset + len(block), damaged)

    def _write(self, block: bytes) -> None:
        # Opened anew each time, some ten microseconds, so that a model that was deleted and made
        # again gets what is meant for it.
        descriptor = os.open(self._path, _APPEND, 0o666)
        try:
            written = os.write(descriptor, block)
        finally:
            os.close(descriptor)
        if written < len(block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def _block(self, offset: int) -> bytes:
        """Return whole lines from `offset` on."""
        try:
            left = self._path.stat().st_size - offset
        except FileNotFoundError:
            return b""
        if left <= 0:
            return b""
        with self._path.open("rb") as file:
            file.seek(offset)
            block = file.read(min(left, _BLOCK_BYTES))
            while (end := block.rfind(b"\n") + 1) == 0 and (more := file.read(_BLOCK_BYTES)):
                block += more
        return block[:end]


def live_frame(events: Iterable[InsertedEvent]) -> "pl.DataFrame":
    """Return events as a table, one row per event, columns as the fields of `InsertedEvent`."""
    import polars as pl

    schema = {
        "user_id": pl.String,
        "item_id": pl.String,
        "time": pl.Int64,
        "event_type": pl.String,
        "label": pl.Float64,
        "event_value": pl.Float64,
    }
    rows = [tuple(getattr(event, name) for name in schema) for event in events]
    return pl.DataFrame(rows, schema=schema, orient="row")
