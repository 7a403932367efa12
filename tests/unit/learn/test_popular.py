import numpy as np
import pytest
from sightline.learn.interactions import Interactions, no_interactions
from sightline.learn.popular import HALF_LIVES, best_half_life, expected_popularity

DAY = 86_400_000_000


def log(entries, people):
    """Histories from (user, item, day), in any order."""
    entries = sorted(entries, key=lambda entry: (entry[0], entry[2]))
    counts = np.bincount([user for user, _, _ in entries], minlength=people)
    return Interactions(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.array([item for _, item, _ in entries], np.int32),
        np.ones(len(entries), np.float32),
        np.array([day * DAY for _, _, day in entries], np.int64),
    )


def fashions(*, passing):
    """A log of 200 people, one pick a day each; what they pick changes every week or never."""
    rng = np.random.default_rng(0)
    entries = []
    for day in range(400):
        week = day // 7 if passing else 0
        for _ in range(3):
            entries.append((int(rng.integers(200)), (week * 3 + int(rng.integers(12))) % 300, day))
    return log({(user, item): (user, item, day) for user, item, day in entries}.values(), 200)


def test_where_fashions_pass_the_past_fades_fast():
    assert best_half_life(fashions(passing=True), 300) <= 30


def test_without_enough_people_to_tell_it_is_a_week():
    assert best_half_life(no_interactions(), 5) == 7
    assert best_half_life(log([(0, 1, 0), (1, 2, 5)], 2), 5) == 7


def test_it_is_one_of_those_that_are_tried():
    assert best_half_life(fashions(passing=False), 300) in HALF_LIVES


@pytest.fixture
def liked_along_one_axis():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(400, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    popularity = (0.5 + 0.3 * vectors[:, 0]).astype(np.float32)
    events = np.where(np.arange(400) < 300, 5, 0)
    popularity[300:] = 0
    return vectors, popularity, events


def test_new_items_are_hoped_for_by_what_they_look_like(liked_along_one_axis):
    vectors, popularity, events = liked_along_one_axis
    hoped = expected_popularity(vectors, np.ones(400, np.bool_), popularity, events)
    assert np.corrcoef(hoped[300:], vectors[300:, 0])[0, 1] > 0.95


def test_a_hope_stays_below_every_item_that_somebody_picked(liked_along_one_axis):
    vectors, popularity, events = liked_along_one_axis
    hoped = expected_popularity(vectors, np.ones(400, np.bool_), popularity, events)
    assert (hoped[:300] == 0).all()
    assert hoped[300:].min() > 0
    assert hoped[300:].max() < popularity[:300].min()


def test_without_a_place_there_is_no_hope(liked_along_one_axis):
    vectors, popularity, events = liked_along_one_axis
    presence = np.arange(400) != 350
    assert expected_popularity(vectors, presence, popularity, events)[350] == 0


def test_where_too_few_items_are_known_there_is_no_hope():
    vectors = np.eye(6, dtype=np.float32)
    events = np.array([1, 1, 1, 0, 0, 0])
    popularity = np.array([1, 0.5, 0.2, 0, 0, 0], np.float32)
    assert not expected_popularity(vectors, np.ones(6, np.bool_), popularity, events).any()
