"""Objects of a store come back within the limits of downloads, or the reason why not."""

import asyncio
import gc
import subprocess
import sys
import threading
import time

import pytest
import tiny_s3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sightline.errors import UnreadableImageError
from sightline.images.address import OpenHosts
from sightline.images.blocks import Blocks, Square
from sightline.images.cache import DAY, ImageCache
from sightline.images.limits import Limits
from sightline.images.load import load_pictures
from sightline.images.outcome import Outcome, PictureError
from sightline.images.query import read_query_image
from sightline.images.remote import Remote
from sightline.images.stores import ObjectStores, is_store
from sightline.images.throughput import Throughput
from sightline.types import PixelFormat, View

pytest.importorskip("s3fs", reason="stores need the s3 extra: pip install 'sightline[s3]'")

SECRET = "not-to-be-told"
PATIENT = Limits(max_bytes=100_000, total_timeout=10.0, retry_delays=(0.0, 0.0))
HASTY = Limits(max_bytes=100_000, total_timeout=0.5, retry_delays=(0.0, 0.0))


@pytest.fixture
def store(monkeypatch, tmp_path):
    # Nothing of this machine's own account is read.
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with tiny_s3.serving() as opened:
        monkeypatch.setenv("AWS_ENDPOINT_URL", opened.address)
        yield opened


def fetch(*urls, limits=PATIENT):
    """Fetch URLs one after the other and return the last response."""

    async def run():
        async with ObjectStores(limits) as stores:
            for url in urls:
                response = await stores.fetch(url)
            return response

    return asyncio.run(run())


def failure(url, limits=PATIENT):
    with pytest.raises(PictureError) as caught:
        fetch(url, limits=limits)
    assert SECRET not in str(caught.value)
    return caught.value


def test_object_comes_back_with_its_etag(store, png):
    response = fetch(store.put("shop/shoes/red 1.png", png))
    assert response.body == png
    assert response.etag.startswith('"')
    assert store.asked == ["HEAD /shop/shoes/red 1.png", "GET /shop/shoes/red 1.png"]


@pytest.mark.parametrize("key", ["a?b", "a#b", "a%20b", "ü/ñ.png", "a//b", "a@b"])
def test_key_is_taken_as_it_is_written(key, store, png):
    assert fetch(store.put(f"shop/{key}", png)).body == png


def test_empty_object_has_an_empty_body(store):
    assert fetch(store.put("shop/empty")).body == b""


@pytest.mark.parametrize("scheme", ["s3", "s3a", "S3", "gs", "gcs", "az", "abfs", "abfss"])
def test_scheme_of_a_store_is_known(scheme):
    assert is_store(f"{scheme}://shop/a.png")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "memory://a",
        "ftp://host/a",
        "zip://a.png::s3://shop/a.zip",
        "simplecache::s3://shop/a.png",
        "data:image/png;base64,AAAA",
    ],
)
def test_other_things_that_fsspec_opens_are_refused(url, store):
    async def run():
        async with Remote(PATIENT, OpenHosts([])) as remote:
            return await remote.fetch(url)

    with pytest.raises(PictureError) as caught:
        asyncio.run(run())
    assert caught.value.outcome in {Outcome.REFUSED, Outcome.UNREACHABLE}
    assert store.asked == []


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("s3://shop/a.zip::file:///etc/passwd", Outcome.REFUSED),
        ("s3://key:secret@shop/a.png", Outcome.REFUSED),
        ("abfs://shop@someone.dfs.core.windows.net/a.png", Outcome.REFUSED),
        ("s3://arn:aws:s3:us-east-1:123456789012:accesspoint/shop/a.png", Outcome.REFUSED),
        ("s3://shop:80/a.png", Outcome.REFUSED),
        ("s3://../a.png", Outcome.REFUSED),
        ("s3://", Outcome.UNREACHABLE),
        ("s3://shop", Outcome.UNREACHABLE),
        ("s3://shop/", Outcome.UNREACHABLE),
        ("s3:///a.png", Outcome.UNREACHABLE),
    ],
)
def test_url_that_names_more_or_less_than_an_object_is_not_asked_for(url, outcome, store):
    error = failure(url)
    assert (error.outcome, "secret" in str(error)) == (outcome, False)
    assert store.asked == []


def test_missing_object_is_not_found(store):
    error = failure("s3://shop/none.png")
    assert (error.outcome, error.detail) == (Outcome.NOT_FOUND, "no such object")
    assert store.asked.count("HEAD /shop/none.png") == 1


def test_forbidden_object_is_refused(store):
    error = failure(store.put("shop/a.png", status=403))
    assert (error.outcome, error.detail[:25]) == (Outcome.REFUSED, "the store does not permit")


