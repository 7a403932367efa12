"""Segments of a vector cache: files of (hash, checksum, row), mapped, and looked up by hash."""

import logging
import secrets
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import StorageError
from ..types import Vectors
from .atomic import replacement

__all__ = [
    "HASH_BYTES",
    "Segment",
    "SegmentIndex",
    "merge_small_segments",
    "open_segments",
    "write_segment",
]

HASH_BYTES = 32
_SMALL_ROWS = 32_768
_SMALL_SEGMENTS = 64

_log = logging.getLogger(__name__)


class Segment:
    """One file, mapped: rows by sha256 of the content they were computed from.

    Three arrays one after the other, as `numpy.save` writes them: hashes, shape (n, 32); CRC-32 of
    each hash and row, shape (n,); rows, shape (n, dim). They are apart so that opening reads the
    hashes only.

    Raises
    ------
    ValueError
        If the file is damaged, or of rows of another length.
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self.path = path
        with path.open("rb") as file:
            self.hashes = _map_next(file, np.dtype(np.uint8))
            self._checks = _map_next(file, np.dtype("<u4"))
            self._rows = _map_next(file, np.dtype("<f4"))
        n = len(self.hashes)
        shapes = (self.hashes.shape, self._checks.shape, self._rows.shape)
        if shapes != ((n, HASH_BYTES), (n,), (n, dim)):
            message = f"{path} holds arrays of shapes {shapes}"
            raise ValueError(message)

    def __len__(self) -> int:
        return len(self.hashes)

    def is_intact(self, row: int) -> bool:
        """Whether a row and its hash are what was written."""
        return bool(self._checks[row] == _checksum(self.hashes[row], self._rows[row]))

    def read(self, rows: NDArray[np.int64]) -> tuple[Vectors, NDArray[np.bool_]]:
        """Return rows, shape (k, dim), and which of them are intact, shape (k,)."""
        values = self._rows[rows]
        checks = _checksums(self.hashes[rows], values)
        return values, checks == self._checks[rows]


def write_segment(folder: Path, hashes: NDArray[np.uint8], rows: Vectors) -> Path:
    """Write a segment, durably and at once.

    Parameters
    ----------
    folder
        Where.
    hashes, rows
        Of shape (n, 32) and (n, dim); n is at least 1.

    Raises
    ------
    StorageError
        If the disk is full, read-only, or refuses.
    """
    path = folder / f"{secrets.token_hex(8)}.npy"
    with replacement(path) as file:
        np.save(file, hashes)
        np.save(file, _checksums(hashes, rows))
        np.save(file, np.ascontiguousarray(rows, "<f4"))
    return path


def open_segments(folder: Path, dim: int) -> list[Segment]:
    """Map every segment of `folder`; those that are damaged are removed."""
    while True:
        try:
            paths = sorted(folder.glob("*.npy"))
            opened = [_open(path, dim) for path in paths]
        except FileNotFoundError:
            continue  # merged by another process just now; what took its place is to be listed
        return [segment for segment in opened if segment is not None]


def merge_small_segments(folder: Path, dim: int) -> None:
    """Write many small segments anew as a few larger ones; rows found damaged are left out.

    Safe beside other processes without a lock: a segment is removed only once its rows are safe in
    another, and one that is mapped stays readable. If two processes merge at once, or one is
    killed between, rows are there twice, which lookups do not mind and the next merge mends.
    """
    small = [segment for segment in open_segments(folder, dim) if len(segment) < _SMALL_ROWS]
    if len(small) <= _SMALL_SEGMENTS:
        return
    try:
        for group in _groups(small):
            _merge(folder, group)
    except StorageError as error:
        _log.warning("segments stay unmerged: %s", error)


class SegmentIndex:
    """Where each hash is, over all segments: 16 bytes per row, and no object.

    Immutable, so that threads may look things up while another makes its successor. Hashes are
    sorted by their first 8 bytes; rows that share them, or are there twice, stand side by side.
    """

    def __init__(self, segments: Sequence[Segment] = ()) -> None:
        self._segments = list(segments)
        lengths = [len(segment) for segment in self._segments]
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        every = [_prefixes(segment.hashes) for segment in self._segments]
        prefixes = np.concatenate([np.empty(0, np.uint64), *every])
        self._places = np.argsort(prefixes, kind="stable")
        self._prefixes = prefixes[self._places]

    def with_segment(self, segment: Segment) -> "SegmentIndex":
        """Return an index that also has the rows of `segment`."""
        fresh = SegmentIndex([segment])
        at = np.searchsorted(self._prefixes, fresh._prefixes)
        joined = SegmentIndex()
        joined._segments = [*self._segments, segment]
        joined._starts = np.append(self._starts, self._starts[-1] + len(segment))
        joined._prefixes = np.insert(self._prefixes, at, fresh._prefixes)
        joined._places = np.insert(self._places, at, fresh._places + self._starts[-1])
        return joined

    def has(self, content_hash: bytes) -> bool:
        """Whether an intact row of this hash is there."""
        prefix = int.from_bytes(content_hash[:8], "big")
        at = bisect_left(self._prefixes, prefix)
        while at < len(self._prefixes) and self._prefixes[at] == prefix:
            segment, row = self._locate(int(self._places[at]))
            if segment.hashes[row].tobytes() == content_hash and segment.is_intact(row):
                return True
            at += 1
        return False

    def read(self, hashes: NDArray[np.uint8], out: Vectors) -> NDArray[np.bool_]:
        """Copy the rows of `hashes`, shape (n, 32), into `out`, shape (n, dim).

        Returns which of them were there, shape (n,); the others' rows of `out` are undefined.
        """
        prefixes = _prefixes(hashes)
        at = np.searchsorted(self._prefixes, prefixes)
        found = np.zeros(len(hashes), np.bool_)
        missing = np.arange(len(hashes))
        while True:
            missing = missing[at[missing] < len(self._prefixes)]
            missing = missing[self._prefixes[at[missing]] == prefixes[missing]]
            if len(missing) == 0:
                return found
            self._copy(hashes, self._places[at[missing]], missing, out, found)
            missing = missing[~found[missing]]
            at[missing] += 1

    def _copy(
        self,
        hashes: NDArray[np.uint8],
        places: NDArray[np.int64],
        targets: NDArray[np.int64],
        out: Vectors,
        found: NDArray[np.bool_],
    ) -> None:
        owners = np.searchsorted(self._starts, places, side="right") - 1
        for owner in np.unique(owners):
            segment, mine = self._segments[owner], owners == owner
            rows, to = places[mine] - self._starts[owner], targets[mine]
            same = (segment.hashes[rows] == hashes[to]).all(axis=1)
            values, intact = segment.read(rows[same])
            out[to[same]] = values
            found[to[same]] = intact

    def _locate(self, place: int) -> tuple[Segment, int]:
        owner = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self._segments[owner], place - int(self._starts[owner])


def _map_next(file: BinaryIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Map the array that begins where `file` stands, and go on behind it."""
    np.lib.format.read_magic(file)
    shape, _, found = np.lib.format.read_array_header_1_0(file)
    if found != dtype:
        message = f"{file.name} holds {found} where {dtype} is expected"
        raise ValueError(message)
    start = file.tell()
    array = np.memmap(file, dtype, "r", start, shape)
    file.seek(start + array.nbytes)
    return np.asarray(array)


