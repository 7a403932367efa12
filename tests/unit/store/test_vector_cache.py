import hashlib
import os
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from sightline.errors import StorageError
from sightline.store.vectors import VectorCache


def content(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


def rows(*numbers):
    return {content(number): np.full(4, number, np.float32) for number in numbers}


def test_rows_come_back_in_the_order_asked_for_and_after_reopening(tmp_path):
    cache = VectorCache(tmp_path, "attributes-1", 4)
    cache.add(rows(1, 2, 3))
    cache.flush()
    reopened = VectorCache(tmp_path, "attributes-1", 4)
    assert reopened.get([content(3), content(1)])[:, 0].tolist() == [3.0, 1.0]
    assert content(2) in reopened
    assert content(4) not in reopened


def test_another_fingerprint_sees_nothing(tmp_path):
    cache = VectorCache(tmp_path, "attributes-1", 4)
    cache.add(rows(1))
    cache.flush()
    assert content(1) not in VectorCache(tmp_path, "attributes-2", 4)


def test_two_writers_lose_nothing(tmp_path):
    one, two = VectorCache(tmp_path, "a", 4), VectorCache(tmp_path, "a", 4)
    one.add(rows(1))
    two.add(rows(2))
    one.flush()
    two.flush()
    both = VectorCache(tmp_path, "a", 4)
    assert content(1) in both
    assert content(2) in both


def test_full_segment_is_written_without_asking(tmp_path):
    cache = VectorCache(tmp_path, "a", 4)
    cache.add(rows(*range(2_048)))
    assert content(2_047) in VectorCache(tmp_path, "a", 4)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01\x00", b"not numpy at all"])
def test_damaged_segment_is_forgotten_not_believed(tmp_path, damage):
    cache = VectorCache(tmp_path, "a", 4)
    cache.add(rows(1))
    cache.flush()
    segment = next((tmp_path / "a").glob("*.npy"))
    segment.write_bytes(damage)
    assert content(1) not in VectorCache(tmp_path, "a", 4)
    assert not segment.exists()


def fill(disk):
    with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(b"x" * 4_096):
            pass


def segments(folder):
    return sorted((folder / "a").glob("*.npy"))


def test_flipped_byte_anywhere_is_forgotten_and_can_be_added_again(tmp_path):
    cache = VectorCache(tmp_path, "a", 4)
    cache.add(rows(1))
    cache.flush()
    (segment,) = segments(tmp_path)
    sound = segment.read_bytes()
    for place in range(len(sound)):
        damaged = bytearray(sound)
        damaged[place] ^= 64
        segment.write_bytes(damaged)
        reopened = VectorCache(tmp_path, "a", 4)
        if content(1) in reopened:  # blanks of the header and the like
            assert reopened.get([content(1)]).tolist() == [[1.0] * 4]
        else:
            with pytest.raises(KeyError):
                reopened.get([content(1)])
    assert content(1) not in reopened
    reopened.add(rows(1))
    reopened.flush()
    assert VectorCache(tmp_path, "a", 4).get([content(1)]).tolist() == [[1.0] * 4]


def test_archive_in_place_of_a_segment_is_forgotten(tmp_path):
    (tmp_path / "a").mkdir()
    with zipfile.ZipFile(tmp_path / "a" / "x.npy", "w") as archive:
        archive.writestr("row.npy", b"row")
    (tmp_path / "a" / "y.npy").write_bytes(b"PK\x03\x04 no archive")
    assert content(1) not in VectorCache(tmp_path, "a", 4)


def test_rows_of_another_length_are_forgotten(tmp_path):
    cache = VectorCache(tmp_path, "a", 4)
    cache.add(rows(1))
    cache.flush()
    assert content(1) not in VectorCache(tmp_path, "a", 5)


def test_rows_added_and_flushed_in_turn_are_all_there(tmp_path):
    cache = VectorCache(tmp_path, "a", 4)
    for start in range(0, 60, 20):
        cache.add(rows(*range(start, start + 20)))
        if start < 40:
            cache.flush()
    wanted = [*range(59, -1, -1), 7, 7]
    assert cache.get([content(n) for n in wanted])[:, 0].tolist() == wanted
    assert cache.get([]).shape == (0, 4)
    with pytest.raises(KeyError):
        cache.get([content(60)])


def fill_with_small_segments(folder, count):
    cache = VectorCache(folder, "a", 4)
    for number in range(count):
        cache.add(rows(number, number + 1))
        cache.flush()
    return cache


def test_many_segments_are_merged_at_the_next_opening_and_keep_every_row(tmp_path):
    earlier = fill_with_small_segments(tmp_path, 70)
    assert len(segments(tmp_path)) == 70
    merged = VectorCache(tmp_path, "a", 4)
    assert len(segments(tmp_path)) == 1
    hashes = [content(number) for number in range(71)]
    assert merged.get(hashes)[:, 0].tolist() == list(range(71))
    assert earlier.get(hashes)[:, 0].tolist() == list(range(71))  # still maps what was merged
    assert VectorCache(tmp_path, "a", 4).get(hashes)[:, 0].tolist() == list(range(71))


def test_merging_leaves_out_what_is_damaged_but_not_its_intact_twin(tmp_path):
    fill_with_small_segments(tmp_path, 70)
    last = VectorCache(tmp_path / "last", "a", 4)
    last.add(rows(500))
    last.flush()
    (damaged,) = segments(tmp_path / "last")
    content_bytes = bytearray(damaged.read_bytes())
    content_bytes[-1] ^= 1
    (tmp_path / "a" / damaged.name).write_bytes(content_bytes)
    merged = VectorCache(tmp_path, "a", 4)
    assert len(segments(tmp_path)) == 1
    assert content(500) not in merged
    assert content(69) in merged


def test_processes_that_merge_at_once_lose_nothing(tmp_path):
    fill_with_small_segments(tmp_path, 200)
    script = (
        "import sys; from sightline.store.vectors import VectorCache; from pathlib import Path\n"
    )
    script += "VectorCache(Path(sys.argv[1]), 'a', 4)"
    processes = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    cache = VectorCache(tmp_path, "a", 4)
    hashes = [content(number) for number in range(201)]
    assert cache.get(hashes)[:, 0].tolist() == list(range(201))


def test_merging_on_a_full_disk_keeps_the_segments_as_they_are(tiny_disk):
    fill_with_small_segments(tiny_disk, 70)
    fill(tiny_disk)
    assert content(70) in VectorCache(tiny_disk, "a", 4)
    assert len(segments(tiny_disk)) == 70


def test_full_disk_is_told_and_leaves_no_partial_and_what_was_added_stays(tiny_disk):
    cache = VectorCache(tiny_disk, "a", 4)
    cache.add(rows(*range(100)))
    fill(tiny_disk)
    with pytest.raises(StorageError, match="disk is full"):
        cache.flush()
    assert list((tiny_disk / "a").iterdir()) == []
    (tiny_disk / "filler").unlink()
    cache.flush()
    assert content(99) in VectorCache(tiny_disk, "a", 4)


def test_damage_on_a_read_only_disk_is_forgotten_without_removing_it(tiny_disk):
    (tiny_disk / "a").mkdir()
    (tiny_disk / "a" / "x.npy").write_bytes(b"no")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    assert content(1) not in VectorCache(tiny_disk, "a", 4)


def test_segments_have_the_permissions_that_the_umask_gives(tmp_path):
    before = os.umask(0o022)
    try:
        cache = VectorCache(tmp_path, "a", 4)
        cache.add(rows(1))
        cache.flush()
    finally:
        os.umask(before)
    assert segments(tmp_path)[0].stat().st_mode & 0o777 == 0o644


def test_partial_left_by_a_kill_is_swept_at_the_next_opening(tmp_path):
    (tmp_path / "a").mkdir()
    partial = tmp_path / "a" / ".x.npy-1.partial"
    partial.write_bytes(b"half")
    yesterday = time.time() - 86_400
    os.utime(partial, (yesterday, yesterday))
    VectorCache(tmp_path, "a", 4)
    assert not partial.exists()


def test_threads_never_miss_a_row_while_it_moves_from_memory_to_disk(tmp_path):
    cache = VectorCache(tmp_path, "a", 4)
    cache.add(rows(0))
    missed, done = [], threading.Event()

    def look():
        while not done.is_set():
            if content(0) not in cache:
                missed.append(1)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 60):
        cache.add(rows(number))
        cache.flush()
    done.set()
    for reader in readers:
        reader.join()
    assert not missed
