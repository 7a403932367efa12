"""Downloads and local files into content hashes that the next run can use without asking again."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from .bodies import BodyFiles, Download, Place
from .index import Index, Learned, LocalFile, storage_errors
from .picture import Content

DAY = 86_400.0
MAX_CACHE_BYTES = 20_000_000_000
"""Bound on what is kept of bodies unless the caller says otherwise, in bytes."""

# The index learns of some hundred downloads at a time: a transaction for each would cost more
# than the download.
_FLUSH_ENTRIES = 1_024
_FLUSH_SECONDS = 0.25
# Evicted together: so large that there are few of them, so small that one is a small part of all.
_SEGMENT_BYTES = 64_000_000
_SEGMENTS_AT_LEAST = 16


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


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that was fetched just now, with the validators that came with it."""

    url: str
    content: Content
    etag: str = ""
    last_modified: str = ""


class ImageCache:
    """Downloads by content, with an index by URL, and an index of local files.

    Safe for threads, for several processes, and under a kill at any moment. A download is in the
    log of bodies when `add_downloads` returns; the index follows within a moment, or, after a kill,
    when the cache is opened again. Of the log, the segments that have not been used for longest are
    evicted (of 64 MB each, or a sixteenth of the bound); what is known of their URLs stays.

    Parameters
    ----------
    folder
        Made if need be.
    max_bytes
        Bound on the log, in bytes; it may be exceeded by what was added since the last flush.
    now
        Seconds since 1970.

    Raises
    ------
    StorageError
        From any method: the folder cannot be read or written, or its index is damaged.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int = MAX_CACHE_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self.max_bytes = max_bytes
        self._now = now
        # Who adds something waits for nobody who flushes.
        self._adding, self._flushing = threading.Lock(), threading.Lock()
        self._unwritten, self._in_writing = Learned(), Learned()
        self._flushed_at = time.monotonic()
        self._used: set[str] = set()
        segment_bytes = min(_SEGMENT_BYTES, max_bytes // _SEGMENTS_AT_LEAST)
        with storage_errors(folder):
            self._bodies = BodyFiles(folder / "bodies", segment_bytes=segment_bytes)
        self._index = Index(folder)
        try:
            self._recover()
        except BaseException:
            self._index.close()
            raise
        # Where there once was a file for each body: as if these had been evicted.
        shutil.rmtree(folder / "objects", ignore_errors=True)

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
        """Flush and close the index; the cache cannot be used afterwards."""
        try:
            self.flush()
        finally:
            with self._adding:
                self._bodies.end_segment()
            self._index.close()

    def find_download(self, url: str) -> KnownDownload | None:
        """Return what is known of a URL."""
        return self.find_downloads([url])[0]

    def find_downloads(self, urls: Sequence[str]) -> list[KnownDownload | None]:
        """Return what is known of each URL: a matter of microseconds."""
        keys = [_key(url) for url in urls]
        known = self._downloads(keys)
        now = self._now()
        found: list[KnownDownload | None] = []
        for key in keys:
            one = known.get(key)
            if one is None:
                found.append(None)
            else:
                # A time from the future (a clock set back) is not fresh.
                is_fresh = 0 <= now - one.fetched_at < DAY
                found.append(KnownDownload(one.content_hash, one.etag, one.last_modified, is_fresh))
        return found

    def add_download(
        self, url: str, content: Content, *, etag: str = "", last_modified: str = ""
    ) -> None:
        """Keep a body that was fetched just now; see `add_downloads`."""
        self.add_downloads([Fetched(url, content, etag, last_modified)])

    def add_downloads(self, fetched: Sequence[Fetched]) -> None:
        """Keep bodies that were fetched just now: as quick as writing to the page cache.

        From then on a kill of the process loses none of them. To be followed by `flush` when that
        is due.
        """
        now = self._now()
        there = self._places([one.content.content_hash for one in fetched])
        records: list[tuple[Download, bytes | None]] = []
        repeated: set[str] = set(there)
        for one in fetched:
            key = one.content.content_hash
            download = Download(_key(one.url), key, one.etag, one.last_modified, now)
            records.append((download, None if key in repeated else one.content.data))
            repeated.add(key)
        with storage_errors(self._folder), self._adding:
            places = self._bodies.append(records)
            for (download, body), place in zip(records, places, strict=True):
                self._unwritten.downloads[download.url] = download
                if body is not None:
                    self._unwritten.places[download.content_hash] = place
            self._unwritten.ends[places[-1].segment] = places[-1].end

    def confirm_download(self, url: str) -> None:
        """Note that the server says now that its body has not changed."""
        self._set_time([url], self._now())

    def expire_downloads(self, urls: Sequence[str]) -> None:
        """Let the server be asked whether these have changed, however new they are."""
        self._set_time(urls, 0.0)

    def _set_time(self, urls: Sequence[str], fetched_at: float) -> None:
        known = self._downloads([_key(url) for url in urls])
        with self._adding:
            for url, one in known.items():
                self._unwritten.downloads[url] = replace(one, fetched_at=fetched_at)

    def read(self, content_hash: str) -> Content | None:
        """Return a downloaded body, or None if it is evicted, lost or damaged."""
        place = self._places([content_hash]).get(content_hash)
        if place is None:
            return None
        with storage_errors(self._folder):
            content = self._bodies.read(place, content_hash)
        if content is None:
            self._forget(content_hash, place)
        else:
            self._used.add(place.segment)
        return content

    def _forget(self, content_hash: str, place: Place) -> None:
        """Take a body that cannot be read for one that is not there."""
        self.flush()
        with self._index.transaction():
            self._index.forget_body(content_hash, place)
        with self._adding:
            if place.segment == self._bodies.segment:
                self._bodies.end_segment()  # somebody has been at it: it is not as we left it

    def find_file(self, path: Path, facts: os.stat_result) -> str | None:
        """Return the content hash of a file whose size and time of change are still the same."""
        key = os.fsencode(path)
        known = (
            self._unwritten.files.get(key)
            or self._in_writing.files.get(key)
            or self._index.file(key)
        )
        if known is None or (known.size, known.mtime_ns) != (facts.st_size, facts.st_mtime_ns):
            return None
        return known.content_hash

    def add_file(self, path: Path, facts: os.stat_result, content_hash: str) -> None:
        """Note what a file holds; `facts` were taken before it was read."""
        file = LocalFile(os.fsencode(path), facts.st_size, facts.st_mtime_ns, content_hash)
        with self._adding:
            self._unwritten.files[file.path] = file
        if self.is_flush_due:
            self.flush()

    @property
    def is_flush_due(self) -> bool:
        """Whether the index lacks so much, or for so long, that it is time to `flush`."""
        lacking = len(self._unwritten)
        if lacking >= _FLUSH_ENTRIES:
            return True
        return lacking > 0 and time.monotonic() - self._flushed_at >= _FLUSH_SECONDS

    def flush(self) -> None:
        """Write what was learned to the index, and evict what is too much."""
        with self._flushing:
            if not self._unwritten and not self._used:
                return
            # Who looks something up finds it in one of the two, until it is in the index.
            with self._adding:
                self._in_writing, self._unwritten = self._unwritten, Learned()
            used, self._used = self._used, set()
            try:
                with self._index.transaction():
                    self._index.write(self._in_writing, used_at=self._now())
                    self._index.note_use(used, used_at=self._now())
                    self._evict()
            except BaseException:
                with self._adding:
                    self._unwritten.put_before(self._in_writing)
                raise
            finally:
                self._in_writing = Learned()
                self._flushed_at = time.monotonic()

    def _evict(self) -> None:
        """Remove the segments unused for longest until the rest is within the bound."""
        kept = 0
        for name, size in self._index.segments().items():
            if kept + size <= self.max_bytes or name == self._bodies.segment:
                kept += size
                continue
            # Before the transaction ends: a kill in between leaves places without a file, which
            # `read` tolerates, but never a file that nobody knows.
            with storage_errors(self._folder):
                self._bodies.remove(name)
            self._index.forget_segment(name)

    def _recover(self) -> None:
        """Learn from the log what a killed process had no time to write to the index.

        Where the process is alive, this is what it will write itself in a moment.
        """
        indexed = self._index.segments()
        with storage_errors(self._folder):
            segments = self._bodies.segments()
        for name, facts in segments.items():
            start = indexed.get(name, 0)
            if facts.st_size <= start:
                continue
            learned = Learned()
            with storage_errors(self._folder):
                for download, place, has_body in self._bodies.records(name, start=start):
                    learned.downloads[download.url] = download
                    learned.ends[name] = place.end
                    if has_body:
                        learned.places[download.content_hash] = place
            if not learned.ends:  # half of a first record
                if start == 0 and facts.st_mtime < self._now() - DAY:
                    self._bodies.remove(name)
                continue
            for url, known in self._index.downloads(list(learned.downloads)).items():
                if known.fetched_at > learned.downloads[url].fetched_at:
                    del learned.downloads[url]
            with self._index.transaction():
                self._index.write(learned, used_at=facts.st_mtime)

    def _downloads(self, urls: Sequence[bytes]) -> dict[bytes, Download]:
        # In this order: what is learned moves from one to the next.
        unwritten, in_writing = self._unwritten.downloads, self._in_writing.downloads
        known = {url: one for url in urls if (one := unwritten.get(url) or in_writing.get(url))}
        return known | self._index.downloads([url for url in urls if url not in known])

    def _places(self, content_hashes: Sequence[str]) -> dict[str, Place]:
        unwritten, in_writing = self._unwritten.places, self._in_writing.places
        known = {
            key: at for key in content_hashes if (at := unwritten.get(key) or in_writing.get(key))
        }
        return known | self._index.places([key for key in content_hashes if key not in known])


def _key(url: str) -> bytes:
    # A string may hold half a surrogate pair, which has no place in SQLite's text.
    return url.encode("utf-8", "surrogatepass")
