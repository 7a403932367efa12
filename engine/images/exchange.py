"""GET requests over kept-alive connections: what is sent, and the answers that come back."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING
from weakref import WeakSet

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

# Servers are as many as a catalogue likes; what is remembered of each is cheap to make again.
_MOST_ORIGINS = 4096


class Answer:
    """Status, header and body of one response; a context manager that frees its connection.

    A connection whose answer was read to the end is kept for the next request, others are closed.

    Parameters
    ----------
    status
        The final one, not 1xx.
    headers
        By name in any case, of the first header of that name.
    content
        The body.
    connection
        Where it comes from.
    """

    __slots__ = ("_connection", "content", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        content: aiohttp.StreamReader,
        connection: "Connection",
    ) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self._connection = connection

    def __enter__(self) -> "Answer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.release()


class Connections:
    """Sends requests over the connections of an aiohttp connector; used within one event loop.

    aiohttp's own session would build a request and a response object for all that HTTP can do,
    which takes more time than everything else about a picture of 20 kB together. Connecting, TLS,
    the pool and the parser are aiohttp's here as well.

    Parameters
    ----------
    connector
        Closed by `close`.
    fields
        Header fields of every request, in ASCII.
    connect_timeout
        Seconds to connect to a server, over all of its addresses together.
    """

    def __init__(
        self,
        connector: aiohttp.TCPConnector,
        *,
        fields: Mapping[str, str],
        connect_timeout: float,
    ) -> None:
        self._connector = connector
        self._fields = _lines(fields)
        self._timeout = aiohttp.ClientTimeout(sock_connect=connect_timeout)
        self._origins: dict[tuple[str, str | None, int | None], aiohttp.ClientRequest] = {}
        self._used: WeakSet[ResponseHandler] = WeakSet()

    async def close(self) -> None:
        """Close all connections."""
        await self._connector.close()

    async def get(self, url: URL, fields: Mapping[str, str]) -> Answer:
        """Ask for a URL, with header fields of this request, and wait for the answer to begin.

        A server may close a kept-alive connection at the moment in which we use it: such a request
        is sent once more at once, as RFC 9112, section 9.3.1, has it.

        Raises
        ------
        aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError
            If there is no answer, or none that is HTTP.
        """
        head = f"GET {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n"
        request = f"{head}{self._fields}{_lines(fields)}\r\n".encode("ascii")
        while True:
            connection = await self._connect(url)
            protocol = connection.protocol
            is_used = protocol in self._used
            try:
                return await self._exchange(connection, request)
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                connection.close()
                if not is_used:
                    raise
            except BaseException:
                connection.close()
                raise

    async def _exchange(self, connection: "Connection", request: bytes) -> Answer:
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            raise aiohttp.ServerDisconnectedError
        self._used.add(protocol)
        protocol.set_response_params(read_until_eof=True, auto_decompress=False)
        transport.write(request)
        while True:
            message, content = await protocol.read()
            if message.code >= 200:
                return Answer(message.code, message.headers, content, connection)

    async def _connect(self, url: URL) -> "Connection":
        key = url.scheme, url.raw_host, url.port
        origin = self._origins.get(key)
        if origin is None:
            if len(self._origins) == _MOST_ORIGINS:
                self._origins.clear()
            # Tells the connector where to connect to, and how.
            loop = asyncio.get_running_loop()
            origin = aiohttp.ClientRequest("GET", url.origin(), loop=loop, ssl=True)
            self._origins[key] = origin
        try:
            return await self._connector.connect(origin, traces=[], timeout=self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error


def _lines(fields: Mapping[str, str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
