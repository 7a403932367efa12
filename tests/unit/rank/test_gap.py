"""Items without a picture compete by their words, neither drowning the others nor drowned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import quiet, space, unit
from sightline.rank.gap import Bridge, bridge
from sightline.rank.ranker import Ranker

N, DIM, TOPICS = 1_200, 32, 12


def of(vectors, presence):
    return space(vectors, presence, vectors[presence].mean(axis=0))


@pytest.fixture(scope="module")
def gap():
    """Topics in a joint space whose two modalities lie apart; a text tells its topic better."""
    rng = np.random.default_rng(5)
    topics = unit(rng.standard_normal((TOPICS, DIM)))
    of_pictures, of_texts = unit(rng.standard_normal((2, DIM)))
    topic = rng.integers(TOPICS, size=N)
    noise = rng.standard_normal((2, N, DIM)) / np.sqrt(DIM)
    pictures = unit(0.5 * topics[topic] + 1.2 * of_pictures + 0.9 * noise[0])
    texts = unit(1.0 * topics[topic] + 0.8 * of_texts + 0.2 * noise[1])
    queries = unit(topics + 0.8 * of_texts)
    return topic, pictures, texts, queries


def shop_of(pictures, texts, without):
    """A ranker of items with these vectors, in which nobody has done anything."""
    return Ranker(quiet(N, images=of(pictures, ~without), texts=of(texts, np.ones(N, np.bool_))))


def shares(gap, missing, k=20):
    """Of the first k of every topic's query: those without a picture, and those of the topic."""
    topic, pictures, texts, queries = gap
    without = np.random.default_rng(1).random(N) < missing
    ranker = shop_of(pictures, texts, without)
    picked = np.stack([ranker.for_query(k, looks=q[None], meaning=q[None]).rows for q in queries])
    right = topic[picked] == np.arange(TOPICS)[:, None]
    return without[picked].mean(), right.mean()


@pytest.mark.parametrize("missing", [0.1, 0.3, 0.6])
def test_items_without_a_picture_come_first_as_often_as_there_are_such(gap, missing):
    share, right = shares(gap, missing)
    assert 0.6 * missing < share < 1.6 * missing
    assert right > 0.5


def test_raw_cosines_would_let_words_drown_pictures(gap):
    _, pictures, texts, queries = gap
    without = np.random.default_rng(1).random(N) < 0.1
    raw = np.where(without, queries @ texts.T, queries @ pictures.T)
    first = np.argsort(-raw, axis=1)[:, :20]
    assert without[first].mean() > 0.5  # of 0.1 that there are: what the bridge is for


def test_equal_ranks_are_worth_the_same(gap):
    _, pictures, texts, queries = gap
    everything = np.ones(N, np.bool_)
    words, looks = of(texts, everything), of(pictures, everything)
    query = queries[:1]
    crossing = bridge((words, query), (looks, query), everything, 100)
    rows = np.arange(N, dtype=np.int32)
    best_words = np.sort(words.standing(query, rows))[::-1][:50]
    best_looks = np.sort(looks.standing(query, rows))[::-1][:50]
    np.testing.assert_allclose(crossing.cross(best_words), best_looks, rtol=1e-4, atol=1e-4)


def test_words_stand_in_for_looks_by_how_much_they_tell_of_them(gap):
    _, pictures, texts, queries = gap
    everything = np.ones(N, np.bool_)
    query = queries[:1]
    looks = of(pictures, everything), query
    standing = np.array([2.0], np.float32)
    alike = bridge(looks, looks, everything, 100, is_proxy=True).cross(standing)
    told = bridge((of(texts, everything), query), looks, everything, 100, is_proxy=True)
    noise = unit(np.random.default_rng(9).standard_normal((N, DIM)))
    silent = bridge((of(noise, everything), query), looks, everything, 100, is_proxy=True)
    assert alike == pytest.approx(standing, rel=1e-3)
    assert 0.3 < told.trust < 1
    assert silent.trust < 0.1


def test_asked_with_a_picture_items_whose_words_tell_nothing_do_not_come_first(gap):
    _, pictures, _, _ = gap
    without = np.random.default_rng(1).random(N) < 0.3
    noise = unit(np.random.default_rng(9).standard_normal((N, DIM)))
    ranker = shop_of(pictures, noise, without)
    seen = np.flatnonzero(~without)[:12]
    found = [ranker.for_query(20, looks=q[None], stand_in=q[None]).rows for q in pictures[seen]]
    assert without[np.stack(found)].mean() < 0.05


def test_few_items_with_both_leave_standings_as_they_are(gap):
    _, pictures, texts, queries = gap
    both = np.arange(N) < 19
    query = queries[:1]
    everything = np.ones(N, np.bool_)
    here, there = (of(texts, everything), query), (of(pictures, everything), query)
    standing = np.array([-1, 0, 2.5], np.float32)
    np.testing.assert_array_equal(bridge(here, there, both, 100).cross(standing), standing)


def test_items_of_one_title_share_the_mean_of_their_ranks():
    vectors = np.zeros((60, 3), np.float32)
    vectors[:, 0] = 1
    vectors[:30] = [0, 1, 0]  # thirty items of one text, to which the query is equal
    looks = unit(np.random.default_rng(3).standard_normal((60, 3)))
    everything = np.ones(60, np.bool_)
    words, pictures = of(vectors, everything), of(looks, everything)
    query = np.array([[0, 1, 0]], np.float32)
    crossing = bridge((words, query), (pictures, query), everything, 60)
    worth = crossing.cross(words.standing(query, np.zeros(1, np.int32)))[0]
    best = np.sort(pictures.standing(query, np.arange(60, dtype=np.int32)))[::-1]
    assert best[29] < worth < best[0]


@given(
    st.lists(st.floats(0.125, 8, width=32), min_size=2, max_size=20, unique=True),
    st.lists(st.floats(-10, 20, width=32), min_size=2, max_size=30),
)
def test_crossing_keeps_the_order(steps, standings):
    here = np.sort(np.array([0, *steps], np.float32))
    there = np.sort(np.random.default_rng(len(steps)).random(len(here)).astype(np.float32))
    crossed = Bridge(here, there).cross(np.sort(np.array(standings, np.float32)))
    assert (np.diff(crossed) >= -1e-5).all()
