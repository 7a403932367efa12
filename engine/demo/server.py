"""A folder into a web server on loopback, for as long as a `with` block lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

_MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
}


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve the files of a folder over HTTP on 127.0.0.1, on a port the system picks.

    Answers GET and HEAD with HTTP/1.1 keep-alive and entity tags; 404 for whatever is not a file
    inside the folder, which is where `..` and links out of it end as well.

    Parameters
    ----------
    folder
        May be filled while it is served.

    Yields
    ------
    base_url
        Without a slash at the end: a file `a.jpg` is at f"{base_url}/a.jpg".
    """
    server = _FolderServer(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _FolderServer(ThreadingHTTPServer):
    # A client may hold its connection open; that must not hold up the end of the block.
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder.resolve()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet; in two, the second would wait for a delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _FolderServer

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""

    def _answer(self, *, with_body: bool) -> None:
        path = self._requested_file()
        if path is None:
            self._send(HTTPStatus.NOT_FOUND, b"not found\n", "text/plain", with_body=with_body)
            return
        status = path.stat()
        tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        if self.headers.get("If-None-Match") == tag:
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self.send_header("ETag", tag)
            self.end_headers()
            return
        media_type = _MEDIA_TYPES.get(path.suffix, "application/octet-stream")
        self._send(HTTPStatus.OK, path.read_bytes(), media_type, tag=tag, with_body=with_body)

    def _requested_file(self) -> Path | None:
        """Return the file inside the folder that the request is for."""
        relative = unquote(urlsplit(self.path).path).lstrip("/")
        try:
            path = (self.server.folder / relative).resolve()
            served = path.is_relative_to(self.server.folder) and path.is_file()
        except (OSError, ValueError):  # a name too long, a null byte: no such file can be
            return None
        return path if served else None

    def _send(
        self, status: HTTPStatus, body: bytes, media_type: str, *, with_body: bool, tag: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        if with_body:
            self.wfile.write(body)
