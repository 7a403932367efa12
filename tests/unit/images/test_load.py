"""Every cell of a column comes back once, with pixels or the reason why not."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sightline.errors import StorageError
from sightline.images.blocks import Blocks, Square
from sightline.images.cache import DAY, ImageCache
from sightline.images.codec import encode
from sightline.images.limits import Limits
from sightline.images.load import load_pictures
from sightline.images.outcome import Outcome
from sightline.images.throughput import Throughput
from sightline.types import PixelFormat, View

LIMITS = Limits(total_timeout=5.0, connect_timeout=5.0, retry_delays=())


@pytest.fixture
def clock():
    return [1_700_000_000.0]


@pytest.fixture
def cache(tmp_path, clock):
    with ImageCache(tmp_path / "cache", now=lambda: clock[0]) as opened:
        yield opened


@pytest.fixture
def load(cache, tmp_path, site):
    """Load cells and return the pictures in the order of the cells."""

    def run(cells, *, have=lambda _: False, limits=LIMITS, allow_hosts=None):
        pictures = load_pictures(
            cells,
            cache=cache,
            base_dir=tmp_path,
            blocks=blocks_of(View(16)),
            have=have,
            throughput=Throughput(2),
            limits=limits,
            allow_hosts=[site.host] if allow_hosts is None else allow_hosts,
        )
        by_index = {picture.index: picture for picture in pictures}
        assert sorted(by_index) == list(range(len(cells)))
        return [by_index[index] for index in range(len(cells))]

    return run


def blocks_of(*views, rows=64):
    return Blocks([Square(view, PixelFormat()) for view in views], rows=rows)


def outcomes(pictures):
    return [str(picture.outcome) for picture in pictures]


def test_paths_urls_and_bytes_bring_the_same_pixels(load, site, tmp_path, png):
    (tmp_path / "a.png").write_bytes(png)
    pictures = load(["a.png"]) + load([site.serve("/a", png)]) + load([png])
    assert outcomes(pictures) == ["ok"] * 3
    assert len({picture.content_hash for picture in pictures}) == 1
    assert all((picture.width, picture.height) == (48, 32) for picture in pictures)
    for picture in pictures:
        np.testing.assert_array_equal(picture.slot.arrays[0], pictures[0].slot.arrays[0])


def test_empty_cells_are_missing_and_no_failure(load):
    pictures = load([None, "", "  ", b""])
    assert outcomes(pictures) == ["missing"] * 4
    assert not any(picture.outcome.is_failure for picture in pictures)


def test_every_way_to_fail_is_told_apart_and_the_run_goes_on(load, site, tmp_path, png, jpeg):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large.png").write_bytes(png + bytes(40_000))
    cells = {
        "nowhere.png": "not_found",
        "nowhere/at/all.png": "not_found",
        "null\0byte": "not_found",
        "x" * 5000: "not_found",
        "~/a.png": "not_found",
        "folder": "unreadable",
        "pipe": "unreadable",
        "large.png": "too_large",
        b"<html>": "not_an_image",
        jpeg[: len(jpeg) // 2]: "truncated",
        b"\0" * 40_000: "too_large",
        "file:///etc/passwd": "refused",
        f"http://localhost:{site.port}/a": "refused",
        site.url("/404"): "not_found",
        site.serve("/403", status=403): "http_error",
        site.serve("/html", b"<!DOCTYPE html><title>Sorry"): "not_an_image",
        site.serve("/empty"): "not_an_image",
        site.serve("/good", png, content_type="text/html"): "ok",
        "http://": "unreachable",
    }
    limits = Limits(max_bytes=20_000, retry_delays=())
    assert outcomes(load(list(cells), limits=limits)) == list(cells.values())


def test_too_many_pixels_is_told_with_the_size(load, png):
    picture = load([png], limits=Limits(max_pixels=100))[0]
    assert picture.outcome is Outcome.TOO_MANY_PIXELS
    assert picture.detail.startswith("48 x 32 pixels")


def test_failed_content_has_its_hash_and_no_pixels(load):
    picture = load([b"<html>"])[0]
    assert picture.content_hash is not None
    assert picture.slot is None


def test_equal_cells_are_fetched_once_and_each_has_its_picture(load, site, png):
    url = site.serve("/a", png)
    pictures = load([url, None, url, f" {url} "])
    assert outcomes(pictures) == ["ok", "missing", "ok", "ok"]
    assert len(site.requests) == 1
    assert [picture.slot is None for picture in pictures] == [False, True, True, True]
    assert pictures[0].content_hash == pictures[3].content_hash


def test_equal_content_of_different_cells_is_decoded_once(load, tmp_path, png):
    names = [f"{number}.png" for number in range(20)]
    for name in names:
        (tmp_path / name).write_bytes(png)
    pictures = load(names)
    assert outcomes(pictures) == ["ok"] * 20
    assert sum(picture.slot is not None for picture in pictures) == 1
    assert {(picture.width, picture.height) for picture in pictures} == {(48, 32)}


def test_content_that_is_known_is_not_decoded(load, png):
    known = load([png])[0].content_hash
    picture = load([png], have=known.__eq__)[0]
    assert (picture.outcome, picture.slot, picture.width) == (Outcome.OK, None, 0)
    assert picture.content_hash == known


def test_second_load_within_a_day_asks_nothing(load, site, clock, png):
    url = site.serve("/a", png)
    first = load([url])[0]
    clock[0] += DAY - 1
    second = load([url])[0]
    np.testing.assert_array_equal(first.slot.arrays[0], second.slot.arrays[0])
    assert len(site.requests) == 1


def test_after_a_day_the_server_is_asked_whether_it_changed(load, site, clock, png, jpeg):
    def respond(request):
        if request.headers.get("if-none-match") == '"1"':
            return site.answer(status=304)
        return site.answer(png, etag='"1"')

    url = site.serve_with("/a", respond)
    load([url])
    clock[0] += DAY
    assert load([url])[0].slot is not None
    load([url])
    assert len(site.requests) == 2
    clock[0] += DAY
    site.serve("/a", jpeg)
    assert load([url])[0].content_hash != load([png])[0].content_hash


def test_server_that_is_down_does_not_take_the_cached_picture_away(load, site, clock, png):
    url = site.serve("/a", png)
    load([url])
    clock[0] += DAY
    site.serve("/a", status=500)
    assert load([url])[0].outcome is Outcome.OK
    site.serve("/a", status=404)
    assert load([url])[0].outcome is Outcome.NOT_FOUND
    site.shut()
    assert load([url])[0].outcome is Outcome.OK


@pytest.mark.parametrize("damage", ["remove", "shorten"])
def test_lost_or_damaged_object_is_fetched_again(damage, load, site, tmp_path, png):
    url = site.serve("/a", png, etag='"1"')
    load([url])
    (stored,) = (tmp_path / "cache" / "bodies").iterdir()
    stored.unlink() if damage == "remove" else stored.write_bytes(png[:100])
    assert load([url])[0].outcome is Outcome.OK
    assert len(site.requests) == 2
    assert "if-none-match" not in site.requests[1].headers
    assert load([url])[0].outcome is Outcome.OK
    assert len(site.requests) == 2


def test_unchanged_known_file_is_not_read_again(load, tmp_path, png):
    path = tmp_path / "a.png"
    path.write_bytes(png)
    content_hash = load(["a.png"])[0].content_hash
    facts = path.stat()
    path.write_bytes(bytes(len(png)))  # what reading would now find
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    picture = load(["a.png"], have=content_hash.__eq__)[0]
    assert (picture.outcome, picture.content_hash) == (Outcome.OK, content_hash)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert load(["a.png"], have=content_hash.__eq__)[0].outcome is Outcome.NOT_AN_IMAGE


def test_hanging_host_does_not_hold_up_the_others(load, site, tmp_path, png):
    """The hanging cells come first and outnumber the workers; they end when the last file is read.

    If they could take every worker, nothing would ever release them before their timeout.
    """
    hanging = [site.hang(f"/{number}") for number in range(40)]
    names = [f"{number}.png" for number in range(10)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(encode(np.full((8, 8, 3), number, np.uint8), "PNG"))
    seen = []

    def have(content_hash):
        seen.append(content_hash)
        if len(seen) == len(names):
            site.shut()
        return False

    limits = Limits(total_timeout=30.0, concurrency=8, per_host=4, retry_delays=())
    pictures = load(hanging + names, have=have, limits=limits)
    assert outcomes(pictures[40:]) == ["ok"] * 10
    assert all(picture.outcome is Outcome.UNREACHABLE for picture in pictures[:40])


def test_host_gets_no_more_requests_at_a_time_than_allowed(load, site, png):
    lock, at_once, most = threading.Lock(), 0, 0
    full = threading.Event()

    def respond(_):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
            if at_once == 3:
                full.set()
        full.wait(10)
        with lock:
            at_once -= 1
        return site.answer(png)

    urls = [site.serve_with(f"/{number}", respond) for number in range(12)]
    limits = Limits(concurrency=12, per_host=3, retry_delays=())
    assert outcomes(load(urls, limits=limits)) == ["ok"] * 12
    assert most == 3


def test_dead_host_is_given_up_after_many_failures_in_a_row(load, site):
    urls = [site.url(f"/{number}") for number in range(60)]
    site.shut()
    details = [picture.detail for picture in load(urls)]
    assert sum("given up" in detail for detail in details) >= 60 - 16 - LIMITS.per_host


def test_404s_are_no_reason_to_give_up_a_host(load, site, png):
    urls = [site.url(f"/{number}") for number in range(40)] + [site.serve("/good", png)]
    assert load(urls)[-1].outcome is Outcome.OK
    assert len(site.requests) == 41


def test_redirects_to_dead_hosts_are_no_reason_to_give_up_a_host(load, site, png):
    urls = [site.serve(f"/{n}", status=302, location="http://127.0.0.1:1/") for n in range(40)]
    urls.append(site.serve("/good", png))
    pictures = load(urls, allow_hosts=[site.host, "127.0.0.1:1"])
    assert pictures[0].outcome is Outcome.UNREACHABLE
    assert pictures[-1].outcome is Outcome.OK


def test_closing_early_stops_what_is_under_way(cache, site, tmp_path, png):
    cells = [png, *(site.hang(f"/{number}") for number in range(20))]
    pictures = load_pictures(
        cells,
        cache=cache,
        base_dir=tmp_path,
        blocks=blocks_of(View(16)),
        have=lambda _: False,
        throughput=Throughput(2),
        limits=Limits(total_timeout=60.0),
        allow_hosts=[site.host],
    )
    assert next(pictures).outcome is Outcome.OK
    pictures.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("sightline")]


@pytest.mark.parametrize("rows", [1, 8, 64])
def test_slow_reader_is_not_run_ahead_of(rows, cache, tmp_path):
    """Decoding goes on until the blocks are full, and further as each one is recycled."""
    blocks = blocks_of(View(16), View(24, "crop"), rows=rows)
    room = 3 * rows
    count = 2 * room + 40
    cells = [encode(np.full((8, 8, 3), number % 256, np.uint8), "BMP") for number in range(count)]
    cells = [cell + number.to_bytes(2, "big") for number, cell in enumerate(cells)]
    asked = []
    pictures = load_pictures(
        cells,
        cache=cache,
        base_dir=tmp_path,
        blocks=blocks,
        have=lambda key: asked.append(key) or False,
        throughput=Throughput(2),
        limits=LIMITS,
    )
    held = {}
    read = 0
    for picture in pictures:
        read += 1
        held.setdefault(picture.slot.block, []).append(picture)
        if read == 1:
            before = 0
            while before < (before := len(asked)):
                time.sleep(0.1)
            assert len(asked) <= room + LIMITS.concurrency
        if len(held[picture.slot.block]) == rows:
            del held[picture.slot.block]
            blocks.recycle(picture.slot.block)
    assert read == count


def test_failing_disk_of_the_cache_reaches_the_caller(load, cache, site, png):
    cache.close()
    with pytest.raises(StorageError):
        load([site.serve("/a", png)])


def test_mistake_of_the_caller_reaches_the_caller(load, png):
    def have(_):
        raise LookupError

    with pytest.raises(LookupError):
        load([png, b"other"], have=have)


def test_local_pictures_need_no_http_client(tmp_path, png):
    (tmp_path / "a.png").write_bytes(png)
    script = f"""
