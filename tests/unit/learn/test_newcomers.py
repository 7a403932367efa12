import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sightline.learn.interactions import Interactions, no_interactions
from sightline.learn.newcomers import fit_newcomers, group_taste


def made(people, features, factors, noise, seed=0):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(people, features)).astype(np.float32)
    truth = rng.normal(size=(features, factors))
    targets = design @ truth + 5 + noise * rng.normal(size=(people, factors))
    return design, targets.astype(np.float32), truth


def everybody(design):
    return np.ones(len(design), np.bool_)


def test_a_linear_rule_is_found():
    design, targets, truth = made(300, 4, 3, noise=0.01)
    fitted = fit_newcomers(design, targets, everybody(design))
    assert fitted.r2 > 0.999
    assert fitted.weights == pytest.approx(np.vstack([truth, np.full(3, 5)]), abs=0.03)
    assert fitted.weights.dtype == np.float32


def test_one_and_many_are_guessed_alike():
    design, targets, _ = made(100, 4, 3, noise=0.1)
    fitted = fit_newcomers(design, targets, everybody(design))
    assert fitted.predict(design).shape == (100, 3)
    assert fitted.predict(design[7]) == pytest.approx(fitted.predict(design)[7], rel=1e-5)


def test_features_that_say_nothing_leave_the_mean():
    rng = np.random.default_rng(1)
    design = rng.normal(size=(60, 30)).astype(np.float32)
    targets = rng.normal(size=(60, 4)).astype(np.float32)
    fitted = fit_newcomers(design, targets, everybody(design))
    assert fitted.r2 == pytest.approx(0, abs=0.02)
    assert fitted.predict(design) == pytest.approx(np.tile(targets.mean(axis=0), (60, 1)), abs=0.2)


@given(st.integers(0, 2**31))
@settings(max_examples=20)
def test_r2_is_that_of_leaving_everybody_out_in_turn(seed):
    design, targets, _ = made(12, 3, 2, noise=1.0, seed=seed)
    penalties = 4.0 ** np.arange(11)
    errors = np.zeros(len(penalties))
    of_mean = 0.0
    for person in range(12):
        others = np.arange(12) != person
        x, y = design[others].astype(float), targets[others].astype(float)
        of_mean += ((targets[person] - y.mean(axis=0)) ** 2).sum()
        x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
        centred = x - x_mean
        for place, penalty in enumerate(penalties):
            inner = centred.T @ centred + penalty * np.eye(3)
            weights = np.linalg.solve(inner, centred.T @ (y - y_mean))
            guess = y_mean + (design[person] - x_mean) @ weights
            errors[place] += ((targets[person] - guess) ** 2).sum()
    # Each refit centres by the other eleven: the identity holds for that too.
    fitted = fit_newcomers(design, targets, everybody(design))
    assert fitted.r2 == pytest.approx(max(0, 1 - errors.min() / of_mean), abs=1e-4)


def test_only_those_who_are_known_are_learnt_from():
    design, targets, _ = made(200, 3, 2, noise=0.1)
    known = np.arange(200) < 100
    spoilt = np.where(known[:, None], targets, 1e6).astype(np.float32)
    fitted = fit_newcomers(design, spoilt, known)
    assert (fitted.weights == fit_newcomers(design[:100], targets[:100], known[:100]).weights).all()


def test_a_share_of_very_many_is_enough(monkeypatch):
    monkeypatch.setattr("sightline.learn.newcomers._MOST_PEOPLE", 100)
    design, targets, truth = made(1_000, 3, 2, noise=0.01)
    fitted = fit_newcomers(design, targets, everybody(design))
    assert fitted.weights[:-1] == pytest.approx(truth, abs=0.1)


