"""A real HTTP server on loopback that speaks as much of S3 as reading objects takes."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

CODES = {400: "KeyTooLongError", 403: "AccessDenied", 404: "NoSuchKey", 503: "ServiceUnavailable"}


@dataclass(frozen=True)
class Object:
    """What is stored under a key, and how it comes back."""

    body: bytes
    status: int = 200
    """Any other is answered with S3's document of an error."""
    announced: int | None = None
    """Bytes that an answer to GET promises; those of the body if not told."""
    known_size: int | None = None
    """Bytes that an answer to HEAD tells; those of the body if not told."""
    send: Callable[[], Iterable[bytes]] | None = None
    """Parts of the body when it is asked for, instead of the body."""


class TinyS3:
    """What the server stores, and what it was asked for."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        """By path: ``/bucket/key``."""
        self.asked: list[str] = []
        """Method and path of every request for an object or a bucket."""
        self.failures = 0
        """How many requests from now on end in a status of 503."""
        self.closing = threading.Event()
        self.address = ""

    def put(self, path: str, body: bytes = b"", **how: object) -> str:
        """Store an object and return its URL."""
        self.objects[f"/{path}"] = Object(body, **how)
        return f"s3://{path}"

    def hang(self) -> Iterator[bytes]:
        """Send nothing until the test is over."""
        self.closing.wait(60)
        yield b""


@contextmanager
def serving() -> Iterator[TinyS3]:
    store = TinyS3()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"store": store}))
    server.daemon_threads = True
    server.block_on_close = False
    store.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield store
    finally:
        store.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    store: TinyS3

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        self.store.asked.append(f"{self.command} {path}")
        stored = self.store.objects.get(path)
        if self.store.failures > 0:
            self.store.failures -= 1
            self._error(503)
        elif "list-type=2" in parts.query:
            self._xml(200, "<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>")
        elif stored is None:
            self._error(404)
        elif stored.status != 200:
            self._error(stored.status)
        else:
            self._object(stored)

    def _object(self, stored: Object) -> None:
        told = stored.known_size if self.command == "HEAD" else stored.announced
        self.send_response(200)
        self.send_header("Content-Length", str(len(stored.body) if told is None else told))
        self.send_header("ETag", f'"{hashlib.md5(stored.body).hexdigest()}"')
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            for part in [stored.body] if stored.send is None else stored.send():
                self.wfile.write(part)
                self.wfile.flush()
        except OSError:
            self.close_connection = True  # the client had enough
        if stored.announced is not None or stored.send is not None:
            self.close_connection = True

    def _error(self, status: int) -> None:
        self._xml(status, f"<Error><Code>{CODES[status]}</Code><Message>No.</Message></Error>")

    def _xml(self, status: int, document: str) -> None:
        body = f'<?xml version="1.0" encoding="UTF-8"?>{document}'.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
