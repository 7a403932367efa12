import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rank_cases import (
    SomeFactors,
    company,
    profile,
    quiet,
    random_catalogue,
    requests,
    rows,
    space,
    taste_space,
    unit,
)
from sightline.features.words import WordIndex, build_words
from sightline.rank.profile import read_profile
from sightline.rank.signals import SIGNALS, mean_likeness, person_signals

AXES = np.eye(4, dtype=np.float32)


def signals(built, person, pool):
    together = built.picked_together(person.rows, person.weights)
    return person_signals(built, person, pool, together)


def words_of(titles):
    table = build_words(pl.DataFrame({"title": titles}), ["title"])
    return WordIndex(table)


def ones(n):
    return np.ones(n, np.float32)


# --- which there are


def test_of_a_catalogue_with_everything_every_signal_speaks():
    built = random_catalogue(20, present=1.0, texts=1.0, text_dim=3)
    assert tuple(signals(built, profile(1, 2), rows(5, 6, 7))) == SIGNALS


def test_what_needs_what_there_is_not_is_left_out():
    told = signals(quiet(5), profile(1), rows(2, 3))
    assert set(SIGNALS) - set(told) == {"factors", "taste", "palette", "category", "price"}


@given(requests())
def test_signals_are_finite_and_one_for_each_candidate(request):
    built, past, _, allowed = request
    person = read_profile(past)
    assume(len(person) > 0)
    pool = np.flatnonzero(np.ones(len(built)) if allowed is None else allowed).astype(np.int32)
    for signal in signals(built, person, pool).values():
        assert signal.values.shape == (len(pool),)
        assert np.isfinite(signal.values).all()
        assert signal.present is None or signal.present.shape == (len(pool),)


@pytest.mark.parametrize("wanted", [[], ["trend"], ["price", "looks"], SIGNALS])
def test_only_what_is_asked_for_is_told_and_as_ever(wanted):
    built, person, pool = random_catalogue(20, present=1.0), profile(1, 2), rows(5, 6, 7)
    together = built.picked_together(person.rows, person.weights)
    everything = signals(built, person, pool)
    told = person_signals(built, person, pool, together, wanted)
    assert list(told) == [name for name in everything if name in wanted]
    for name, signal in told.items():
        assert signal.values.tolist() == everything[name].values.tolist()


# --- what each says


def test_an_item_without_a_picture_says_nothing_of_its_looks():
    built = quiet(3, images=space(AXES[:3], [True, True, False]))
    told = signals(built, profile(0), rows(1, 2))
    assert told["looks"].present.tolist() == [True, False]
    assert told["has_picture"].values.tolist() == [1, 0]


def test_an_item_without_words_says_nothing_of_them():
    built = quiet(6, words=words_of(["red mug", "red cup", None, "blue lamp", "tea", "milk"]))
    words = signals(built, profile(0), rows(1, 2, 3))["words"]
    assert words.present.tolist() == [True, False, True]
    assert words.values[0] > words.values[2] == 0


def test_facts_are_told_of_the_candidates_alone():
    known = {"popularity": [0.1, 0.2, 0.3], "trend": [0.4, 0.5, 0.6], "events": [3, 0, 1]}
    built = quiet(3, facts={**known, "newness": [0.7, np.nan, 0.9]})
    told = signals(built, profile(0), rows(2, 1))
    assert told["popularity"].values.tolist() == pytest.approx([0.3, 0.2])
    assert told["trend"].values.tolist() == pytest.approx([0.6, 0.5])
    assert told["is_new"].values.tolist() == [0, 1]
    assert told["newness"].values.tolist() == pytest.approx([0.9, 0])
    assert told["newness"].present.tolist() == [True, False]


def test_company_and_factors_are_those_of_the_picks():
    factors = SomeFactors(np.array([[1], [2], [3]], np.float32))
    built = quiet(3, **company(3, {0: {2: 0.5}}), factors=factors)
    told = signals(built, profile(0, weights=[4]), rows(1, 2))
    assert told["picked_together"].values.tolist() == [0, 2]
    assert told["factors"].values.tolist() == [8, 12]


def test_taste_is_unknown_of_items_without_a_place():
    built = quiet(3, taste=taste_space(AXES[:3], [True, False, True]))
    assert signals(built, profile(0), rows(1, 2))["taste"].present.tolist() == [False, True]
    assert "taste" not in signals(built, profile(1), rows(0, 2))


@pytest.mark.parametrize("name", ["looks", "meaning", "taste"])
def test_what_is_like_the_pick_that_counts_most_has_most(name):
    of = AXES[[0, 1, 0, 1]]
    field = {"looks": "images", "meaning": "texts", "taste": "taste"}[name]
    built = quiet(4, **{field: taste_space(of) if name == "taste" else space(of)})
    values = signals(built, profile(0, 1, weights=[0.9, 1]), rows(2, 3))[name].values
    assert values[1] > values[0]


@pytest.mark.parametrize("name", ["looks", "meaning", "words"])
def test_only_the_latest_thirty_picks_are_compared_with(name):
    colours = [0] + [1] * 30 + [0, 1]
    field = {"looks": "images", "meaning": "texts", "words": "words"}[name]
    titles = words_of([["red mug", "blue cup"][colour] for colour in colours] + [None] * 60)
    vectors = space(np.concatenate([AXES[colours], AXES[[2] * 60]]))
    built = quiet(93, **{field: titles if name == "words" else vectors})
    values = signals(built, profile(*range(31)), rows(31, 32))[name].values
    assert values[0] == 0 < values[1]


# --- mean likeness


def test_what_is_unlike_one_pick_does_not_count_against_what_is_like_another():
    of = space([AXES[0], -AXES[0], AXES[0]])
    assert mean_likeness(of, rows(2), rows(0, 1), ones(2)).values.tolist() == [1]


def test_likeness_is_of_what_a_catalogue_does_not_share():
    shared = np.array([0, 0, 0, 5], np.float32)
    vectors = unit(AXES[:3] + shared)
    of = space(vectors, center=vectors.mean(axis=0))
    values = mean_likeness(of, rows(0, 1), rows(0), ones(1)).values
    assert values[0] == pytest.approx(1, abs=1e-4)
    assert values[1] == 0


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_mean_likeness_is_a_weighted_sum_of_the_cosines_above_nothing(seed, picked):
    rng = np.random.default_rng(seed)
    of = space(unit(rng.standard_normal((15, 4))), rng.random(15) < 0.7, [0.1, 0, -0.2, 0])
    picks, weights = rows(*rng.permutation(15)[:picked]), rng.random(picked).astype(np.float32)
    pool = np.arange(15, dtype=np.int32)
    found = mean_likeness(of, pool, picks, weights)
    assert found.present.tolist() == of.presence.tolist()
    for row in np.flatnonzero(of.presence):
        cosines = (of.centered(pool[[row]]) @ of.centered(picks).T)[0]
        expected = np.maximum(cosines, 0) @ (weights * of.presence[picks])
        assert found.values[row] == pytest.approx(expected, abs=1e-4)


def test_picks_without_a_picture_leave_looks_silent():
    of = space(AXES[:3], [False, True, True])
    assert mean_likeness(of, rows(1, 2), rows(0), ones(1)).values.tolist() == [0, 0]
    assert mean_likeness(of, rows(0), rows(1), ones(1)).values.tolist() == [0]
