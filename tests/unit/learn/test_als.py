import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sightline.learn.als import REGULARIZATIONS, UNOBSERVED, fold_in, learn_als
from sightline.learn.interactions import Interactions, no_interactions
from sightline_kernels.als import solve_rows


def histories(*users):
    offsets = np.cumsum([0, *map(len, users)])
    rows = np.array([row for user in users for row in user], np.int32)
    return Interactions(offsets, rows, np.ones(len(rows), np.float32), np.arange(len(rows)))


def two_camps(people=60, *, picks=10, seed=0):
    """People who pick among items 0..19 or 20..39, and never from both."""
    rng = np.random.default_rng(seed)
    users = [rng.choice(20, picks, replace=False) + 20 * (user % 2) for user in range(people)]
    return histories(*users)


def folded(learnt, *rows):
    picks = np.array(rows, np.int32)
    return fold_in(learnt.factors, learnt.gram, picks, np.ones(len(rows), np.float32))


def test_items_of_the_own_camp_score_above_all_others():
    learnt = learn_als(two_camps(), 40, regularization=5.0)
    for camp in (0, 20):
        scores = learnt.factors @ folded(learnt, camp + 1, camp + 2, camp + 3)
        own = np.arange(40) // 20 == camp // 20
        assert scores[own].min() > scores[~own].max() + 0.02


def test_the_objective_cannot_be_lowered_by_moving_the_items():
    picks, strength = two_camps(), 2.0
    learnt = learn_als(picks, 40, n_factors=4, regularization=strength)
    x = np.stack([folded(learnt, *history.rows) for history in picks]).astype(np.float64)
    observed = np.zeros((len(picks), 40))
    for user, history in enumerate(picks):
        observed[user, history.rows] = 1

    def objective(v):
        predicted = x @ v.T
        misses = (observed * (1 - predicted) ** 2).sum() + UNOBSERVED * (predicted**2).sum()
        return misses + strength * ((v**2).sum() + (x**2).sum())

    least = objective(learnt.factors)
    rng = np.random.default_rng(0)
    for _ in range(20):
        step = rng.normal(size=learnt.factors.shape)
        step *= 0.05 * np.linalg.norm(learnt.factors) / np.linalg.norm(step)
        assert objective(learnt.factors + step) > least


def test_what_folding_in_needs_is_the_gram_of_the_factors_and_the_regularization():
    learnt = learn_als(two_camps(), 40, regularization=3.0)
    factors = learnt.factors.astype(np.float64)
    expected = UNOBSERVED * factors.T @ factors + 3 * np.eye(factors.shape[1])
    assert_allclose(learnt.gram, expected, atol=1e-4)
    assert learnt.gram.dtype == np.float32


@pytest.mark.parametrize("count", [1, 3, 20])
def test_folding_in_is_the_row_step_of_learning(count):
    learnt = learn_als(two_camps(), 40, regularization=2.0)
    rng = np.random.default_rng(count)
    rows = rng.permutation(40)[:count].astype(np.int32)
    weights = rng.uniform(0.5, 2, count).astype(np.float32)
    ends = np.array([0, count])
    step = solve_rows(ends, rows, weights, learnt.factors, np.diag(learnt.gram))[0]
    assert_allclose(fold_in(learnt.factors, learnt.gram, rows, weights), step, atol=1e-4)


def test_a_history_without_picks_folds_into_zeros():
    learnt = learn_als(two_camps(), 40)
    user = folded(learnt)
    assert user.dtype == np.float32
    assert_array_equal(user, np.zeros(learnt.factors.shape[1]))


def test_another_pick_lifts_the_items_that_are_picked_with_it():
    learnt = learn_als(two_camps(), 40, regularization=5.0)
    before, after = folded(learnt, 0, 1), folded(learnt, 0, 1, 25)
    lift = learnt.factors @ (after - before)
    assert lift[20:].min() > lift[:20].max()


def test_items_that_nobody_picked_are_zero():
    learnt = learn_als(two_camps(), 43)
    assert_array_equal(learnt.factors[40:], np.zeros((3, learnt.factors.shape[1])))
    assert (np.abs(learnt.factors[:40]).sum(axis=1) > 0).all()


def test_the_result_does_not_depend_on_the_number_of_threads():
    one, three = (learn_als(two_camps(), 40, threads=threads) for threads in (1, 3))
    assert one.factors.tobytes() == three.factors.tobytes()
    assert one.gram.tobytes() == three.gram.tobytes()
    assert one.regularization == three.regularization


def test_a_seed_fixes_the_result_and_another_changes_it():
    first, again, other = (learn_als(two_camps(), 40, seed=seed) for seed in (1, 1, 2))
    assert first.factors.tobytes() == again.factors.tobytes()
    assert first.factors.tobytes() != other.factors.tobytes()


def test_there_are_as_many_factors_as_asked_for_or_as_the_people_bear():
    assert learn_als(two_camps(), 40, n_factors=5, regularization=4).factors.shape == (40, 5)
    assert learn_als(two_camps(), 40, regularization=4).factors.shape == (40, 8)
    rng = np.random.default_rng(0)
    many = histories(*(rng.choice(99, 6, replace=False) for _ in range(110)))
    assert learn_als(many, 99, regularization=4).factors.shape == (99, 24)


@pytest.mark.parametrize("order", [(1, 1_000), (1_000, 1)])
def test_the_regularization_that_ranks_later_picks_best_is_taken(order):
    assert learn_als(two_camps(), 40, regularization=order).regularization == 1


def test_where_everything_fades_less_regularization_is_tried():
    learnt = learn_als(two_camps(), 40)
    assert REGULARIZATIONS[0] < learnt.regularization < 16
    assert np.linalg.norm(learnt.factors) > 1


def test_a_regularization_that_suppresses_everything_leaves_zeros_and_not_a_faint_ranking():
    assert_array_equal(learn_als(two_camps(), 40, regularization=100).factors, np.zeros((40, 8)))


def test_trying_stops_when_less_regularization_has_done_worse_twice():
    told = []
    learn_als(
        two_camps(people=100),
        40,
        regularization=(4, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
        progress=lambda *state: told.append(state),
    )
    tried = {done // 4 for done, total in told if 0 < done <= 28 and done % 4 == 0}
    assert tried == {1, 2, 3}


def test_with_too_few_people_to_judge_by_the_middle_regularization_is_taken():
    picks = two_camps(19)
    assert learn_als(picks, 40, regularization=(9, 1, 4)).regularization == 4
    assert learn_als(picks, 40).regularization == REGULARIZATIONS[6]


def test_progress_counts_every_round():
    told = []
    learn_als(two_camps(), 40, regularization=(1, 2), progress=lambda *state: told.append(state))
    assert told == [(done, 18) for done in range(19)]
    told.clear()
    learn_als(two_camps(), 40, regularization=1, progress=lambda *state: told.append(state))
    assert told == [(done, 10) for done in range(11)]


def test_nobody_picked_anything():
    learnt = learn_als(no_interactions(), 3)
    assert_array_equal(learnt.factors, np.zeros((3, 8)))
    assert np.isfinite(learnt.gram).all()
