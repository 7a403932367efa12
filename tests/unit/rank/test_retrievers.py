import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import profile, quiet, rows, taste_space, unit
from sightline.inference import RETRIEVERS, Inference
from sightline.rank.fuse import SparseScores
from sightline.rank.retrievers import SIZES, candidates

N = 1_000  # more than are all candidates
EVERYTHING = np.ones(N, np.bool_)
NOBODY = profile()
VECTORS = unit(np.random.default_rng(1).standard_normal((N, 6)))
KNOWN = {
    "trend": np.random.default_rng(2).permutation(N) / N,
    "popularity": np.random.default_rng(3).permutation(N) / N,
    "newness": np.where(np.arange(N) % 3, np.random.default_rng(4).permutation(N) / N, np.nan),
    "events": np.random.default_rng(5).integers(0, 25, N),
}
SHOP = quiet(N, facts=KNOWN, taste=taste_space(VECTORS))
TOGETHER = np.maximum(0, np.random.default_rng(6).standard_normal(N) - 1).astype(np.float32)


def only(name, size):
    """Settings that switch every retriever off but one."""
    return Inference(retriever_k_override={**dict.fromkeys(RETRIEVERS, 0), name: size})


def sparse(scores):
    named = np.flatnonzero(scores).astype(np.int32)
    return SparseScores(named, scores[named])


def brought(inference, person=NOBODY, *, allowed=EVERYTHING, together=TOGETHER, k=10, **how):
    return candidates(SHOP, person, sparse(together), inference, allowed, k, **how).rows.tolist()


def best(scores, size, allowed=EVERYTHING):
    return sorted(sorted(np.flatnonzero(allowed), key=lambda row: -scores[row])[:size])


def test_every_retriever_has_a_usual_size_and_only_chance_is_off():
    assert tuple(SIZES) == RETRIEVERS
    assert [name for name, size in SIZES.items() if size == 0] == ["random"]


# --- each by itself


