"""What every kind of index promises."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from linked import linked_index
from numpy.testing import assert_allclose, assert_array_equal
from sightline.index import hnsw, planner
from sightline.index.exact import ExactIndex
from sightline.index.planner import Choice
from unit_vectors import best_rows, unit_rows


def scanning_bytes(vectors, presence):
    return ExactIndex(vectors, presence, components_before_kernel=0)


def gathering(vectors, presence):
    return ExactIndex(vectors, presence)


EXACT = pytest.mark.parametrize("kind", [ExactIndex, scanning_bytes, gathering], indirect=True)
EVERY = pytest.mark.parametrize(
    "kind", [ExactIndex, scanning_bytes, gathering, linked_index], indirect=True
)


@pytest.fixture
def kind(request, monkeypatch):
    """A kind of index that answers by one plan alone, however few its rows."""
    monkeypatch.setattr(planner, "FEW_ROWS", 0)
    monkeypatch.setattr(planner, "NARROW_SHARE", 1 if request.param is gathering else 0)
    monkeypatch.setattr(hnsw, "choose", _always_walks)
    planner.choose.cache_clear()
    yield request.param
    planner.choose.cache_clear()


def _always_walks(n_rows, allowed, k, **_):
    return Choice("walk" if allowed == n_rows else "filtered walk", max(64, 2 * k), 10**6)


def full(n):
    return np.ones(n, np.bool_)


@EVERY
@pytest.mark.parametrize("dim", [3, 65])
def test_results_are_those_of_brute_force(kind, dim):
    vectors = unit_rows(200, dim)
    queries = unit_rows(4, dim, seed=1)
    found = kind(vectors, full(200)).query(queries, 5)
    assert_array_equal(found.rows, [best_rows(vectors, full(200), query, 5) for query in queries])
    assert_allclose(found.scores, np.take_along_axis(queries @ vectors.T, found.rows, 1), atol=1e-6)


@EVERY
def test_results_are_int32_rows_and_float32_scores(kind):
    found = kind(unit_rows(20), full(20)).query(unit_rows(2, seed=1), 3)
    assert (found.rows.dtype, found.scores.dtype) == (np.int32, np.float32)


@EVERY
def test_rows_without_a_vector_never_appear(kind):
    vectors = unit_rows(50)
    presence = np.arange(50) % 3 > 0
    vectors[~presence] = np.nan
    found = kind(vectors, presence).query(vectors[1:2], 50)
    assert set(found.rows[0]) == set(np.flatnonzero(presence))


@EVERY
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_only_allowed_rows_appear_and_always_k_of_them(kind, share):
    vectors = unit_rows(300)
    allowed = np.arange(300) < share * 300
    found = kind(vectors, full(300)).query(-vectors[:3], 6, allowed=allowed)
    assert_array_equal(
        found.rows, [best_rows(vectors, allowed, -query, 6) for query in vectors[:3]]
    )


@EVERY
@pytest.mark.parametrize("allowed_rows", [[], [7], [3, 5, 7]])
def test_fewer_than_k_are_all_there_are(kind, allowed_rows):
    vectors = unit_rows(40)
    presence = np.arange(40) != 5
    allowed = np.isin(np.arange(40), allowed_rows)
    found = kind(vectors, presence).query(vectors[:2], 10, allowed=allowed)
    expected = [best_rows(vectors, presence & allowed, query, 10) for query in vectors[:2]]
    assert found.rows.tolist() == expected
    assert found.scores.shape == found.rows.shape


@EVERY
def test_k_beyond_the_number_of_rows_returns_all_of_them(kind):
    found = kind(unit_rows(30), full(30)).query(unit_rows(1, seed=1), 10**6)
    assert_array_equal(np.sort(found.rows[0]), np.arange(30))


@EVERY
def test_an_index_without_any_vector_has_no_neighbours(kind):
    found = kind(np.zeros((4, 8), np.float32), ~full(4)).query(unit_rows(2), 3)
    assert found.rows.shape == found.scores.shape == (2, 0)


@EVERY
def test_no_queries_have_no_neighbours(kind):
    assert len(kind(unit_rows(4), full(4)).query(unit_rows(0), 3).rows) == 0


@EVERY
def test_equal_vectors_are_ordered_by_row_and_score_the_same(kind):
    vectors = np.repeat(unit_rows(1, 33), 40, axis=0)
    found = kind(vectors, full(40)).query(unit_rows(1, 33, seed=1), 40)
    assert_array_equal(found.rows, [np.arange(40)])
    assert len(np.unique(found.scores)) == 1


@EXACT
def test_of_more_ties_than_asked_for_the_lowest_row_is_kept(kind):
    # An odd count: BLAS sums the last few rows in another order, so float32 alone breaks the ties.
    vectors = np.repeat(unit_rows(1, 342), 67, axis=0)
    for query in unit_rows(10, 342, seed=1):
        found = kind(vectors, full(67)).query(query[None], 1)
        assert_array_equal(found.rows, [[0]])


@EVERY
def test_a_zero_query_scores_zero_everywhere(kind):
    found = kind(unit_rows(20), full(20)).query(np.zeros((1, 8), np.float32), 4)
    assert_array_equal(found.scores, np.zeros((1, 4)))


@EVERY
def test_vectors_may_be_a_read_only_memory_map(kind, tmp_path):
    vectors = unit_rows(60)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    found = kind(mapped, full(60)).query(vectors[:2], 3)
    assert_array_equal(
        found.rows, [best_rows(vectors, full(60), query, 3) for query in vectors[:2]]
    )


@EVERY
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"vectors": unit_rows(1, 9)}, r"shape \(q, 8\)"),
        ({"vectors": unit_rows(1)[0]}, r"shape \(q, 8\)"),
        ({"vectors": np.full((1, 8), np.nan, np.float32)}, "NaN or infinity"),
        ({"allowed": full(3)}, "allowed must be of shape"),
    ],
    ids=["k", "dim", "one vector", "nan", "allowed"],
)
def test_arguments_that_do_not_fit_are_refused(kind, arguments, message):
    index = kind(unit_rows(20), full(20))
    with pytest.raises(ValueError, match=message):
        index.query(**{"vectors": unit_rows(1), "k": 2, **arguments})


@EXACT
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.integers(1, 40),
    dim=st.integers(1, 9),
    k=st.integers(1, 50),
    share=st.floats(0, 1),
    distinct=st.integers(1, 40),
    seed=st.integers(0, 2**20),
)
def test_exact_results_equal_brute_force(kind, n, dim, k, share, distinct, seed):
    rng = np.random.default_rng(seed)
    vectors = unit_rows(distinct, dim, seed)[rng.integers(0, distinct, n)]
    presence, allowed = rng.random(n) < 0.8, rng.random(n) < share
    queries = unit_rows(2, dim, seed + 1)
    found = kind(vectors, presence).query(queries, k, allowed=allowed)
    expected = [best_rows(vectors, presence & allowed, query, k) for query in queries]
    assert found.rows.tolist() == expected
    assert (np.diff(found.scores, axis=1) <= 0).all()


@EVERY
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.integers(2, 300),
    k=st.integers(1, 40),
    share=st.floats(0, 1),
    distinct=st.integers(1, 300),
    seed=st.integers(0, 2**20),
)
def test_every_query_has_all_its_rows_in_order_and_only_allowed_ones(
    kind, n, k, share, distinct, seed
):
    rng = np.random.default_rng(seed)
    vectors = unit_rows(distinct, 6, seed)[rng.integers(0, distinct, n)]
    presence, allowed = rng.random(n) < 0.8, rng.random(n) < share
    vectors[~presence] = np.nan
    queries = unit_rows(3, 6, seed + 1)
    found = kind(vectors, presence).query(queries, k, allowed=allowed)
    count = min(k, np.count_nonzero(presence & allowed))
    assert found.rows.shape == found.scores.shape == (3, count)
    for query, rows, scores in zip(queries, found.rows.tolist(), found.scores, strict=True):
        assert (presence & allowed)[rows].all()
        exact = (vectors[rows].astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
        assert_allclose(scores, exact, rtol=0, atol=1e-7)
        order = sorted(zip(-scores, rows, strict=True))
        assert [row for _, row in order] == rows
        assert len(set(rows)) == count
