from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sightline.errors import ConfigError
from sightline.learn import ease
from sightline.learn.als import fold_in
from sightline.learn.collaborative import (
    factors_from_content,
    learn_collaborative,
    strengths,
)
from sightline.learn.interactions import Interactions, no_interactions


def histories(*users):
    offsets = np.cumsum([0, *map(len, users)])
    rows = np.array([row for user in users for row in user], np.int32)
    return Interactions(offsets, rows, np.ones(len(rows), np.float32), np.arange(len(rows)))


def two_camps(people=40):
    """People who pick among items 0..19 or 20..39, and never from both."""
    rng = np.random.default_rng(0)
    return histories(
        *(rng.choice(20, 8, replace=False) + 20 * (user % 2) for user in range(people))
    )


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setattr(ease, "MOST_ITEMS", 39)


def test_left_open_few_items_are_learnt_by_ease_and_factors_with_them():
    learnt = learn_collaborative(two_camps(), 42)
    assert (learnt.method, learnt.reason) == ("EASE", "")
    assert learnt.neighbours.shape == learnt.neighbour_scores.shape == (42, 39)
    assert learnt.neighbour_scores.min() < 0
    assert learnt.factors.shape == (42, 8)
    assert learnt.gram.shape == (8, 8)


@pytest.mark.usefixtures("small_limit")
def test_left_open_many_items_are_learnt_by_als_beside_item_item_lists():
    learnt = learn_collaborative(two_camps(), 40)
    assert learnt.method == "ALS"
    assert learnt.neighbours.shape == (40, 50)
    assert learnt.neighbour_scores.min() == 0
    assert learnt.factors.shape == (40, 8)


@pytest.mark.usefixtures("small_limit")
def test_ease_by_name_is_refused_where_it_does_not_fit():
    with pytest.raises(ConfigError, match=r"EASE holds up to .* and here are 40: name ALS"):
        learn_collaborative(two_camps(), 40, method="EASE")


def test_item_item_by_name_is_lists_alone():
    learnt = learn_collaborative(two_camps(), 40, method="item-item")
    assert learnt.neighbours.shape == (40, 50)
    assert learnt.factors.shape == (40, 0)
    assert learnt.gram.shape == (0, 0)
    assert "item-item" in learnt.reason


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'BPR': it is one of EASE, ALS, item-item"):
        learn_collaborative(two_camps(), 40, method="BPR")


