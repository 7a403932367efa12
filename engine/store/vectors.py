"""What was computed from a picture's content, kept by content hash, so that it is never redone."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..types import Vectors
from .atomic import sweep_partials
from .segments import (
    HASH_BYTES,
    Segment,
    SegmentIndex,
    merge_small_segments,
    open_segments,
    write_segment,
)

__all__ = ["VectorCache"]

_SEGMENT_ROWS = 2_048


class VectorCache:
    """Float rows by sha256 of the content they were computed from.

    On disk: append-only segments, each one atomic file, mapped rather than read. Two processes may
    add at once; a kill loses at most the rows not yet in a segment. A row that is damaged on disk
    is as if it had never been there. Threads may ask what is `in` while one thread adds.

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
        self.dim = dim
        self._folder = folder / fingerprint
        self._pending: dict[bytes, NDArray[np.float32]] = {}
        sweep_partials(self._folder)
        merge_small_segments(self._folder, dim)
        self._index = SegmentIndex(open_segments(self._folder, dim))

    def __contains__(self, content_hash: str) -> bool:
        key = bytes.fromhex(content_hash)
        # In this order: `flush` fills the index before it empties what is pending.
        return key in self._pending or self._index.has(key)

    def add(self, rows: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep `rows`, of shape (dim,), by content hash in hex.

        Raises
        ------
        StorageError
            If the cache cannot be written.
        """
        self._pending.update({bytes.fromhex(key): row for key, row in rows.items()})
        if len(self._pending) >= _SEGMENT_ROWS:
            self.flush()

    def get(self, content_hashes: Sequence[str]) -> Vectors:
        """Return the rows of contents that are all in the cache, shape (n, dim), in that order.

        Raises
        ------
        KeyError
            If one is not, or is damaged.
        """
        keys = [bytes.fromhex(content_hash) for content_hash in content_hashes]
        rows = np.empty((len(keys), self.dim), np.float32)
        found = self._index.read(_hashes(keys), rows)
        for place in np.flatnonzero(~found):
            rows[place] = self._pending[keys[place]]
        return rows

    def flush(self) -> None:
        """Write what was added since the last segment.

        Raises
        ------
        StorageError
            If the cache cannot be written; what was added stays pending.
        """
        if not self._pending:
            return
        rows = np.stack(list(self._pending.values()))
        path = write_segment(self._folder, _hashes(self._pending), rows)
        self._index = self._index.with_segment(Segment(path, self.dim))
        self._pending = {}


def _hashes(keys: Iterable[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(keys), np.uint8).reshape(-1, HASH_BYTES)
