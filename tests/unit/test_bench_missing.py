"""What a missing picture costs: how picks are divided, and what is held against what."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True)
def _beside_the_scripts(monkeypatch) -> None:
    monkeypatch.syspath_prepend(BENCH)


@pytest.fixture
def worlds() -> ModuleType:
    return importlib.import_module("missing_worlds")


@pytest.fixture
def missing() -> ModuleType:
    return importlib.import_module("missing")


def ranked(*lists, n_items=6):
    scores = np.full((len(lists), n_items), -np.inf, np.float32)
    for row, items in zip(scores, lists, strict=True):
        row[items] = -np.arange(len(items))
    return scores


def picks(*lists, n_items=6):
    picked = np.zeros((len(lists), n_items), np.bool_)
    for row, items in zip(picked, lists, strict=True):
        row[items] = True
    return picked


def test_parts_keep_the_list_of_all_and_ask_for_their_own_picks(worlds) -> None:
    has_picture = np.array([True, True, True, False, False, False])
    scores = ranked([0, 3, 1], [4, 5, 0])
    judged = worlds.judge_parts(scores, picks([0, 3], [0]), has_picture)
    second, third = 1 / np.log2(3), 1 / np.log2(4)
    np.testing.assert_allclose(judged["all"], [1, third])
    np.testing.assert_allclose(judged["with picture"], [1, third])
    np.testing.assert_allclose(judged["without picture"], [second])  # of the one who has such picks


def test_a_part_that_nobody_picked_of_is_left_out(worlds) -> None:
    judged = worlds.judge_parts(ranked([0, 1]), picks([0]), np.ones(6, np.bool_))
    assert set(judged) == {"all", "with picture"}


def test_stand_ins_are_held_against_nothing_over_the_people_of_all_worlds(missing, worlds) -> None:
    def world(ignore, text):
        cells = {policy: worlds.Cell("titles", 60, policy) for policy in ("ignore", "text")}
        return {
            cells["ignore"]: {"all": np.array(ignore, float)},
            cells["text"]: {"all": np.array(text, float)},
        }

    rows = missing.rows_of({1: world([0.2, 0.2], [0.4, 0.4]), 2: world([0.6], [0.9])})
    values = {(row.method, row.figure): row.estimate.value for row in rows}
    assert values["ignore", "ndcg10"] == pytest.approx(1 / 3)
    assert values["text / ignore", "ndcg10_ratio"] == pytest.approx(1.7)
    assert values["text, seed 2", "ndcg10"] == pytest.approx(0.9)
    assert missing.figures_of(rows) == {
        "titles_60_ignore_ndcg10": 0.3333,
        "titles_60_text_ndcg10": 0.5667,
    }
