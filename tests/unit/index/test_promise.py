import numpy as np
import pytest
from numpy.testing import assert_allclose
from sightline.index.exact import ExactIndex
from sightline.index.hnsw import HnswIndex
from sightline.index.promise import Questions, build_graph, recall
from sightline_kernels.scan import to_bytes
from unit_vectors import unit_rows

VECTORS = unit_rows(12_000, 8)  # as many as make walks worth their while
PRESENCE = np.arange(12_000) % 10 > 0


@pytest.fixture(scope="module")
def built():
    return build_graph(VECTORS, PRESENCE, to_bytes(VECTORS))


def test_the_promise_is_kept_for_queries_that_come_later(built):
    exact = ExactIndex(VECTORS, PRESENCE, components_before_kernel=0)
    queries = unit_rows(100, 8, seed=1)
    nearest = exact.query(queries, 10).scores
    index = HnswIndex(built.graph, exact)
    assert index.query(queries, 10).plan == "walk"
    found, error = recall(index, Questions("", queries, None, nearest, True))
    assert found >= 0.98
    assert 0 <= error < 0.01


def test_the_record_says_what_was_measured(built):
    record = built.record
    assert record["ef"] == built.graph.ef
    assert record["target"] == 0.99
    assert record["queries"] == 500
    assert set(record["recall_at_10"]) == {
        "no filter",
        *(f"{share} % {how}" for share in (50, 10, 1) for how in ("anywhere", "alike")),
    }
    assert min(record["recall_at_10"].values()) >= 0.99
    assert "warning" not in record


def test_every_row_with_a_vector_is_in_the_graph_and_no_other(built):
    leads = (built.graph.neighbours >= 0).any(axis=1)
    assert (leads == PRESENCE).all()
    assert PRESENCE[built.graph.neighbours[built.graph.neighbours >= 0]].all()


def test_a_promise_that_cannot_be_kept_is_said():
    few = VECTORS[:400]
    built = build_graph(few, PRESENCE[:400], to_bytes(few), target=1.01)
    assert built.graph.ef == 512
    assert "fewer than the 101% promised" in built.record["warning"]


def test_recall_is_the_share_of_the_nearest_found():
    exact = ExactIndex(VECTORS, PRESENCE)
    queries = unit_rows(4, 8, seed=1)
    nearest = exact.query(queries, 10).scores
    half = ExactIndex(VECTORS, PRESENCE & (np.arange(12_000) < 6_000))
    asked = Questions("", queries, None, nearest, True)
    found = exact.query(queries, 10).rows
    assert recall(exact, asked) == (1, 0)
    shares = (found < 6_000).mean(axis=1)
    assert_allclose(recall(half, asked), (shares.mean(), shares.std() / 2))
