"""The baselines of the ranking bench against their formulas, and who is judged by what."""

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
def splits() -> ModuleType:
    return importlib.import_module("recommend_splits")


@pytest.fixture
def simple() -> ModuleType:
    return importlib.import_module("recommend_simple")


@pytest.fixture
def peers() -> ModuleType:
    return importlib.import_module("recommend_peers")


@pytest.fixture
def protocol() -> ModuleType:
    return importlib.import_module("recommend_protocol")


def _log_of(splits, matrix, times=None):
    users, items = np.nonzero(matrix)
    times = np.zeros(len(users), np.int64) if times is None else np.array(times, np.int64)
    likes = (users.astype(np.int32), items.astype(np.int32), times)
    return splits.Log(*likes, n_users=len(matrix), n_items=matrix.shape[1])


def _likes(people, items, seed=0):
    matrix = np.random.default_rng(seed).random((people, items)) < 0.4
    matrix[:, -1] = False  # nobody likes the last one
    return matrix


@pytest.mark.parametrize("shape", [(6, 12), (12, 6)])
def test_ease_is_the_closed_form_whichever_side_is_inverted(splits, simple, shape) -> None:
    matrix = _likes(*shape)
    known = matrix.any(axis=0)
    likes = matrix[:, known].astype(np.float64)
    inverse = np.linalg.inv(likes.T @ likes + 3.0 * np.eye(likes.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    scores = simple.ease(_log_of(splits, matrix), regularisation=3.0)
    np.testing.assert_allclose(scores[:, known], likes @ weights, atol=1e-5)
    assert not scores[:, ~known].any()


def test_item_knn_sums_the_cosines_to_the_nearest_of_what_one_likes(splits, simple) -> None:
    matrix = _likes(9, 14)
    known = np.flatnonzero(matrix.any(axis=0))
    likes = matrix[:, known].astype(np.float64)
    norms = np.linalg.norm(likes, axis=0)
    alike = likes.T @ likes / (np.outer(norms, norms) + 2.0)
    np.fill_diagonal(alike, 0)
    for column in alike.T:
        column[column < np.sort(column)[-4]] = 0
    scores = simple.item_knn(_log_of(splits, matrix), neighbours=4, shrink=2.0)
    np.testing.assert_allclose(scores[:, known], likes @ alike, atol=1e-5)


def test_a_like_is_worth_half_a_half_life_before_the_last(splits, simple) -> None:
    matrix = np.array([[1, 1, 0]])
    log = _log_of(splits, matrix, times=[0, 5 * 86_400])
    assert simple.trend(log, half_life_days=5.0)[0].tolist() == [0.5, 1, 0]


def test_without_an_end_to_its_half_life_trend_is_popularity(splits, simple) -> None:
    log = _log_of(splits, _likes(9, 14), times=np.arange(_likes(9, 14).sum()) * 86_400)
    np.testing.assert_array_equal(simple.trend(log, half_life_days=np.inf), simple.popularity(log))


def test_tuning_takes_the_best_of_the_grid_and_of_equals_the_first(splits, peers) -> None:
    grid = [{"worth": 1.0}, {"worth": 3.0}, {"worth": 3.0, "again": True}]
    baseline = peers.Baseline(
        "b", lambda log, worth, again=False: np.full((1, 1), worth, np.float32), grid
    )
    log = _log_of(splits, _likes(2, 3))
    assert peers.tune(baseline, log, None, lambda scores: float(scores[0, 0])) == grid[1]


def test_peers_that_are_not_installed_are_named(peers, monkeypatch) -> None:
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    assert peers.absent_packages() == ["cornac", "implicit", "lightfm", "torch"]


def test_grids_hold_no_setting_twice(peers) -> None:
    for baseline in peers.BASELINES:
        settings = [tuple(each.items()) for each in baseline.grid]
        assert len(set(settings)) == len(settings)


def _split(splits):
    train = np.array([[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]])
    test = np.array([[0, 0, 0, 1, 0], [1, 0, 0, 0, 0], [0, 0, 1, 0, 0]])
    return splits.Split(_log_of(splits, train), _log_of(splits, test))


def test_what_one_has_seen_takes_no_place(splits, protocol) -> None:
    panel = protocol.Panel.of_all(_split(splits))
    scores = np.array([[9, 9, 0, 5, 1], [7, 9, 9, 1, 1], [0, 0, 5, 0, 0]], np.float32)
    assert panel.judge(scores.__getitem__).ndcg.tolist() == [1, 1, 1]


def test_new_items_are_ranked_among_themselves(splits, protocol) -> None:
    panel = protocol.Panel.of_new_items(_split(splits))
    assert (panel.people.tolist(), panel.among.tolist()) == ([0], [3, 4])
    scores = np.array([[9, 9, 9, 2, 1], [0] * 5, [0] * 5], np.float32)
    assert panel.judge(scores.__getitem__).ndcg.tolist() == [1]
    at_random = panel.judge(np.zeros((3, 5), np.float32).__getitem__)
    assert at_random.ndcg.tolist() == pytest.approx([(1 + 1 / np.log2(3)) / 2])


def test_where_nothing_is_new_nobody_is_judged(splits, protocol) -> None:
    everything = _log_of(splits, np.ones((2, 3)))
    panel = protocol.Panel.of_new_items(
        splits.Split(everything, everything.where(everything.items < 0))
    )
    assert panel.judge(np.zeros((2, 3), np.float32).__getitem__).ndcg.shape == (0,)


def test_people_without_a_like_in_training_are_told_apart(splits, protocol) -> None:
    panel = protocol.Panel.of_all(_split(splits))
    assert panel.has_history().tolist() == [True, True, False]


def test_people_are_judged_alike_however_many_are_at_a_time(splits, protocol, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.random((20, 30)) < 0.4
    log = _log_of(splits, matrix, times=rng.integers(0, 99, matrix.sum()))
    panel = protocol.Panel.of_all(splits.hold_out_last(log))
    scores = rng.random((20, 30)).astype(np.float32)
    at_once = panel.judge(scores.__getitem__)
    monkeypatch.setattr(protocol, "_CHUNK", 3)
    np.testing.assert_array_equal(panel.judge(scores.__getitem__).ndcg, at_once.ndcg)


def test_peers_that_are_installed_have_their_version(peers, monkeypatch) -> None:
    needing = peers.Baseline("b", lambda log: None, packages=("numpy", "no_such_peer"))
    monkeypatch.setattr(peers, "BASELINES", (needing,))
    assert peers.peer_versions() == {"numpy": np.__version__}
    assert peers.absent_packages() == ["no_such_peer"]
