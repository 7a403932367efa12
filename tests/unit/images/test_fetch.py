"""Servers may do what they like: a body within its limits comes back, or the reason why not."""

import asyncio
import socket

import pytest
from fetching import LIMITS, PATIENT, failure, fetch
from sightline import __version__
from sightline.images.address import OpenHosts
from sightline.images.fetch import Downloader
from sightline.images.limits import Limits
from sightline.images.outcome import Outcome


def test_body_and_validators_come_back(site):
    url = site.serve("/a", b"body", etag='"1"', last_modified="Mon, 01 Jan 2024 00:00:00 GMT")
    response = fetch(url, open_hosts=[site.host])
    assert response.body == b"body"
    assert response.etag == '"1"'
    assert response.last_modified == "Mon, 01 Jan 2024 00:00:00 GMT"


def test_requests_say_who_asks_and_want_no_compression(site):
    fetch(site.serve("/a", b"body"), open_hosts=["127.0.0.1"])
    headers = site.requests[0].headers
    assert headers["user-agent"].startswith(f"sightline/{__version__} (")
    assert headers["host"] == site.host
    assert headers["accept-encoding"] == "identity"
    assert "cookie" not in headers


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Outcome.NOT_FOUND),
        (410, Outcome.NOT_FOUND),
        (403, Outcome.HTTP_ERROR),
        (204, Outcome.HTTP_ERROR),
        (206, Outcome.HTTP_ERROR),
        (304, Outcome.HTTP_ERROR),
        (501, Outcome.HTTP_ERROR),
        (505, Outcome.HTTP_ERROR),
    ],
)
def test_status_decides_the_outcome_and_is_not_asked_twice(status, outcome, site):
    error = failure(site.serve("/a", status=status), open_hosts=[site.host])
    assert error.outcome is outcome
    assert f"HTTP {status}" in error.detail
    assert len(site.requests) == 1


@pytest.mark.parametrize("status", [500, 503, 429, 408, 425, 502, 504, 522])
def test_passing_server_error_is_asked_again(status, site):
    site.serve_with(
        "/a", lambda _: site.answer(b"x") if len(site.requests) > 1 else site.answer(status=status)
    )
    assert fetch(site.url("/a"), open_hosts=[site.host]).body == b"x"
    assert len(site.requests) == 2


def test_lasting_server_error_is_told_after_all_attempts(site):
    error = failure(site.serve("/a", status=500), open_hosts=[site.host])
    assert (error.outcome, error.detail) == (Outcome.HTTP_ERROR, "HTTP 500")
    assert len(site.requests) == 3


def test_redirects_share_one_time_limit(site):
    def slow(request):
        site.closing.wait(0.2)
        return site.answer(status=302, location=f"/{int(request.path[1:]) + 1}")

    for number in range(5):
        site.serve_with(f"/{number}", slow)
    assert failure(site.url("/0"), open_hosts=[site.host], limits=LIMITS).outcome is Outcome.TIMEOUT
    assert len(site.requests) == 2


def test_hanging_server_times_out(site):
    error = failure(site.hang("/a"), open_hosts=[site.host], limits=LIMITS)
    assert (error.outcome, error.detail) == (Outcome.TIMEOUT, "no complete answer in 0.3 s")
    assert len(site.requests) == 1


def test_body_that_drips_without_end_times_out(site):
    def drip(_):
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while not site.closing.wait(0.02):
            yield b"x"

    error = failure(site.serve_with("/a", drip), open_hosts=[site.host], limits=LIMITS)
    assert error.outcome is Outcome.TIMEOUT


def test_endless_body_is_cut_at_the_cap(site):
    def endless(_):
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while not site.closing.is_set():
            yield bytes(50_000)

    error = failure(site.serve_with("/a", endless), open_hosts=[site.host])
    assert (error.outcome, error.detail) == (Outcome.TOO_LARGE, "more than 0.1 MB")


def test_announced_size_over_the_cap_is_refused_before_the_body(site):
    url = site.serve("/a", b"short", content_length="12100000")
    error = failure(url, open_hosts=[site.host])
    assert (error.outcome, error.detail) == (Outcome.TOO_LARGE, "12.1 MB > 0.1 MB")


def test_closed_port_is_unreachable(site):
    url = site.url("/a")
    site.shut()
    assert failure(url, open_hosts=[site.host]).outcome is Outcome.UNREACHABLE


def test_unknown_host_name_is_unreachable():
    error = failure("http://no-such-host.invalid/a.jpg")
    assert error.outcome is Outcome.UNREACHABLE
    assert "no-such-host.invalid" in error.detail


