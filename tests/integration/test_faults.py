"""Catalogues of pictures on a server that misbehaves in every way: builds end, and lose nothing."""

import functools
import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import polars as pl
import pytest
from loopback_site import ResetError, serving
from sightline import Client, pictures
from sightline.images.codec import encode
from sightline.images.limits import Limits
from small_shop import draw

YAML = """\
model: {name: shop}
connectors: [{id: source, type: file, path: items.csv}]
fetch: {items: SELECT * FROM source}
"""
GOOD = 12
# What everybody's limits do within 20 s and more than a minute, in half a second.
SHORT = Limits(max_bytes=1_000_000, total_timeout=0.5, retry_delays=(0.05, 0.1))
LONGEST_BUILD = 30.0


def picture(number):
    return encode(draw((number % 250, 80, 160), number), "PNG")


@pytest.fixture
def site():
    with serving() as opened:
        yield opened


@pytest.fixture
def short_limits(monkeypatch):
    limited = functools.partial(pictures.load_pictures, limits=SHORT)
    monkeypatch.setattr(pictures, "load_pictures", limited)


def write_catalogue(folder, cells):
    names = [f"item-{number}" for number in range(len(cells))]
    table = {"item_id": names, "title": [f"Thing {name}" for name in names], "image": cells}
    pl.DataFrame(table).write_csv(folder / "items.csv")
    (folder / "model.yaml").write_text(YAML)
    return folder / "model.yaml"


def drip(site):
    def respond(_):
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while not site.closing.wait(0.05):
            yield b"x"

    return respond


def endless(site):
    def respond(_):
        yield b"HTTP/1.1 200 OK\r\n\r\n" + picture(0)
        while not site.closing.is_set():
            yield bytes(50_000)

    return respond


def header_flood(site):
    def respond(_):
        yield b"HTTP/1.1 200 OK\r\n"
        while not site.closing.is_set():
            yield b"X-Fill: " + b"x" * 1_000 + b"\r\n"

    return respond


def failing_first(site, path, **failure):
    def respond(_):
        first = len(site.asked(path)) == 1
        return site.answer(**failure) if first else site.answer(picture(101))

    return respond


def misbehave(site):
    """Serve one path for each fault, and return the outcome that each is to have, by cell."""

    def reset_in_the_body(_):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf"
        raise ResetError

    outcomes = {
        site.hang("/hang"): "timeout",
        site.serve_with("/drip", drip(site)): "timeout",
        site.reset("/reset"): "unreachable",
        site.serve_with("/reset-in-the-body", reset_in_the_body): "truncated",
        site.serve("/short", picture(100)[:-50], content_length="9000", connection="close"): (
            "truncated"
        ),
        site.serve("/cut-off", picture(100)[:-200]): "truncated",
        site.url("/404"): "not_found",
        site.serve("/gone", status=410): "not_found",
        site.serve("/forbidden", status=403): "http_error",
        site.serve("/broken", status=500): "http_error",
        site.serve_with("/busy", failing_first(site, "/busy", status=429, retry_after="1")): "ok",
        site.serve_with("/500-then-200", failing_first(site, "/500-then-200", status=500)): "ok",
        site.serve("/loop", status=302, location="/loop"): "unreachable",
        site.serve("/to-private", status=302, location=f"http://localhost:{site.port}/secret"): (
            "refused"
        ),
        site.serve("/to-metadata", status=302, location="http://169.254.169.254/latest"): (
            "refused"
        ),
        site.serve("/to-file", status=302, location="file:///etc/passwd"): "refused",
        f"http://2130706433:{site.port}/secret": "refused",
        site.serve("/html", b"<!doctype html><title>Sorry"): "not_an_image",
        site.serve("/bomb", gzip.compress(bytes(50_000_000)), content_encoding="gzip"): (
            "not_an_image"
        ),
        site.serve("/announced", b"", content_length="9000000000"): "too_large",
        site.serve_with("/endless", endless(site)): "too_large",
        site.serve_with("/header-flood", header_flood(site)): "unreachable",
        site.serve_with("/garbage", lambda _: [b"\0\xff\r\n\r\nconnection: close"]): "unreachable",
    }
    site.serve("/secret", picture(102))
    return outcomes


