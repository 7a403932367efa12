"""An index carried over to changed rows: what it finds, what it keeps, what it refuses."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sightline.errors import CorruptGenerationError
from sightline.half import halved
from sightline.index import hnsw
from sightline.index.carry import Earlier, carry_index
from sightline.index.exact import ExactIndex
from sightline.index.hnsw import HnswIndex
from sightline.index.plan import build_index, open_index
from sightline.index.planner import Choice
from unit_vectors import best_rows, unit_rows


def full(n):
    return np.ones(n, np.bool_)


def built(vectors, presence, folder, exact_rows=0):
    build_index(vectors, presence, folder, exact_rows=exact_rows)
    return Earlier(folder, vectors, presence)


def always_walks(n_rows, allowed, k, *, ef=None, **_):
    if ef is None:
        return Choice("scan")
    return Choice("walk" if allowed == n_rows else "filtered walk", max(ef, 2 * k), 10**6)


@pytest.fixture
def walks(monkeypatch):
    """Let graphs of few rows be walked in, which are scanned otherwise."""
    monkeypatch.setattr(hnsw, "choose", always_walks)


def awake(index):
    """Let an index use compiled loops from the first query on."""
    getattr(index, "_exact", index)._components_left = 0
    return index


def changed_rows(n, n_left, n_joined, dim=8, seed=0):
    """Return vectors, the next ones in another order, and where those were."""
    everything = unit_rows(n + n_joined, dim, seed)
    rng = np.random.default_rng(seed)
    stay = np.setdiff1d(np.arange(n), rng.permutation(n)[:n_left])
    order = rng.permutation(np.append(stay, np.arange(n, n + n_joined)))
    was = np.where(order < n, order, -1).astype(np.int32)
    return everything[:n], everything[order], was


@pytest.mark.usefixtures("walks")
@pytest.mark.parametrize(("n_left", "n_joined"), [(0, 0), (300, 0), (0, 300), (200, 300)], ids=str)
def test_a_graph_that_is_carried_over_finds_what_it_promises(tmp_path, n_left, n_joined):
    before, vectors, was = changed_rows(3_000, n_left, n_joined, dim=16)
    earlier = built(before, full(3_000), tmp_path / "was")
    record = carry_index(earlier, was, vectors, full(len(vectors)), tmp_path / "is", exact_rows=0)
    index = awake(open_index(vectors, full(len(vectors)), tmp_path / "is"))
    assert isinstance(index, HnswIndex)
    assert not record["rebuilt"]
    assert (record["carried"], record["joined"], record["left"]) == (
        3_000 - n_left,
        n_joined,
        n_left,
    )
    queries = unit_rows(100, 16, seed=7)
    found = index.query(queries, 10)
    assert found.plan == "walk"
    hits = [
        len(set(rows) & set(best_rows(vectors, full(len(vectors)), query, 10)))
        for rows, query in zip(found.rows.tolist(), queries, strict=True)
    ]
    assert sum(hits) >= 0.98 * 1_000
    assert min(record["recall_at_10"].values()) >= 0.99


@pytest.mark.usefixtures("walks")
def test_every_row_that_joined_is_found_by_its_own_vector(tmp_path):
    before, vectors, was = changed_rows(2_000, 100, 300)
    carry_index(
        built(before, full(2_000), tmp_path / "was"),
        was,
        vectors,
        full(2_200),
        tmp_path / "is",
        exact_rows=0,
    )
    index = awake(open_index(vectors, full(2_200), tmp_path / "is"))
    joined = np.flatnonzero(was < 0)
    found = index.query(vectors[joined], 1)
    assert found.plan == "walk"
    assert (found.rows[:, 0] == joined).mean() > 0.99


@pytest.mark.usefixtures("walks")
def test_a_new_cluster_far_from_all_others_is_found(tmp_path):
    rng = np.random.default_rng(0)
    before = unit_rows(3_000, 32)
    before[:, :4] = 0
    cluster = rng.normal(0, 0.05, (400, 32)) + np.eye(32)[0]
    vectors = np.concatenate([before, cluster]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    before = vectors[:3_000]
    was = np.append(np.arange(3_000), np.full(400, -1)).astype(np.int32)
    earlier = built(before, full(3_000), tmp_path / "was")
    carry_index(earlier, was, vectors, full(3_400), tmp_path / "is", exact_rows=0)
    index = awake(open_index(vectors, full(3_400), tmp_path / "is"))
    queries = vectors[3_000::20]
    found = index.query(queries, 10)
    expected = [best_rows(vectors, full(3_400), query, 10) for query in queries]
    assert found.plan == "walk"
    assert (found.rows == expected).mean() > 0.98


@pytest.mark.usefixtures("walks")
def test_hundreds_of_new_copies_hide_neither_each_other_nor_the_rest(tmp_path):
    before = unit_rows(2_000, 16)
    vectors = np.concatenate([before, np.tile(before[:1], (500, 1))])
    was = np.append(np.arange(2_000), np.full(500, -1)).astype(np.int32)
    earlier = built(before, full(2_000), tmp_path / "was")
    carry_index(earlier, was, vectors, full(2_500), tmp_path / "is", exact_rows=0)
    index = awake(open_index(vectors, full(2_500), tmp_path / "is"))
    found = index.query(before[:1], 501)
    assert (found.scores[0] >= 1 - 1e-6).sum() == 501
    others = index.query(before[1:200], 1)
    assert (others.rows[:, 0] == np.arange(1, 200)).mean() > 0.98


@pytest.mark.usefixtures("walks")
def test_a_cluster_of_which_one_row_stays_leaves_it_within_reach(tmp_path):
    rng = np.random.default_rng(0)
    vectors = np.concatenate([unit_rows(2_000, 16), rng.normal(0, 0.01, (60, 16)) + np.eye(16)[0]])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    earlier = built(vectors, full(2_060), tmp_path / "was")
    was = np.arange(2_001, dtype=np.int32)
    carry_index(earlier, was, vectors[:2_001], full(2_001), tmp_path / "is", exact_rows=0)
    index = awake(open_index(vectors[:2_001], full(2_001), tmp_path / "is"))
    assert index.query(vectors[2_000:2_001], 1).rows.tolist() == [[2_000]]
    assert (index.graph.neighbours[2_000] >= 0).sum() > 4


def test_an_item_that_lost_its_picture_is_in_no_list_of_links(tmp_path):
    vectors = unit_rows(600)
    earlier = built(vectors, full(600), tmp_path / "was")
    presence = np.arange(600) % 9 > 0
    after = np.where(presence[:, None], vectors, np.float32(0))
    record = carry_index(
        earlier, np.arange(600, dtype=np.int32), after, presence, tmp_path / "is", exact_rows=0
    )
    graph = open_index(after, presence, tmp_path / "is").graph
    assert record["left"] == np.count_nonzero(~presence)
    assert (graph.neighbours[~presence] == -1).all()
    assert presence[graph.neighbours[graph.neighbours >= 0]].all()
    assert presence[graph.entries].all()


def test_bytes_are_those_of_a_new_build(tmp_path):
    before, vectors, was = changed_rows(500, 40, 60)
    earlier = built(before, full(500), tmp_path / "was", exact_rows=None)
    carry_index(earlier, was, vectors, full(520), tmp_path / "is")
    build_index(vectors, full(520), tmp_path / "new")
    for name in ("codes", "scales", "errors"):
        carried, anew = (np.load(tmp_path / folder / f"{name}.npy") for folder in ("is", "new"))
        assert_array_equal(carried, anew)


@pytest.mark.parametrize("n_before", [0, 300])
@pytest.mark.parametrize("n_after", [0, 280])
def test_all_rows_may_leave_and_all_may_be_new(tmp_path, n_before, n_after):
    before, vectors = unit_rows(n_before), unit_rows(n_after, seed=1)
    earlier = built(before, full(n_before), tmp_path / "was")
    was = np.full(n_after, -1, np.int32)
    record = carry_index(earlier, was, vectors, full(n_after), tmp_path / "is", exact_rows=0)
    found = open_index(vectors, full(n_after), tmp_path / "is").query(unit_rows(2, seed=2), 5)
    assert (record["carried"], record["joined"], record["left"]) == (0, n_after, n_before)
    assert found.rows.tolist() == [
        best_rows(vectors, full(n_after), query, 5) for query in unit_rows(2, seed=2)
    ]


def test_items_without_any_vectors_are_carried_over(tmp_path):
    nothing, nobody = np.zeros((4, 0), np.float32), np.zeros(4, np.bool_)
    earlier = built(nothing, nobody, tmp_path / "was")
    was = np.array([2, -1, 0], np.int32)
    record = carry_index(earlier, was, nothing[:3], nobody[:3], tmp_path / "is")
    assert (record["kind"], record["carried"], record["left"]) == ("exact", 0, 0)
    assert open_index(nothing[:3], nobody[:3], tmp_path / "is")


@pytest.mark.parametrize(
    ("n_left", "exact_rows", "kind"), [(0, 300, "exact"), (0, 299, "graph"), (20, 290, "exact")]
)
@pytest.mark.parametrize("before", [10, 10**6], ids=["graph", "exact"])
def test_the_kind_is_that_of_a_new_build(tmp_path, before, n_left, exact_rows, kind):
    vectors = unit_rows(300)
    earlier = built(vectors, full(300), tmp_path / "was", exact_rows=before)
    was = np.arange(300 - n_left, dtype=np.int32)
    record = carry_index(
        earlier, was, vectors[: len(was)], full(len(was)), tmp_path / "is", exact_rows=exact_rows
    )
    index = open_index(vectors[: len(was)], full(len(was)), tmp_path / "is")
    assert record["kind"] == kind
    assert isinstance(index, ExactIndex if kind == "exact" else HnswIndex)
    files = {path.stem for path in (tmp_path / "is").glob("*.npy")}
    assert ("neighbours" in files) == (kind == "graph")


def test_a_graph_of_which_a_third_has_changed_over_the_time_is_built_anew(tmp_path):
    vectors = unit_rows(800)
    earlier, rebuilt = built(vectors[:400], full(400), tmp_path / "0"), []
    for turn in range(1, 5):
        rows = vectors[: 400 + 60 * turn]
        was = np.arange(len(rows), dtype=np.int32)
        was[-60:] = -1
        folder = tmp_path / str(turn)
        record = carry_index(earlier, was, rows, full(len(rows)), folder, exact_rows=0)
        rebuilt.append(record["rebuilt"])
        earlier = Earlier(folder, rows, full(len(rows)))
    # 60 of 460, 120 of 520, 180 of 580; then 60 + 180 of 640.
    assert rebuilt == [False, False, False, True]
    assert "changed" not in json.loads((tmp_path / "4" / "index.json").read_text())


def test_the_graph_is_the_same_each_time(tmp_path):
    before, vectors, was = changed_rows(900, 50, 90)
    earlier = built(before, full(900), tmp_path / "was")
    for folder in ("a", "b"):
        carry_index(earlier, was, vectors, full(940), tmp_path / folder, exact_rows=0)
    first, second = (
        [(tmp_path / folder / name).read_bytes() for name in ("neighbours.npy", "entries.npy")]
        for folder in ("a", "b")
    )
    assert first == second


def test_vectors_in_float16_are_carried_over(tmp_path):
    before, vectors, was = changed_rows(400, 30, 50)
    halves, next_halves = halved(before), halved(vectors)
    earlier = built(halves, full(400), tmp_path / "was")
    record = carry_index(earlier, was, next_halves, full(420), tmp_path / "is", exact_rows=0)
    found = open_index(next_halves, full(420), tmp_path / "is").query(vectors[:3], 5)
    assert (record["carried"], record["rebuilt"]) == (370, False)
    assert found.rows.tolist() == [
        best_rows(next_halves[:], full(420), query, 5) for query in vectors[:3]
    ]


@pytest.mark.parametrize(
    ("was", "message"),
    [
        ([0, 1], r"\(2,\) earlier rows"),
        ([0, 1, 7], "earlier row is 7"),
        ([0, 1, -2], "or -2"),
        ([0, 1, 1], "one earlier row"),
        ([0, 2, 1], "row 1 is not that of the earlier row 2"),
    ],
    ids=["number", "beyond", "negative", "twice", "others"],
)
def test_rows_that_were_not_what_is_said_are_refused(tmp_path, was, message):
    vectors = unit_rows(5)
    earlier = built(vectors, full(5), tmp_path / "was")
    with pytest.raises(ValueError, match=message):
        carry_index(earlier, np.array(was, np.int32), vectors[:3], full(3), tmp_path / "is")


def test_a_new_vector_that_is_not_finite_is_refused(tmp_path):
    vectors = unit_rows(5)
    earlier = built(vectors[:3], full(3), tmp_path / "was")
    vectors[4] = np.nan
    was = np.array([0, 1, 2, -1, -1], np.int32)
    with pytest.raises(ValueError, match="the first is row 4"):
        carry_index(earlier, was, vectors, full(5), tmp_path / "is")


def test_an_earlier_index_of_other_vectors_is_refused(tmp_path):
    earlier = built(unit_rows(5), full(5), tmp_path / "was")
    other = Earlier(earlier.folder, unit_rows(5, seed=1), full(5))
    with pytest.raises(CorruptGenerationError, match="other vectors"):
        carry_index(other, np.arange(5, dtype=np.int32), unit_rows(5, seed=1), full(5), tmp_path)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.integers(0, 200),
    dim=st.integers(1, 8),
    rounds=st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 60)), min_size=1, max_size=3),
    distinct=st.integers(1, 200),
    is_exact=st.booleans(),
    seed=st.integers(0, 2**20),
)
@pytest.mark.usefixtures("walks")
def test_whatever_changes_all_that_qualifies_is_found_and_nothing_else(
    tmp_path_factory, n, dim, rounds, distinct, is_exact, seed
):
    rng = np.random.default_rng(seed)
    folder, exact_rows = tmp_path_factory.mktemp("carry"), 10**6 if is_exact else 0
    some = unit_rows(distinct, dim, seed)
    vectors, presence = some[rng.integers(0, distinct, n)], rng.random(n) < 0.9
    earlier = built(vectors, presence, folder / "0", exact_rows)
    for turn, (leaving, joining) in enumerate(rounds, 1):
        stay = np.flatnonzero(rng.random(len(vectors)) >= leaving)
        was = rng.permutation(np.append(stay, np.full(joining, -1))).astype(np.int32)
        new = some[rng.integers(0, distinct, len(was))]
        after = np.where(was[:, None] >= 0, vectors[was], new) if len(vectors) else new
        presence = rng.random(len(was)) < 0.9
        vectors = after
        place = folder / str(turn)
        carry_index(earlier, was, vectors, presence, place, exact_rows=exact_rows)
        earlier = Earlier(place, vectors, presence)
        index = awake(open_index(vectors, presence, place))
        allowed = rng.random(len(was)) < 0.6
        for mask in (None, allowed):
            eligible = presence if mask is None else presence & mask
            queries = unit_rows(30, dim, seed + turn)
            found = index.query(queries, 10, allowed=mask)
            hits = []
            for query, rows, scores in zip(queries, found.rows, found.scores, strict=True):
                assert len(set(rows.tolist())) == len(rows) == min(10, np.count_nonzero(eligible))
                assert eligible[rows].all()
                order = np.lexsort((rows, -scores))
                assert_array_equal(order, np.arange(len(rows)))
                best = best_rows(vectors, eligible, query, 10)
                if is_exact:
                    assert rows.tolist() == best
                worst = (vectors[best] * query).sum(axis=1).min(initial=1)
                hits += (scores >= worst - 1e-6).tolist()
            # Less than the 0.99 of large catalogues; dozens of copies of a vector promise nothing.
            assert sum(hits) >= 0.97 * len(hits) or distinct < 50