def test_other_errors_of_the_store_are_told_by_their_status(store):
    error = failure(store.put("shop/a.png", status=400))
    assert (error.outcome, error.detail) == (Outcome.HTTP_ERROR, "HTTP 400")


def test_failure_that_may_pass_is_asked_again(store, png):
    url = store.put("shop/a.png", png)
    store.failures = 2
    assert fetch(url).body == png


def test_lasting_failure_is_told_after_all_attempts(store, png):
    error = failure(store.put("shop/a.png", status=503))
    assert (error.outcome, error.detail) == (Outcome.HTTP_ERROR, "HTTP 503")
    assert error.transient
    assert store.asked == ["HEAD /shop/a.png"] * 3


def test_size_over_the_cap_is_refused_before_the_body(store):
    error = failure(store.put("shop/a.png", bytes(100_001)))
    assert (error.outcome, error.detail) == (Outcome.TOO_LARGE, "0.1 MB > 0.1 MB")
    assert store.asked == ["HEAD /shop/a.png"]


def test_body_that_outgrows_its_announced_size_is_cut_at_the_cap(store):
    def endless():
        while not store.closing.is_set():
            yield bytes(50_000)

    sizes = {"known_size": 1_000, "announced": 10**9}
    error = failure(store.put("shop/a.png", send=endless, **sizes))
    assert (error.outcome, error.detail) == (Outcome.TOO_LARGE, "more than 0.1 MB")


def test_body_shorter_than_announced_is_truncated(store, png):
    error = failure(store.put("shop/a.png", png, known_size=5_000, announced=5_000))
    assert error.outcome is Outcome.TRUNCATED
    assert store.asked.count("GET /shop/a.png") == 3


def test_hanging_store_times_out(store, png):
    error = failure(store.put("shop/a.png", png, send=store.hang), limits=HASTY)
    assert (error.outcome, error.detail) == (Outcome.TIMEOUT, "no complete answer in 0.5 s")


def test_body_that_drips_times_out(store):
    def drip():
        while not store.closing.wait(0.02):
            yield b"x"

    url = store.put("shop/a.png", known_size=90_000, announced=90_000, send=drip)
    assert failure(url, limits=HASTY).outcome is Outcome.TIMEOUT