@pytest.mark.parametrize("method", ["EASE", "ALS"])
def test_every_method_finds_the_own_camp(method):
    learnt = learn_collaborative(two_camps(), 40, method=method)
    best = learnt.neighbours[:, 0]
    assert_array_equal(best // 20, np.arange(40) // 20)
    user = fold_in(learnt.factors, learnt.gram, np.array([21, 22], np.int32), np.ones(2, "f4"))
    assert set(np.argsort(-(learnt.factors @ user))[:10] // 20) == {1}


@pytest.mark.parametrize("method", ["EASE", "ALS"])
def test_what_was_turned_down_teaches_nothing(method):
    picks = two_camps()
    turned_down = np.arange(len(picks.rows)) % 3 == 0
    mixed = replace(picks, weights=np.where(turned_down, np.float32(-1), picks.weights))
    learnt = learn_collaborative(mixed, 40, method=method)
    without = learn_collaborative(picks.where(~turned_down), 40, method=method)
    assert_array_equal(learnt.neighbours, without.neighbours)
    assert_array_equal(learnt.factors, without.factors)


def test_the_matrix_holds_the_roots_of_weights():
    assert_allclose(strengths(np.array([4, 0.25, 0, -1], np.float32)), [2, 0.5, 0, 0])
    picks = replace(histories([0, 1]), weights=np.array([4, 9], np.float32))
    learnt = learn_collaborative(picks, 2, method="item-item")
    assert_allclose(learnt.neighbour_scores[:, 0], [6 / (6 + 5)] * 2)


def test_with_too_few_people_there_are_lists_and_the_reason_why_no_factors():
    learnt = learn_collaborative(histories([0, 1], [0, 1], [2]), 4)
    assert learnt.method == "EASE"
    assert learnt.neighbours[:2, 0].tolist() == [1, 0]
    assert learnt.factors.shape == (4, 0)
    assert learnt.reason.startswith("2 people picked two items or more, of 3 in all")


@pytest.mark.parametrize("method", [None, "EASE", "ALS", "item-item"])
def test_without_events_nothing_is_known(method):
    learnt = learn_collaborative(no_interactions(), 3, method=method)
    assert learnt.neighbours.shape == (3, 0)
    assert learnt.factors.shape == (3, 0)
    assert learnt.reason


def test_the_result_does_not_depend_on_the_number_of_threads():
    for method in ("EASE", "ALS"):
        one, three = (
            learn_collaborative(two_camps(), 40, method=method, threads=threads)
            for threads in (1, 3)
        )
        assert one.neighbour_scores.tobytes() == three.neighbour_scores.tobytes()
        assert one.neighbours.tobytes() == three.neighbours.tobytes()
        assert one.factors.tobytes() == three.factors.tobytes()


def test_progress_tells_the_steps_and_finishes_each():
    told = {}
    for method in ("EASE", "ALS"):
        learn_collaborative(
            two_camps(),
            40,
            method=method,
            progress=lambda step, done, total: told.__setitem__(step, (done, total)),
        )
    assert list(told) == ["EASE", "ALS", "item-item"]
    assert all(done == total for done, total in told.values())


def catalogue(n_items=200, *, noise=0.0, seed=0):
    """Content, and factors that are a linear map of it: the last 50 items have none yet."""
    rng = np.random.default_rng(seed)
    content = rng.normal(size=(n_items, 6)).astype(np.float32)
    content /= np.linalg.norm(content, axis=1, keepdims=True)
    factors = content @ rng.normal(size=(6, 4)) + 0.5 + noise * rng.normal(size=(n_items, 4))
    is_warm = np.arange(n_items) < n_items - 50
    return content, factors.astype(np.float32), is_warm


def test_factors_of_items_that_nobody_picked_follow_from_their_content():
    content, truth, is_warm = catalogue()
    factors = np.where(is_warm[:, None], truth, 0).astype(np.float32)
    everything = np.ones(200, bool)
    found = factors_from_content(content, everything, factors, is_warm, np.where(is_warm, 50, 0))
    assert found.r2 > 0.95
    assert_array_equal(found.predicted, ~is_warm)
    assert np.corrcoef(found.factors[~is_warm].ravel(), truth[~is_warm].ravel())[0, 1] > 0.99
    assert found.factors.dtype == np.float32
    assert_array_equal(factors[~is_warm], np.zeros((50, 4)))  # what was given is left alone


def test_items_without_content_are_zero_if_nobody_picked_them_and_themselves_if_somebody_did():
    content, factors, is_warm = catalogue()
    presence = np.arange(200) % 2 == 0
    content = np.where(presence[:, None], content, np.float32(np.nan))
    found = factors_from_content(content, presence, factors, is_warm, np.ones(200, np.int64))
    assert_array_equal(found.factors[~presence & ~is_warm], np.zeros((25, 4)))
    assert_array_equal(found.factors[~presence & is_warm], factors[~presence & is_warm])
    assert_array_equal(found.predicted, presence & ~is_warm)
    assert np.isfinite(found.factors).all()


def test_the_fewer_picks_the_nearer_a_warm_item_moves_to_its_guess():
    content, factors, is_warm = catalogue(noise=0.5)
    everything = np.ones(200, bool)

    def completed(count):
        counts = np.full(200, count)
        return factors_from_content(content, everything, factors, is_warm, counts)

    guess, few, many = (completed(count).factors[is_warm] for count in (0, 3, 1_000_000))
    own, doubt = factors[is_warm], 2 / (1 - completed(3).r2)
    assert 0.1 < completed(3).r2 < 0.9
    assert_allclose(few, (3 * own + doubt * guess) / (3 + doubt), atol=1e-5)
    assert_allclose(many, own, atol=1e-4)


def test_content_that_explains_nothing_changes_nothing_and_says_so():
    _, factors, is_warm = catalogue()
    alike = np.full((200, 4), 0.5, np.float32)
    found = factors_from_content(alike, np.ones(200, bool), factors, is_warm, np.ones(200, int))
    assert found.r2 == pytest.approx(0, abs=1e-9)
    assert not found.predicted.any()
    assert_array_equal(found.factors[is_warm], factors[is_warm])
    assert_array_equal(found.factors[~is_warm], np.zeros((50, 4)))


@pytest.mark.parametrize("warm", [0, 49])
def test_too_few_known_factors_predict_nothing(warm):
    content, factors, _ = catalogue()
    found = factors_from_content(
        content, np.ones(200, bool), factors, np.arange(200) < warm, np.ones(200, np.int64)
    )
    assert (found.r2, found.predicted.any()) == (0, False)


def test_without_factors_there_is_nothing_to_predict():
    content, _, is_warm = catalogue()
    none = np.zeros((200, 0), np.float32)
    found = factors_from_content(content, np.ones(200, bool), none, is_warm, np.ones(200, int))
    assert found.factors.shape == (200, 0)
    assert not found.predicted.any()
