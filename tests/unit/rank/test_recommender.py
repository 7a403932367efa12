from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import (
    company,
    history,
    quiet,
    random_catalogue,
    requests,
    rows,
    space,
    taste_space,
    unit,
)
from sightline.inference import RETRIEVERS, Inference
from sightline.rank.policy import PRIOR, Drawn, Ensemble
from sightline.rank.recommender import Recommender
from sightline.types import History

AXES = np.eye(4, dtype=np.float32)
NO_HISTORY = history()


def recommender(built, policy=None):
    return Recommender(built, policy or Ensemble(PRIOR))


def unseen(built, past, allowed=None):
    qualify = np.ones(len(built), np.bool_) if allowed is None else allowed.copy()
    qualify[past.rows] = False
    return qualify


def joined(past, row, weight=1.0):
    """The history after one more event."""
    return History(
        np.append(past.rows, np.int32(row)),
        np.append(past.weights, np.float32(weight)),
        np.append(past.times, past.times.max(initial=0)),
    )


@pytest.fixture(scope="module")
def large():
    return random_catalogue(1_500, present=0.7, seed=4)


# --- what is returned


@given(requests())
def test_person_gets_k_allowed_unseen_items_or_all_there_are_best_first(request):
    built, past, k, allowed = request
    ranked = recommender(built).for_person(past, k, allowed=allowed)
    qualify = unseen(built, past, allowed)
    assert len(ranked.rows) >= min(k, qualify.sum())
    assert len(set(ranked.rows.tolist())) == len(ranked.rows)
    assert qualify[ranked.rows].all()
    assert (np.diff(ranked.scores) <= 0).all()
    assert ((ranked.scores >= 0) & (ranked.scores <= 1 + 1e-5)).all()


@given(st.integers(0, 99), st.sampled_from([0, 1, 20]), st.integers(1, 700), st.booleans())
def test_of_a_large_catalogue_there_are_at_least_k_too(large, seed, picked, k, filters):
    rng = np.random.default_rng(seed)
    past = history(*rng.permutation(1_500)[:picked])
    allowed = rng.random(1_500) < 0.6 if filters else None
    ranked = recommender(large).for_person(past, k, allowed=allowed)
    qualify = unseen(large, past, allowed)
    assert len(ranked.rows) >= min(k, qualify.sum())
    assert len(set(ranked.rows.tolist())) == len(ranked.rows)
    assert qualify[ranked.rows].all()


@given(requests(), st.lists(st.integers(0, 24), unique=True))
def test_rerank_returns_exactly_the_named_items_that_are_allowed(request, named):
    built, past, _, allowed = request
    only = np.array([row for row in named if row < len(built)], np.int32)
    ranked = recommender(built).for_person(past, 1, allowed=allowed, only=only)
    expected = only if allowed is None else only[allowed[only]]
    assert sorted(ranked.rows) == sorted(expected)
    assert (np.diff(ranked.scores) <= 0).all()


@given(requests())
def test_parts_sum_to_the_score(request):
    built, past, k, allowed = request
    ranked = recommender(built).for_person(past, k, allowed=allowed)
    total = sum(ranked.parts.values(), np.zeros(len(ranked.rows)))
    assert total == pytest.approx(ranked.scores, abs=1e-5)


def test_a_named_item_is_ranked_though_it_was_seen():
    ranked = recommender(random_catalogue()).for_person(history(3, 4), 1, only=rows(4, 8))
    assert set(ranked.rows.tolist()) == {4, 8}


def test_what_was_picked_or_turned_down_never_comes_back(large):
    past = history(*range(0, 1_500, 3), weights=[1, -1] * 250)
    found = recommender(large).for_person(past, 1_500).rows
    assert set(found.tolist()).isdisjoint(past.rows.tolist())
    assert len(found) == 1_000


def test_a_narrow_filter_ranks_every_item_that_passes(large):
    allowed = np.arange(1_500) >= 1_200
    found = recommender(large).for_person(history(1, 2), 5, allowed=allowed).rows
    assert sorted(found.tolist()) == list(range(1_200, 1_500))


def test_sizes_of_retrievers_are_those_of_the_request(large):
    off = Inference(retriever_k_override={**dict.fromkeys(RETRIEVERS, 0), "toplist": 7})
    found = recommender(large).for_person(history(1), 5, inference=off).rows
    most_popular = [row for row in large.facts.most_popular.tolist() if row != 1]
    assert set(found.tolist()) == set(most_popular[:7])


def test_everything_seen_leaves_nothing():
    ranked = recommender(random_catalogue(3)).for_person(history(0, 1, 2), 5)
    assert len(ranked.rows) == len(ranked.scores) == 0


def test_asking_changes_neither_the_filter_nor_the_history(large):
    past, allowed = history(1, 2), np.ones(1_500, np.bool_)
    recommender(large).for_person(past, 5, allowed=allowed)
    assert allowed.all()
    assert past.rows.tolist() == [1, 2]


# --- people without picks


@pytest.mark.parametrize("past", [NO_HISTORY, history(5, weights=[-1])], ids=["nothing", "refusal"])
def test_who_picked_nothing_gets_the_trend_without_what_they_turned_down(past):
    built = random_catalogue()
    ranked = recommender(built).for_person(past, 30)
    order = [row for row in built.facts.most_trending.tolist() if row not in past.rows]
    assert ranked.rows.tolist() == order
    assert list(ranked.parts) == ["trend"]
    assert ranked.scores.tolist() == built.facts.trend[order].tolist()


