import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sightline_kernels.ranking import exact_vectors, extend_lists, rank_rows
from unit_vectors import unit_rows


def ranked(vectors, rows, query, k):
    """Rows by exact scores, as float32, best first, ties by lower row."""
    scores = (vectors[rows].astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def some_rows(n, of, seed=0):
    return np.random.default_rng(seed).permutation(of)[:n].astype(np.int32)


@pytest.mark.parametrize("dim", [1, 3, 64, 513])
@pytest.mark.parametrize(("n", "k"), [(0, 3), (1, 1), (7, 3), (7, 7), (40, 100)])
def test_rows_are_ranked_as_by_the_reference(dim, n, k):
    vectors, query = unit_rows(50, dim), unit_rows(1, dim, seed=1)[0]
    rows, scores = rank_rows(exact_vectors(vectors), some_rows(n, 50), query, k)
    expected_rows, expected = ranked(vectors, some_rows(n, 50), query, k)
    if dim > 1:  # of one component all tie
        assert_array_equal(rows, expected_rows)
    assert_allclose(scores, expected, rtol=1e-6, atol=1e-7)
    assert (rows.dtype, scores.dtype) == (np.int32, np.float32)


def test_equal_vectors_tie_and_the_lower_row_comes_first():
    vectors = np.repeat(unit_rows(3, 33), 5, axis=0)
    rows, scores = rank_rows(exact_vectors(vectors), some_rows(15, 15), vectors[5], 5)
    assert_array_equal(rows, np.arange(5, 10))
    assert len(np.unique(scores)) == 1


@pytest.mark.parametrize("length", [0, 1e-30, 1e-3, 1e6])
def test_a_query_may_have_any_length(length):
    vectors, query = unit_rows(20, 16), unit_rows(1, 16, seed=1)[0] * np.float32(length)
    rows, scores = rank_rows(exact_vectors(vectors), some_rows(20, 20), query, 20)
    expected_rows, expected = ranked(vectors, np.arange(20, dtype=np.int32), query, 20)
    assert_array_equal(rows, expected_rows)
    assert_allclose(scores, expected, rtol=1e-6)


def test_float16_is_scored_by_its_own_values():
    halves = unit_rows(30, 48).astype(np.float16)
    rows, query = some_rows(30, 30), unit_rows(1, 48, seed=1)[0]
    found = rank_rows(exact_vectors(halves), rows, query, 10)
    expected = rank_rows(exact_vectors(halves.astype(np.float32)), rows, query, 10)
    assert_array_equal(found[0], expected[0])
    assert_array_equal(found[1], expected[1])


def test_read_only_and_strided_vectors_are_read():
    wide = np.repeat(unit_rows(20, 8), 2, axis=0)
    wide.flags.writeable = False
    vectors, rows = wide[::2], np.repeat(some_rows(20, 20), 2)[::2]
    expected, _ = ranked(vectors, rows, wide[0], 5)
    assert_array_equal(rank_rows(exact_vectors(vectors), rows, wide[0], 5)[0], expected)


@given(
    st.integers(1, 40),
    st.integers(1, 8),
    st.integers(1, 6),
    st.booleans(),
    st.integers(0, 2**20),
)
def test_lists_with_more_rows_hold_the_nearest_of_both(n, dim, count, is_half, seed):
    vectors = unit_rows(n, dim, seed).astype(np.float16 if is_half else np.float32)
    wide = vectors.astype(np.float32)
    rng = np.random.default_rng(seed)
    lists = np.full((n, count), -1, np.int32)
    for row in range(n):
        held, _ = ranked(wide, some_rows(rng.integers(0, count + 1), n, row), wide[row], count)
        lists[row, : len(held)] = held
    owners = some_rows(rng.integers(0, n + 1), n, seed)
    more = [
        np.setdiff1d(some_rows(rng.integers(0, 9), n, seed + 1), lists[owner]).astype(np.int32)
        for owner in owners
    ]
    expected = lists.copy()
    for owner, news in zip(owners, more, strict=True):
        members = np.append(lists[owner][lists[owner] >= 0], news)
        best, _ = rank_rows(exact_vectors(vectors), members, wide[owner], count)
        expected[owner, : len(best)] = best
    offsets = np.cumsum([0, *(len(news) for news in more)])
    extend_lists(
        exact_vectors(vectors), lists, owners, offsets, np.concatenate([*more, np.empty(0)])
    )
    assert_array_equal(lists, expected)