import pathlib, sys
from sightline.images.blocks import Blocks, Square
from sightline.images.cache import ImageCache
from sightline.images.load import load_pictures
from sightline.images.query import read_query_image
from sightline.images.throughput import Throughput
from sightline.types import PixelFormat, View
folder = pathlib.Path({str(tmp_path)!r})
with ImageCache(folder / "cache") as cache:
    pictures = list(load_pictures(
        ["a.png", None], cache=cache, base_dir=folder, have=lambda _: False,
        blocks=Blocks([Square(View(8), PixelFormat())], rows=8), throughput=Throughput(2),
    ))
read_query_image(folder / "a.png", view=View(8))
sys.exit(sum(p.slot is not None for p in pictures) != 1 or "aiohttp" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(
        st.one_of(st.none(), st.text(max_size=20), st.binary(max_size=20), st.just("a.png"))
    )
)
def test_every_cell_has_exactly_one_picture(cells, tmp_path_factory, png):
    folder = tmp_path_factory.mktemp("cells")
    (folder / "a.png").write_bytes(png)
    with ImageCache(folder / "cache") as cache:
        pictures = list(
            load_pictures(
                cells,
                cache=cache,
                base_dir=folder,
                blocks=blocks_of(View(8)),
                have=lambda _: False,
                throughput=Throughput(2),
            )
        )
    assert sorted(picture.index for picture in pictures) == list(range(len(cells)))
    for picture in pictures:
        cell = cells[picture.index]
        is_empty = not (cell.strip() if isinstance(cell, str) else cell)
        assert (picture.outcome is Outcome.MISSING) == is_empty
