from dataclasses import replace

import numpy as np
import pytest
from sightline.learn.evaluation import evaluate, users_to_judge
from sightline.learn.interactions import Interactions


def held_out(*per_user):
    offsets = np.cumsum([0, *map(len, per_user)])
    rows = np.array([item for items in per_user for item in items], np.int32)
    return Interactions(
        offsets, rows, np.ones(len(rows), np.float32), np.zeros(len(rows), np.int64)
    )


def judge(ranking, *per_user, k=3):
    return evaluate(
        lambda user, k: np.array(ranking[user][:k], np.int32),
        held_out(*per_user),
        list(range(len(per_user))),
        n_items=10,
        k=k,
    )


def test_perfect_ranking_scores_one():
    metrics = judge([[4, 5, 6]], [4, 5])
    assert (metrics.ndcg, metrics.recall, metrics.hit_ratio, metrics.mrr) == (1, 1, 1, 1)
    assert metrics.coverage == pytest.approx(0.3)


def test_figures_are_those_worked_out_by_hand():
    # One of two relevant items, in second place: DCG 1/log2(3), ideal 1 + 1/log2(3).
    metrics = judge([[9, 4, 8]], [4, 5])
    assert metrics.ndcg == pytest.approx(0.63093 / 1.63093, abs=1e-4)
    assert (metrics.recall, metrics.hit_ratio, metrics.mrr) == (0.5, 1, 0.5)


def test_users_count_alike():
    assert judge([[4], [9]], [4], [4]).hit_ratio == 0.5


def test_shorter_answer_than_asked_for_is_judged_by_what_it_holds():
    assert judge([[4]], [4]).ndcg == 1


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
