"""A web server on loopback that answers from memory, in a process of its own.

It costs the machine as little as a server in Python can: one asyncio protocol, no parsing beyond
the path, one write per answer. Every path has a body of its own, so that nothing is equal.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np

__all__ = ["serving"]


class _Answers(asyncio.Protocol):
    """Answers each request on a connection with the body whose number its path ends in."""

    def __init__(self, head: bytes, tail: bytes) -> None:
        self._head = head
        self._tail = tail
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._unread = (self._unread + data).split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1]
            name = path.rpartition(b"/")[2].rjust(16, b".")
            self._transport.write(b"".join((self._head, name, self._tail)))


async def _serve(body_bytes: int) -> None:
    tail = np.random.default_rng(0).bytes(body_bytes - 16)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {body_bytes}\r\n"
        'ETag: "1"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n'
    ).encode()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answers(head, tail), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The process that started this one holds the other end: when it ends, so does this.
    await loop.run_in_executor(None, sys.stdin.read)


@contextlib.contextmanager
def serving(body_bytes: int) -> Iterator[str]:
    """Serve bodies of this many bytes; yield ``host:port``. Paths end in ``/NAME``, all different.

    A name has at most 16 characters: the body begins with it.
    """
    child = subprocess.Popen(
        [sys.executable, "-P", __file__, str(body_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        yield f"127.0.0.1:{int(child.stdout.readline())}"
    finally:
        child.communicate()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
