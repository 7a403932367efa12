import numpy as np
import pytest
from numpy.testing import assert_allclose
from sightline.index.exact import ExactIndex
from sightline.index.hnsw import HnswIndex
from sightline.index.promise import Questions, build_graph, recall
from sightline_kernels.scan import to_bytes
from unit_vectors import unit_rows

VECTORS = unit_rows(12_000, 8)  # as many as make walks worth their while
DECIDING = ("no filter", "50 % anywhere", "50 % alike")
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
    assert recall(index, Questions("", queries, None, nearest, True)) >= 0.99


def test_the_record_says_what_was_measured(built):
    record = built.record
    assert record["ef"] == built.graph.ef
    assert record["target"] == 0.99
    assert record["queries"] == 1_000
    assert set(record["recall_at_10"]) == {
        "no filter",
        *(f"{share} % {how}" for share in (50, 10, 1) for how in ("anywhere", "alike")),
    }
    assert min(record["recall_at_10"].values()) >= 0.99
    assert min(record["recall_at_10"][name] for name in DECIDING) >= 0.995
    assert "warning" not in record


def test_every_row_with_a_vector_is_in_the_graph_and_no_other(built):
    leads = (built.graph.neighbours >= 0).any(axis=1)
    assert (leads == PRESENCE).all()
    assert PRESENCE[built.graph.neighbours[built.graph.neighbours >= 0]].all()


def test_a_promise_that_cannot_be_kept_is_said():
    few = VECTORS[:400]
    built = build_graph(few, PRESENCE[:400], to_bytes(few), target=1.01)
    assert built.graph.ef == 1024
    assert "fewer than the 101% promised" in built.record["warning"]


def test_recall_is_the_share_of_the_nearest_found():
    exact = ExactIndex(VECTORS, PRESENCE)
    queries = unit_rows(4, 8, seed=1)
    nearest = exact.query(queries, 10).scores
    half = ExactIndex(VECTORS, PRESENCE & (np.arange(12_000) < 6_000))
    asked = Questions("", queries, None, nearest, True)
    found = exact.query(queries, 10).rows
    assert recall(exact, asked) == 1
    assert_allclose(recall(half, asked), (found < 6_000).mean())


def test_walks_are_so_wide_that_they_miss_half_as_many_as_the_target_allows():
    vectors = unit_rows(12_000, 24)
    codes = to_bytes(vectors)
    widths = []
    for target in (0.5, 0.9, 0.99):
        built = build_graph(vectors, np.ones(12_000, np.bool_), codes, target=target)
        worst = min(built.record["recall_at_10"][name] for name in DECIDING)
        assert 1 - worst <= (1 - target) / 2
        widths.append(built.graph.ef)
    assert widths[0] < widths[1] < widths[2]