@pytest.mark.parametrize("people", [0, 1, 2])
def test_of_hardly_anybody_the_mean_is_all_there_is(people):
    design, targets, _ = made(3, 4, 2, noise=0.1)
    fitted = fit_newcomers(design, targets, np.arange(3) < people)
    mean = targets[:people].mean(axis=0) if people else np.zeros(2)
    assert fitted.r2 == 0
    assert fitted.predict(design[2]) == pytest.approx(mean)


def test_without_features_or_differences_the_mean_is_all_there_is():
    none = fit_newcomers(
        np.zeros((5, 0), np.float32), np.ones((5, 2), np.float32), np.ones(5, bool)
    )
    assert none.predict(np.zeros(0, np.float32)).tolist() == [1, 1]
    design, _, _ = made(10, 2, 1, noise=0)
    same = fit_newcomers(design, np.full((10, 3), 2, np.float32), everybody(design))
    assert (same.r2, same.predict(design[0]).tolist()) == (0, [2, 2, 2])


def test_features_that_repeat_one_another_are_no_trouble():
    design, targets, _ = made(100, 2, 2, noise=0.01)
    doubled = np.hstack([design, design, np.ones((100, 1), np.float32)])
    assert fit_newcomers(doubled, targets, everybody(design)).r2 > 0.99


# Twenty people, item 0 for all, item 1 for the first ten only, item 2 for one of them.
GROUPS = np.array([[1, 0, 0.5]] * 10 + [[0, 1, -0.5]] * 10, np.float32)
IS_GROUP = np.array([True, True, False])


def picks():
    histories = [[0, 1] for _ in range(10)] + [[0] for _ in range(10)]
    histories[0] = [0, 1, 2]
    rows = np.array([row for history in histories for row in history], np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])])
    return Interactions(
        offsets.astype(np.int64),
        rows,
        np.ones(len(rows), np.float32),
        np.zeros(len(rows), np.int64),
    )


def test_what_a_group_picks_more_often_than_others_is_lifted():
    taste = group_taste(GROUPS, IS_GROUP, picks(), 4)
    scores = taste.scores(GROUPS[0], 4)
    observed, expected = 10, 10 * 21 / 31
    assert scores[1] == pytest.approx(np.log((observed + 5) / (expected + 5)))
    assert scores[1] > scores[2] > 0
    assert scores[[0, 3]].tolist() == [0, 0]
    assert taste.scores(GROUPS[15], 4)[0] > 0


def test_a_person_of_two_groups_has_the_sum_and_of_none_nothing():
    taste = group_taste(GROUPS, IS_GROUP, picks(), 4)
    both = taste.scores(np.array([1, 1, 1], np.float32), 4)
    assert both == pytest.approx(taste.scores(GROUPS[0], 4) + taste.scores(GROUPS[15], 4))
    assert not taste.scores(np.zeros(3, np.float32), 4).any()


def test_refusals_are_no_picks():
    interactions = picks()
    refused = Interactions(
        interactions.offsets, interactions.rows, -interactions.weights, interactions.times
    )
    assert not group_taste(GROUPS, IS_GROUP, refused, 4).scores(GROUPS[0], 4).any()


def test_a_group_keeps_its_best_items_in_the_order_of_rows(monkeypatch):
    monkeypatch.setattr("sightline.learn.newcomers._MOST_ITEMS", 1)
    taste = group_taste(GROUPS, IS_GROUP, picks(), 4)
    assert taste.rows.tolist() == [1, 0]
    assert taste.offsets.tolist() == [0, 1, 2, 2]
    assert (taste.rows.dtype, taste.lifts.dtype) == (np.int32, np.float32)


def test_nobody_has_no_taste():
    nobody = group_taste(np.zeros((0, 3), np.float32), IS_GROUP, no_interactions(), 4)
    assert not nobody.scores(GROUPS[0], 4).any()
    no_groups = group_taste(np.zeros((20, 0), np.float32), np.zeros(0, np.bool_), picks(), 4)
    assert not no_groups.scores(np.zeros(0, np.float32), 4).any()
