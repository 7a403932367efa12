"""Servers may do what they like: a body within its limits comes back, or the reason why not."""

import asyncio
import gzip
import socket
import threading

import pytest
from loopback_site import HangUpError
from sightline import __version__
from sightline.images.address import OpenHosts
from sightline.images.fetch import Downloader
from sightline.images.limits import Limits
from sightline.images.outcome import Outcome, PictureError

LIMITS = Limits(max_bytes=100_000, total_timeout=0.3, retry_delays=(0.0, 0.0))
PATIENT = Limits(max_bytes=100_000, total_timeout=10.0, retry_delays=(0.0, 0.0))


def fetch(url, *, open_hosts=(), limits=PATIENT):
    async def run():
        async with Downloader(limits, OpenHosts(open_hosts)) as downloader:
            return await downloader.fetch(url)

    return asyncio.run(run())


def fetch_in_turn(urls, *, open_hosts, limits=PATIENT):
    """Fetch one after the other; return the bodies, and of what failed the error."""

    async def run():
        async with Downloader(limits, OpenHosts(open_hosts)) as downloader:
            return [await one(downloader, url) for url in urls]

    async def one(downloader, url):
        try:
            return (await downloader.fetch(url)).body
        except PictureError as error:
            return error

    return asyncio.run(run())


def failure(url, **options):
    with pytest.raises(PictureError) as caught:
        fetch(url, **options)
    return caught.value


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


def busy_once(site, path, **headers):
    def respond(_):
        if len(site.asked(path)) > 1:
            return site.answer(b"x")
        return site.answer(status=429, **headers)

    return site.serve_with(path, respond)


def test_busy_host_is_not_asked_for_anything_until_its_time_has_come(site):
    urls = [busy_once(site, "/a", retry_after="1"), site.serve("/b", b"y")]

    async def run():
        async with Downloader(PATIENT, OpenHosts([site.host])) as downloader:
            first = asyncio.create_task(downloader.fetch(urls[0]))
            while not site.requests:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            return await asyncio.gather(first, downloader.fetch(urls[1]))

    assert [response.body for response in asyncio.run(run())] == [b"x", b"y"]
    first, *later = site.requests
    assert sorted(request.path for request in later) == ["/a", "/b"]
    assert all(request.time - first.time >= 0.95 for request in later)


def test_host_that_wants_to_be_left_alone_for_an_hour_is_and_others_are_asked(site, other_site):
    urls = [site.serve("/a", status=503, retry_after="3600"), site.serve("/b", b"y")]
    urls.append(other_site.serve("/c", b"z"))
    first, second, third = fetch_in_turn(urls, open_hosts=[site.host, other_site.host])
    assert first.outcome is second.outcome is Outcome.HTTP_ERROR
    assert "HTTP 503" in second.detail
    assert third == b"z"
    assert len(site.requests) == 1


def test_host_that_is_always_busy_is_given_up(site):
    urls = [site.serve(f"/{number}", status=429, retry_after="0") for number in range(40)]
    errors = fetch_in_turn(urls, open_hosts=[site.host])
    assert {error.outcome for error in errors} == {Outcome.HTTP_ERROR}
    assert len(site.requests) == 16 * 3


def test_redirect_target_that_is_dead_is_given_up_and_the_host_before_it_is_not(site, other_site):
    dead = other_site.reset("/dead")
    urls = [site.serve(f"/{n}", status=302, location=dead) for n in range(20)]
    urls.append(site.serve("/good", b"body"))
    limits = Limits(retry_delays=())
    *errors, good = fetch_in_turn(urls, open_hosts=[site.host, other_site.host], limits=limits)
    assert {error.outcome for error in errors} == {Outcome.UNREACHABLE}
    assert "given up" in errors[-1].detail
    assert good == b"body"
    assert len(other_site.requests) == 16


def test_time_is_held_against_the_host_that_took_it(site, other_site):
    hanging = other_site.hang("/hang")
    urls = [site.serve(f"/{n}", status=302, location=hanging) for n in range(17)]
    limits = Limits(total_timeout=0.05, retry_delays=())
    errors = fetch_in_turn(urls, open_hosts=[site.host, other_site.host], limits=limits)
    assert [str(error.outcome) for error in errors] == ["timeout"] * 16 + ["unreachable"]


def test_redirects_share_one_time_limit(site):
    def slow(request):
        site.closing.wait(0.2)
        return site.answer(status=302, location=f"/{int(request.path[1:]) + 1}")

    for number in range(5):
        site.serve_with(f"/{number}", slow)
    assert failure(site.url("/0"), open_hosts=[site.host], limits=LIMITS).outcome is Outcome.TIMEOUT
    assert len(site.requests) == 2


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


def test_proxy_of_the_environment_is_not_used(site, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert fetch(site.serve("/a", b"body"), open_hosts=[site.host]).body == b"body"
