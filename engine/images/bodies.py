"""Downloads appended to segment files: a log from which what is known of them can be read again."""

import contextlib
import hashlib
import os
import secrets
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .picture import Content

# sha256 of the body, lengths of body, URL, ETag and Last-Modified, time of the fetch. A record is
# the CRC of this and of the texts, this, the texts, and the body. A body that another record has
# is not repeated: its length is then _ELSEWHERE.
_HEAD = struct.Struct("<32sIIIId")
_CHECK = struct.Struct("<I")
_ELSEWHERE = 0xFFFFFFFF
_PIECES_AT_ONCE = 512  # systems take 1024


@dataclass(frozen=True, slots=True)
class Download:
    """What was learned of a URL when it was fetched.

    Parameters
    ----------
    url
        As UTF-8, halves of surrogate pairs included.
    content_hash
        sha256 of the body, in hex.
    etag, last_modified
        The server's validators, in ASCII; empty where it sent none.
    fetched_at
        Seconds since 1970.
    """

    url: bytes
    content_hash: str
    etag: str
    last_modified: str
    fetched_at: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where bytes are: the name of a segment, the position of the first, and how many."""

    segment: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """Position after the last byte."""
        return self.start + self.size


class Record(NamedTuple):
    """A download as the log has it."""

    download: Download
    place: Place
    """Of the body; of no bytes where another record has it."""
    has_body: bool


class BodyFiles:
    """Segments in a folder, each written by one process; for one thread at a time, but for `read`.

    A file for each body would cost more than downloading it from near by. What `append` has
    returned from survives a kill of the process: the operating system has it.

    Parameters
    ----------
    folder
        Made if need be.
    segment_bytes
        A segment of this size or more is followed by another one.
    """

    def __init__(self, folder: Path, *, segment_bytes: int) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._descriptor: int | None = None
        self._name = ""
        self._end = 0
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def segment(self) -> str:
        """Name of the segment that is written to, or was last; empty if there is none yet."""
        return self._name

    def append(self, downloads: Sequence[tuple[Download, bytes | None]]) -> list[Place]:
        """Write downloads and return where their bodies are.

        Parameters
        ----------
        downloads
            What was learned of each, and its body; None if another record has it: the place is
            then that of no bytes.
        """
        descriptor = self._open()
        pieces: list[bytes] = []
        places: list[Place] = []
        end = self._end
        for download, body in downloads:
            head = _head(download, body)
            place = Place(self._name, end + len(head), len(body or b""))
            pieces += (head, body or b"")
            places.append(place)
            end = place.end
        try:
            _write(descriptor, pieces)
        except OSError:
            self.end_segment()  # what comes after half a record would not be found again
            raise
        self._end = end
        if end >= self._segment_bytes:
            self.end_segment()
        return places

    def end_segment(self) -> None:
        """Let what is appended next go to a new segment."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def read(self, place: Place, content_hash: str) -> Content | None:
        """Return a body, or None if it is gone or is not what its hash says."""
        try:
            with (self._folder / place.segment).open("rb") as file:
                file.seek(place.start)
                data = file.read(place.size)
        except FileNotFoundError:
            return None
        # No fsync was paid for when writing: after a power cut this check finds what is missing.
        if hashlib.sha256(data).hexdigest() != content_hash:
            return None
        return Content(data, content_hash)

    def segments(self) -> dict[str, os.stat_result]:
        """Return the facts of all segments, by name."""
        found = {}
        for path in self._folder.iterdir():
            # Another process may be removing it.
            with contextlib.suppress(FileNotFoundError):
                found[path.name] = path.stat()
        return found

    def records(self, segment: str, *, start: int) -> Iterator[Record]:
        """Read the downloads of a segment from a position on, as far as they are whole."""
        try:
            file = (self._folder / segment).open("rb")
        except FileNotFoundError:
            return
        with file:
            file_bytes = os.fstat(file.fileno()).st_size
            while True:
                file.seek(start)
                check = file.read(_CHECK.size)
                head = file.read(_HEAD.size)
                if len(head) < _HEAD.size:
                    return
                digest, size, *lengths, fetched_at = _HEAD.unpack(head)
                has_body = size != _ELSEWHERE
                size = size if has_body else 0
                at = start + _CHECK.size + _HEAD.size + sum(lengths)
                if at + size > file_bytes:  # before as much memory is asked for
                    return
                texts = [file.read(length) for length in lengths]
                if check != _CHECK.pack(zlib.crc32(b"".join((head, *texts)))):
                    return
                if has_body and hashlib.sha256(file.read(size)).digest() != digest:
                    return
                place = Place(segment, at, size)
                start = place.end
                url, etag, last_modified = texts
                facts = digest.hex(), etag.decode(), last_modified.decode(), fetched_at
                yield Record(Download(url, *facts), place, has_body)

    def remove(self, segment: str) -> None:
        """Delete a segment, if it is there."""
        (self._folder / segment).unlink(missing_ok=True)

    def _open(self) -> int:
        """Return the descriptor of the segment to write to, of a new one if need be."""
        # Another process may have evicted ours.
        if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            self.end_segment()
        if self._descriptor is None:
            name = secrets.token_hex(8)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self._folder / name, flags, 0o666)
            self._name, self._end = name, 0
        return self._descriptor


def _head(download: Download, body: bytes | None) -> bytes:
    etag, last_modified = download.etag.encode(), download.last_modified.encode()
    head = _HEAD.pack(
        bytes.fromhex(download.content_hash),
        _ELSEWHERE if body is None else len(body),
        len(download.url),
        len(etag),
        len(last_modified),
        download.fetched_at,
    )
    texts = b"".join((head, download.url, etag, last_modified))
    return _CHECK.pack(zlib.crc32(texts)) + texts


def _write(descriptor: int, pieces: Sequence[bytes]) -> None:
    """Write all of it, in few calls if the system is willing."""
    for start in range(0, len(pieces), _PIECES_AT_ONCE):
        some = pieces[start : start + _PIECES_AT_ONCE]
        written = os.writev(descriptor, some)
        if written < sum(map(len, some)):
            rest = memoryview(b"".join(some))[written:]
            while rest:
                rest = rest[os.write(descriptor, rest) :]
