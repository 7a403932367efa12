"""The ranking bench: how it splits a log, what it measures, how it compares."""

import importlib
import itertools
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True)
def _beside_the_scripts(monkeypatch) -> None:
    monkeypatch.syspath_prepend(BENCH)


@pytest.fixture
def splits() -> ModuleType:
    return importlib.import_module("recommend_splits")


@pytest.fixture
def measures() -> ModuleType:
    return importlib.import_module("recommend_measures")


@pytest.fixture
def report() -> ModuleType:
    return importlib.import_module("recommend_report")


def _log(splits, counts, times=None):
    users = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    items = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
    times = np.arange(len(users), dtype=np.int64) if times is None else np.array(times, np.int64)
    return splits.Log(users, items, times, n_users=len(counts), n_items=max(counts))


@pytest.mark.parametrize(
    ("likes", "held_out"), [(1, 0), (2, 1), (5, 1), (6, 2), (10, 2), (11, 3), (35, 7)]
)
def test_the_last_fifth_is_held_out_rounded_up_but_never_all(splits, likes, held_out) -> None:
    split = splits.hold_out_last(_log(splits, [likes]))
    assert (len(split.train), len(split.test)) == (likes - held_out, held_out)


def test_everyones_latest_likes_are_held_out(splits) -> None:
    split = splits.hold_out_last(_log(splits, [5, 10]))
    assert split.test.users.tolist() == [0, 1, 1]
    assert split.test.items.tolist() == [4, 8, 9]


@pytest.mark.parametrize("rule", ["user-time", "global-time"])
def test_every_like_is_on_one_side_of_a_split(splits, rule) -> None:
    log = _log(splits, [5, 10, 7], times=np.random.default_rng(0).integers(0, 9, 22))
    split = splits.SPLITS[rule](log)
    joined = [*zip(split.train.users, split.train.items, strict=True)]
    joined += zip(split.test.users, split.test.items, strict=True)
    assert sorted(joined) == sorted(zip(log.users, log.items, strict=True))


def test_one_moment_parts_what_is_learned_from_what_is_judged(splits) -> None:
    log = _log(splits, [50, 50], times=np.random.default_rng(0).permutation(100))
    split = splits.hold_out_after(log)
    assert split.train.times.max() < split.test.times.min()
    assert (len(split.train), len(split.test)) == (79, 21)


def test_likes_at_the_very_moment_are_all_held_out(splits) -> None:
    split = splits.hold_out_after(_log(splits, [10], times=[1, 2, 3, 4, 5, 5, 5, 5, 5, 9]))
    assert split.train.times.tolist() == [1, 2, 3, 4]


def test_new_items_are_those_nobody_likes_in_training(splits) -> None:
    split = splits.hold_out_last(_log(splits, [5, 3]))
    assert split.new_items().tolist() == [4]
    assert split.judged().tolist() == [0, 1]


def test_a_perfect_list_has_an_ndcg_and_recall_of_one(measures) -> None:
    scores = -np.arange(30, dtype=np.float32)
    assert measures.judge_list(scores, np.arange(30) < 4) == (1, 1)


def test_more_likes_than_places_leave_ndcg_at_one_and_recall_below(measures) -> None:
    scores = -np.arange(30, dtype=np.float32)
    ndcg, recall = measures.judge_list(scores, np.arange(30) < 20)
    assert (ndcg, recall) == (1, 0.5)


def test_ndcg_and_recall_are_those_of_the_formula(measures) -> None:
    scores = -np.arange(30, dtype=np.float32)
    ndcg, recall = measures.judge_list(scores, np.isin(np.arange(30), [1, 4, 20]))
    gain = 1 / math.log2(3) + 1 / math.log2(6)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg == pytest.approx(gain / ideal)
    assert recall == pytest.approx(2 / 3)


def test_a_tie_at_the_edge_counts_as_all_its_orders_do_on_average(measures) -> None:
    relevant = np.isin(np.arange(12), [3, 8, 11])
    tied = np.concatenate([-np.arange(8.0), np.full(4, -8.0)]).astype(np.float32)
    orders = []
    for order in itertools.permutations(range(4)):
        scores = tied.copy()
        scores[8:] -= order
        orders.append(measures.judge_list(scores, relevant))
    assert measures.judge_list(tied, relevant) == pytest.approx(np.mean(orders, axis=0))


def test_who_scores_all_alike_gets_what_a_random_order_does(measures) -> None:
    rng = np.random.default_rng(0)
    relevant = np.isin(np.arange(40), [3, 17])
    shuffled = [measures.judge_list(rng.permutation(40) * 1.0, relevant) for _ in range(4000)]
    ndcg, recall = measures.judge_list(np.zeros(40, np.float32), relevant)
    assert recall == pytest.approx(10 / 40)
    assert ndcg == pytest.approx(np.mean(shuffled, axis=0)[0], abs=0.01)


