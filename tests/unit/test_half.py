import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sightline.half import HalfVectors, as_stored, blocks, halved, stored
from unit_vectors import unit_rows

EVERY = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
FINITE = EVERY[np.isfinite(EVERY)][:, None]


def same_bits(one, other):
    assert (one.dtype, other.dtype) == (np.float32, np.float32)
    assert_array_equal(one.view(np.int32), other.view(np.int32))


def test_every_finite_half_is_widened_to_its_own_value_signs_of_zero_and_subnormals_too():
    same_bits(HalfVectors(FINITE)[:], FINITE.astype(np.float32))


@pytest.mark.parametrize(
    "rows",
    [3, -1, slice(2, 7), slice(None), [5, 5, 0], np.arange(20) % 3 > 0, np.zeros(0, np.int32)],
    ids=["row", "last", "slice", "all", "list", "mask", "none"],
)
def test_rows_are_picked_as_from_an_array(rows):
    halves = unit_rows(20).astype(np.float16)
    same_bits(HalfVectors(halves)[rows], halves.astype(np.float32)[rows])


def test_rows_are_taken_as_from_an_array():
    halves, rows = unit_rows(20).astype(np.float16), np.array([7, 0, 7], np.int32)
    same_bits(HalfVectors(halves).take(rows, axis=0), halves.astype(np.float32).take(rows, axis=0))


def test_what_is_widened_may_be_written_to_and_the_stored_stay_as_they_are():
    vectors = halved(unit_rows(4))
    before = vectors.halves.copy()
    widened = vectors[:]
    widened *= 0
    assert_array_equal(vectors.halves, before)


@pytest.mark.parametrize(
    "whole", [np.asarray, np.isfinite, lambda v: np.ones(20) @ v], ids=["array", "ufunc", "matmul"]
)
def test_nothing_widens_them_whole_unseen(whole):
    with pytest.raises(TypeError, match=r"shape \(20, 8\) would be widened whole"):
        whole(halved(unit_rows(20)))


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**20))
def test_rounding_moves_a_component_by_half_a_step_and_again_not_at_all(n, dim, seed):
    vectors = unit_rows(n, dim, seed)
    kept = halved(vectors)
    assert kept.shape == vectors.shape
    assert np.abs(kept[:] - vectors).max() <= 2.0**-12
    assert_array_equal(halved(kept[:]).halves, kept.halves)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 70_000])
def test_what_float16_cannot_hold_is_refused_with_the_row(value):
    vectors = unit_rows(9)
    vectors[4, 2] = value
    with pytest.raises(ValueError, match=r"1 vectors hold what float16 cannot.* row 4"):
        halved(vectors)


@pytest.mark.parametrize("n", [0, 1, 1024, 5_000])
def test_blocks_are_all_rows_in_order(n):
    vectors = unit_rows(n, 3)
    for kept in (vectors, halved(vectors)):
        parts = list(blocks(kept))
        assert_array_equal(np.concatenate([vectors[:0], *(part for _, part in parts)]), kept[:])
        assert all(np.array_equal(part, kept[rows]) for rows, part in parts)


def test_a_memory_map_is_read_where_it_lies(tmp_path):
    np.save(tmp_path / "vectors.npy", unit_rows(50).astype(np.float16))
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    vectors = stored(mapped)
    assert isinstance(vectors, HalfVectors)
    assert np.shares_memory(as_stored(vectors), mapped)


def test_float32_is_stored_as_it_is():
    vectors = unit_rows(3)
    assert stored(vectors) is vectors
    assert as_stored(vectors) is vectors
