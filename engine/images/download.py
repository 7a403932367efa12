"""URLs into contents: from the cache while fresh, else asked for, else from the cache after all."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

from .cache import ImageCache, KnownDownload
from .cell import url_host
from .fetch import Downloader, Response
from .outcome import Outcome, PictureError
from .picture import Content, content_of

# Each picture of a dead host costs its timeouts and retries: thousands of them would cost hours.
_GIVE_UP_AFTER = 16
_HOST_FAILURES = {Outcome.TIMEOUT, Outcome.UNREACHABLE}


class CachedDownloads:
    """Downloads through the cache; gives up on a host that failed many times in a row.

    Parameters
    ----------
    cache
        Where bodies and validators are kept.
    downloader
        Asks the servers.
    """

    def __init__(self, cache: ImageCache, downloader: Downloader) -> None:
        self._cache = cache
        self._downloader = downloader
        self._failures_in_a_row: Counter[str] = Counter()

    async def get(self, url: str) -> Content:
        """Return what the URL leads to.

        A body older than a day is confirmed with the server. If the server cannot be reached or
        has an internal error, the old body is still the picture.

        Raises
        ------
        PictureError
            If there is no body to be had.
        """
        known, content = await asyncio.to_thread(self._look_up, url)
        if known is None or content is None:
            with self._host_record(url):
                response = await self._downloader.fetch(url)
            return await asyncio.to_thread(self._store, url, response)
        return content if known.is_fresh else await self._confirmed(url, known, content)

    async def _confirmed(self, url: str, known: KnownDownload, content: Content) -> Content:
        try:
            with self._host_record(url):
                response = await self._downloader.revalidate(
                    url, etag=known.etag, last_modified=known.last_modified
                )
        except PictureError as error:
            if error.transient or error.outcome in _HOST_FAILURES:
                return content
            raise
        if response is None:
            await asyncio.to_thread(self._cache.confirm_download, url)
            return content
        return await asyncio.to_thread(self._store, url, response)

    def _look_up(self, url: str) -> tuple[KnownDownload | None, Content | None]:
        known = self._cache.find_download(url)
        return known, None if known is None else self._cache.read(known.content_hash)

    def _store(self, url: str, response: Response) -> Content:
        content = content_of(response.body)
        self._cache.add_download(
            url, content, etag=response.etag, last_modified=response.last_modified
        )
        return content

    @contextlib.contextmanager
    def _host_record(self, url: str) -> Iterator[None]:
        """Keep count of how asking this host went, and refuse to ask one that is given up.

        A host that sent us on to where nobody answers did answer itself. Time is another matter:
        what runs out of it costs the same wherever the redirects led.
        """
        host = url_host(url) or ""
        if self._failures_in_a_row[host] >= _GIVE_UP_AFTER:
            detail = f"{host}: given up after {_GIVE_UP_AFTER} failures in a row"
            raise PictureError(Outcome.UNREACHABLE, detail)
        try:
            yield
        except PictureError as error:
            answered = error.sent_on and error.outcome is Outcome.UNREACHABLE
            if error.outcome in _HOST_FAILURES and not answered:
                self._failures_in_a_row[host] += 1
            else:
                self._failures_in_a_row[host] = 0
            raise
        self._failures_in_a_row[host] = 0