def test_items_kept_out_of_a_list_take_no_place_in_it(measures) -> None:
    scores = np.array([9, 8, 7, 6, 5], np.float32)
    relevant = np.array([False, False, True, False, False])
    scores[:2] = -np.inf
    assert measures.judge_list(scores, relevant) == (1, 1)


def test_a_list_of_nothing_finds_nothing(measures) -> None:
    scores = np.full(5, -np.inf, np.float32)
    assert measures.judge_list(scores, np.arange(5) == 1) == (0, 0)


@given(st.integers(0, 2**32 - 1))
def test_figures_do_not_depend_on_the_order_of_items(seed) -> None:
    measures = importlib.import_module("recommend_measures")
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, 25).astype(np.float32)
    relevant = rng.permutation(25) < 3
    order = rng.permutation(25)
    shuffled = measures.judge_list(scores[order], relevant[order])
    assert shuffled == pytest.approx(measures.judge_list(scores, relevant))


def test_ranked_rows_keep_their_order_and_leave_the_rest_out(measures) -> None:
    scores = measures.scores_of_ranked([np.array([3, 0]), np.array([], np.int64)], 4)
    assert np.argsort(-scores[0], kind="stable")[:2].tolist() == [3, 0]
    assert np.isneginf(scores[0, 1:3]).all()
    assert np.isneginf(scores[1]).all()


def test_twice_as_good_for_everyone_is_a_ratio_of_two_without_doubt(measures) -> None:
    theirs = np.random.default_rng(0).random(50)
    ratio = measures.ratio_of(2 * theirs, theirs)
    assert (ratio.value, ratio.low, ratio.high, ratio.n) == pytest.approx((2, 2, 2, 50))


def test_a_ratio_is_of_means_and_not_a_mean_of_ratios(measures) -> None:
    ratio = measures.ratio_of(np.array([1.0, 0.0]), np.array([0.1, 0.9]))
    assert ratio.value == pytest.approx(1)


def test_over_nothing_a_ratio_is_infinite(measures) -> None:
    ratio = measures.ratio_of(np.ones(5), np.zeros(5))
    assert (ratio.value, ratio.low, ratio.high) == (np.inf, np.inf, np.inf)


def test_an_interval_holds_the_mean_and_is_the_same_every_time(measures) -> None:
    values = np.random.default_rng(0).random(200)
    first, second = measures.mean_of(values), measures.mean_of(values)
    assert first == second
    assert first.low < values.mean() < first.high
    assert first.high - first.low == pytest.approx(2 * 1.96 * values.std() / 200**0.5, rel=0.1)


def test_a_row_without_a_finite_value_is_null_in_json(report) -> None:
    estimate = report.Estimate(math.inf, 1.0, math.inf, 3)
    row = report.Row("taste", "new", "a / b", "ratio", estimate, {"half_life_days": math.inf})
    assert row.to_dict() == {
        "part": "taste",
        "split": "new",
        "method": "a / b",
        "figure": "ratio",
        "value": None,
        "low": 1.0,
        "high": None,
        "n": 3,
        "settings": {"half_life_days": "inf"},
    }


def test_the_printed_table_has_a_line_per_row_under_its_head(report) -> None:
    row = report.Row("taste", "new", "ours", "ndcg10", report.Estimate(0.25, 0.2, 0.3, 9))
    head, line = report.printed([row]).splitlines()
    assert head.split() == [
        *("part", "split", "method", "figure"),
        *("value", "low", "high", "n", "settings"),
    ]
    assert line.split() == [
        *("taste", "new", "ours", "ndcg10"),
        *("0.2500", "0.2000", "0.3000", "9"),
    ]


@pytest.mark.parametrize(
    "given",
    [
        ["--ratings", "ratings.csv"],
        ["--images", "posters"],
        ["--ratings", "r.csv", "--items", "i.csv", "--scale"],
        ["--only", "speed"],
    ],
)
def test_options_that_do_not_go_together_are_refused(given, capsys) -> None:
    recommend = importlib.import_module("recommend")
    with pytest.raises(SystemExit):
        recommend.arguments(given)
    assert "error:" in capsys.readouterr().err


def test_settings_of_a_record_are_read_as_they_were_written(tmp_path) -> None:
    recommend = importlib.import_module("recommend")
    table = (
        '{"part": "movielens", "split": "user-time", "method": "trend", '
        '"settings": {"half_life_days": "inf"}}, {"part": "taste", "split": "new", "method": "x"}'
    )
    record = tmp_path / "recommend.json"
    record.write_text(f'{{"table": [{table}]}}', encoding="utf-8")
    assert recommend.read_tuned(record) == {("user-time", "trend"): {"half_life_days": math.inf}}


def test_a_record_that_is_not_there_is_named(tmp_path) -> None:
    recommend = importlib.import_module("recommend")
    with pytest.raises(recommend.DataError, match=r"no .*nothing\.json"):
        recommend.read_tuned(tmp_path / "nothing.json")
