import numpy as np
import pytest
from linked import linked_index
from numpy.testing import assert_array_equal
from sightline.index import hnsw
from sightline.index.planner import Choice
from unit_vectors import best_rows, unit_rows

VECTORS = unit_rows(400, 24)
PRESENCE = np.arange(400) % 10 > 0


@pytest.fixture
def walks(monkeypatch):
    """Let an index walk 48 rows wide, giving up after as many scored rows as the test says."""

    def set_most(most_scored):
        def always(n_rows, allowed, k, **_):
            return Choice("walk" if allowed == n_rows else "filtered walk", 48, most_scored)

        monkeypatch.setattr(hnsw, "choose", always)

    set_most(10**6)
    return set_most


@pytest.mark.usefixtures("walks")
def test_the_graph_itself_finds_nearly_all_that_brute_force_finds():
    vectors = unit_rows(3000, 24)
    present = np.ones(3000, np.bool_)
    queries = unit_rows(20, 24, seed=1)
    found = linked_index(vectors, present).query(queries, 10)
    hits = [
        len(set(rows) & set(best_rows(vectors, present, query, 10)))
        for rows, query in zip(found.rows.tolist(), queries, strict=True)
    ]
    assert found.plan == "walk"
    assert sum(hits) >= 0.97 * 200


@pytest.mark.usefixtures("walks")
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_a_filtered_walk_keeps_allowed_rows_only(share):
    index = linked_index(VECTORS, PRESENCE)
    allowed = np.random.default_rng(0).random(400) < share
    found = index.query(VECTORS[1:2], 10, allowed=allowed)
    assert found.plan == "filtered walk"
    assert found.rows[0].tolist() == best_rows(VECTORS, PRESENCE & allowed, VECTORS[1], 10)


@pytest.mark.usefixtures("walks")
def test_allowed_rows_opposite_the_query_are_found():
    present = np.ones(400, np.bool_)
    allowed = np.zeros(400, np.bool_)
    allowed[np.argsort(VECTORS @ VECTORS[0])[:100]] = True
    found = linked_index(VECTORS, present).query(VECTORS[:1], 5, allowed=allowed)
    assert found.rows[0].tolist() == best_rows(VECTORS, allowed, VECTORS[0], 5)


def test_a_walk_that_is_given_up_is_answered_by_the_scan(walks):
    walks(1)
    found = linked_index(VECTORS, PRESENCE).query(VECTORS[1:3], 50)
    assert found.plan == "scan"
    assert found.rows.tolist() == [
        best_rows(VECTORS, PRESENCE, query, 50) for query in VECTORS[1:3]
    ]


@pytest.mark.usefixtures("walks")
def test_rows_that_no_walk_reaches_are_found_by_the_scan():
    index = linked_index(VECTORS, PRESENCE)
    index.graph.neighbours[:] = -1
    found = index.query(VECTORS[1:2], 40)
    assert found.plan == "scan"
    assert found.rows[0].tolist() == best_rows(VECTORS, PRESENCE, VECTORS[1], 40)


@pytest.mark.usefixtures("walks")
def test_a_query_of_zeros_has_the_first_rows():
    found = linked_index(VECTORS, PRESENCE).query(np.zeros((1, 24), np.float32), 4)
    assert_array_equal(found.rows, [[1, 2, 3, 4]])


@pytest.mark.usefixtures("walks")
def test_walks_score_as_scans_do():
    index = linked_index(VECTORS, PRESENCE)
    walked = index.query(VECTORS[:50], 5)
    scanned = index._exact.query(VECTORS[:50], 5)
    assert_array_equal(walked.rows, scanned.rows)
    assert_array_equal(walked.scores, scanned.scores)


def test_a_narrow_filter_is_not_walked():
    found = linked_index(VECTORS, PRESENCE).query(VECTORS[:1], 5, allowed=np.arange(400) < 100)
    assert found.plan == "scan"
