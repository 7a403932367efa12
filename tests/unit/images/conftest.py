"""Pictures to decode, and a web server on loopback that can misbehave in every way."""

import io
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image


def _saved(image, format_name, **options):
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def saved():
    """Encode with Pillow itself, and any of its options."""
    return _saved


@pytest.fixture(scope="session")
def quadrants():
    """48 x 32 pixels: red, green / blue, white quarters."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24] = (220, 30, 30)
    pixels[:16, 24:] = (30, 200, 30)
    pixels[16:, :24] = (30, 30, 210)
    pixels[16:, 24:] = (255, 255, 255)
    return Image.fromarray(pixels)


@pytest.fixture(scope="session")
def jpeg(quadrants):
    return _saved(quadrants, "JPEG", quality=92)


@pytest.fixture(scope="session")
def png(quadrants):
    return _saved(quadrants, "PNG")


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]


Answer = Callable[[Request], Iterable[bytes]]


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
            except OSError:
                return  # the client had enough
            if self.server.site.closing.is_set():
                return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128


@pytest.fixture
def site() -> Iterator[Site]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.site = Site(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.site
    server.site.shut()
    thread.join()
