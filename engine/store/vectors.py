"""What was computed from a picture's content, kept by content hash, so that it is never redone."""

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..types import Vectors
from .atomic import storage_errors

__all__ = ["VectorCache"]

_SEGMENT_ROWS = 2_048
_HASH_BYTES = 32


class VectorCache:
    """Float rows by sha256 of the content they were computed from.

    On disk: append-only segments, each one atomic file of (hash, row) records. Two processes may
    add at once; a kill loses at most the rows not yet in a segment.

    Parameters
    ----------
    folder
        Folder of the caches.
    fingerprint
        Says what computed the rows; another fingerprint is another cache.
    dim
        Length of a row.
    """

    def __init__(self, folder: Path, fingerprint: str, dim: int) -> None:
        self._folder = folder / fingerprint
        self._record = np.dtype([("hash", np.uint8, (_HASH_BYTES,)), ("row", "<f4", (dim,))])
        self._rows: dict[bytes, NDArray[np.float32]] = {}
        self._pending: dict[bytes, NDArray[np.float32]] = {}
        self.dim = dim
        for segment in sorted(self._folder.glob("*.npy")):
            self._read(segment)

    def __contains__(self, content_hash: str) -> bool:
        return bytes.fromhex(content_hash) in self._rows

    def add(self, rows: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep `rows`, of shape (dim,), by content hash in hex.

        Raises
        ------
        StorageError
            If the cache cannot be written.
        """
        fresh = {bytes.fromhex(key): row for key, row in rows.items()}
        self._rows.update(fresh)
        self._pending.update(fresh)
        if len(self._pending) >= _SEGMENT_ROWS:
            self.flush()

    def get(self, content_hashes: Sequence[str]) -> Vectors:
        """Return the rows of contents that are all in the cache, shape (n, dim), in that order."""
        rows = np.empty((len(content_hashes), self.dim), np.float32)
        for place, content_hash in enumerate(content_hashes):
            rows[place] = self._rows[bytes.fromhex(content_hash)]
        return rows

    def flush(self) -> None:
        """Write what was added since the last segment."""
        if not self._pending:
            return
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self._folder, suffix=".partial")
            with os.fdopen(descriptor, "wb") as file:
                np.save(file, _records(self._pending.items(), len(self._pending), self._record))
            path = Path(temporary)
            path.replace(path.with_suffix(".npy"))
        self._pending = {}

    def _read(self, segment: Path) -> None:
        try:
            records = np.load(segment, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError):
            records = None
        if records is None or records.dtype != self._record:
            segment.unlink()  # damaged: a cache may forget, it may not lie
            return
        for content_hash, row in zip(records["hash"], records["row"], strict=True):
            self._rows[content_hash.tobytes()] = row


def _records(
    rows: Iterable[tuple[bytes, NDArray[np.float32]]], count: int, record: np.dtype[np.void]
) -> NDArray[np.void]:
    records = np.empty(count, record)
    for place, (content_hash, row) in enumerate(rows):
        records["hash"][place] = np.frombuffer(content_hash, np.uint8)
        records["row"][place] = row
    return records