@pytest.mark.parametrize("picks", [[7], [7, 300]])
def test_knn_brings_what_is_nearest_to_the_picks(picks):
    unseen = EVERYTHING.copy()
    unseen[picks] = False
    found = brought(only("knn", 20), profile(*picks), allowed=unseen)
    each = -(-20 // len(picks))
    expected = [best(VECTORS @ VECTORS[pick], each, unseen) for pick in picks]
    assert found == sorted({row for near in expected for row in near})


def test_knn_has_nothing_for_who_picked_nothing():
    assert brought(only("knn", 20)) == []


def test_collaborative_brings_what_is_picked_together_most():
    assert brought(only("collaborative", 20)) == best(TOGETHER, 20)


def test_collaborative_brings_nothing_that_is_never_picked_together():
    together = np.zeros(N, np.float32)
    together[[3, 5]] = 1, -1
    assert brought(only("collaborative", 20), together=together) == [3]


def test_trending_and_toplist_bring_what_is_popular_now_and_ever():
    assert brought(only("trending", 20)) == best(KNOWN["trend"], 20)
    assert brought(only("toplist", 20)) == best(KNOWN["popularity"], 20)


def test_trending_brings_as_many_as_are_wanted_unless_it_is_off():
    assert brought(only("trending", 5), k=30) == best(KNOWN["trend"], 30)
    assert brought(only("trending", 0), k=30) == []


def test_chronological_brings_the_newest_whose_time_is_known():
    known = ~np.isnan(KNOWN["newness"])
    assert brought(only("chronological", 20)) == best(KNOWN["newness"], 20, known)
    assert len(brought(only("chronological", N))) == known.sum()


def test_cold_start_brings_what_hardly_anyone_picked_and_is_nearest_to_the_picks():
    cold = KNOWN["events"] < 5
    found = brought(only("cold_start", 20), profile(7))
    assert found == best(VECTORS @ VECTORS[7], 20, cold)


def test_cold_start_brings_the_newest_to_who_picked_nothing():
    cold = (KNOWN["events"] < 5) & ~np.isnan(KNOWN["newness"])
    assert brought(only("cold_start", 20)) == best(KNOWN["newness"], 20, cold)


def test_random_brings_a_sample_that_the_seed_repeats():
    draws = [brought(only("random", 20), rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) == 20


def test_random_draws_anew_without_a_generator():
    assert brought(only("random", 200)) != brought(only("random", 200))


# --- all of them


def test_all_that_are_on_bring_theirs_and_each_candidate_comes_once():
    person = profile(7)
    apart = [brought(only(name, 12), person) for name in RETRIEVERS if name != "random"]
    together = brought(Inference(retrieval_k=12), person)
    assert together == sorted({row for rows_of_one in apart for row in rows_of_one})


@pytest.mark.parametrize("name", [name for name in RETRIEVERS if name != "random"])
def test_each_can_be_switched_off(name):
    person = profile(7)
    override = {other: 15 for other in RETRIEVERS if other not in {name, "random"}}
    without = brought(Inference(retriever_k_override={**override, name: 0}), person)
    everyone = brought(Inference(retriever_k_override={**override, name: 15}), person)
    assert set(without) < set(everyone)
    assert set(everyone) - set(without) <= set(brought(only(name, 15), person))


def test_with_all_of_them_off_there_are_no_candidates():
    assert brought(only("knn", 0), profile(7)) == []


# --- filters


@pytest.mark.parametrize("person", [NOBODY, profile(7)], ids=["nobody", "somebody"])
def test_a_narrow_filter_makes_every_allowed_item_a_candidate(person):
    narrow = np.random.default_rng(7).permutation(N) < 800
    assert brought(Inference(), person, allowed=narrow) == np.flatnonzero(narrow).tolist()


def test_of_more_than_eight_hundred_allowed_items_some_are_left_out():
    assert 100 < len(brought(Inference(), allowed=np.arange(N) < 801)) < 801


def test_a_named_size_holds_however_narrow_the_filter():
    narrow = np.arange(N) < 50
    assert brought(only("toplist", 3), allowed=narrow) == best(KNOWN["popularity"], 3, narrow)


@pytest.mark.parametrize("name", ["trending", "toplist", "chronological"])
def test_the_first_that_pass_a_filter_are_found_however_far_down_they_stand(name):
    order = {"trending": "trend", "toplist": "popularity", "chronological": "newness"}[name]
    known = np.nan_to_num(KNOWN[order], nan=2)
    last = np.isin(np.arange(N), np.argsort(known)[:4])
    assert brought(only(name, 3), allowed=last, k=1) == best(known, 3, last)


@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.02, 0.5, 0.95]),
    st.dictionaries(st.sampled_from(RETRIEVERS), st.integers(0, 40), min_size=1),
    st.lists(st.integers(0, N - 1), max_size=5, unique=True),
)
def test_candidates_are_allowed_ascending_and_no_more_than_asked_for(seed, share, sizes, picks):
    allowed = np.random.default_rng(seed).random(N) < share
    inference = Inference(retrieval_k=10, retriever_k_override=sizes)
    found = candidates(SHOP, profile(*picks), sparse(TOGETHER), inference, allowed, 5).rows
    assert found.dtype == np.int32
    assert allowed[found].all()
    assert (np.diff(found) > 0).all()
    asked = sum(inference.size_of(name, SIZES[name]) for name in RETRIEVERS)
    wanted, rounded_up = 5, 2 * len(picks)
    assert len(found) <= asked + wanted + rounded_up


def test_nothing_allowed_leaves_no_candidates():
    nothing = np.zeros(N, np.bool_)
    for inference in (Inference(), Inference(retriever_k_override={"random": 5})):
        found = candidates(SHOP, profile(1), sparse(TOGETHER), inference, nothing, 5).rows
        assert found.tolist() == rows().tolist()
