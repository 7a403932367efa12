import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.learn.evaluation import judge, picks_of_items, users_to_judge
from sightline.learn.interactions import Interactions

ITEMS = 12
RATES = ("ndcg", "recall", "precision", "hit_ratio", "map", "mrr")


def held_out(*per_user, weight=1):
    offsets = np.cumsum([0, *map(len, per_user)])
    rows = np.array([item for items in per_user for item in items], np.int32)
    return Interactions(
        offsets, rows, np.full(len(rows), weight, np.float32), np.zeros(len(rows), np.int64)
    )


def judged(ranking, *per_user, k=3, **given):
    return judge(
        lambda user, k: np.array(ranking[user][:k], np.int32),
        held_out(*per_user),
        list(range(len(per_user))),
        n_items=ITEMS,
        k=k,
        **given,
    )


def metrics_of(ranking, *per_user, k=3, **given):
    return judged(ranking, *per_user, k=k, **given).metrics()


# Twins of the figures of one user, written from their definitions.


def twin_dcg(gains):
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))


def twin(name, ranked, relevant, k):
    hits = [item in relevant for item in ranked[:k]]
    findable = min(k, len(relevant))
    precisions = [sum(hits[:place]) / place for place in range(1, len(hits) + 1)]
    return {
        "ndcg": twin_dcg(hits) / twin_dcg([1] * findable),
        "recall": sum(hits) / len(relevant),
        "precision": sum(hits) / k,
        "hit_ratio": float(any(hits)),
        "map": sum(p for p, hit in zip(precisions, hits, strict=True) if hit) / findable,
        "mrr": next((1 / place for place, hit in enumerate(hits, start=1) if hit), 0.0),
    }[name]


def twin_auc(scores, relevant):
    others = [item for item in range(len(scores)) if item not in relevant]
    pairs = [(scores[right], scores[wrong]) for right in relevant for wrong in others]
    return sum((right > wrong) + (right == wrong) / 2 for right, wrong in pairs) / len(pairs)


def twin_personalization(lists):
    overlaps = [
        len(set(a) & set(b)) / math.sqrt(len(a) * len(b))
        for place, a in enumerate(lists)
        for b in lists[place + 1 :]
    ]
    return 1 - sum(overlaps) / len(overlaps)


lists_of_items = st.lists(st.integers(0, ITEMS - 1), unique=True, max_size=ITEMS)
cases = st.lists(st.tuples(lists_of_items, lists_of_items.filter(bool)), min_size=1, max_size=6)


@given(cases, st.integers(1, 8))
def test_figures_are_those_of_their_definitions(people, k):
    rankings, relevant = zip(*people, strict=True)
    found = judged(rankings, *relevant, k=k)
    for name in RATES:
        expected = [twin(name, ranked, items, k) for ranked, items in people]
        np.testing.assert_allclose(found.per_user[name], expected, err_msg=name)


@given(cases, st.integers(1, 8))
def test_figures_are_between_none_and_all(people, k):
    rankings, relevant = zip(*people, strict=True)
    metrics = metrics_of(rankings, *relevant, k=k).to_dict()
    assert all(0 <= metrics[name] <= 1 for name in (*RATES, "coverage"))


@given(lists_of_items.filter(bool), st.integers(1, 8))
def test_perfect_ranking_scores_one(relevant, k):
    rest = [item for item in range(ITEMS) if item not in relevant]
    metrics = metrics_of([relevant + rest], relevant, k=k)
    assert metrics.ndcg == pytest.approx(1)
    assert (metrics.hit_ratio, metrics.map, metrics.mrr) == (1, 1, 1)
    assert metrics.recall == min(k, len(relevant)) / len(relevant)
    assert metrics.precision == min(k, len(relevant)) / k


@given(st.permutations(range(4, ITEMS)), st.integers(1, 10))
def test_the_order_of_what_is_wrong_changes_nothing(wrong, k):
    moved = [wrong[0], 3, *wrong[1:3], 1, *wrong[3:]]
    plain = [4, 3, 5, 6, 1, *range(7, ITEMS)]
    assert metrics_of([moved], [1, 3], k=k).ndcg == metrics_of([plain], [1, 3], k=k).ndcg


def test_figures_are_those_worked_out_by_hand():
    # One of two relevant items, in second place: DCG 1/log2(3), ideal 1 + 1/log2(3).
    metrics = metrics_of([[9, 4, 8]], [4, 5])
    assert metrics.ndcg == pytest.approx(0.63093 / 1.63093, abs=1e-4)
    assert (metrics.recall, metrics.hit_ratio, metrics.mrr) == (0.5, 1, 0.5)
    assert (metrics.precision, metrics.map) == (pytest.approx(1 / 3), 0.25)


def test_users_count_alike():
    assert metrics_of([[4], [9]], [4], [4]).hit_ratio == 0.5


def test_what_a_short_list_lacks_counts_as_wrong():
    metrics = metrics_of([[4]], [4])
    assert (metrics.ndcg, metrics.precision) == (1, pytest.approx(1 / 3))
    assert metrics_of([[]], [ITEMS - 1]).to_dict().items() >= {"ndcg": 0, "coverage": 0}.items()


