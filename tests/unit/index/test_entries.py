import numpy as np
import pytest
from sightline.half import halved
from sightline.index.entries import spread_entries
from unit_vectors import unit_rows


@pytest.mark.parametrize(
    ("n", "count"), [(0, 0), (1, 1), (9, 3), (10_000, 100), (100_000, 391), (2_000_000, 5_657)]
)
def test_one_row_of_256_is_chosen_and_once_to_four_times_the_root(n, count):
    entries = spread_entries(unit_rows(n, 3), np.arange(n, dtype=np.int32))
    assert entries.dtype == np.int32
    assert len(entries) == count
    assert (np.diff(entries) > 0).all()


def test_only_the_rows_that_are_given_are_chosen():
    rows = np.arange(5, 400, 3, dtype=np.int32)
    assert set(spread_entries(unit_rows(400), rows)) < set(rows.tolist())


def test_every_small_cluster_has_an_entry_beside_a_large_one():
    centres = unit_rows(20, 32)
    of = np.repeat(np.arange(20), [8_100, *[100] * 19])
    vectors = centres[of] + 0.3 * unit_rows(10_000, 32, seed=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    entries = spread_entries(vectors.astype(np.float32), np.arange(10_000, dtype=np.int32))
    assert set(of[entries]) == set(range(20))


def test_copies_of_a_vector_leave_room_for_every_other_one():
    vectors = np.concatenate([np.repeat(unit_rows(1), 13, axis=0), unit_rows(3, seed=1)])
    entries = spread_entries(vectors, np.arange(16, dtype=np.int32))
    assert set(entries.tolist()) == {0, 13, 14, 15}


def test_float16_vectors_are_read():
    vectors, rows = unit_rows(500, 8), np.arange(500, dtype=np.int32)
    assert len(spread_entries(halved(vectors), rows)) == 22
