import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import quiet, random_catalogue, taste_space, unit
from sightline.rank.newcomer import Guess, for_newcomer

AXES = np.eye(4, dtype=np.float32)


def guess(liked, interest=None):
    interest = None if interest is None else np.array(interest, np.float32)
    return Guess(np.array(liked, np.float32), interest)


def silent(n):
    return np.zeros(n, np.float32)


@given(
    st.integers(0, 2**32),
    st.integers(1, 30),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from([0, 0.5, 1]),
)
def test_newcomer_gets_k_allowed_items_or_all_there_are(seed, n, k, has_interest, share):
    rng = np.random.default_rng(seed)
    built = random_catalogue(n, seed=seed % 100, present=0.5)
    interest = unit(rng.standard_normal(4)) if has_interest and built.taste.presence.any() else None
    allowed = rng.random(n) < share
    liked = np.maximum(rng.standard_normal(n), 0)
    ranked = for_newcomer(built, guess(liked, interest), k, allowed)
    assert len(ranked.rows) >= min(k, allowed.sum())
    assert len(set(ranked.rows.tolist())) == len(ranked.rows)
    assert allowed[ranked.rows].all()
    assert (np.diff(ranked.scores) <= 0).all()
    assert ((ranked.scores >= 0) & (ranked.scores <= 1 + 1e-5)).all()
    total = sum(ranked.parts.values(), np.zeros(len(ranked.rows)))
    assert total == pytest.approx(ranked.scores, abs=1e-5)


def test_of_a_large_catalogue_there_are_at_least_k():
    falling = np.linspace(1, 0, 2_000)
    built = quiet(2_000, facts={"trend": falling, "popularity": falling})
    assert len(for_newcomer(built, guess(silent(2_000)), 500, None).rows) >= 500


def test_of_a_large_catalogue_the_best_of_each_kind_are_candidates():
    facts = {"trend": np.linspace(0, 1, 2_000), "popularity": np.linspace(1, 0, 2_000)}
    built = quiet(2_000, facts=facts, taste=taste_space(np.roll(AXES[[0] + [1] * 1_999], 700, 0)))
    liked = silent(2_000)
    liked[1_234] = 1
    found = for_newcomer(built, guess(liked, AXES[0]), 5, None).rows.tolist()
    assert {0, 700, 1_234, 1_999} <= set(found)
    assert len(found) < 2_000


def test_what_people_like_them_pick_comes_first():
    built = quiet(4, facts={"trend": [1, 0, 0, 0], "popularity": [0, 1, 0, 0]})
    ranked = for_newcomer(built, guess([0, 0, 1, 3]), 4, None)
    assert ranked.rows.tolist()[0] == 3
    assert set(ranked.parts) == {"people_like_you", "trend", "popularity"}


def test_what_is_popular_decides_where_nobody_like_them_picked_anything():
    built = quiet(3, facts={"popularity": [0.2, 1, 0.4], "trend": [0.2, 1, 0.4]})
    assert for_newcomer(built, guess(silent(3)), 3, None).rows.tolist() == [1, 2, 0]


def test_interest_finds_what_nobody_picked_yet():
    built = quiet(3, taste=taste_space(AXES[:3]))
    ranked = for_newcomer(built, guess(silent(3), AXES[2]), 3, None)
    assert ranked.rows[0] == 2
    assert list(ranked.parts) == ["taste"]


def test_crowding_counts_against_what_is_near_to_everything():
    built = quiet(2, taste=taste_space(AXES[[0, 0]], crowding=[9, 1]))
    ranked = for_newcomer(built, guess(silent(2), AXES[0]), 2, None)
    assert ranked.rows.tolist() == [1, 0]
    assert ranked.scores.tolist() == pytest.approx([1, 1 / 3])


def test_an_item_without_a_place_gets_the_middling_taste():
    vectors = unit([[1, 0], [1, 1], [0, 1], [0, 0]])
    built = quiet(4, taste=taste_space(vectors, [True, True, True, False]))
    ranked = for_newcomer(built, guess(silent(4), [1, 0]), 4, None)
    assert ranked.rows.tolist() == [0, 1, 3, 2]
    assert ranked.scores[1] == ranked.scores[2]


def test_liked_items_that_are_not_allowed_stay_away():
    allowed = np.array([True, False, True])
    found = for_newcomer(quiet(3), guess([0, 5, 0], None), 3, allowed).rows
    assert sorted(found.tolist()) == [0, 2]
    assert allowed.tolist() == [True, False, True]


def test_nothing_allowed_leaves_nothing():
    built = quiet(3, taste=taste_space(AXES[:3]))
    ranked = for_newcomer(built, guess([1, 1, 1], AXES[0]), 3, np.zeros(3, np.bool_))
    assert len(ranked.rows) == len(ranked.scores) == 0