def _open(path: Path, dim: int) -> Segment | None:
    try:
        return Segment(path, dim)
    except FileNotFoundError:
        raise
    except OSError as error:
        _log.warning("%s cannot be read: %s", path, error)
    except Exception as error:
        # A cache may forget, it may not lie.
        _log.warning("%s is damaged and forgotten: %s", path, error)
        with suppress(OSError):
            path.unlink()
    return None


def _groups(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    group: list[Segment] = []
    for segment in segments:
        group.append(segment)
        if sum(map(len, group)) >= _SMALL_ROWS:
            yield group
            group = []
    if len(group) > 1:
        yield group


def _merge(folder: Path, group: Sequence[Segment]) -> None:
    hashes = np.concatenate([segment.hashes for segment in group])
    read = [segment.read(np.arange(len(segment))) for segment in group]
    intact = np.flatnonzero(np.concatenate([good for _, good in read]))
    rows = np.concatenate([values for values, _ in read])
    _, first = np.unique(hashes[intact].view(f"V{HASH_BYTES}")[:, 0], return_index=True)
    kept = intact[first]
    if len(kept):
        write_segment(folder, hashes[kept], rows[kept])
    for segment in group:
        with suppress(OSError):  # another process merged it too, or Windows has it open
            segment.path.unlink()


def _prefixes(hashes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    first = np.ascontiguousarray(hashes[:, :8])
    return first.view(">u8")[:, 0].astype(np.uint64)


def _checksum(content_hash: NDArray[np.uint8], row: NDArray[np.float32]) -> int:
    return zlib.crc32(row.data, zlib.crc32(content_hash.data))


def _checksums(hashes: NDArray[np.uint8], rows: Vectors) -> NDArray[np.uint32]:
    rows = np.ascontiguousarray(rows, "<f4")
    pairs = zip(np.ascontiguousarray(hashes), rows, strict=True)
    return np.fromiter((_checksum(*pair) for pair in pairs), np.uint32, len(rows))