def test_an_item_turned_down_is_wrong_to_show():
    later = replace(held_out([4, 5]), weights=np.array([-1, 1], np.float32))
    found = judge(lambda user, k: np.array([4, 5], np.int32), later, [0], n_items=ITEMS, k=2)
    assert found.per_user["recall"].tolist() == [1]
    assert found.per_user["mrr"].tolist() == [0.5]


def test_a_user_without_a_held_out_pick_cannot_be_judged():
    with pytest.raises(ValueError, match="without a held-out pick"):
        judged([[1], [1]], [1], [])


def test_of_nobody_the_means_are_nothing():
    metrics = metrics_of([])
    assert (metrics.users, metrics.ndcg, metrics.coverage, metrics.personalization) == (
        0,
        0,
        0,
        None,
    )


@given(st.lists(st.integers(0, 4), min_size=3, max_size=9), st.data())
def test_auc_is_the_share_of_pairs_in_order(levels, data):
    scores = np.array(levels, np.float32)
    items = st.lists(st.integers(0, len(levels) - 1), unique=True, min_size=1, max_size=2)
    relevant = data.draw(items)
    found = judged([[0]], relevant, score_all=lambda _: scores)
    assert found.per_user["auc"][0] == pytest.approx(twin_auc(scores, relevant))


@pytest.mark.parametrize(
    ("scores", "auc"),
    [
        ([0.9, np.nan, 0.1, np.nan], 1.0),  # what is not ranked is no rival
        ([np.nan, 0.2, 0.1, 0.3], 0.0),  # a relevant item that is not ranked is last
        ([0.9, np.nan, np.nan, np.nan], 0.5),  # without a rival there is nothing to say
    ],
)
def test_auc_is_of_what_is_ranked(scores, auc):
    found = judged([[0]], [0], score_all=lambda _: np.array(scores, np.float32))
    assert found.per_user["auc"].tolist() == [auc]


def test_what_could_not_be_measured_is_left_out():
    assert {"auc", "novelty", "average_popularity", "personalization"}.isdisjoint(
        metrics_of([[4]], [4]).to_dict()
    )


def test_coverage_is_the_share_of_items_that_anyone_is_shown():
    assert metrics_of([[1, 2, 3], [3, 4]], [1], [1]).coverage == 4 / ITEMS


@given(st.lists(lists_of_items.filter(bool), min_size=2, max_size=6))
def test_personalization_is_how_little_lists_overlap(lists):
    found = metrics_of(lists, *[[0]] * len(lists), k=ITEMS)
    assert found.personalization == pytest.approx(twin_personalization(lists), abs=1e-9)


def test_personalization_is_between_the_same_list_for_all_and_nothing_in_common():
    assert metrics_of([[1, 2]] * 3, *[[0]] * 3).personalization == pytest.approx(0)
    assert metrics_of([[1, 2], [3, 4], []], *[[0]] * 3).personalization == pytest.approx(1)


def test_novelty_and_popularity_are_of_what_is_shown():
    # Of 16 counted picks, one more for each of 12 items than they have, two items have 4 and 1.
    popularity = np.array([3, *[0] * 10, 1])
    found = judged([[0, 5], [], [0]], *[[1]] * 3, popularity=popularity)
    assert found.per_user["novelty"].tolist() == [(2 + 4) / 2, 0, 2]
    assert found.per_user["average_popularity"].tolist() == [1.5, 0, 3]


def test_lists_can_be_judged_by_some_of_the_items_again():
    found = judged(
        [[1, 2, 3], [2, 1]], [1, 3], [2], score_all=lambda _: np.zeros(ITEMS, np.float32)
    )
    again = found.against(held_out([3], []))
    assert again.users.tolist() == [0]
    assert again.lists.tolist() == [[1, 2, 3]]
    assert again.per_user["ndcg"].tolist() == [0.5]
    assert "auc" not in again.per_user


def test_some_of_the_users_are_what_was_seen_of_them():
    found = judged([[1], [2]], [1], [1], popularity=np.arange(ITEMS)).only(np.array([False, True]))
    assert (found.users.tolist(), found.lists.tolist()) == ([1], [[2, -1, -1]])
    assert found.metrics().average_popularity == 2


def test_progress_is_told_after_every_user():
    told = []
    judged([[1], [1]], [1], [1], progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_metrics_are_the_means():
    later = held_out([4])
    judged = judge(lambda user, k: np.array([9, 4], np.int32), later, [0], n_items=8, k=2)
    assert judged.metrics().to_dict() == {
        "k": 2,
        "users": 1,
        "ndcg": 0.63093,
        "recall": 1,
        "precision": 0.5,
        "hit_ratio": 1,
        "map": 0.5,
        "mrr": 0.5,
        "coverage": 0.25,
    }


def test_only_users_with_a_held_out_pick_are_judged_and_not_too_many():
    later = held_out(*[[0]] * 1_500, [])
    users = users_to_judge(later, n_items=10)
    assert len(users) == 1_000
    assert 1_500 not in users
    assert users == users_to_judge(later, n_items=10)
    assert len(users_to_judge(later, n_items=1_000_000)) == 200


def test_turned_down_items_are_nothing_to_judge_by():
    refused = replace(held_out([0], [0]), weights=np.array([-1, 1], np.float32))
    assert users_to_judge(refused, n_items=10) == [1]
    assert picks_of_items(refused, 2).tolist() == [1, 0]
