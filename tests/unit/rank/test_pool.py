from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import history, profile, quiet, rows, space, taste_space, unit
from sightline.index.base import Plan
from sightline.inference import Inference
from sightline.rank.fuse import Ranked, SparseScores
from sightline.rank.newcomer import Guess, for_newcomer
from sightline.rank.policy import PRIOR, Ensemble
from sightline.rank.pool import LISTS, PLANS, Found, Pool, slowest
from sightline.rank.ranker import Ranker
from sightline.rank.recommender import Recommender
from sightline.rank.retrievers import FEW, candidates

N = FEW + 200  # more than are all candidates
VECTORS = unit(np.random.default_rng(0).standard_normal((N, 6)))
EVERYTHING = np.ones(N, np.bool_)
NO_ONE = SparseScores(rows(), np.zeros(0, np.float32))


def test_every_plan_of_an_index_has_a_place_in_the_order():
    assert set(PLANS) == {*get_args(Plan), LISTS}


@given(st.lists(st.lists(st.integers(0, 50), max_size=8), max_size=4))
def test_candidates_are_ascending_and_each_is_there_once(brought):
    pool = Pool()
    for some in brought:
        pool.add(rows(*some))
    assert pool.rows.tolist() == sorted({row for some in brought for row in some})
    assert pool.rows.dtype == np.int32
    assert pool.is_untouched == (not brought)


@given(st.lists(st.tuples(st.sampled_from(["looks", "taste"]), st.sampled_from(PLANS))))
def test_of_several_searches_in_a_space_the_longest_is_told(searches):
    pool = Pool()
    for name, plan in searches:
        pool.add_nearest(name, Found(rows(1), plan))
    told = {name for name, _ in searches}
    assert pool.plans == {
        name: max((plan for of, plan in searches if of == name), key=PLANS.index) for name in told
    }
    assert slowest({name: plan} for name, plan in searches) == pool.plans


def test_where_there_was_nothing_to_be_near_to_no_plan_is_told():
    pool = Pool()
    pool.add_nearest("taste", Found(rows(), None))
    assert pool.plans == {}


# --- for a person


def prepared():
    taste = taste_space(VECTORS)
    order = np.argsort(-(VECTORS @ VECTORS.T), axis=1).astype(np.int32)
    taste.neighbours, taste.cold_neighbours = order[:, 1:51], order[:, 1:11]
    return quiet(N, taste=taste)


def told(built, past, allowed=None, **options):
    recommender = Recommender(built, Ensemble(PRIOR))
    return recommender.for_person(past, 5, allowed=allowed, **options).plans


def test_a_person_is_told_of_the_lists_that_the_build_prepared():
    assert told(prepared(), history(3, 8)) == {"taste": "lists"}


def test_a_person_is_told_of_the_index_where_there_are_no_lists():
    assert told(quiet(N, taste=taste_space(VECTORS)), history(3, 8)) == {"taste": "scan"}


def test_a_filter_that_leaves_little_of_the_lists_sends_a_person_to_the_index():
    cosine = VECTORS @ VECTORS[3]
    far = cosine < np.quantile(cosine, 0.9)
    assert told(prepared(), history(3), far) == {"taste": "scan"}
    assert told(prepared(), history(3), far | (np.arange(N) % 2 > 0)) == {"taste": "lists"}


def test_where_all_that_is_allowed_is_a_candidate_it_was_gathered():
    few = np.arange(N) < 9
    assert told(prepared(), history(3), few) == {"taste": "gather"}
    assert told(prepared(), history(3), ~EVERYTHING) == {"taste": "none"}


@pytest.mark.parametrize("past", [history(), history(4, weights=[-1])])
def test_nothing_is_looked_for_in_the_taste_space_for_who_picked_nothing(past):
    assert told(prepared(), past) == {}


def test_nothing_is_looked_for_where_no_pick_has_a_place():
    placeless = quiet(N, taste=taste_space(VECTORS, np.arange(N) > 10))
    assert told(placeless, history(3, 8)) == {}
    assert told(placeless, history(3, 8), np.arange(N) < 9) == {}


def test_nothing_is_looked_for_where_items_are_named_or_near_ones_are_not_wanted():
    assert told(prepared(), history(3), only=rows(1, 2)) == {}
    off = Inference(retriever_k_override={"knn": 0, "cold_start": 0})
    assert candidates(prepared(), profile(3), NO_ONE, off, EVERYTHING, 5).plans == {}


def test_a_guess_at_a_taste_is_looked_for_in_the_index():
    built, liked = quiet(N, taste=taste_space(VECTORS)), np.zeros(N, np.float32)
    assert for_newcomer(built, Guess(liked, VECTORS[0]), 5, None).plans == {"taste": "scan"}
    assert for_newcomer(built, Guess(liked, None), 5, None).plans == {}


# --- for an item


def test_an_item_is_told_how_its_like_were_found_in_every_space_it_has_a_place_in():
    has_text = np.arange(N) > 0
    ranker = Ranker(quiet(N, images=space(VECTORS), texts=space(VECTORS[:, ::-1], has_text)))
    assert ranker.like_item(1, 5).plans == {"looks": "scan", "meaning": "scan"}
    assert ranker.like_item(0, 5).plans == {"looks": "scan"}
    assert ranker.like_item(1, 5, allowed=np.arange(N) < 2).plans["looks"] == "gather"
    assert ranker.like_item(1, 5, allowed=np.arange(N) == 1).plans["looks"] == "none"
    assert ranker.trending(5).plans == {}


def test_plans_stay_with_what_is_taken_of_an_answer():
    ranked = Ranked(rows(3, 1), np.array([1, 0.5], np.float32), {}, {"looks": "walk"})
    assert ranked.take(np.array([1])).plans == {"looks": "walk"}
