import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.learn.evaluation import judge
from sightline.learn.interactions import Interactions
from sightline.learn.segments import find_segments, judge_among, judge_segments


def picks(*per_user, turned_down=()):
    """Interactions of item rows by user; users in `turned_down` refused theirs."""
    rows = np.array([item for items in per_user for item in items], np.int32)
    owners = np.repeat(np.arange(len(per_user)), [len(items) for items in per_user])
    weights = np.where(np.isin(owners, turned_down), -1, 1).astype(np.float32)
    return Interactions(
        np.cumsum([0, *map(len, per_user)]), rows, weights, np.zeros(len(rows), np.int64)
    )


def named(masks):
    return {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()}


def all_pictures(count):
    return np.ones(count, np.bool_)


def test_users_are_cold_below_five_known_picks():
    known = picks(range(4), range(5), [], range(9), turned_down=[3])
    users = named(find_segments(known, pictures=all_pictures(9)).users)
    assert (users["cold users"], users["warm users"]) == ([0, 2, 3], [1])


def test_power_users_are_the_most_active_fifth_of_those_who_picked_anything():
    known = picks(*[range(count) for count in (0, 0, 5, 6, 7, 8, 9)])
    assert named(find_segments(known, pictures=all_pictures(9)).users)["power users"] == [6]


def test_where_all_are_alike_or_cold_nobody_is_a_power_user():
    alike = picks(*[range(6)] * 10)
    cold = picks(*[[0]] * 9, range(4))
    for known in (alike, cold):
        assert named(find_segments(known, pictures=all_pictures(6)).users)["power users"] == []


def test_head_items_have_four_fifths_of_the_picks_together():
    # 6, 2, 1, 1 picks of ten, and one that nobody picked.
    known = picks(*[[0]] * 4, [0, 1], [0, 1], [2], [3])
    items = named(find_segments(known, pictures=np.array([1, 1, 0, 1, 0], np.bool_)).items)
    assert items == {
        "head items": [0, 1],
        "tail items": [2, 3],
        "new items": [4],
        "items without picture": [2, 4],
    }


def test_items_with_as_many_picks_are_not_divided():
    items = named(find_segments(picks(range(6)), pictures=all_pictures(6)).items)
    assert (items["head items"], items["tail items"]) == (list(range(6)), [])


def test_an_item_that_was_only_turned_down_is_new():
    items = named(find_segments(picks([0], [1], turned_down=[1]), pictures=all_pictures(2)).items)
    assert items["new items"] == [1]


def test_without_picks_all_is_cold_and_new():
    segments = find_segments(picks([], []), pictures=all_pictures(3))
    assert named(segments.users) == {"cold users": [0, 1], "warm users": [], "power users": []}
    assert named(segments.items)["new items"] == [0, 1, 2]
    assert named(segments.items)["head items"] == []


@given(st.lists(st.lists(st.integers(0, 7), unique=True, max_size=8), min_size=1, max_size=9))
def test_every_user_is_cold_or_warm_and_every_item_new_head_or_tail(per_user):
    segments = find_segments(picks(*per_user), pictures=all_pictures(8))
    assert (segments.users["cold users"] ^ segments.users["warm users"]).all()
    kinds = [segments.items[name] for name in ("new items", "head items", "tail items")]
    assert np.sum(kinds, axis=0).tolist() == [1] * 8


@pytest.fixture
def judged():
    """A warm user who is to find items 0 and 3, and a cold one for 1, in the list 0 1 2 3."""
    known = picks(range(4, 9), [4])
    later = picks([0, 3], [1])
    ranking = np.arange(4, dtype=np.int32)
    judgement = judge(lambda user, k: ranking[:k], later, [0, 1], n_items=9, k=4)
    segments = find_segments(known, pictures=np.arange(9) != 1)
    return judgement, later, segments, judge_segments(judgement, later, segments)


def test_a_segment_of_users_keeps_their_figures(judged):
    judgement, _, _, found = judged
    assert found["warm users"].users.tolist() == [0]
    assert found["cold users"].users.tolist() == [1]
    assert found["cold users"].per_user["mrr"].tolist() == [0.5]
    assert found["warm users"].per_user["ndcg"] == judgement.per_user["ndcg"][:1]


def test_a_segment_of_items_asks_only_for_them_in_the_same_lists(judged):
    _, _, _, found = judged
    without = found["items without picture"]
    assert without.users.tolist() == [1]
    assert without.per_user["recall"].tolist() == [1]
    assert found["new items"].per_user["recall"].tolist() == [1, 1]
    assert found["new items"].per_user["mrr"].tolist() == [1, 0.5]


def test_a_segment_that_nobody_is_in_has_no_users(judged):
    _, _, _, found = judged
    assert len(found["head items"]) == len(found["power users"]) == 0
    assert found["head items"].metrics().users == 0


def test_new_items_are_ranked_among_themselves():
    later = picks([0, 3], [1], [2])
    asked = []

    def rank(user, k, only):
        asked.append((user, only.tolist()))
        return only[::-1][:k]

    found = judge_among(rank, later, np.array([0, 0, 1, 1, 1], np.bool_), k=2)
    assert asked == [(0, [2, 3, 4]), (2, [2, 3, 4])]
    assert found.users.tolist() == [0, 2]
    assert found.per_user["mrr"].tolist() == [0.5, 0]
    assert found.metrics().coverage == pytest.approx(2 / 3)  # of the new items


def test_among_nothing_nobody_is_judged():
    found = judge_among(lambda user, k, only: only, picks([0]), np.zeros(2, np.bool_), k=2)
    assert found.metrics().users == 0
