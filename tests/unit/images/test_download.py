"""A URL is asked for no more than is needed, and what was fetched is kept."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from sightline.errors import StorageError
from sightline.images.address import OpenHosts
from sightline.images.cache import DAY, ImageCache
from sightline.images.download import CachedDownloads
from sightline.images.fetch import Downloader
from sightline.images.limits import Limits
from sightline.images.outcome import Outcome, PictureError
from sightline.images.picture import content_of

LIMITS = Limits(retry_delays=())
BODY = content_of(b"the bytes of a picture")


@pytest.fixture
def clock():
    return [1_700_000_000.0]


@pytest.fixture
def cache(tmp_path, clock):
    with ImageCache(tmp_path / "cache", now=lambda: clock[0]) as opened:
        yield opened


@pytest.fixture
def downloading(cache, site):
    """Run something with `CachedDownloads`."""

    def run(function):
        async def main():
            async with Downloader(LIMITS, OpenHosts([site.host])) as downloader:
                return await function(CachedDownloads(cache, downloader))

        return asyncio.run(main())

    return run


def evict(tmp_path):
    for segment in (tmp_path / "cache" / "bodies").iterdir():
        segment.unlink()


def test_thousand_bodies_are_fetched_once_each_and_found_again(downloading, cache, site):
    urls = [site.serve(f"/{number}", b"%d" % number) for number in range(1_000)]

    async def get_all(downloads):
        contents = []
        for start in range(0, len(urls), 8):
            some = urls[start : start + 8]
            contents += await asyncio.gather(*(downloads.get(url) for url in some))
        return [content.data for content in contents]

    expected = [b"%d" % number for number in range(1_000)]
    assert downloading(get_all) == expected
    cache.flush()
    assert downloading(get_all) == expected
    assert len(site.requests) == 1_000


def test_large_body_is_kept_like_a_small_one(downloading, cache, site):
    body = os.urandom(3_000_000)
    url = site.serve("/a", body)
    assert downloading(lambda downloads: downloads.get(url)).data == body
    assert cache.read(content_of(body).content_hash).data == body


@pytest.mark.parametrize("age", [0.0, DAY + 1])
def test_evicted_body_that_is_known_need_not_be_fetched(age, downloading, site, clock, tmp_path):
    def respond(request):
        if request.headers.get("if-none-match") == '"1"':
            return site.answer(status=304)
        return site.answer(BODY.data, etag='"1"')

    url = site.serve_with("/a", respond)
    downloading(lambda downloads: downloads.get(url))
    evict(tmp_path)
    clock[0] += age
    known = {BODY.content_hash: "known"}.get
    assert downloading(lambda downloads: downloads.recognise(url, known)) == "known"
    # Its age counts from the confirmation on.
    assert downloading(lambda downloads: downloads.recognise(url, known)) == "known"
    assert len(site.requests) == (1 if age == 0 else 2)


def test_evicted_body_that_is_wanted_is_fetched_again(downloading, site, tmp_path):
    url = site.serve("/a", BODY.data, etag='"1"')
    downloading(lambda downloads: downloads.get(url))
    evict(tmp_path)
    nothing = {}.get
    assert downloading(lambda downloads: downloads.recognise(url, nothing)) is None
    assert downloading(lambda downloads: downloads.get(url)) == BODY
    assert "if-none-match" not in site.requests[1].headers


def test_body_that_changed_is_not_taken_for_the_one_that_is_known(downloading, site, clock):
    url = site.serve("/a", BODY.data, etag='"1"')
    downloading(lambda downloads: downloads.get(url))
    clock[0] += DAY + 1
    site.serve("/a", b"another", etag='"2"')
    known = {BODY.content_hash: "known"}.get
    assert downloading(lambda downloads: downloads.recognise(url, known)) is None
    assert downloading(lambda downloads: downloads.get(url)).data == b"another"
    assert len(site.requests) == 2


def test_busy_server_does_not_take_the_cached_picture_away(downloading, site, clock):
    urls = [site.serve(path, BODY.data) for path in ("/a", "/b")]
    for url in urls:
        downloading(lambda downloads, url=url: downloads.get(url))
    clock[0] += DAY + 1
    for path in ("/a", "/b"):
        site.serve(path, status=429, retry_after="3600")

    async def both(downloads):
        return [await downloads.get(url) for url in urls]

    assert downloading(both) == [BODY, BODY]
    assert len(site.requests) == 3


def test_picture_that_is_gone_is_gone_though_its_content_is_known(downloading, site, clock):
    url = site.serve("/a", BODY.data)
    downloading(lambda downloads: downloads.get(url))
    clock[0] += DAY + 1
    site.serve("/a", status=410)
    with pytest.raises(PictureError) as error:
        downloading(lambda downloads: downloads.recognise(url, {BODY.content_hash: 1}.get))
    assert error.value.outcome is Outcome.NOT_FOUND


def test_index_that_cannot_be_written_ends_the_run(downloading, cache, site, monkeypatch):
    def fail():
        message = "no space left"
        raise StorageError(message)

    monkeypatch.setattr(cache, "flush", fail)
    urls = [site.serve(f"/{number}", b"%d" % number) for number in range(1_000)]

    async def get_all(downloads):
        for url in urls:
            await downloads.get(url)
            await asyncio.sleep(0.001)

    with pytest.raises(StorageError):
        downloading(get_all)
    assert len(site.requests) < 1_000
    monkeypatch.undo()


def test_kill_costs_only_what_was_under_way(site, tmp_path):
    """The process kills itself as soon as it has got a hundred of them."""
    urls = [site.serve(f"/{number}", b"%d" % number) for number in range(200)]
    script = f"""
        import asyncio, os, pathlib, signal
        from sightline.images.address import OpenHosts
        from sightline.images.cache import ImageCache
        from sightline.images.download import CachedDownloads
        from sightline.images.fetch import Downloader
        from sightline.images.limits import Limits
        urls, got = {urls!r}, []
        async def take_turns(downloads, turns):
            for url in turns:
                await downloads.get(url)
                got.append(url)
                if len(got) == 100:
                    print(*got, flush=True)
                    os.kill(os.getpid(), signal.SIGKILL)
        async def main():
            cache = ImageCache(pathlib.Path({str(tmp_path / "cache")!r}))
            async with Downloader(Limits(), OpenHosts([{site.host!r}])) as downloader:
                downloads, turns = CachedDownloads(cache, downloader), iter(urls)
                await asyncio.gather(*(take_turns(downloads, turns) for _ in range(8)))
        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    killed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL
    got = killed.stdout.split()
    assert len(got) == 100
    with ImageCache(tmp_path / "cache") as cache:
        known = [one for one in cache.find_downloads(urls) if one is not None]
        assert all(one is not None for one in cache.find_downloads(got))
        assert all(cache.read(one.content_hash) is not None for one in known)
    assert len(site.requests) - len(known) <= 8
