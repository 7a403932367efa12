"""What was fetched once is found again, whatever happened to the process or the disk meanwhile."""

import os
import resource
import signal
import subprocess
import sys
import textwrap

import pytest
from sightline.errors import StorageError
from sightline.images.cache import DAY, ImageCache
from sightline.images.picture import content_of

BODY = content_of(b"the bytes of a picture")
URL = "http://images.example/a.jpg"


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.time = 1_700_000_000.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cache(tmp_path, clock):
    with ImageCache(tmp_path / "images", now=clock) as opened:
        yield opened


def object_files(folder):
    return [path for path in (folder / "images" / "objects").rglob("*") if path.is_file()]


def test_download_is_found_again_with_its_validators(cache):
    cache.add_download(URL, BODY, etag='"1"', last_modified="yesterday")
    known = cache.find_download(URL)
    assert (known.content_hash, known.etag) == (BODY.content_hash, '"1"')
    assert known.last_modified == "yesterday"
    assert cache.read(known.content_hash) == BODY


def test_what_was_never_fetched_is_not_found(cache):
    assert cache.find_download(URL) is None
    assert cache.read(BODY.content_hash) is None


def test_download_is_fresh_for_a_day_and_again_once_confirmed(cache, clock):
    cache.add_download(URL, BODY)
    clock.time += DAY - 1
    assert cache.find_download(URL).is_fresh
    clock.time += 1
    assert not cache.find_download(URL).is_fresh
    cache.confirm_download(URL)
    assert cache.find_download(URL).is_fresh


def test_download_from_the_future_is_not_fresh(cache, clock):
    cache.add_download(URL, BODY)
    clock.time -= 10
    assert not cache.find_download(URL).is_fresh


def test_equal_bodies_are_stored_once(cache, tmp_path):
    cache.add_download(URL, BODY)
    cache.add_download(URL + "?again", BODY)
    assert len(object_files(tmp_path)) == 1


@pytest.mark.parametrize("damage", [b"", b"the bytes", b"the bytes of another picture"])
def test_damaged_object_is_not_handed_out(damage, cache, tmp_path):
    cache.add_download(URL, BODY)
    object_files(tmp_path)[0].write_bytes(damage)
    assert cache.read(BODY.content_hash) is None
    cache.add_download(URL, BODY)
    assert cache.read(BODY.content_hash) == BODY


def test_unchanged_file_is_known_and_a_changed_one_is_not(cache, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"one")
    cache.add_file(path, path.stat(), "hash-of-one")
    assert cache.find_file(path, path.stat()) == "hash-of-one"
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert cache.find_file(path, path.stat()) is None
    assert cache.find_file(tmp_path / "b.jpg", path.stat()) is None


def test_url_with_half_a_surrogate_pair_is_a_key_like_any_other(cache):
    cache.add_download(URL + "\ud800", BODY)
    assert cache.find_download(URL + "\ud800").content_hash == BODY.content_hash


def test_kill_between_writing_and_naming_leaves_no_object(tmp_path):
    script = f"""
        import os, pathlib, signal
        from sightline.images.cache import ImageCache
        from sightline.images.picture import content_of
        pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        cache = ImageCache(pathlib.Path({str(tmp_path / "images")!r}))
        cache.add_download({URL!r}, content_of({BODY.data!r}))
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with ImageCache(tmp_path / "images") as cache:
        assert cache.find_download(URL) is None
        assert cache.read(BODY.content_hash) is None
    assert [path.parent.name for path in object_files(tmp_path)] == ["partial"]


def test_leftovers_of_a_kill_are_removed_a_day_later(tmp_path, clock):
    ImageCache(tmp_path / "images", now=clock).close()
    partial = tmp_path / "images" / "objects" / "partial"
    for name, age in (("old", DAY + 1), ("of-a-living-process", 10)):
        (partial / name).write_bytes(b"half")
        os.utime(partial / name, (clock.time - age, clock.time - age))
    ImageCache(tmp_path / "images", now=clock).close()
    assert [path.name for path in partial.iterdir()] == ["of-a-living-process"]


def test_processes_that_open_and_fill_one_cache_at_once_do_not_disturb_each_other(tmp_path):
    script = f"""
        import pathlib
        from sightline.images.cache import ImageCache
        from sightline.images.picture import content_of
        with ImageCache(pathlib.Path({str(tmp_path / "images")!r})) as cache:
            for number in range(40):
                cache.add_download(f"http://h/{{number}}", content_of(bytes([number])))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    with ImageCache(tmp_path / "images") as cache:
        for number in range(40):
            known = cache.find_download(f"http://h/{number}")
            assert cache.read(known.content_hash).data == bytes([number])


def test_full_disk_is_an_error_with_the_folder_and_a_remedy(cache, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageError, match="free some space") as failure:
            cache.add_download(URL, content_of(bytes(200_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path / "images") in str(failure.value)
    assert cache.find_download(URL) is None
    assert not object_files(tmp_path)


def test_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="choose another home"):
        ImageCache(tmp_path / "file" / "images")


def test_damaged_index_is_an_error_that_says_what_to_delete(tmp_path):
    folder = tmp_path / "images"
    ImageCache(folder).close()
    index = next(folder.glob("*.sqlite"))
    index.write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageError, match="delete this file") as failure:
        ImageCache(folder)
    assert str(index) in str(failure.value)
