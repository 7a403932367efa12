import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sightline_kernels.scan import possible_best, to_bytes
from unit_vectors import unit_rows


def everything(n):
    return np.ones(n, np.bool_)


@pytest.mark.parametrize("dim", [1, 3, 64, 513])
def test_bytes_equal_the_reference(dim):
    vectors = unit_rows(7, dim)
    codes, scales, errors = to_bytes(vectors)
    expected_codes, expected_scales, expected_errors = reference.to_bytes(vectors)
    assert_allclose(scales, expected_scales, rtol=1e-6)
    assert np.abs(codes - expected_codes).max() <= 1  # halves may round either way in float32
    assert_allclose(errors, expected_errors, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("dim", [1, 3, 64, 513])
@pytest.mark.parametrize("k", [1, 5, 40, 1000])
def test_the_true_best_are_among_the_possible(dim, k):
    vectors = unit_rows(60, dim)
    rounded = to_bytes(vectors)
    for query in unit_rows(5, dim, seed=1):
        best = np.argsort(-(vectors.astype(np.float64) @ query), kind="stable")[:k]
        assert set(best) <= set(possible_best(rounded, query, everything(60), k))


def test_most_rows_are_ruled_out():
    vectors = unit_rows(300, 64)
    rows = possible_best(to_bytes(vectors), vectors[7], everything(300), 1)
    assert_array_equal(rows, [7])


@pytest.mark.parametrize("k", [1, 2, 40, 99])
@pytest.mark.parametrize("order", ["rising", "falling", "mixed"])
def test_rows_that_bytes_tell_apart_are_exactly_the_best(k, order):
    ranks = {"rising": np.arange(100), "falling": np.arange(100)[::-1]}
    rank = ranks.get(order, np.random.default_rng(0).permutation(100))
    vectors = (rank[:, None] / 100).astype(np.float32)
    rows = possible_best(to_bytes(vectors), np.ones(1, np.float32), everything(100), k)
    assert_array_equal(rows, np.flatnonzero(rank >= 100 - k))


def test_all_that_tie_with_the_last_are_returned():
    vectors = np.repeat(unit_rows(3, 8), 10, axis=0)
    rows = possible_best(to_bytes(vectors), vectors[0], everything(30), 1)
    assert_array_equal(rows, np.arange(10))


def test_rows_that_are_not_allowed_never_appear():
    vectors = unit_rows(20, 8)
    allowed = np.arange(20) % 3 == 0
    rows = possible_best(to_bytes(vectors), vectors[1], allowed, 100)
    assert_array_equal(rows, np.flatnonzero(allowed))
    assert len(possible_best(to_bytes(vectors), vectors[1], ~everything(20), 3)) == 0


def test_no_rows_give_no_rows():
    rounded = to_bytes(np.empty((0, 8), np.float32))
    assert len(possible_best(rounded, np.ones(8, np.float32), everything(0), 3)) == 0


def test_a_zero_vector_scores_zero():
    vectors = np.array([[0, 0], [1, 0], [-1, 0]], np.float32)
    rows = possible_best(to_bytes(vectors), vectors[1], everything(3), 2)
    assert_array_equal(rows, [0, 1])


def test_a_zero_query_rules_out_nothing():
    rows = possible_best(to_bytes(unit_rows(4, 8)), np.zeros(8, np.float32), everything(4), 1)
    assert_array_equal(rows, np.arange(4))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_possible_and_hides_no_other(broken):
    vectors = unit_rows(10, 8)
    vectors[4, 3] = broken
    rows = possible_best(to_bytes(vectors), vectors[2], everything(10), 1)
    assert_array_equal(rows, [2, 4])


@pytest.mark.parametrize("length", [1e-20, 1e-3, 1e6])
def test_the_length_of_the_query_does_not_matter(length):
    vectors = unit_rows(50, 16)
    query = vectors[9] * np.float32(length)
    assert_array_equal(possible_best(to_bytes(vectors), query, everything(50), 1), [9])


def test_sums_of_extreme_codes_do_not_overflow():
    vectors = np.full((2, 2000), 2000**-0.5, np.float32)
    vectors[1] *= -1
    assert_array_equal(possible_best(to_bytes(vectors), vectors[0], everything(2), 1), [0])


def test_read_only_and_strided_vectors_are_read():
    vectors = unit_rows(12, 6)
    expected = to_bytes(vectors)
    spread = np.repeat(vectors, 2, axis=0)[::2]
    vectors.flags.writeable = False
    for given_vectors in (vectors, spread):
        assert_array_equal(to_bytes(given_vectors).codes, expected.codes)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 9), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_possible_rows_hold_the_best_and_ascend(n, dim, k, seed):
    vectors = unit_rows(n, dim, seed)
    query = unit_rows(1, dim, seed + 1)[0]
    allowed = np.random.default_rng(seed).random(n) < 0.7
    rows = possible_best(to_bytes(vectors), query, allowed, k)
    eligible = np.flatnonzero(allowed)
    best = eligible[np.argsort(-(vectors[eligible].astype(np.float64) @ query))[:k]]
    assert set(best) <= set(rows)
    assert (np.diff(rows) > 0).all()


@pytest.mark.parametrize("n", [0, 1, 7, 9_000])
@pytest.mark.parametrize("dim", [1, 3, 65])
def test_bytes_of_float16_are_those_of_the_same_values_in_float32(n, dim):
    halves = unit_rows(n, dim).astype(np.float16)
    halves[::5] = np.nan
    for found, expected in zip(to_bytes(halves), to_bytes(halves.astype(np.float32)), strict=True):
        assert_array_equal(found, expected)
