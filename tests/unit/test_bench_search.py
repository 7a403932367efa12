"""What search is measured on, and how recall is counted."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module


@pytest.fixture
def world(bench):
    return bench("search_data").drawn_world(500, 16, queries=20)


def test_drawn_vectors_are_unit_vectors_and_the_same_each_time(bench, world):
    assert_allclose(np.linalg.norm(world.vectors, axis=1), 1, atol=1e-6)
    again = bench("search_data").drawn_world(500, 16, queries=20)
    assert_array_equal(again.queries, world.queries)


@pytest.mark.parametrize(("share", "passing"), [(0.5, 250), (0.01, 5), (0.0001, 1)])
def test_masks_let_their_share_pass_and_alike_ones_the_nearest(bench, world, share, passing):
    masks = bench("search_data").masks(world.vectors, share)
    assert [mask.sum() for mask in masks.values()] == [passing, passing]
    kept = world.vectors[masks["alike"]]
    assert (kept @ kept.T).mean() >= (world.vectors @ world.vectors.T).mean()


def test_a_way_is_as_wide_as_the_recall_needs(bench, world):
    search, ways = bench("search"), bench("search_ways")

    def first_of_the_best(query, allowed, width):
        best = np.argsort(-(world.vectors @ query[0]))
        return best[:width]

    bars = search._bars(world, world.queries, np.arange(500))
    way = ways.Way("known", first_of_the_best, 0.0, widths=(2, 5, 9, 10))
    assert search._tune(way, world, world.queries, None, bars, 0.5) == (5, 0.5)
    assert search._tune(way, world, world.queries, None, bars, 0.95) == (10, 1.0)
    assert search._tune(way, world, world.queries, None, bars, 2.0) == (10, 1.0)


def test_changes_name_what_is_there_before_and_after(bench):
    changes = bench("search_live").drawn_changes(100, 10, 5)
    assert changes.before.sum() == 100
    assert changes.after.sum() == 105
    assert not changes.after[changes.deleted].any()
    assert changes.after[changes.added].all()


def test_a_search_that_finds_what_is_not_there_is_caught(bench):
    live = bench("search_live")
    changes = live.drawn_changes(100, 10, 5)

    def gone(queries):
        return np.tile(np.resize(changes.deleted, 10), (len(queries), 1))

    def true(queries):
        scores = np.where(changes.after, queries @ changes.world.vectors.T, -np.inf)
        return np.argsort(-scores, axis=1)[:, :10]

    assert set(live._recall(changes, changes.after, true).values()) == {1.0}
    with pytest.raises(AssertionError, match="not there was found"):
        live._recall(changes, changes.after, gone)


def test_the_record_keeps_the_last_run_of_either_size(bench):
    beside, large = bench("search").beside, bench("search").LARGE
    nothing = {"figures": {}, "table": [], "indexes": {}}

    def run(world, name, value):
        return {
            "figures": {name: value, "resident_gb": 0.5}
            if world != large
            else {name: value, "large_resident_gb": 1.5},
            "table": [{"world": world, "p50_ms": value}],
            "indexes": {world: {"ef": value}},
        }

    record = beside(nothing, run("drawn", "p50_ms", 1))
    assert record["figures"] == {"p50_ms": 1, "resident_gb": 0.5}
    record = beside(record, run(large, "large_p50_ms", 2))
    record = beside(record, run("drawn", "p50_ms", 3))
    assert record["figures"] == {
        "p50_ms": 3,
        "large_p50_ms": 2,
        "resident_gb": 1.5,
        "large_resident_gb": 1.5,
    }
    assert [row["p50_ms"] for row in record["table"]] == [2, 3]
    assert record["indexes"] == {large: {"ef": 2}, "drawn": {"ef": 3}}