def test_store_that_is_down_is_unreachable(store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    error = failure("s3://shop/a.png")
    assert error.outcome is Outcome.UNREACHABLE
    assert error.transient


def test_bucket_of_a_dead_store_is_given_up_after_many_failures_in_a_row(store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    async def run():
        details = []
        async with ObjectStores(Limits(retry_delays=())) as stores:
            for number in range(20):
                with pytest.raises(PictureError) as caught:
                    await stores.fetch(f"s3://shop/{number}")
                details.append(caught.value.detail)
        return details

    assert sum("given up" in detail for detail in asyncio.run(run())) == 4


def test_missing_objects_are_no_reason_to_give_up_a_bucket(store, png):
    async def run():
        async with ObjectStores(PATIENT) as stores:
            for number in range(20):
                with pytest.raises(PictureError, match="not_found"):
                    await stores.fetch(f"s3://shop/{number}")
            return await stores.fetch(store.put("shop/a.png", png))

    assert asyncio.run(run()).body == png


def test_without_credentials_nothing_is_asked_twice(store, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    async def run():
        async with ObjectStores(PATIENT) as stores:
            for _ in range(2):
                with pytest.raises(PictureError, match="no credentials") as caught:
                    await stores.fetch("s3://shop/a.png")
                assert caught.value.outcome is Outcome.REFUSED

    asyncio.run(run())
    assert store.asked == []


def test_store_without_its_library_is_unsupported_and_the_extra_is_named():
    # A process of its own, where an import of the library fails as if it were not installed.
    script = """
import asyncio, sys
sys.modules[sys.argv[1]] = None
from sightline.images.limits import Limits
from sightline.images.outcome import PictureError
from sightline.images.stores import ObjectStores
async def run():
    async with ObjectStores(Limits()) as stores:
        await stores.fetch(sys.argv[2])
try:
    asyncio.run(run())
except PictureError as error:
    print(error)
"""
    for library, url, extra in [
        ("fsspec", "s3://shop/a.png", "s3"),
        ("s3fs", "s3a://shop/a.png", "s3"),
        ("gcsfs", "gs://shop/a.png", "gcs"),
        ("adlfs", "az://shop/a.png", "azure"),
    ]:
        command = [sys.executable, "-c", script, library, url]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
        assert f"pip install 'sightline[{extra}]'" in told.stdout
        assert told.stdout.startswith("unsupported")
        assert told.stderr == ""


def test_closing_leaves_no_connection_open(store, png):
    urls = [store.put(f"shop/{number}.png", png) for number in range(3)]
    before = set(threading.enumerate())
    fetch(*urls)
    gc.collect()  # what is left open would warn now, and warnings are errors here
    ours = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {name for name in ours if name.startswith(("asyncio", "sightline"))}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5))
def test_whatever_is_written_as_a_key_is_an_outcome(keys, store):
    async def run():
        async with ObjectStores(Limits(retry_delays=())) as stores:
            for key in keys:
                with pytest.raises(PictureError):
                    await stores.fetch(f"s3://shop/{key}")

    asyncio.run(run())


@pytest.fixture
def clock():
    return [1_700_000_000.0]


@pytest.fixture
def load(tmp_path, clock):
    """Load cells through a cache, and return the pictures in the order of the cells."""

    def run(cells, limits=PATIENT):
        with ImageCache(tmp_path / "cache", now=lambda: clock[0]) as cache:
            pictures = load_pictures(
                cells,
                cache=cache,
                base_dir=tmp_path,
                blocks=Blocks([Square(View(16), PixelFormat())], rows=64),
                have=lambda _: True,  # what decoding brings is another test's fact
                throughput=Throughput(2),
                limits=limits,
            )
            return sorted(pictures, key=lambda picture: picture.index)

    return run


def test_pictures_of_a_store_are_loaded_beside_others(store, load, tmp_path, png, jpeg):
    (tmp_path / "a.png").write_bytes(png)
    cells = ["a.png", store.put("shop/b.jpg", jpeg), "s3://shop/none.jpg", "file:///a.png"]
    outcomes = [str(picture.outcome) for picture in load(cells)]
    assert outcomes == ["ok", "ok", "not_found", "refused"]


def test_within_a_day_the_store_is_not_asked_again(store, load, clock, png):
    url = store.put("shop/a.png", png)
    load([url])
    clock[0] += DAY - 1
    assert load([url])[0].outcome is Outcome.OK
    assert len(store.asked) == 2


def test_after_a_day_an_unchanged_object_is_not_read_again(store, load, clock, png, jpeg):
    url = store.put("shop/a.png", png)
    first = load([url])[0]
    clock[0] += DAY
    assert load([url])[0].content_hash == first.content_hash
    assert store.asked[2:] == ["HEAD /shop/a.png"]
    clock[0] += DAY
    store.put("shop/a.png", jpeg)
    assert load([url])[0].content_hash != first.content_hash
    assert store.asked[3:] == ["HEAD /shop/a.png", "GET /shop/a.png"]


def test_store_that_is_down_does_not_take_the_cached_picture_away(store, load, clock, png):
    url = store.put("shop/a.png", png)
    load([url])
    clock[0] += DAY
    store.failures = 100
    assert load([url])[0].outcome is Outcome.OK


def test_bucket_gets_no_more_requests_at_a_time_than_allowed(store, load, png):
    lock, at_once, most = threading.Lock(), 0, 0
    full = threading.Event()

    def send():
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
            if at_once == 3:
                full.set()
        full.wait(10)
        with lock:
            at_once -= 1
        return [png]

    urls = [store.put(f"shop/{number}.png", png, send=send) for number in range(9)]
    limits = Limits(concurrency=9, per_host=3, retry_delays=())
    assert {picture.outcome for picture in load(urls, limits)} == {Outcome.OK}
    assert most == 3


def test_closing_early_stops_what_is_under_way(store, tmp_path, png):
    hanging = [store.put(f"shop/{number}.png", png, send=store.hang) for number in range(8)]
    with ImageCache(tmp_path / "cache") as cache:
        pictures = load_pictures(
            [png, *hanging],
            cache=cache,
            base_dir=tmp_path,
            blocks=Blocks([Square(View(16), PixelFormat())], rows=64),
            have=lambda _: True,
            throughput=Throughput(2),
            limits=Limits(total_timeout=60.0),
        )
        assert next(pictures).outcome is Outcome.OK
        start = time.monotonic()
        pictures.close()
        assert time.monotonic() - start < 5
    assert not [t for t in threading.enumerate() if t.name.startswith("sightline")]


def test_query_may_be_an_object_of_a_store(store, png):
    picture = read_query_image(store.put("shop/a.png", png), view=View(16))
    assert (picture.width, picture.height) == (48, 32)
    with pytest.raises(UnreadableImageError, match=r"s3://shop/none.png: not_found: no such obj"):
        read_query_image("s3://shop/none.png", view=View(16))
