from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose
from rank_cases import history, quiet, random_catalogue, requests, taste_space
from sightline.features.words import WordIndex, build_words
from sightline.index.neighbours import nearest_others
from sightline.index.plan import fresh_index
from sightline.learn.factors import Factors
from sightline.rank.batch import rank_many
from sightline.rank.policy import PRIOR, Ensemble
from sightline.rank.recommender import Recommender
from sightline.rank.signals import SIGNALS
from sightline.rank.taste import TasteSpace

N = 1_500  # more than are all candidates
EVERYTHING_COUNTS = {**PRIOR, "is_new": 0.05, "has_picture": 0.03}


def complete(built, seed=0, *, near=30, cold=10, sometimes=0.9):
    """The same catalogue with lists of what is near, factors, and words of most items."""
    n, rng = len(built), np.random.default_rng(seed)
    vectors, presence = built.taste.vectors, built.taste.presence
    index = fresh_index(vectors, presence)
    taste = TasteSpace(
        vectors,
        presence,
        built.taste.crowding,
        index,
        nearest_others(index, vectors, presence, near),
        nearest_others(index, vectors, presence & built.facts.is_cold, cold),
    )
    factors = rng.normal(0, 0.4, (n, 5)).astype(np.float32)
    gram = (factors.T @ factors + 2 * np.eye(5)).astype(np.float32)
    titles = [
        " ".join(f"word{number}" for number in rng.integers(0, 30, 3))
        if rng.random() < sometimes
        else None
        for _ in range(n)
    ]
    table = build_words(pl.DataFrame({"title": titles}, schema={"title": pl.String}), ["title"])
    return replace(
        built,
        taste=taste,
        factors=Factors(factors, gram),
        words=WordIndex(table),
    )


def drawn(built, seed, count=9, most=60):
    """Histories of every length from none on, with repeats, refusals and old picks."""
    rng = np.random.default_rng(seed)
    lengths = [0, 1, 2, *rng.integers(3, most, count - 3)]
    return [
        history(
            *rng.permutation(len(built))[:length],
            weights=rng.choice([1.0, 2.0, 5.0, -1.0], min(length, len(built))),
            days=np.sort(rng.choice([0, 1, 30, 400], min(length, len(built)))),
        )
        for length in lengths
    ]


def assert_as_one_by_one(built, histories, k, *, allowed=None, weights=EVERYTHING_COUNTS):
    alone = Recommender(built, Ensemble(weights))
    found = rank_many(built, weights, histories, k, allowed=allowed, threads=2)
    for past, ranked in zip(histories, found, strict=True):
        expected = alone.for_person(past, k, allowed=allowed)
        assert ranked.parts == {}
        assert (ranked.rows.dtype, ranked.scores.dtype) == (np.int32, np.float32)
        assert_allclose(ranked.scores, expected.scores[:k], atol=1e-5)
        # Where two scores are this near, either may come first: each must be its own item's.
        score_of = dict(zip(expected.rows.tolist(), expected.scores.tolist(), strict=True))
        own = [score_of[row] for row in ranked.rows.tolist()]
        assert_allclose(ranked.scores, own, atol=1e-5)
        assert len(set(ranked.rows.tolist())) == len(ranked.rows)


@pytest.fixture(scope="module")
def large():
    built = random_catalogue(N, 6, seed=4, present=0.7, neighbours=40, texts=0.5, text_dim=4)
    return complete(built)


# --- the answers are those of one by one


@settings(max_examples=40, deadline=None)
@given(requests())
def test_small_catalogues_are_ranked_as_one_by_one(request):
    built, past, k, allowed = request
    picked = past.rows[past.weights > 0]
    histories = [past, history(), past, history(*picked[:1])]
    assert_as_one_by_one(complete(built, sometimes=0.5), histories, k, allowed=allowed)


@pytest.mark.parametrize("k", [1, 10, 200, N])
def test_large_catalogues_are_ranked_as_one_by_one(large, k):
    assert_as_one_by_one(large, drawn(large, seed=k), k)


@pytest.mark.parametrize("share", [0.95, 0.6, 0.54, 0.3, 0.02, 0])
def test_filters_of_any_width_leave_the_same_items(large, share):
    allowed = np.random.default_rng(1).random(N) < share
    assert_as_one_by_one(large, drawn(large, seed=2), 10, allowed=allowed)


def test_a_filter_that_leaves_nothing_of_the_lists_still_finds_what_is_near(large):
    listed = large.taste.neighbours[:10]
    allowed = np.ones(N, np.bool_)
    allowed[listed[listed >= 0]] = False
    assert allowed.sum() > 800
    assert_as_one_by_one(large, [history(row) for row in range(10)], 20, allowed=allowed)


def test_more_than_two_hundred_picks_are_ranked_as_one_by_one(large):
    rng = np.random.default_rng(6)
    histories = [history(*rng.permutation(N)[:length]) for length in (200, 201, 500)]
    assert_as_one_by_one(large, histories, 10)