def test_named_items_are_ranked_by_trend_for_who_picked_nothing():
    built = quiet(4, facts={"trend": [0.1, 0.9, 0.5, 0.7]})
    found = recommender(built).for_person(NO_HISTORY, 1, only=rows(0, 2, 3))
    assert found.rows.tolist() == [3, 2, 0]


# --- what decides


def test_company_of_a_stronger_pick_counts_for_more():
    built = quiet(12, **company(12, {1: {10: 0.5}, 2: {11: 0.5}}))
    past = history(1, 2, weights=[4, 1])
    assert built.picked_together(rows(1, 2), past.weights)[[10, 11]].tolist() == [2, 0.5]
    assert recommender(built).for_person(past, 2).rows[:2].tolist() == [10, 11]


@pytest.mark.parametrize(
    "known",
    [
        company(4, {0: {2: 1}, 1: {3: 1}}),
        {"taste": taste_space(AXES[[0, 1, 0, 1]])},
        {"images": space(AXES[[0, 1, 0, 1]])},
        {"texts": space(AXES[[0, 1, 0, 1]])},
    ],
    ids=["company", "taste", "looks", "meaning"],
)
def test_the_newest_pick_counts_most(known):
    ranker = recommender(quiet(4, **known))
    assert ranker.for_person(history(0, 1), 2).rows.tolist() == [3, 2]
    assert ranker.for_person(history(1, 0), 2).rows.tolist() == [2, 3]


def test_one_more_pick_changes_the_next_answer():
    ranker = recommender(quiet(6, images=space(AXES[[0, 1, 0, 1, 2, 2]])))
    past = history(0)
    assert ranker.for_person(past, 5).rows[0] == 2
    assert ranker.for_person(joined(past, 1), 5).rows[0] == 3


def test_something_turned_down_goes_and_leaves_the_order_of_the_rest():
    built = random_catalogue()
    before = recommender(built).for_person(history(0, 1), 30).rows.tolist()
    after = recommender(built).for_person(joined(history(0, 1), before[0], -1), 30).rows.tolist()
    assert before[0] not in after
    assert len(after) == len(before) - 1


def test_looks_decide_where_nothing_else_is_known():
    of = space(unit(np.random.default_rng(0).standard_normal((30, 4))))
    ranked = recommender(quiet(30, images=of)).for_person(history(3), 29)
    cosine = of.vectors @ of.vectors[3]
    cosine[3] = -1
    expected = np.argsort(-np.maximum(cosine, 0), kind="stable")[: (cosine > 0).sum()]
    assert ranked.rows[: len(expected)].tolist() == expected.tolist()


def test_an_item_without_a_picture_is_ranked_as_one_of_middling_looks():
    vectors = unit([[1, 0], [1, 0.1], [1, 1], [0.3, 1], [0, 0]])
    built = quiet(5, images=space(vectors, [True] * 4 + [False]))
    ranked = recommender(built).for_person(history(0), 4)
    looks = dict(zip(ranked.rows.tolist(), ranked.parts["looks"].tolist(), strict=True))
    assert looks[4] == pytest.approx(np.median([looks[1], looks[2], looks[3]]))
    assert ranked.rows[0] == 1
    assert 4 in ranked.rows


def test_items_nobody_ever_picked_are_found_by_taste_in_a_large_catalogue():
    vectors = unit(np.random.default_rng(8).standard_normal((1_200, 8)))
    vectors[1_199] = vectors[0]
    facts = {"trend": np.linspace(1, 0, 1_200), "popularity": np.linspace(1, 0, 1_200)}
    built = quiet(1_200, taste=taste_space(vectors), facts=facts)
    assert recommender(built).for_person(history(0), 10).rows[0] == 1_199


# --- chance


def test_the_same_seed_draws_the_same():
    built = random_catalogue(900)
    drawing = Inference(retriever_k_override={"random": 100, "trending": 1})
    answers = [
        recommender(built, Drawn())
        .for_person(history(1), 5, inference=drawing, rng=np.random.default_rng(seed))
        .rows.tolist()
        for seed in (1, 1, 2)
    ]
    assert answers[0] == answers[1] != answers[2]


def test_without_a_seed_every_answer_is_drawn_anew():
    ranker = recommender(random_catalogue(900), Drawn())
    one, other = (ranker.for_person(history(1), 5).rows.tolist() for _ in range(2))
    assert one != other


# --- the policy


class Recorded(Ensemble):
    """Notes what it was asked."""

    def score(self, pool, signals, rng, *, explain=False):
        self.asked = pool.tolist(), explain
        return super().score(pool, signals, rng, explain=explain)


@pytest.mark.parametrize("explain", [False, True])
def test_a_policy_is_told_whether_parts_are_asked_for(explain):
    policy = Recorded(PRIOR)
    recommender(random_catalogue(), policy).for_person(
        history(1), 3, only=rows(7, 2), explain=explain
    )
    assert policy.asked == ([7, 2], explain)


def test_what_no_weight_is_given_to_changes_nothing():
    built = random_catalogue()
    trendless = replace(built, facts=replace(built.facts, trend=np.zeros(30, np.float32)))
    weights = {**PRIOR, "trend": 0.0}
    one, other = (
        recommender(of, Ensemble(weights)).for_person(history(1, 2), 30)
        for of in (built, trendless)
    )
    assert one.rows.tolist() == other.rows.tolist()
    assert one.scores.tolist() == other.scores.tolist()
