"""A web server on loopback that answers from memory, in a process of its own.

It costs the machine as little as a server in Python can: one asyncio protocol, no parsing beyond
the path, one write per answer. It serves the files of a folder, or bodies of one size: then every
path has a body of its own, so that nothing is equal.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np

__all__ = ["serving"]


Answer: TypeAlias = Callable[[bytes], tuple[bytes, ...]]
"""What a path ends in -> head and body."""


class _Answers(asyncio.Protocol):
    """Answers each request on a connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._unread = (self._unread + data).split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1]
            self._transport.write(b"".join(self._answer(path.rpartition(b"/")[2])))


def _head(body_bytes: int) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {body_bytes}\r\n"
        'ETag: "1"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n'
    ).encode()


def _of_one_size(body_bytes: int) -> Answer:
    head, tail = _head(body_bytes), np.random.default_rng(0).bytes(body_bytes - 16)
    return lambda name: (head, name.rjust(16, b"."), tail)


def _of_folder(folder: Path) -> Answer:
    bodies = {path.name.encode(): path.read_bytes() for path in folder.iterdir()}
    return lambda name: (_head(len(bodies[name])), bodies[name])


async def _serve(source: str) -> None:
    answer = _of_one_size(int(source)) if source.isdecimal() else _of_folder(Path(source))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answers(answer), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The process that started this one holds the other end: when it ends, so does this.
    await loop.run_in_executor(None, sys.stdin.read)


@contextlib.contextmanager
def serving(source: int | Path) -> Iterator[str]:
    """Serve the files of a folder, or bodies of that many bytes; yield ``host:port``.

    Paths end in ``/NAME``. Where bodies are made, names are all different and have at most 16
    characters: the body begins with its name.
    """
    child = subprocess.Popen(
        [sys.executable, "-P", __file__, str(source)],
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
    asyncio.run(_serve(sys.argv[1]))