def test_every_fault_is_counted_under_its_reason_and_a_rerun_asks_for_what_failed(
    tmp_path, site, short_limits
):
    faults = misbehave(site)
    good = [site.serve(f"/good-{number}", picture(number)) for number in range(GOOD)]
    # Between the good ones: none of them may take another one down.
    cells = [cell for pair in zip(faults, good * 2, strict=False) for cell in pair]
    client = Client(tmp_path / "home", allow_hosts=[site.host])

    started = time.monotonic()
    view = client.create_model(write_catalogue(tmp_path, cells))
    assert time.monotonic() - started < LONGEST_BUILD

    outcomes = [faults.get(cell, "ok") for cell in cells]
    coverage = view["coverage"]["columns"]["image"]
    assert coverage["ok"] == outcomes.count("ok")
    counts = {reason: entry["count"] for reason, entry in coverage["reasons"].items()}
    assert counts == {reason: outcomes.count(reason) for reason in set(outcomes) - {"ok"}}
    assert not site.asked("/secret")

    before = len(site.requests)
    site.serve("/hang", picture(200))
    view = client.update_model("shop")
    asked_again = {request.path for request in site.requests[before:]}
    had = {"/busy", "/500-then-200", "/html", "/bomb", "/cut-off"}
    assert asked_again == {
        cell.removeprefix(f"http://{site.host}")
        for cell in faults
        if cell.startswith(f"http://{site.host}")
    } - {*had}
    assert view["coverage"]["columns"]["image"]["ok"] == outcomes.count("ok") + 1


def test_name_that_resolves_to_another_address_the_second_time_is_refused(
    tmp_path, site, monkeypatch
):
    """The first build is led to a public address, the second one by the same name to loopback."""
    address = ["93.184.215.14"]
    connected = []

    def resolve(host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address[0], port))]

    async def connect(loop, sock, to):
        connected.append(to[0])
        sock.setblocking(True)
        sock.connect(("127.0.0.1", site.port))  # as if that were the public address
        sock.setblocking(False)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr("asyncio.selector_events.BaseSelectorEventLoop.sock_connect", connect)
    cells = []
    for name in ("/first", "/second"):
        site.serve(name, picture(len(name)), connection="close")
        cells.append(f"http://rebinding.example{name}")
    client = Client(tmp_path / "home")
    write_catalogue(tmp_path, cells[:1])
    view = client.create_model(tmp_path / "model.yaml")
    assert view["coverage"]["columns"]["image"]["ok"] == 1
    address[0] = "127.0.0.1"
    write_catalogue(tmp_path, cells)
    coverage = client.update_model("shop")["coverage"]["columns"]["image"]
    assert coverage["ok"] == 1
    assert coverage["reasons"]["refused"]["count"] == 1
    assert "127.0.0.1" in coverage["reasons"]["refused"]["examples"][0]
    assert connected == ["93.184.215.14"]
    assert not site.asked("/second")


class PacedSite:
    """Answers at once, but for two halts: at the first it waits for a while, at the second for us.

    What is computed is written to disk every few seconds, when a batch is full: the first halt is
    longer than that.
    """

    def __init__(self, site, paths, *, first_halt, seconds, second_halt):
        self.unanswered = set()
        self.go_on = threading.Event()
        self._started = time.monotonic()
        self._halts = {first_halt: seconds, second_halt: LONGEST_BUILD}
        for number, path in enumerate(paths):
            site.serve_with(path, functools.partial(self._answer, site, number))

    def _answer(self, site, number, request):
        asked = len(site.requests)
        self.unanswered.add(request.path)
        for halt, seconds in self._halts.items():
            if asked > halt:
                self.go_on.wait(max(0.0, self._started + seconds - time.monotonic()))
        yield from site.answer(picture(number))
        self.unanswered.discard(request.path)


def hashes_on_disk(home):
    """Return the content hashes in every cache of what was computed, as often as they are there."""
    folders = (home / "cache" / "vectors").glob("*")
    return {
        folder.name: [
            row.tobytes() for path in sorted(folder.glob("*.npy")) for row in np.load(path)
        ]
        for folder in folders
    }


def test_kill_in_the_middle_and_a_rerun_download_and_encode_nothing_twice(tmp_path, site):
    """The process is killed when the vectors of two batches have just come to disk."""
    paths = [f"/{number}" for number in range(200)]
    paced = PacedSite(site, paths, first_halt=70, seconds=6.0, second_halt=150)
    yaml = write_catalogue(tmp_path, [site.url(path) for path in paths])
    home = tmp_path / "home"
    command = [sys.executable, "-m", "sightline", "create-model", "--file", str(yaml)]
    environment = {**os.environ, "SIGHTLINE_HOME": str(home)}
    process = subprocess.Popen(
        [*command, "--allow-hosts", site.host], env=environment, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + LONGEST_BUILD
    while not all(hashes := hashes_on_disk(home).values()) or not hashes:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    under_way = set(paced.unanswered)
    before = hashes_on_disk(home)
    assert all(len(rows) == 128 for rows in before.values())

    paced.go_on.set()
    view = Client(home, allow_hosts=[site.host]).create_model(yaml)
    assert view["counts"]["items_with_picture"] == len(paths)
    asked = Counter(request.path for request in site.requests)
    assert {path for path, times in asked.items() if times > 1} <= under_way
    assert 0 < len(under_way) <= Limits().per_host
    after = hashes_on_disk(home)
    for name, rows in before.items():
        assert len(after[name]) == len(set(after[name])) == len(paths)
        assert set(rows) <= set(after[name])
