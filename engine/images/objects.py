"""Bytes into files named by their sha256: seen whole or not at all, and checked when read back."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from .picture import Content


class ObjectFiles:
    """Content-addressed files under a folder, safe under a kill and under several processes.

    Parameters
    ----------
    folder
        Made if need be. Files live at ``ab/abcdef...``, half-written ones in ``partial/``.
    stale_before
        Half-written files older than this (seconds since 1970) belong to no living process and
        are removed.
    """

    def __init__(self, folder: Path, *, stale_before: float) -> None:
        self._folder = folder
        self._partial = folder / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)
        for partial in self._partial.iterdir():
            # Another process may finish its file, and so take the partial one away, meanwhile.
            with contextlib.suppress(FileNotFoundError):
                if partial.stat().st_mtime < stale_before:
                    partial.unlink()

    def add(self, content: Content) -> None:
        """Write the bytes, replacing a file of that hash, which may be damaged."""
        path = self._path(content.content_hash)
        path.parent.mkdir(exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=self._partial)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.data)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise

    def read(self, content_hash: str) -> Content | None:
        """Return the content, or None if its file is missing or is not what its name says."""
        try:
            data = self._path(content_hash).read_bytes()
        except FileNotFoundError:
            return None
        # No fsync was paid for when writing: after a power cut this check finds the file short.
        if hashlib.sha256(data).hexdigest() != content_hash:
            return None
        return Content(data, content_hash)

    def _path(self, content_hash: str) -> Path:
        return self._folder / content_hash[:2] / content_hash
