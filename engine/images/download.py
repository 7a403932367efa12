"""URLs into contents: from the cache while fresh, else asked for, else from the cache after all."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from .batches import Batches
from .cache import Fetched, ImageCache, KnownDownload
from .fetch import Response
from .outcome import Outcome, PictureError
from .picture import Content, content_of
from .remote import Fetcher

Known = TypeVar("Known")

_LARGE_BYTES = 1_000_000
_NOT_THERE = {Outcome.TIMEOUT, Outcome.UNREACHABLE}


class CachedDownloads:
    """Downloads through the cache; used within one event loop.

    Parameters
    ----------
    cache
        Where bodies and validators are kept.
    fetcher
        Asks the servers.
    """

    def __init__(self, cache: ImageCache, fetcher: Fetcher) -> None:
        self._cache = cache
        self._fetcher = fetcher
        self._known = Batches(cache.find_downloads)
        self._stored = Batches(self._store)
        self._flushing: asyncio.Task[None] | None = None

    async def recognise(self, url: str, recall: Callable[[str], Known | None]) -> Known | None:
        """Return what is known of the content that the URL leads to, without fetching it.

        `recall` is asked by content hash. The body need not be in the cache any more, but it must
        be less than a day old, or the server confirm it. None if nothing is known of the content:
        then `get` has it.

        Raises
        ------
        PictureError
            If the server says that there is no picture any more.
        """
        known = await self._known.do(url)
        if known is None or (recalled := recall(known.content_hash)) is None:
            return None
        changed = None if known.is_fresh else await self._changed(url, known)
        return recalled if changed is None else recall(changed.content_hash)

    async def get(self, url: str) -> Content:
        """Return what the URL leads to.

        A body older than a day is confirmed with the server. If the server cannot be reached or
        has an internal error, the old body is still the picture. What this returns, a kill of the
        process does not lose; it loses what is under way.

        Raises
        ------
        PictureError
            If there is no body to be had.
        """
        known = await self._known.do(url)
        if known is not None:
            content = await asyncio.to_thread(self._cache.read, known.content_hash)
            if content is not None:
                changed = None if known.is_fresh else await self._changed(url, known)
                return content if changed is None else changed
        response = await self._fetcher.fetch(url)
        return await self._keep(url, response)

    async def _changed(self, url: str, known: KnownDownload) -> Content | None:
        """Ask the server for what is there now; None if that is what is known."""
        try:
            response = await self._fetcher.revalidate(
                url, etag=known.etag, last_modified=known.last_modified
            )
        except PictureError as error:
            if error.transient or error.host is not None or error.outcome in _NOT_THERE:
                return None
            raise
        if response is None:
            self._cache.confirm_download(url)
            self._flush_if_due()
            return None
        return await self._keep(url, response)

    async def _keep(self, url: str, response: Response) -> Content:
        # Going to a thread and back takes longer than hashing and writing what is small.
        if len(response.body) > _LARGE_BYTES:
            (content,) = await asyncio.to_thread(self._store, [(url, response)])
        else:
            content = await self._stored.do((url, response))
        self._flush_if_due()
        return content

    def _store(self, responses: Sequence[tuple[str, Response]]) -> list[Content]:
        contents = [content_of(response.body) for _, response in responses]
        self._cache.add_downloads(
            [
                Fetched(url, content, response.etag, response.last_modified)
                for (url, response), content in zip(responses, contents, strict=True)
            ]
        )
        return contents

    def _flush_if_due(self) -> None:
        if not self._cache.is_flush_due:
            return
        if self._flushing is not None:
            if not self._flushing.done():
                return
            self._flushing.result()  # raises what the last one failed with
        self._flushing = asyncio.create_task(asyncio.to_thread(self._cache.flush))
        # If it fails and nothing is stored any more, closing the cache fails of the same.
        self._flushing.add_done_callback(lambda task: task.cancelled() or task.exception())
