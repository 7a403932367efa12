import hashlib

import numpy as np
import pytest
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
