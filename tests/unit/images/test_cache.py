"""What was fetched once is found again, whatever happened to the process or the disk meanwhile."""

import os
import resource
import signal
import subprocess
import sys
import textwrap

import pytest
from sightline.errors import StorageError
from sightline.images.cache import DAY, Fetched, ImageCache
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


def segments(folder):
    return sorted((folder / "images" / "bodies").iterdir())


def logged_bytes(folder):
    return sum(path.stat().st_size for path in segments(folder))


def run_and_be_killed(script):
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert killed.returncode == -signal.SIGKILL


def numbered(number, size=1000):
    """A body and its URL, both of this number alone."""
    return f"http://images.example/{number}", content_of(number.to_bytes(4, "big") * (size // 4))


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


def test_expired_download_is_known_but_not_fresh_until_it_is_confirmed(cache):
    cache.add_download(URL, BODY, etag='"1"')
    cache.flush()
    cache.expire_downloads([URL, "http://images.example/unknown"])
    cache.flush()
    known = cache.find_download(URL)
    assert (known.etag, known.is_fresh) == ('"1"', False)
    cache.confirm_download(URL)
    assert cache.find_download(URL).is_fresh


def test_download_from_the_future_is_not_fresh(cache, clock):
    cache.add_download(URL, BODY)
    clock.time -= 10
    assert not cache.find_download(URL).is_fresh


def test_equal_bodies_are_stored_once(cache, tmp_path):
    content = content_of(bytes(10_000))
    cache.add_downloads([Fetched(URL, content), Fetched(URL + "?again", content)])
    cache.add_download(URL + "?later", content)
    cache.flush()
    cache.add_download(URL + "?much-later", content)
    assert logged_bytes(tmp_path) < 11_000
    assert cache.find_download(URL + "?much-later").content_hash == content.content_hash


@pytest.mark.parametrize("flushed", [True, False])
@pytest.mark.parametrize("damage", [slice(0, 0), slice(0, -10), "change"])
def test_damaged_body_is_not_handed_out_and_can_be_stored_again(damage, flushed, cache, tmp_path):
    cache.add_download(URL, BODY)
    if flushed:
        cache.flush()
    segment = segments(tmp_path)[0]
    data = segment.read_bytes()
    segment.write_bytes(data[:-1] + b"!" if damage == "change" else data[damage])
    assert cache.read(BODY.content_hash) is None
    assert cache.find_download(URL).content_hash == BODY.content_hash
    cache.add_download(URL, BODY)
    assert cache.read(BODY.content_hash) == BODY


@pytest.mark.parametrize("flushed", [True, False])
def test_what_is_learned_is_found_before_and_after_it_is_in_the_index(flushed, cache, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"one")
    cache.add_file(path, path.stat(), "hash-of-one")
    cache.add_download(URL, BODY, etag='"1"')
    if flushed:
        cache.flush()
        assert not cache.is_flush_due
    known, unknown = cache.find_downloads([URL, URL + "?"])
    assert (known.content_hash, known.etag, unknown) == (BODY.content_hash, '"1"', None)
    assert cache.read(BODY.content_hash) == BODY
    assert cache.find_file(path, path.stat()) == "hash-of-one"


def test_thousands_of_downloads_are_looked_up_in_one_go(cache):
    numbers = range(70_000)
    cache.add_downloads([Fetched(*numbered(number, size=4)) for number in numbers[::2]])
    cache.flush()
    known = cache.find_downloads([numbered(number)[0] for number in numbers])
    assert [one is not None for one in known] == [number % 2 == 0 for number in numbers]


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


def test_kill_right_after_adding_loses_nothing(tmp_path):
    """Not even the index has to know: it never gets to."""
    run_and_be_killed(f"""
        import os, pathlib, signal
        from sightline.images.cache import ImageCache
        from sightline.images.picture import content_of
        cache = ImageCache(pathlib.Path({str(tmp_path / "images")!r}))
        cache.add_download({URL!r}, content_of({BODY.data!r}), etag="1", last_modified="2")
        cache.add_download({URL + "?same"!r}, content_of({BODY.data!r}))
        cache.add_download({URL + chr(0xD800)!r}, content_of(b""))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    with ImageCache(tmp_path / "images") as cache:
        known = cache.find_download(URL)
        assert (known.etag, known.last_modified, known.is_fresh) == ("1", "2", True)
        assert cache.read(known.content_hash) == BODY
        assert cache.find_download(URL + "?same").content_hash == BODY.content_hash
        empty = cache.find_download(URL + "\ud800")
        assert cache.read(empty.content_hash).data == b""


def test_kill_in_the_middle_of_writing_loses_what_was_being_written_and_no_more(tmp_path):
    run_and_be_killed(f"""
        import os, pathlib, signal
        from sightline.images import bodies
        from sightline.images.cache import ImageCache
        from sightline.images.picture import content_of
        cache = ImageCache(pathlib.Path({str(tmp_path / "images")!r}))
        cache.add_download({URL!r}, content_of({BODY.data!r}))
        write = os.writev
        def half(descriptor, pieces):
            write(descriptor, [b"".join(pieces)[:-7]])
            os.kill(os.getpid(), signal.SIGKILL)
        os.writev = half
        cache.add_download({URL + "?2"!r}, content_of(b"another picture"))
    """)
    for _ in range(2):
        with ImageCache(tmp_path / "images") as cache:
            assert cache.read(cache.find_download(URL).content_hash) == BODY
            assert cache.find_download(URL + "?2") is None


def test_kill_while_flushing_loses_nothing(tmp_path):
    run_and_be_killed(f"""
        import os, pathlib, signal
        from sightline.images.cache import ImageCache
        from sightline.images.index import Index
        from sightline.images.picture import content_of
        Index.note_use = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        cache = ImageCache(pathlib.Path({str(tmp_path / "images")!r}))
        cache.add_download({URL!r}, content_of({BODY.data!r}))
        cache.flush()
    """)
    with ImageCache(tmp_path / "images") as cache:
        assert cache.read(cache.find_download(URL).content_hash) == BODY


def test_index_that_was_deleted_is_made_again_from_the_log(tmp_path):
    with ImageCache(tmp_path / "images") as cache:
        cache.add_download(URL, BODY, etag='"1"')
    for path in (tmp_path / "images").glob("*.sqlite*"):
        path.unlink()
    with ImageCache(tmp_path / "images") as cache:
        assert cache.find_download(URL).etag == '"1"'
        assert cache.read(BODY.content_hash) == BODY


def test_log_does_not_undo_what_was_learned_later(tmp_path, clock):
    folder = tmp_path / "images"
    with ImageCache(folder, now=clock) as cache:
        cache.add_download(URL, BODY)
        clock.time += 1
        with ImageCache(folder, now=clock) as other:
            other.add_download(URL, content_of(b"newer"))
        clock.time += 1
        with ImageCache(folder, now=clock) as third:  # reads the log of the first
            assert third.read(third.find_download(URL).content_hash).data == b"newer"


def test_half_a_record_is_removed_a_day_later(tmp_path, clock):
    ImageCache(tmp_path / "images", now=clock).close()
    bodies = tmp_path / "images" / "bodies"
    for name, age in (("old", DAY + 1), ("of-a-living-process", 10)):
        (bodies / name).write_bytes(b"half")
        os.utime(bodies / name, (clock.time - age, clock.time - age))
    ImageCache(tmp_path / "images", now=clock).close()
    assert [path.name for path in bodies.iterdir()] == ["of-a-living-process"]


def test_bodies_unused_for_longest_are_evicted_first_and_their_urls_stay_known(tmp_path, clock):
    folder = tmp_path / "images"
    with ImageCache(folder, max_bytes=32_000, now=clock) as cache:
        for number in range(60):
            clock.time += 1
            cache.add_download(*numbered(number))
            cache.flush()
            cache.read(numbered(0)[1].content_hash)  # used all the time
            assert logged_bytes(tmp_path) <= 32_000
        there = [number for number in range(60) if cache.read(numbered(number)[1].content_hash)]
        assert there[:1] + there[-20:] == [0, *range(40, 60)]
        assert 5 not in there
        assert cache.find_download(numbered(5)[0]).content_hash == numbered(5)[1].content_hash
        cache.add_download(*numbered(5))
        assert cache.read(numbered(5)[1].content_hash) == numbered(5)[1]


def test_smaller_bound_takes_effect_with_the_next_download(tmp_path):
    with ImageCache(tmp_path / "images", max_bytes=160_000) as cache:
        for number in range(100):
            cache.add_download(*numbered(number))
    with ImageCache(tmp_path / "images", max_bytes=20_000) as cache:
        cache.add_download(*numbered(100))
    assert logged_bytes(tmp_path) <= 20_000


def test_body_larger_than_the_bound_is_still_handed_out_until_the_next(tmp_path):
    with ImageCache(tmp_path / "images", max_bytes=1_000) as cache:
        for number in range(3):
            url, content = numbered(number, size=5_000)
            cache.add_download(url, content)
            cache.flush()
            assert cache.read(content.content_hash) == content
    assert logged_bytes(tmp_path) < 10_200


def test_segment_that_another_process_has_evicted_is_followed_by_a_new_one(tmp_path, clock):
    folder = tmp_path / "images"
    with ImageCache(folder, max_bytes=1_000_000, now=clock) as cache:
        cache.add_download(*numbered(0))
        cache.flush()
        clock.time += 1
        with ImageCache(folder, max_bytes=100, now=clock) as other:
            other.add_download(*numbered(1))
        assert cache.read(numbered(0)[1].content_hash) is None
        cache.add_download(*numbered(0))
        assert cache.read(numbered(0)[1].content_hash) == numbered(0)[1]


def test_bodies_in_files_of_their_own_are_as_if_evicted(tmp_path):
    """As the first version of the cache kept them; what it knew of URLs is as it was."""
    with ImageCache(tmp_path / "images") as cache:
        cache.add_download(URL, BODY)
    for segment in segments(tmp_path):
        segment.unlink()
    old = tmp_path / "images" / "objects" / "ab" / "abcd"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"body")
    with ImageCache(tmp_path / "images") as cache:
        assert not old.exists()
        assert cache.read(BODY.content_hash) is None
        assert cache.find_download(URL).content_hash == BODY.content_hash


def test_processes_that_open_and_fill_one_cache_at_once_do_not_disturb_each_other(tmp_path):
    script = f"""
        import pathlib
        from sightline.images.cache import ImageCache
        from sightline.images.picture import content_of
        with ImageCache(pathlib.Path({str(tmp_path / "images")!r})) as cache:
            for number in range(40):
                cache.add_download(f"http://h/{{number}}", content_of(bytes([number])))
                if number % 7 == 0:
                    cache.flush()
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
    cache.add_download(URL, BODY)
    cache.close()
    with ImageCache(tmp_path / "images") as again:
        assert again.read(again.find_download(URL).content_hash) == BODY


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
