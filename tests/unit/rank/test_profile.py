import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rank_cases import history, unit
from sightline.rank.profile import MAX_INTERESTS, MAX_PICKS, interests, read_profile
from sightline.recency import by_order

AXES = np.eye(8, dtype=np.float32)
picked_vectors = st.builds(
    lambda seed, n, dim: unit(np.random.default_rng(seed).standard_normal((n, dim))),
    st.integers(0, 2**32),
    st.integers(1, 40),
    st.sampled_from([1, 2, 3, 16]),
)


def ones(n):
    return np.ones(n, np.float32)


# --- picks


def test_what_was_turned_down_is_seen_but_no_pick():
    profile = read_profile(history(4, 2, 7, weights=[1, -1, 1]))
    assert profile.rows.tolist() == [4, 7]
    assert profile.seen.tolist() == [4, 2, 7]
    assert len(profile) == 2


@pytest.mark.parametrize("past", [history(), history(3, weights=[-1])], ids=["nothing", "refusal"])
def test_who_picked_nothing_has_an_empty_profile(past):
    profile = read_profile(past)
    assert len(profile) == 0
    assert profile.weights.dtype == np.float32
    assert profile.seen.tolist() == past.rows.tolist()


def test_a_pick_counts_by_the_root_of_its_weight():
    heavy = read_profile(history(1, 2, weights=[9, 4])).weights
    light = read_profile(history(1, 2)).weights
    assert heavy.tolist() == pytest.approx((light * [3, 2]).tolist())


@given(st.integers(2, 60))
def test_of_equal_picks_the_newest_counts_most_and_each_before_it_less(count):
    weights = read_profile(history(*range(count))).weights
    assert weights[-1] == 1
    assert (np.diff(weights) > 0).all()
    assert weights.tolist() == by_order(count).tolist()


def test_a_pick_counts_half_for_every_ninety_days_before_the_newest():
    spread = read_profile(history(1, 2, 3, days=[-180, -90, 0])).weights
    at_once = read_profile(history(1, 2, 3)).weights
    assert (spread / at_once).tolist() == pytest.approx([0.25, 0.5, 1])


def test_how_long_ago_a_person_last_came_changes_nothing():
    early, late = (read_profile(history(1, 2, days=[day, day + 9])) for day in (0, 9_000))
    assert early.weights.tolist() == late.weights.tolist()


def test_a_pick_of_1970_still_counts_for_something():
    weights = read_profile(history(1, 2, days=[0, 20_000])).weights
    assert 0 < weights[0] < 1e-5


def test_only_the_latest_picks_speak_and_everything_is_seen():
    profile = read_profile(history(*range(MAX_PICKS + 20)))
    assert profile.rows.tolist() == list(range(20, MAX_PICKS + 20))
    assert len(profile.seen) == MAX_PICKS + 20


def test_refusals_take_no_place_among_the_latest_picks():
    weights = [1] * MAX_PICKS + [-1] * 50
    assert len(read_profile(history(*range(MAX_PICKS + 50), weights=weights))) == MAX_PICKS


def test_the_latest_of_a_profile_keep_their_weights_and_all_that_was_seen():
    profile = read_profile(history(5, 6, 7, weights=[1, 1, 4]))
    latest = profile.latest(2)
    assert latest.rows.tolist() == [6, 7]
    assert latest.weights.tolist() == profile.weights[1:].tolist()
    assert latest.seen.tolist() == [5, 6, 7]
    assert profile.latest(99).rows.tolist() == [5, 6, 7]


# --- interests


def test_two_unlike_picks_make_two_interests():
    found, weights = interests(AXES[:2], np.array([3, 1], np.float32))
    assert found.tolist() == AXES[[1, 0]].tolist()  # the latest pick begins the first
    assert weights.tolist() == [1, 3]


def test_picks_that_are_alike_make_one_interest_between_them():
    picks = unit([[1, 0.2], [1, -0.2]])
    found, weights = interests(picks, ones(2))
    assert found == pytest.approx(np.array([[1, 0]]), abs=1e-6)
    assert weights.tolist() == [2]


def test_within_an_interest_a_pick_pulls_by_its_weight():
    picks = unit([[1, 0.2], [1, -0.2]])
    [found], _ = interests(picks, np.array([5, 1], np.float32))
    assert picks[0] @ found > picks[1] @ found


def test_each_pick_joins_the_interest_whose_beginning_it_is_most_like():
    picks = unit([[0, 1, 0.1], [1, 0, 0], [0, 1, 0], [1, 0.1, 0]])
    _, weights = interests(picks, np.array([1, 2, 4, 8], np.float32))
    assert sorted(weights.tolist()) == [5, 10]


def test_there_are_at_most_four_interests_and_none_is_lost():
    found, weights = interests(AXES, ones(8))
    assert len(found) == MAX_INTERESTS == 4
    assert weights.sum() == 8


def test_one_pick_is_its_own_interest():
    found, weights = interests(AXES[3:4], np.array([0.3], np.float32))
    assert found.tolist() == AXES[3:4].tolist()
    assert weights.tolist() == pytest.approx([0.3])


def test_the_same_thing_picked_twice_is_one_interest():
    found, weights = interests(AXES[[2, 2]], ones(2))
    assert found.tolist() == AXES[[2]].tolist()
    assert weights.tolist() == [2]


def test_an_interest_of_picks_that_hardly_count_is_a_unit_vector_too():
    found, _ = interests(AXES[:2], np.array([1e-9, 1], np.float32))
    assert np.linalg.norm(found, axis=1).tolist() == pytest.approx([1, 1])


@given(picked_vectors, st.integers(0, 2**32))
def test_interests_are_unit_vectors_that_share_out_all_the_weight(vectors, seed):
    given_weights = np.random.default_rng(seed).uniform(0.1, 1, len(vectors)).astype(np.float32)
    found, weights = interests(vectors, given_weights)
    assert 1 <= len(found) == len(weights) <= MAX_INTERESTS
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(found)), abs=1e-4)
    assert weights.sum() == pytest.approx(given_weights.sum(), rel=1e-4)
    assert (weights > 0).all()


@given(picked_vectors)
def test_every_pick_of_a_person_with_few_interests_is_like_where_one_begins(vectors):
    found, _ = interests(vectors, ones(len(vectors)))
    assume(len(found) < MAX_INTERESTS)
    begun = [len(vectors) - 1]
    for _ in found[1:]:
        begun.append(int((vectors @ vectors[begun].T).max(axis=1).argmin()))
    assert ((vectors @ vectors[begun].T).max(axis=1) >= 0.5).all()
