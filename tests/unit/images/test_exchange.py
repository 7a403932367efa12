"""What is sent and what comes back over a connection: kept alive, in TLS, in chunks, in garbage."""

import gzip
import os
import shutil
import ssl
import subprocess
import sys
import threading

import pytest
from fetching import LIMITS, PATIENT, failure, fetch, fetch_in_turn
from loopback_site import HangUpError
from sightline.images.limits import Limits
from sightline.images.outcome import Outcome


def hangs_up_at_first(site, path):
    def respond(_):
        if len(site.asked(path)) == 1:
            raise HangUpError
        return site.answer(b"body")

    return site.serve_with(path, respond)


def test_connection_that_was_closed_while_it_was_kept_alive_costs_no_attempt(site):
    """As a server does that closes it just when we ask again."""
    urls = [site.serve("/a", b"first"), hangs_up_at_first(site, "/b")]
    limits = Limits(retry_delays=())
    assert fetch_in_turn(urls, open_hosts=[site.host], limits=limits) == [b"first", b"body"]
    assert len(site.asked("/b")) == 2


def test_new_connection_that_is_closed_is_a_failed_attempt(site):
    url = hangs_up_at_first(site, "/b")
    (error,) = fetch_in_turn([url], open_hosts=[site.host], limits=Limits(retry_delays=()))
    assert (error.outcome, error.transient) == (Outcome.UNREACHABLE, True)
    assert len(site.requests) == 1


def test_one_connection_serves_many_requests(site):
    peers = set()
    handle = site.respond

    def respond(request):
        peers.add(threading.get_ident())  # the server has a thread for each connection
        return handle(request)

    site.respond = respond
    urls = [site.serve(f"/{number}", b"body") for number in range(8)]
    urls.insert(4, site.url("/404"))
    bodies = fetch_in_turn(urls, open_hosts=[site.host])
    assert bodies.count(b"body") == 8
    assert len(peers) == 1


def test_early_hints_are_not_the_answer(site):
    def respond(_):
        yield b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        yield from site.answer(b"body")

    assert fetch(site.serve_with("/a", respond), open_hosts=[site.host]).body == b"body"


def test_body_in_chunks_is_put_together(site):
    def respond(_):
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        yield from (b"%x\r\n%s\r\n" % (len(part), part) for part in (b"one", b"two" * 30_000))
        yield b"0\r\n\r\n"

    body = fetch(site.serve_with("/a", respond), open_hosts=[site.host]).body
    assert body == b"one" + b"two" * 30_000


def test_compressed_body_is_not_unpacked(site):
    """Whatever it says and however small it is on the wire: it is no picture then."""
    bomb = gzip.compress(bytes(10_000_000))
    url = site.serve("/a", bomb, content_encoding="gzip")
    assert fetch(url, open_hosts=[site.host]).body == bomb


@pytest.mark.parametrize("line", [b"X: " + b"x" * 100 + b"\r\n", b"X: " + b"x" * 60_000])
def test_header_without_end_is_cut_off(line, site):
    def flood(_):
        yield b"HTTP/1.1 200 OK\r\n"
        while not site.closing.is_set():
            yield line * 10

    error = failure(site.serve_with("/a", flood), open_hosts=[site.host])
    assert error.outcome is Outcome.UNREACHABLE
    assert "not an HTTP answer" in error.detail


def test_hints_without_end_time_out(site):
    def flood(_):
        while not site.closing.is_set():
            yield b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100

    error = failure(site.serve_with("/a", flood), open_hosts=[site.host], limits=LIMITS)
    assert error.outcome is Outcome.TIMEOUT


def test_body_shorter_than_announced_is_truncated(site):
    url = site.serve("/a", b"short", content_length="5000", connection="close")
    assert failure(url, open_hosts=[site.host]).outcome is Outcome.TRUNCATED
    assert len(site.requests) == 3


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\0\xff garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 20_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    ],
)
def test_what_is_not_http_is_a_counted_failure(garbage, site):
    def respond(_):
        yield garbage
        yield b"\r\nconnection: close"

    error = failure(site.serve_with("/a", respond), open_hosts=[site.host], limits=PATIENT)
    assert error.outcome in {Outcome.UNREACHABLE, Outcome.TRUNCATED}


def test_proxy_of_the_environment_is_not_used(site, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert fetch(site.serve("/a", b"body"), open_hosts=[site.host]).body == b"body"


@pytest.fixture
def certificate(tmp_path):
    """Of localhost, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    path = tmp_path / "localhost.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=DNS:localhost -keyout {path} -out {tmp_path / 'cert.pem'}"
    subprocess.run(command.split(), check=True, capture_output=True)
    path.write_text(path.read_text() + (tmp_path / "cert.pem").read_text())
    return path


@pytest.fixture
def secure_port(certificate, site):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    return site.port


def test_server_whose_certificate_is_not_trusted_is_not_asked(secure_port, site):
    site.serve("/a", b"body")
    error = failure(f"https://localhost:{secure_port}/a", open_hosts=["localhost"])
    assert error.outcome is Outcome.UNREACHABLE
    assert "certificate" in error.detail.lower()
    assert not site.requests


@pytest.mark.parametrize(("host", "ended"), [("localhost", "body"), ("127.0.0.1", "unreachable")])
def test_certificate_must_be_trusted_and_of_that_name(host, ended, secure_port, certificate, site):
    site.serve("/a", b"body")
    script = f"""
import asyncio
from sightline.images.address import OpenHosts
from sightline.images.fetch import Downloader
from sightline.images.limits import Limits
from sightline.images.outcome import PictureError
async def main():
    async with Downloader(Limits(retry_delays=()), OpenHosts([{host!r}])) as downloader:
        for _ in range(2):
            try:
                print((await downloader.fetch("https://{host}:{secure_port}/a")).body.decode())
            except PictureError as error:
                print(error.outcome)
asyncio.run(main())
"""
    trusting = {**os.environ, "SSL_CERT_FILE": str(certificate)}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=trusting, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == [ended] * 2
