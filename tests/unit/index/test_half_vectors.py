"""Searches of float16 vectors: every plan answers as for float32 vectors of the same values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linked import linked_index
from numpy.testing import assert_array_equal
from sightline.errors import CorruptGenerationError
from sightline.half import halved
from sightline.index import hnsw, planner
from sightline.index.exact import ExactIndex
from sightline.index.plan import build_index, fresh_index, open_index
from sightline.index.planner import Choice
from unit_vectors import best_rows, unit_rows


def scanning_bytes(vectors, presence):
    return ExactIndex(vectors, presence, components_before_kernel=0)


def gathering(vectors, presence):
    return ExactIndex(vectors, presence)


@pytest.fixture(
    scope="module",
    params=[ExactIndex, scanning_bytes, gathering, linked_index],
    ids=["scan", "byte scan", "gather", "walk"],
)
def kind(request):
    """A kind of index that answers by one plan alone, however few its rows."""

    def walks(n_rows, allowed, k, **_):
        return Choice("walk" if allowed == n_rows else "filtered walk", max(64, 2 * k), 10**6)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "FEW_ROWS", 0)
        patch.setattr(planner, "NARROW_SHARE", 1 if request.param is gathering else 0)
        patch.setattr(hnsw, "choose", walks)
        planner.choose.cache_clear()
        yield request.param
    planner.choose.cache_clear()


@given(
    n=st.integers(1, 200),
    dim=st.sampled_from([1, 3, 8, 65, 513]),
    k=st.integers(1, 30),
    share=st.floats(0, 1),
    distinct=st.integers(1, 200),
    seed=st.integers(0, 2**20),
)
def test_scores_are_those_of_the_stored_values_whichever_plan_finds_them(
    kind, n, dim, k, share, distinct, seed
):
    rng = np.random.default_rng(seed)
    vectors = halved(unit_rows(distinct, dim, seed)[rng.integers(0, distinct, n)])
    presence, allowed = rng.random(n) < 0.9, rng.random(n) < share
    queries = unit_rows(2, dim, seed + 1)
    found = kind(vectors, presence).query(queries, k, allowed=allowed)
    exact = ExactIndex(vectors[:], presence).query(queries, k, allowed=allowed)
    assert_array_equal(np.diff(found.scores) <= 0, True)
    for rows, scores, best, best_scores in zip(
        found.rows, found.scores, exact.rows, exact.scores, strict=True
    ):
        assert (presence & allowed)[rows].all()
        score_of = dict(zip(best.tolist(), best_scores.tolist(), strict=True))
        own = [score_of.get(row, score) for row, score in zip(rows.tolist(), scores, strict=True)]
        assert_array_equal(scores, np.array(own, np.float32))
        if kind is not linked_index:
            assert_array_equal(rows, best)


def test_results_are_those_of_brute_force_over_what_is_stored(kind):
    vectors, everything = halved(unit_rows(300, 65)), np.ones(300, np.bool_)
    queries = unit_rows(4, 65, seed=1)
    found = kind(vectors, everything).query(queries, 5)
    assert_array_equal(
        found.rows, [best_rows(vectors[:], everything, query, 5) for query in queries]
    )


@pytest.mark.parametrize("exact_rows", [1_000, 0])
def test_an_index_of_them_is_written_and_opened(tmp_path, exact_rows):
    vectors, presence = halved(unit_rows(600, 24)), np.arange(600) % 7 > 0
    queries = unit_rows(3, 24, seed=1)
    record = build_index(vectors, presence, tmp_path, exact_rows=exact_rows)
    assert record["kind"] == ("graph" if exact_rows == 0 else "exact")
    found = open_index(vectors, presence, tmp_path).query(queries, 4)
    expected = fresh_index(vectors[:], presence).query(queries, 4)
    assert_array_equal(found.rows, expected.rows)
    assert_array_equal(found.scores, expected.scores)


def test_an_index_of_the_vectors_before_they_were_rounded_is_refused(tmp_path):
    vectors, presence = unit_rows(60, 24), np.ones(60, np.bool_)
    build_index(vectors, presence, tmp_path)
    with pytest.raises(CorruptGenerationError, match="of other vectors"):
        open_index(halved(vectors), presence, tmp_path)