def test_who_saw_nearly_everything_gets_the_rest(large):
    seen = np.random.default_rng(8).permutation(N)[:-3]
    histories = [history(*seen), history(*seen, weights=[1.0] * 9 + [-1.0] * (N - 12))]
    assert_as_one_by_one(large, histories, 10)


@pytest.mark.parametrize("name", SIGNALS)
def test_every_signal_alone_ranks_as_one_by_one(large, name):
    alone = {**dict.fromkeys(SIGNALS, 0.0), name: 0.7}
    assert_as_one_by_one(large, drawn(large, seed=3, count=6), 25, weights=alone)


def test_weights_of_nothing_leave_the_lowest_rows_of_the_candidates(large):
    nothing = dict.fromkeys(SIGNALS, 0.0)
    assert_as_one_by_one(large, drawn(large, seed=3, count=10), 25, weights=nothing)


@pytest.mark.parametrize("missing", ["images", "texts", "words", "factors", "facts", "neighbours"])
def test_what_a_catalogue_lacks_is_left_out_as_for_one(large, missing):
    silent = quiet(N)
    lacks = {missing: getattr(silent, missing)}
    if missing == "neighbours":
        lacks["neighbour_scores"] = silent.neighbour_scores
    assert_as_one_by_one(replace(large, **lacks), drawn(large, seed=5), 10)


def test_without_any_place_in_the_taste_space_there_are_other_candidates(large):
    silent = complete(quiet(N)).taste
    assert_as_one_by_one(replace(large, taste=silent), drawn(large, seed=5), 10)


@pytest.mark.parametrize("lists", [(None, None), ("near", None), (None, "cold")])
def test_without_lists_people_are_ranked_one_by_one(large, lists):
    taste = taste_space(large.taste.vectors, large.taste.presence, large.taste.crowding)
    taste.neighbours = large.taste.neighbours if lists[0] else None
    taste.cold_neighbours = large.taste.cold_neighbours if lists[1] else None
    assert_as_one_by_one(replace(large, taste=taste), drawn(large, seed=7, count=8), 10)


# --- people without picks


def test_who_picked_nothing_gets_the_trend_without_what_they_turned_down(large):
    most = large.facts.most_trending
    turned_down = history(*most[:2], weights=[-1, -1])
    found = rank_many(large, PRIOR, [history(), turned_down, history()], 3, allowed=None, threads=1)
    assert [ranked.rows.tolist() for ranked in found] == [
        most[:3].tolist(),
        most[2:5].tolist(),
        most[:3].tolist(),
    ]


# --- how it is asked


def test_results_do_not_depend_on_threads_or_on_the_others(large):
    histories = drawn(large, seed=9, count=70, most=6)
    answers = [
        rank_many(large, PRIOR, histories, 10, allowed=None, threads=threads) for threads in (1, 3)
    ]
    answers.append(
        [rank_many(large, PRIOR, [past], 10, allowed=None, threads=1)[0] for past in histories[:5]]
    )
    for others in answers[1:]:
        for one, other in zip(answers[0], others, strict=False):
            assert one.rows.tolist() == other.rows.tolist()
            assert one.scores.tobytes() == other.scores.tobytes()


def test_of_nobody_there_is_nothing(large):
    assert rank_many(large, PRIOR, [], 10, allowed=None, threads=2) == []


def test_nobody_is_shown_what_they_saw_or_what_is_not_allowed(large):
    allowed = np.arange(N) % 4 > 0
    histories = drawn(large, seed=11)
    found = rank_many(large, PRIOR, histories, 100, allowed=allowed, threads=2)
    for past, ranked in zip(histories, found, strict=True):
        assert allowed[ranked.rows].all()
        assert not np.isin(ranked.rows, past.rows).any()


def test_asking_changes_neither_the_filter_nor_the_histories(large):
    allowed, past = np.ones(N, np.bool_), history(1, 2, weights=[1, -1])
    rank_many(large, PRIOR, [past], 5, allowed=allowed, threads=1)
    assert allowed.all()
    assert (past.rows.tolist(), past.weights.tolist()) == ([1, 2], [1, -1])


def test_arrays_that_are_mapped_read_only_rank_alike(large, tmp_path):
    for name in ("neighbours", "neighbour_scores"):
        np.save(tmp_path / f"{name}.npy", getattr(large, name))
    mapped = {
        name: np.load(tmp_path / f"{name}.npy", mmap_mode="r")
        for name in ("neighbours", "neighbour_scores")
    }
    past = history(5, 6, 7)
    one, other = (
        rank_many(of, PRIOR, [past], 10, allowed=None, threads=1)[0]
        for of in (large, replace(large, **mapped))
    )
    assert one.rows.tolist() == other.rows.tolist()
    assert one.scores.tolist() == other.scores.tolist()


def test_the_later_of_two_picks_counts_for_more(large):
    histories = [history(3, 4, days=[0, 400]), history(4, 3, days=[0, 400])]
    one, other = rank_many(large, PRIOR, histories, 10, allowed=None, threads=1)
    assert one.rows.tolist() != other.rows.tolist()
