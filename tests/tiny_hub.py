"""A real HTTP server on loopback that speaks the parts of the Hugging Face hub that are used."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Repo:
    """A repository: files by revision, and who may read it."""

    revisions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    licence: str | None = None
    gated: bool = False
    converter: str | None = "SFconvertbot"
    """Author of the pull requests among the revisions."""

    def commit(self, revision: str) -> str | None:
        """The commit of a branch, of a tag, or of itself."""
        commits = {name: _commit(files) for name, files in self.revisions.items()}
        return commits.get(revision) or (revision if revision in commits.values() else None)

    def files(self, revision: str) -> dict[str, bytes]:
        commit = self.commit(revision)
        return next(files for files in self.revisions.values() if _commit(files) == commit)


class TinyHub:
    """What the server serves, and what it was asked for."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.asked: list[str] = []
        """Method and path of every request."""
        self.cut_off: dict[str, int] = {}
        """File to the bytes after which the connection is dropped, once."""
        self.is_down = False
        """Whether all requests end in a status of 503."""
        self.address = ""

    def add(self, name: str, folder: Path, revision: str = "main", **about: object) -> Repo:
        """Serve the files of a folder."""
        repo = self.repos.setdefault(name, Repo())
        for key, value in about.items():
            setattr(repo, key, value)
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        repo.revisions[revision] = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in paths
        }
        return repo

    def downloads(self) -> list[str]:
        """Names of the files whose content was asked for."""
        found = (re.search(r"GET .*/resolve/[^/]+/(.+)", line) for line in self.asked)
        return [unquote(match[1]) for match in found if match]


@contextmanager
def serving() -> Iterator[TinyHub]:
    hub = TinyHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: TinyHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        self.hub.asked.append(f"{self.command} {path}")
        if self.hub.is_down:
            self._send(503, b"down")
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/.*)?", path):
            self._about(found[1], (found[2] or "").strip("/").split("/"))
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(found[1], unquote(found[2]), unquote(found[3]))
        else:
            self._send(404, b"")

    def _about(self, name: str, rest: list[str]) -> None:
        repo = self.hub.repos.get(name)
        if repo is None:
            # What the hub answers those who are not logged in, so as not to tell private from none.
            self._send(401, b'{"error": "Invalid username or password."}', {
                "X-Error-Code": "RepoNotFound",
            })  # fmt: skip
            return
        kind, revision = rest[0], unquote(rest[1]) if len(rest) > 1 else "main"
        if kind == "discussions":
            self._json(self._discussions(name, repo))
        elif repo.commit(revision) is None:
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif kind == "tree":
            files = repo.files(revision).items()
            self._json([
                {"type": "file", "path": path, "size": len(content), "oid": _etag(content)}
                for path, content in files
            ])  # fmt: skip
        else:
            about = {
                "id": name,
                "sha": repo.commit(revision),
                "private": False,
                "gated": "auto" if repo.gated else False,
                "tags": [],
                "siblings": [{"rfilename": path} for path in repo.files(revision)],
            }
            if repo.licence:
                about["cardData"] = {"license": repo.licence}
            self._json(about)

    def _discussions(self, name: str, repo: Repo) -> dict[str, object]:
        numbers = [re.fullmatch(r"refs/pr/(\d+)", revision) for revision in repo.revisions]
        offered = [
            {
                "num": int(number[1]),
                "title": "Adding `safetensors` variant of this model",
                "author": {"name": repo.converter},
                "repo": {"name": name, "type": "model"},
                "isPullRequest": True,
                "status": "open",
                "createdAt": "2023-03-17T00:00:00.000Z",
            }
            for number in numbers
            if number
        ]
        return {"count": len(offered), "start": 0, "discussions": offered}

    def _file(self, name: str, revision: str, path: str) -> None:
        repo = self.hub.repos[name]
        if repo.gated and self.headers.get("Authorization") != "Bearer hf_accepted":
            status = 403 if self.headers.get("Authorization") else 401
            self._send(status, b"", {"X-Error-Code": "GatedRepo"})
            return
        content = repo.files(revision)[path]
        start = 0
        if asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(asked[1])
        about = {
            "ETag": f'"{_etag(content)}"',
            "X-Repo-Commit": repo.commit(revision),
            "Accept-Ranges": "bytes",
        }
        if start:
            about["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.hub.cut_off.pop(path, None) if self.command == "GET" else None
        self._send(206 if start else 200, content[start:], about, cut=cut)

    def _json(self, document: object) -> None:
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _send(
        self,
        status: int,
        content: bytes,
        headers: dict[str, str] | None = None,
        cut: int | None = None,
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")  # a kept one would outlive the server
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:cut])


def _etag(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _commit(files: dict[str, bytes]) -> str:
    return _etag(repr(sorted((path, _etag(content)) for path, content in files.items())).encode())
