"""A URL to whoever can fetch it: the web by HTTP, or an object store by its own library."""

from types import TracebackType
from typing import Protocol

from .address import OpenHosts
from .fetch import Downloader, Response
from .limits import Limits
from .stores import ObjectStores, is_store


class Fetcher(Protocol):
    """Fetches the content behind a URL, or says that it has not changed."""

    async def fetch(self, url: str) -> Response:
        """Return what is behind the URL now, or raise `PictureError`."""

    async def revalidate(self, url: str, *, etag: str, last_modified: str) -> Response | None:
        """Return None if what had these validators is still behind the URL, else like `fetch`."""


class Remote:
    """Fetches URLs of any kind; an async context manager, used within one event loop.

    Parameters
    ----------
    limits
        Caps on time, bytes and concurrency.
    open_hosts
        Web hosts that may be at addresses that are not public.
    """

    def __init__(self, limits: Limits, open_hosts: OpenHosts) -> None:
        self._web = Downloader(limits, open_hosts)
        self._stores = ObjectStores(limits)

    async def __aenter__(self) -> "Remote":
        await self._web.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._stores.__aexit__(kind, error, traceback)
        finally:
            await self._web.__aexit__(kind, error, traceback)

    async def fetch(self, url: str) -> Response:
        """Fetch a URL; see `Downloader.fetch` and `ObjectStores.fetch`."""
        return await self._fetcher(url).fetch(url)

    async def revalidate(self, url: str, *, etag: str, last_modified: str) -> Response | None:
        """Fetch a URL unless what had these validators is still current: then None."""
        fetcher = self._fetcher(url)
        return await fetcher.revalidate(url, etag=etag, last_modified=last_modified)

    def _fetcher(self, url: str) -> Fetcher:
        return self._stores if is_store(url) else self._web
