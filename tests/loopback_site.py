"""A web server on loopback that can misbehave in every way."""

import contextlib
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    time: float = field(default_factory=time.monotonic)


Answer = Callable[[Request], Iterable[bytes]]


class HangUpError(Exception):
    """An answer raises it to end the connection there."""


class ResetError(HangUpError):
    """As `HangUpError`, by a reset."""


@dataclass
class Site:
    """A server that answers each path as it is told to, and remembers what it was asked."""

    server: socketserver.TCPServer
    requests: list[Request] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    _answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def port(self):
        return self.server.server_address[1]

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @staticmethod
    def answer(body=b"", *, status=200, **headers):
        """Return a well-behaved answer; header names are written with underscores."""
        fields = {"content_length": str(len(body)), "content_type": "image/jpeg", **headers}
        lines = [f"HTTP/1.1 {status} Whatever"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        return ["\r\n".join(lines).encode() + b"\r\n\r\n" + body]

    def url(self, path):
        return f"http://{self.host}{path}"

    def serve(self, path, body=b"", **options):
        self.serve_with(path, lambda _: self.answer(body, **options))
        return self.url(path)

    def serve_with(self, path, respond):
        self._answers[path] = respond
        return self.url(path)

    def hang(self, path):
        def never(request):
            self.closing.wait(60)
            return []

        return self.serve_with(path, never)

    def reset(self, path):
        def refuse(request):
            raise ResetError

        return self.serve_with(path, refuse)

    def respond(self, request):
        self.requests.append(request)
        respond = self._answers.get(request.path, lambda _: self.answer(status=404))
        return respond(request)

    def shut(self):
        """Stop listening, so that connecting is refused."""
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def asked(self, path):
        return [request for request in self.requests if request.path == path]


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            path = line.split()[1].decode()
            headers = {}
            while header := self.rfile.readline().strip():
                name, _, value = header.decode().partition(":")
                headers[name.lower()] = value.strip()
            try:
                for part in self.server.site.respond(Request(path, headers)):
                    self.wfile.write(part)
                    if b"connection: close" in part.lower():
                        return
            except HangUpError as end:
                if isinstance(end, ResetError):
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.connection.close()
                return
            except OSError:
                return  # the client had enough
            if self.server.site.closing.is_set():
                return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.site = Site(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.site
    server.site.shut()
    thread.join()
