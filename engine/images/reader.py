"""One cell, wherever its content is, into its picture."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .cache import ImageCache
from .cell import Cell, is_url
from .decode import Decoder
from .files import check_size, file_facts, read_file
from .outcome import PictureError
from .picture import Content, Picture, content_of
from .throughput import Throughput

if TYPE_CHECKING:
    from .download import CachedDownloads

Source = TypeVar("Source", str, bytes, Content)


class CellReader:
    """Reads files, takes bytes, asks for downloads, and has their contents decoded.

    Parameters
    ----------
    decoder
        Decodes each content once.
    cache
        Knows unchanged files without reading them.
    downloads
        There whenever a cell may be a URL.
    threads
        Where files are read and pictures decoded.
    throughput
        Is told what reading and fetching take.
    base_dir
        What relative paths are relative to; absolute itself.
    max_bytes
        Cap on the size of a file or of bytes in a cell.
    """

    def __init__(
        self,
        decoder: Decoder,
        cache: ImageCache,
        downloads: "CachedDownloads | None",
        threads: Executor,
        throughput: Throughput,
        *,
        base_dir: Path,
        max_bytes: int,
    ) -> None:
        self._decoder = decoder
        self._throughput = throughput
        self._cache = cache
        self._downloads = downloads
        self._threads = threads
        self._base_dir = base_dir
        self._max_bytes = max_bytes

    async def read(self, index: int, cell: Cell) -> Picture:
        """Return the picture of the cell at this position; a failure is its outcome."""
        try:
            if isinstance(cell, bytes):
                return await self._in_thread(self._from_bytes, index, cell)
            if self._downloads is None or not is_url(cell):
                return await self._in_thread(self._from_file, index, cell)
            return await self._from_url(index, cell, self._downloads)
        except PictureError as error:
            return Picture(index, error.outcome, error.detail)

    async def _from_url(self, index: int, url: str, downloads: "CachedDownloads") -> Picture:
        picture = await downloads.recognise(url, partial(self._decoder.recall, index))
        if picture is None:
            with self._throughput.timed("fetch"):
                content = await downloads.get(url)
            picture = await self._in_thread(self._decoder.decode, index, content)
        return picture

    def _from_file(self, index: int, path: str) -> Picture:
        full_path = self._base_dir / path
        facts = file_facts(full_path, max_bytes=self._max_bytes)
        known = self._cache.find_file(full_path, facts)
        if known is not None and (picture := self._decoder.recall(index, known)) is not None:
            return picture
        with self._throughput.timed("read"):
            content = content_of(read_file(full_path, facts, max_bytes=self._max_bytes))
        if content.content_hash != known:
            self._cache.add_file(full_path, facts, content.content_hash)
        return self._decoder.decode(index, content)

    def _from_bytes(self, index: int, data: bytes) -> Picture:
        check_size(len(data), max_bytes=self._max_bytes)
        return self._decoder.decode(index, content_of(data))

    async def _in_thread(
        self, function: Callable[[int, Source], Picture], index: int, source: Source
    ) -> Picture:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, index, source)
