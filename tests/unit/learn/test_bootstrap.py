import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.learn import bootstrap
from sightline.learn.bootstrap import (
    Interval,
    comparison,
    interval,
    intervals,
    paired_difference,
    paired_ratio,
    verdict,
)

figures = st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array)


def users(mean, *, count=400, seed=0):
    return np.clip(np.random.default_rng(seed).normal(mean, 0.2, count), 0, None)


def test_interval_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    found = [interval(rng.exponential(size=80), resamples=400) for _ in range(300)]
    share = np.mean([ends.low <= 1 <= ends.high for ends in found])
    assert 0.9 <= share <= 0.97


def test_interval_is_that_of_the_normal_distribution_for_many_users():
    values = users(2.0, count=2_000)
    ends = interval(values)
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert ends.value == values.mean()
    assert (ends.value - ends.low, ends.high - ends.value) == pytest.approx((half, half), rel=0.1)


def test_a_lower_level_gives_a_narrower_interval():
    wide, narrow = interval(users(0.5), level=0.95), interval(users(0.5), level=0.5)
    assert wide.low < narrow.low < narrow.high < wide.high


@given(figures)
def test_interval_lies_between_the_least_and_the_most(values):
    ends = interval(values, resamples=50)
    assert values.min() - 1e-9 <= ends.low <= ends.high <= values.max() + 1e-9


def test_a_seed_draws_the_same_users():
    assert interval(users(0.5)) == interval(users(0.5))
    assert interval(users(0.5)).low != interval(users(0.5), seed=1).low


def test_few_draws_at_once_are_the_same_draws(monkeypatch):
    whole = interval(users(0.5))
    monkeypatch.setattr(bootstrap, "_DRAWN_AT_ONCE", 1_000)
    assert interval(users(0.5)) == whole


def test_several_figures_are_drawn_together():
    per_user = {"ndcg": users(0.3), "recall": users(0.6, seed=1)}
    for name, ends in intervals(per_user).items():
        alone = interval(per_user[name])
        assert (ends.value, ends.low, ends.high) == pytest.approx(
            (alone.value, alone.low, alone.high)
        )


def test_no_users_have_no_interval():
    with pytest.raises(ValueError, match="no users"):
        interval(np.zeros(0))


def test_what_is_hard_for_both_cancels_out():
    hardness = users(0.4, count=100)
    ends = paired_difference(hardness + 0.01, hardness)
    assert (ends.low, ends.high) == pytest.approx((0.01, 0.01))
    assert interval(hardness).high - interval(hardness).low > 0.05


def test_ratio_is_that_of_the_means():
    b = users(0.4)
    ends = paired_ratio(1.5 * b, b)
    assert (ends.value, ends.low, ends.high) == pytest.approx((1.5, 1.5, 1.5))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12))
def test_ratio_and_difference_agree_on_which_is_better(pairs):
    a, b = np.array(pairs).T
    difference, ratio = (f(a, b, resamples=99) for f in (paired_difference, paired_ratio))
    if difference.low > 1e-9:
        assert ratio.low > 1
    if difference.high < -1e-9:
        assert ratio.high < 1


def test_ratio_to_nothing_has_no_bound_that_json_could_not_hold():
    some, nothing = np.full(20, 0.3), np.zeros(20)
    assert paired_ratio(some, nothing).to_dict() == {"value": None, "low": None, "high": None}
    assert paired_ratio(nothing, nothing).to_dict() == {"value": 1, "low": 1, "high": 1}
    rare = np.eye(1, 20)[0]
    assert paired_ratio(some, rare).high == math.inf
    assert paired_ratio(some, rare).value == pytest.approx(6)


@pytest.mark.parametrize("compare", [paired_difference, paired_ratio])
def test_different_numbers_of_users_are_no_pairs(compare):
    with pytest.raises(ValueError, match="of 3 and of 2 users"):
        compare(np.ones(3), np.ones(2))


def compared(whole, without):
    return paired_difference(whole, without), paired_ratio(whole, without)


def test_a_gain_is_told_in_percent():
    base = users(0.4)
    assert (
        verdict("pictures", *compared(1.12 * base, base)) == "pictures buy +12 % (+12 % to +12 %)"
    )
    assert verdict("behaviour", *compared(1.045 * base, base)) == (
        "behaviour buys +4.5 % (+4.5 % to +4.5 %)"
    )


def test_a_loss_is_told_with_the_smaller_end_first():
    difference = Interval(-0.1, -0.2, -0.01, 100)
    assert verdict("words", difference, Interval(0.8, 0.6, 0.98, 100)) == (
        "words cost 20 % (2.0 % to 40 %)"
    )


def test_a_gain_over_nothing_is_told_in_the_figure_itself():
    found = compared(np.full(20, 0.3), np.zeros(20))
    assert verdict("pictures", *found) == "pictures buy +0.300 (+0.300 to +0.300)"
    assert comparison("random", *found) == "+0.300 beside random (+0.300 to +0.300)"


def test_an_interval_that_holds_nothing_is_no_effect():
    noise = users(0.4), users(0.4, seed=1)
    assert verdict("pictures", *compared(*noise)) == "no measurable effect"
    assert comparison("popularity", *compared(*noise)) == "no measurable difference"
    assert verdict("pictures", *compared(noise[0], noise[0])) == "no measurable effect"


def test_of_few_users_nothing_is_said():
    found = compared(np.ones(9), np.full(9, 0.5))
    assert (
        verdict("pictures", *found) == comparison("popularity", *found) == "too few users to tell"
    )


def test_a_baseline_is_compared_by_how_many_times_it_is():
    base = users(0.4)
    assert comparison("popularity", *compared(1.28 * base, base)) == (
        "1.28 times popularity (1.28 to 1.28)"
    )
