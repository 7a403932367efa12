"""URLs of strangers into response bodies, each within its limits of time, size and place."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType

import aiohttp
from yarl import URL

from .. import __version__
from .address import OpenHosts, PrivateAddressError, public_socket
from .limits import Limits, megabytes
from .outcome import Outcome, PictureError

_MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 16
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {404, 410}
_NOT_MODIFIED = 304
_TOO_MANY_REQUESTS = 429
_HEADERS = {
    "User-Agent": f"sightline/{__version__}",
    "Accept": "image/*,*/*;q=0.5",
    # A picture is compressed already, and decompression would get round the cap on bytes.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Response:
    """A body and the validators to ask by whether it has changed; empty where there are none."""

    body: bytes
    etag: str = ""
    last_modified: str = ""


class Downloader:
    """Fetches URLs; an async context manager, used within one event loop.

    Parameters
    ----------
    limits
        Caps on time, bytes and concurrency.
    open_hosts
        Hosts that may be at addresses that are not public.
    """

    def __init__(self, limits: Limits, open_hosts: OpenHosts) -> None:
        self._limits = limits
        self._open_hosts = open_hosts

    async def __aenter__(self) -> "Downloader":
        # Which of the two a request goes through is decided by the host in its URL, again at each
        # redirect: an open host cannot lead to a private one that was not opened.
        self._guarded = self._session(aiohttp.TCPConnector(limit=0, socket_factory=public_socket))
        self._unguarded = self._session(aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._guarded.close()
        await self._unguarded.close()

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(sock_connect=self._limits.connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def fetch(self, url: str) -> Response:
        """Fetch a URL, following redirects, and again after a failure that may pass.

        Raises
        ------
        PictureError
            If no body could be had.
        """
        response = await self._persist(url, {})
        if response is None:
            raise PictureError(Outcome.HTTP_ERROR, "HTTP 304, though nothing was at hand")
        return response

    async def revalidate(self, url: str, *, etag: str, last_modified: str) -> Response | None:
        """Fetch a URL like `fetch`, unless the body with these validators is still current.

        Returns None if it is. An empty validator is left out of the request.
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        return await self._persist(
            url, {name: value for name, value in conditions.items() if value}
        )

    async def _persist(self, url: str, headers: Mapping[str, str]) -> Response | None:
        for delay in self._limits.retry_delays:
            try:
                return await self._attempt(url, headers)
            except PictureError as error:
                if not error.transient:
                    raise
            await asyncio.sleep(delay)
        return await self._attempt(url, headers)

    async def _attempt(self, url: str, headers: Mapping[str, str]) -> Response | None:
        seconds = self._limits.total_timeout
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(url, headers)
        except TimeoutError as error:
            detail = f"no complete answer in {seconds:g} s"
            raise PictureError(Outcome.TIMEOUT, detail) from error

    async def _follow(self, url: str, headers: Mapping[str, str]) -> Response | None:
        target = _checked(url)
        sent_on = False
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                async with self._get(target, headers) as answer:
                    if answer.status not in _REDIRECTS:
                        return await self._receive(answer, is_redirected=sent_on)
                    location = answer.headers.get("Location", "")
                sent_on = True
                target = _checked(location, relative_to=target)
        except PictureError as error:
            error.sent_on = sent_on
            raise
        detail = f"more than {_MAX_REDIRECTS} redirects"
        raise PictureError(Outcome.UNREACHABLE, detail, sent_on=True)

    @contextlib.asynccontextmanager
    async def _get(
        self, url: URL, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        is_open = (url.host or "", url.port) in self._open_hosts
        session = self._unguarded if is_open else self._guarded
        try:
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                yield answer
        except (aiohttp.ClientError, ValueError) as error:
            raise _failure(error, url, self._limits) from error

    async def _receive(
        self, answer: aiohttp.ClientResponse, *, is_redirected: bool
    ) -> Response | None:
        if answer.status == _NOT_MODIFIED:
            return None
        if answer.status in _GONE:
            raise PictureError(Outcome.NOT_FOUND, f"HTTP {answer.status}")
        if answer.status != 200:
            may_pass = answer.status >= 500 or answer.status == _TOO_MANY_REQUESTS
            detail = f"HTTP {answer.status}"
            raise PictureError(Outcome.HTTP_ERROR, detail, transient=may_pass)
        body = await self._body(answer)
        if is_redirected:
            # The validators are those of another URL, which may not be where the next one leads.
            return Response(body)
        return Response(body, _validator(answer, "ETag"), _validator(answer, "Last-Modified"))

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        cap = self._limits.max_bytes
        announced = answer.content_length or 0
        if announced > cap:
            detail = f"{megabytes(announced)} > {megabytes(cap)}"
            raise PictureError(Outcome.TOO_LARGE, detail)
        body = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > cap:
                raise PictureError(Outcome.TOO_LARGE, f"more than {megabytes(cap)}")
        return bytes(body)


def _checked(url: str, *, relative_to: URL | None = None) -> URL:
    """Parse a URL and refuse what must not even be asked for."""
    try:
        parsed = URL(url) if relative_to is None else relative_to.join(URL(url))
        host, port = parsed.host, parsed.port
    except ValueError as error:
        raise PictureError(Outcome.UNREACHABLE, "not a valid URL") from error
    if parsed.scheme not in {"http", "https"}:
        raise PictureError(Outcome.REFUSED, f"scheme {parsed.scheme!r}, not http or https")
    if parsed.user is not None or parsed.password is not None:
        raise PictureError(Outcome.REFUSED, "credentials in the URL")
    if not host or not port:
        raise PictureError(Outcome.UNREACHABLE, "not a valid URL")
    return parsed


def _validator(answer: aiohttp.ClientResponse, name: str) -> str:
    # Anything but ASCII could not be sent back as it came.
    value = answer.headers.get(name, "")
    return value if value.isascii() else ""


def _failure(error: Exception, url: URL, limits: Limits) -> PictureError:
    """Tell what an exception of the HTTP client means for the picture."""
    cause = getattr(error, "os_error", None)
    if isinstance(cause, PrivateAddressError):
        return PictureError(Outcome.REFUSED, f"{url.host} is {cause.address}, {cause}")
    if isinstance(error, aiohttp.InvalidURL):
        return PictureError(Outcome.REFUSED, f"odd spelling of an address: {url.host}")
    if isinstance(error, aiohttp.ServerTimeoutError):
        detail = f"{url.host}: no connection in {limits.connect_timeout:g} s"
        return PictureError(Outcome.TIMEOUT, detail, transient=True)
    if isinstance(error, aiohttp.ClientPayloadError):
        return PictureError(Outcome.TRUNCATED, "the answer broke off", transient=True)
    if isinstance(cause, socket.gaierror):
        return PictureError(Outcome.UNREACHABLE, f"{url.host}: host name not found")
    if isinstance(error, aiohttp.ClientConnectorError):
        return PictureError(Outcome.UNREACHABLE, f"{url.host}: {cause}")
    if isinstance(error, aiohttp.ClientConnectionError):
        return PictureError(Outcome.UNREACHABLE, f"{url.host}: connection lost", transient=True)
    return PictureError(Outcome.UNREACHABLE, f"{url.host}: not an HTTP answer")
