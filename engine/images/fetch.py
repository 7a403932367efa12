"""URLs of strangers into response bodies, each within its limits of time, size and place."""

import asyncio
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import aiohttp
from aiohttp.http import HttpProcessingError
from yarl import URL

from .. import __version__
from .address import OpenHosts, PrivateAddressError, public_socket
from .exchange import Answer, Connections
from .hosts import Host, Hosts, jittered, retry_after_seconds
from .limits import Limits, megabytes
from .outcome import Outcome, PictureError

_MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {404, 410}
_NOT_MODIFIED = 304
_BUSY = {429, 503}
# Request timeout, too early, and the errors of servers and of what stands before them; "not
# implemented" and the like are answers, not mishaps.
_MAY_PASS = {408, 425, 500, 502, 504, 520, 521, 522, 523, 524}
_HEADERS = {
    "User-Agent": f"sightline/{__version__} (fetches the pictures of a catalogue)",
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

    How each host behaves is remembered for as long as this lives: one that is busy is left alone
    for a while, one that is dead or too busy is given up. What a redirect led to is judged by
    itself.

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
        self._hosts = Hosts(limits)
        self._waits = (*limits.retry_delays, None)

    async def __aenter__(self) -> "Downloader":
        self._time = asyncio.get_running_loop().time
        # Which of the two a request goes through is decided by the host in its URL, again at each
        # redirect: an open host cannot lead to a private one that was not opened.
        self._guarded = self._connections(
            aiohttp.TCPConnector(limit=0, socket_factory=public_socket)
        )
        self._unguarded = self._connections(aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._guarded.close()
        await self._unguarded.close()

    def _connections(self, connector: aiohttp.TCPConnector) -> Connections:
        timeout = self._limits.connect_timeout
        return Connections(connector, fields=_HEADERS, connect_timeout=timeout)

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
        for longest_wait in self._waits:
            try:
                return await self._follow(url, headers)
            except PictureError as error:
                if error.transient and longest_wait is not None:
                    await asyncio.sleep(jittered(longest_wait))
                    continue
                if error.host is not None:
                    self._hosts.failed(error.host)
                raise
        raise AssertionError  # the last attempt returns or raises

    async def _follow(self, url: str, headers: Mapping[str, str]) -> Response | None:
        target, seconds = _checked(url), self._limits.total_timeout
        for redirects in range(_MAX_REDIRECTS + 1):
            host = _host(target)
            await self._hosts.ready(host)
            asked_at = self._time()
            try:
                async with asyncio.timeout(seconds):
                    answer = await self._ask(target, host, headers)
            except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
                raise _failure(error, host, self._limits) from error
            if not isinstance(answer, URL):
                # Validators from there are those of another URL, which may not be where the next
                # redirect leads.
                return Response(answer.body) if redirects and answer is not None else answer
            target = answer
            seconds -= self._time() - asked_at
        detail = f"more than {_MAX_REDIRECTS} redirects"
        raise PictureError(Outcome.UNREACHABLE, detail)

    async def _ask(self, url: URL, host: Host, headers: Mapping[str, str]) -> Response | URL | None:
        """Ask one host: for a body, for where else to ask, or for None if nothing has changed."""
        connections = self._unguarded if host in self._open_hosts else self._guarded
        asked_at = self._time()
        with await connections.get(url, headers) as answer:
            if answer.status in _BUSY:
                raise self._busy(answer, host, asked_at)
            self._hosts.answered(host)
            if answer.status in _REDIRECTS:
                return _checked(answer.headers.get("Location", ""), relative_to=url)
            return await self._receive(answer)

    def _busy(self, answer: Answer, host: Host, asked_at: float) -> PictureError:
        field = answer.headers.get("Retry-After", "")
        retry_after = retry_after_seconds(field, now=time.time())
        return self._hosts.busy(host, answer.status, asked_at=asked_at, retry_after=retry_after)

    async def _receive(self, answer: Answer) -> Response | None:
        status = answer.status
        if status == _NOT_MODIFIED:
            return None
        if status in _GONE:
            raise PictureError(Outcome.NOT_FOUND, f"HTTP {status}")
        if status != 200:
            may_pass = status in _MAY_PASS
            raise PictureError(Outcome.HTTP_ERROR, f"HTTP {status}", transient=may_pass)
        body = await self._body(answer)
        return Response(body, _validator(answer, "ETag"), _validator(answer, "Last-Modified"))

    async def _body(self, answer: Answer) -> bytes:
        cap = self._limits.max_bytes
        announced = int(answer.headers.get("Content-Length", 0))
        if announced > cap:
            detail = f"{megabytes(announced)} > {megabytes(cap)}"
            raise PictureError(Outcome.TOO_LARGE, detail)
        # As it arrives: a small body is one piece, which `join` does not copy.
        pieces, size = [], 0
        while piece := await answer.content.readany():
            size += len(piece)
            if size > cap:
                raise PictureError(Outcome.TOO_LARGE, f"more than {megabytes(cap)}")
            pieces.append(piece)
        return b"".join(pieces)


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


def _validator(answer: Answer, name: str) -> str:
    # Anything but printable ASCII could not be sent back as it came.
    value = answer.headers.get(name, "")
    return value if value.isascii() and value.isprintable() else ""


def _host(url: URL) -> Host:
    return url.host or "", url.port or 0


def _failure(error: Exception, host: Host, limits: Limits) -> PictureError:
    """Tell what an exception of the HTTP client means for the picture."""
    name, cause = host[0], getattr(error, "os_error", None)
    if isinstance(cause, PrivateAddressError):
        return PictureError(Outcome.REFUSED, f"{name} is {cause.address}, {cause}")
    if isinstance(error, aiohttp.InvalidURL):
        return PictureError(Outcome.REFUSED, f"odd spelling of an address: {name}")
    if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
        return PictureError(Outcome.UNREACHABLE, f"{name}: not the name of a host")
    if isinstance(error, aiohttp.ServerTimeoutError):
        detail = f"{name}: no connection in {limits.connect_timeout:g} s"
        return PictureError(Outcome.TIMEOUT, detail, transient=True, host=host)
    if isinstance(error, TimeoutError):
        # Not asked again at once: it has cost all that one picture may.
        detail = f"no complete answer in {limits.total_timeout:g} s"
        return PictureError(Outcome.TIMEOUT, detail, host=host)
    if isinstance(error, aiohttp.ClientPayloadError):
        return PictureError(Outcome.TRUNCATED, "the answer broke off", transient=True)
    if isinstance(cause, socket.gaierror):
        may_pass = cause.errno == socket.EAI_AGAIN
        detail = f"{name}: host name not found"
        return PictureError(Outcome.UNREACHABLE, detail, transient=may_pass, host=host)
    if isinstance(error, aiohttp.ClientConnectorError):
        return PictureError(Outcome.UNREACHABLE, f"{name}: {cause}", host=host)
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        detail = f"{name}: connection lost"
        return PictureError(Outcome.UNREACHABLE, detail, transient=True, host=host)
    return PictureError(Outcome.UNREACHABLE, f"{name}: not an HTTP answer", host=host)