@pytest.mark.parametrize(
    "url", ["http://", "http://:80/a", "http://[::1/a", "http://host:99999/a", "http://a b/c",
            "http://" + "a" * 300 + ".com/", "http://\ud800/"]
)  # fmt: skip
def test_url_that_is_none_is_unreachable(url):
    assert failure(url).outcome is Outcome.UNREACHABLE


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/a.jpg", "data:image/png;base64,AAAA", "gopher://h/"]
)
def test_other_schemes_are_refused(url):
    assert failure(url).outcome is Outcome.REFUSED


def test_credentials_in_the_url_are_refused_and_not_repeated(site):
    error = failure(f"http://me:secret@{site.host}/a", open_hosts=[site.host])
    assert error.outcome is Outcome.REFUSED
    assert "secret" not in str(error)
    assert not site.requests


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1",
     "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "0",
     "[::]", "127.0.0.1.", "①②⑦.0.0.1", "017700000001", "0x7f.1", "LOCALHOST",
     "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "\uff11\uff12\uff17.0.0.1",
     "127\u30020\u30020\u30021", "[fe80::1%25lo]", "127.0.0.1\t", "127.00000.0.1"],
)  # fmt: skip
def test_loopback_is_refused_in_every_spelling(host, site):
    site.serve("/a", b"secret")
    error = failure(f"http://{host}:{site.port}/a")
    assert error.outcome is Outcome.REFUSED
    assert not site.requests


@pytest.mark.parametrize("host", ["127.0.0.1%2e", "[::ffff:0x7f.1]", "[127.0.0.1]", "127.0.0.1%00"])
def test_spelling_that_is_no_address_leads_nowhere(host, site):
    site.serve("/a", b"secret")
    assert failure(f"http://{host}:{site.port}/a").outcome is Outcome.UNREACHABLE
    assert not site.requests


def test_naming_a_host_opens_it_in_that_spelling_only(site):
    site.serve("/a", b"body")
    assert fetch(f"http://localhost:{site.port}/a", open_hosts=["localhost"]).body == b"body"
    assert failure(site.url("/a"), open_hosts=["localhost"]).outcome is Outcome.REFUSED


def test_redirects_are_followed(site):
    site.serve("/a", status=302, location="/b?c=d")
    site.serve("/b?c=d", status=308, location=site.url("/e"))
    site.serve("/e", b"body", etag='"of-another-url"')
    response = fetch(site.url("/a"), open_hosts=[site.host])
    assert response.body == b"body"
    assert response.etag == ""


def test_redirect_loop_ends(site):
    error = failure(site.serve("/a", status=301, location="/a"), open_hosts=[site.host])
    assert (error.outcome, error.detail) == (Outcome.UNREACHABLE, "more than 5 redirects")
    assert len(site.requests) == 6


@pytest.mark.parametrize("target", ["http://localhost:{port}/b", "http://[::1]:{port}/b"])
def test_open_host_cannot_redirect_to_a_private_one(target, site):
    site.serve("/a", status=302, location=target.format(port=site.port))
    site.serve("/b", b"secret")
    assert failure(site.url("/a"), open_hosts=[site.host]).outcome is Outcome.REFUSED
    assert [request.path for request in site.requests] == ["/a"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://u:p@127.0.0.1/", "//user@host/"])
def test_redirect_target_is_checked_like_a_url(target, site):
    site.serve("/a", status=302, location=target)
    assert failure(site.url("/a"), open_hosts=["127.0.0.1"]).outcome is Outcome.REFUSED


def test_name_that_resolves_differently_the_second_time_does_not_get_past_the_check(
    site, monkeypatch
):
    """The address that is checked is the one connected to, whatever the name was before."""
    answers = ["93.184.215.14", "127.0.0.1"]
    connected = []

    def resolve(host, port, *_, **__):
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async def connect(loop, sock, address):
        connected.append(address[0])
        loop.call_soon(sock.close)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", connect)
    url = f"http://rebinding.example:{site.port}/a"
    limits = Limits(retry_delays=())
    assert failure(url, limits=limits).outcome is Outcome.UNREACHABLE
    assert connected == ["93.184.215.14"]
    error = failure(url, limits=limits)
    assert error.outcome is Outcome.REFUSED
    assert "127.0.0.1" in error.detail
    assert connected == ["93.184.215.14"]


def test_validators_make_the_request_conditional(site):
    url = site.serve_with(
        "/a",
        lambda request: (
            site.answer(status=304)
            if request.headers.get("if-none-match") == '"1"'
            else site.answer(b"new", etag='"2"')
        ),
    )

    async def run(etag):
        async with Downloader(PATIENT, OpenHosts([site.host])) as downloader:
            return await downloader.revalidate(url, etag=etag, last_modified="")

    assert asyncio.run(run('"1"')) is None
    assert asyncio.run(run('"0"')).body == b"new"
    assert "if-modified-since" not in site.requests[0].headers
