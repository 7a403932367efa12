import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sightline_kernels.graph import walk
from sightline_kernels.links import linked
from sightline_kernels.ranking import exact_vectors, rank_rows
from sightline_kernels.scan import to_bytes

STARTS = 4


def drawn(n, dim, seed=0):
    """Vectors that bytes hold without loss, a random graph, entries, and a query."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(-126, 127, (n, dim))
    levels[:, 0] = 127
    vectors = (levels / (127 * dim**0.5)).astype(np.float32)
    degree = min(6, n)
    neighbours = np.full((n, 8), -1, np.int32)
    for row in range(n):
        width = rng.integers(0, degree + 1)
        neighbours[row, :width] = rng.choice(n, width, replace=False)
    entries = np.sort(rng.choice(n, max(1, n // 8), replace=False)).astype(np.int32)
    return vectors, neighbours, entries, rng.standard_normal(dim).astype(np.float32)


def walked(vectors, neighbours, entries, query, allowed, k, width=20, most_scored=10**6):
    links = linked(neighbours, entries, to_bytes(vectors))
    rows = walk(links, query, allowed, k, width=width, most_scored=most_scored)
    return rank_rows(exact_vectors(vectors), rows, query, k)


@pytest.mark.parametrize("dim", [1, 3, 64, 513])
@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("share", [None, 1.0, 0.4, 0.05])
def test_a_walk_equals_the_reference(dim, k, share):
    vectors, neighbours, entries, query = drawn(120, dim)
    allowed = None if share is None else np.random.default_rng(1).random(120) < share
    if dim == 1:  # all tie: only their scores are told
        vectors[:, 0] *= np.linspace(0.1, 1, 120, dtype=np.float32)
    rows, scores = walked(vectors, neighbours, entries, query, allowed, k)
    mask = np.ones(120, np.bool_) if allowed is None else allowed
    expected = reference.walk(
        neighbours,
        entries,
        vectors,
        query,
        mask,
        k,
        width=20,
        starts=STARTS,
        most_scored=10**6,
    )
    assert rows.tolist() == expected
    assert_allclose(scores, (vectors.astype(np.float64) @ query)[rows], rtol=1e-6, atol=1e-7)
    assert (rows.dtype, scores.dtype) == (np.int32, np.float32)


@pytest.mark.parametrize("most_scored", [15, 30, 60, 200])
def test_a_walk_that_scores_too_many_rows_is_given_up(most_scored):
    vectors, neighbours, entries, query = drawn(120, 8)
    rows, scores = walked(
        vectors, neighbours, entries, query, None, 5, width=20, most_scored=most_scored
    )
    mask = np.ones(120, np.bool_)
    expected = reference.walk(
        neighbours,
        entries,
        vectors,
        query,
        mask,
        5,
        width=20,
        starts=STARTS,
        most_scored=most_scored,
    )
    assert rows.tolist() == expected
    assert len(scores) == len(rows)


def test_a_filter_that_passes_nothing_around_the_query_is_given_up_at_once():
    vectors, neighbours, entries, query = drawn(2_000, 8)
    allowed = np.zeros(2_000, np.bool_)
    allowed[np.argsort(vectors @ query)[:100]] = True
    # More than there are rows and entries: no walk is given up for what it has scored.
    rows, _ = walked(vectors, neighbours, entries, query, allowed, 5, most_scored=2_500)
    assert len(rows) == 0
    rows, _ = walked(vectors, neighbours, entries, query, allowed, 5)
    assert allowed[rows].all()
    assert len(rows) == 5


def test_where_no_row_is_allowed_none_is_found():
    vectors, neighbours, entries, query = drawn(50, 8)
    rows, scores = walked(vectors, neighbours, entries, query, np.zeros(50, np.bool_), 3)
    assert len(rows) == len(scores) == 0


def test_equal_vectors_tie_and_the_lower_row_comes_first():
    vectors, _, entries, query = drawn(30, 33)
    vectors[:] = vectors[0]
    ring = np.arange(1, 31, dtype=np.int32)[:, None] % 30
    rows, scores = walked(vectors, ring, entries, query, None, 30, width=30)
    assert_array_equal(rows, np.arange(30))
    assert len(np.unique(scores)) == 1


def test_a_query_of_zeros_scores_zero():
    vectors, neighbours, entries, _ = drawn(30, 8)
    _, scores = walked(vectors, neighbours, entries, np.zeros(8, np.float32), None, 3)
    assert not scores.any()


def test_neighbours_beyond_the_last_row_are_left_out():
    vectors, neighbours, entries, query = drawn(50, 8)
    broken = neighbours.copy()
    broken[:, 7] = 10**6
    broken[:, :7][broken[:, :7] < 0] = 50
    rows, _ = walked(vectors, broken, entries, query, None, 5)
    assert rows.tolist() == walked(vectors, neighbours, entries, query, None, 5)[0].tolist()


def test_more_rows_may_wait_than_there_is_room_for_at_first():
    vectors, _, _, query = drawn(5_000, 4)
    hub = np.full((5_000, 4_999), -1, np.int32)
    hub[0] = np.arange(1, 5_000)
    rows, _ = walked(vectors, hub, np.zeros(1, np.int32), query, None, 10, width=5_000)
    scores = (vectors.astype(np.float64) @ query).astype(np.float32)
    assert rows.tolist() == sorted(range(5_000), key=lambda row: (-scores[row], row))[:10]


@pytest.mark.parametrize("length", [1e-20, 1e-3, 1e6])
def test_the_length_of_the_query_does_not_matter(length):
    vectors, neighbours, entries, query = drawn(120, 16)
    rows, _ = walked(vectors, neighbours, entries, query, None, 5)
    scaled, _ = walked(vectors, neighbours, entries, query * np.float32(length), None, 5)
    assert_array_equal(scaled, rows)


def test_read_only_and_strided_arrays_are_read():
    vectors, neighbours, entries, query = drawn(60, 6)
    expected, _ = walked(vectors, neighbours, entries, query, None, 5)
    wide = np.repeat(query, 2)
    allowed = np.ones(120, np.bool_)[::2]
    vectors.flags.writeable = False
    rows, _ = walked(
        vectors, np.repeat(neighbours, 2, axis=1)[:, ::2], entries, wide[::2], allowed, 5
    )
    assert_array_equal(rows, expected)


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 12), st.integers(0, 2**20))
def test_what_is_found_is_allowed_unlike_and_in_order(n, dim, k, seed):
    vectors, neighbours, entries, query = drawn(n, dim, seed)
    allowed = np.random.default_rng(seed).random(n) < 0.6
    rows, scores = walked(vectors, neighbours, entries, query, allowed, k, width=2 * k)
    assert allowed[rows].all()
    assert len(set(rows.tolist())) == len(rows) <= k
    order = sorted(zip((-scores).tolist(), rows.tolist(), strict=True))
    assert [row for _, row in order] == rows.tolist()


@given(st.integers(1, 60), st.sampled_from([1, 7, 64]), st.integers(1, 12), st.integers(0, 2**20))
def test_a_walk_over_float16_scores_as_one_over_the_same_values_in_float32(n, dim, k, seed):
    vectors, neighbours, entries, query = drawn(n, dim, seed)
    halves = vectors.astype(np.float16)
    found = walked(halves, neighbours, entries, query, None, k)
    expected = walked(halves.astype(np.float32), neighbours, entries, query, None, k)
    assert_array_equal(found[0], expected[0])
    assert_array_equal(found[1], expected[1])


def test_float16_of_every_size_are_scored_by_their_own_values():
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    few = np.concatenate([every[:1024:7], every[::61]])  # subnormal ones above all
    halves = few[np.abs(few) <= 1][:, None]
    n = len(halves)
    chain = np.append(np.arange(1, n, dtype=np.int32), np.int32(-1))[:, None]
    rows, scores = walked(
        halves, chain, np.zeros(1, np.int32), np.ones(1, np.float32), None, n, width=n
    )
    assert len(rows) == n
    assert_array_equal(scores, halves.astype(np.float32)[rows, 0])
