"""URLs of objects in cloud stores (s3, gs, az) into bodies, within the limits of downloads."""

import asyncio
import contextlib
import re
from dataclasses import dataclass
from types import TracebackType

from .fetch import Response
from .filesystems import (
    Filesystem,
    close_filesystem,
    failure_of,
    lacks_credentials,
    on_its_loop,
    open_filesystem,
    read_object,
    status_of,
)
from .hosts import Host, Hosts, jittered
from .limits import Limits
from .outcome import Outcome, PictureError

# Scheme -> the extra that brings its library. What else fsspec can open (files of this machine,
# http past the guard on addresses, archives within archives) is none of a catalogue's business.
_EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "azure"),
}
# No store has more in a bucket's name. It keeps out what a library would read as an account, an
# access point or a port.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BUSY = {429, 503}


def is_store(url: str) -> bool:
    """Whether the URL has the scheme of a store."""
    return url.partition("://")[0].lower() in _EXTRAS


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an object is: the extra for its store, its bucket (Azure: container) and its key."""

    extra: str
    bucket: str
    key: str

    @property
    def host(self) -> Host:
        return self.bucket, 0


class ObjectStores:
    """Fetches objects by URL; an async context manager, used within one event loop.

    A library is imported for the first URL that needs it. What a library can read with the
    credentials of its environment, any URL can name. How each bucket behaves is remembered as of a
    web host by a `Downloader`.

    Parameters
    ----------
    limits
        Caps on time, bytes and concurrency.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._hosts = Hosts(limits)
        self._opening = {extra: asyncio.Lock() for extra in _EXTRAS.values()}
        self._filesystems: dict[str, Filesystem] = {}
        # Nothing more is asked of these: looking for credentials that are nowhere takes seconds.
        self._given_up: dict[str, tuple[Outcome, str]] = {}

    async def __aenter__(self) -> "ObjectStores":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._filesystems:
            extra, filesystem = self._filesystems.popitem()
            # One that fails to close has its own way to do so when the process ends.
            with contextlib.suppress(Exception):
                await on_its_loop(filesystem, close_filesystem(extra, filesystem))

    async def fetch(self, url: str) -> Response:
        """Fetch an object, and again after a failure that may pass.

        The `etag` of the response is the store's, or else made of the object's size and time.

        Raises
        ------
        PictureError
            If it could not be had.
        """
        response = await self.revalidate(url, etag="", last_modified="")
        if response is None:
            raise PictureError(Outcome.HTTP_ERROR, "unchanged, though nothing was at hand")
        return response

    async def revalidate(self, url: str, *, etag: str, last_modified: str) -> Response | None:
        """Fetch an object like `fetch`, unless the one with this `etag` is still current.

        Returns None if it is. `last_modified` is for web servers, and says nothing here.
        """
        del last_modified
        place = _checked(url)
        try:
            return await self._persist(place, etag)
        except PictureError as error:
            if error.host is not None:
                self._hosts.failed(error.host)
            raise

    async def _persist(self, place: _Place, etag: str) -> Response | None:
        for longest_wait in self._limits.retry_delays:
            try:
                return await self._attempt(place, etag)
            except PictureError as error:
                if not error.transient:
                    raise
            await asyncio.sleep(jittered(longest_wait))
        return await self._attempt(place, etag)

    async def _attempt(self, place: _Place, etag: str) -> Response | None:
        await self._hosts.ready(place.host)
        seconds = self._limits.total_timeout
        asked_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(seconds) as deadline:
                response = await self._read(place, etag)
        except PictureError:
            raise
        except Exception as error:  # any of any library: none of them may end the run
            if deadline.expired():
                detail = f"no complete answer in {seconds:g} s"
                raise PictureError(Outcome.TIMEOUT, detail, host=place.host) from error
            raise self._failure(error, place, asked_at) from error
        self._hosts.answered(place.host)
        return response

    def _failure(self, error: Exception, place: _Place, asked_at: float) -> PictureError:
        status = status_of(error)
        if status in _BUSY:
            return self._hosts.busy(place.host, status, asked_at=asked_at, retry_after=None)
        failure = failure_of(error, place.host)
        if failure.host is None:
            self._hosts.answered(place.host)
        if lacks_credentials(error):
            self._given_up[place.extra] = failure.outcome, failure.detail
        return failure

    async def _read(self, place: _Place, etag: str) -> Response | None:
        filesystem = await self._filesystem(place.extra)
        path, cap = f"{place.bucket}/{place.key}", self._limits.max_bytes
        reading = read_object(filesystem, path, etag=etag, max_bytes=cap)
        return await on_its_loop(filesystem, reading)

    async def _filesystem(self, extra: str) -> Filesystem:
        async with self._opening[extra]:
            if extra in self._given_up:
                raise PictureError(*self._given_up[extra])
            if extra not in self._filesystems:
                try:
                    opened = await asyncio.to_thread(open_filesystem, extra, self._limits)
                except PictureError as error:
                    self._given_up[extra] = error.outcome, error.detail
                    raise
                self._filesystems[extra] = opened
            return self._filesystems[extra]


def _checked(url: str) -> _Place:
    """Parse a URL and refuse what must not even be asked for."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if "::" in url:
        raise PictureError(Outcome.REFUSED, "a URL within a URL")
    if "@" in bucket:
        raise PictureError(Outcome.REFUSED, "credentials or an account in the URL")
    if not bucket or not key.strip("/"):
        raise PictureError(Outcome.UNREACHABLE, "not a valid URL: no bucket or no key")
    if not _BUCKET.fullmatch(bucket):
        raise PictureError(Outcome.REFUSED, "not a plain name of a bucket")
    return _Place(_EXTRAS[scheme.lower()], bucket, key)
