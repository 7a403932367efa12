import numpy as np
import polars as pl
import pytest
from sightline.learn.interactions import build_interactions

DAY = 86_400_000_000


def events(*rows):
    return pl.DataFrame(rows, schema=["user_id", "item_row", "time", "weight"], orient="row").cast(
        {"item_row": pl.Int32, "time": pl.Int64, "weight": pl.Float32}
    )


def test_histories_are_per_user_and_oldest_first():
    users, interactions = build_interactions(
        events(("b", 1, 5, 1), ("a", 2, 9, 1), ("a", 0, 3, 1), ("b", 3, 6, 0.5))
    )
    assert users == ["a", "b"]
    assert [history.rows.tolist() for history in interactions] == [[0, 2], [1, 3]]
    assert interactions[1].times.tolist() == [5, 6]


def test_repeats_become_one_entry_with_the_strongest_weight_and_the_latest_time():
    _, interactions = build_interactions(events(("a", 0, 1, 0.5), ("a", 0, 2, 4), ("a", 0, 3, 1)))
    assert (interactions.rows.tolist(), interactions.weights.tolist()) == ([0], [4.0])
    assert interactions.times.tolist() == [3]


@pytest.mark.parametrize(("last", "weight"), [(-1.0, -1.0), (1.0, 2.0)])
def test_the_latest_event_decides_whether_an_item_was_turned_down(last, weight):
    _, interactions = build_interactions(events(("a", 0, 1, 2), ("a", 0, 2, -1), ("a", 0, 3, last)))
    assert interactions.weights.tolist() == [weight]


def test_of_events_at_one_time_the_later_row_is_the_later_event():
    assert build_interactions(events(("a", 0, 1, 5), ("a", 0, 1, -1)))[1].weights.tolist() == [-1.0]
    assert build_interactions(events(("a", 0, 1, -1), ("a", 0, 1, 5)))[1].weights.tolist() == [5.0]


def test_caps_keep_the_newest():
    log = events(("a", 0, 1 * DAY, 1), ("a", 1, 2 * DAY, 1), ("a", 2, 9 * DAY, 1))
    assert build_interactions(log, max_per_user=1)[1].rows.tolist() == [2]
    assert build_interactions(log, expiration_days=7.5)[1].rows.tolist() == [1, 2]


def test_no_events_no_users():
    users, interactions = build_interactions(events())
    assert (users, len(interactions)) == ([], 0)


def test_split_holds_out_the_last_fifth_and_leaves_short_histories_whole():
    log = events(*(("long", item, item, 1) for item in range(10)), ("short", 0, 1, 1))
    _, interactions = build_interactions(log)
    earlier, later = interactions.split_by_time()
    assert [history.rows.tolist() for history in earlier] == [list(range(8)), [0]]
    assert [history.rows.tolist() for history in later] == [[8, 9], []]


def test_fans_of_an_item_are_those_who_picked_it():
    log = events(("a", 0, 1, 1), ("b", 0, 1, -1), ("c", 0, 1, 1), ("c", 2, 2, 1))
    offsets, fans = build_interactions(log)[1].fans(3)
    assert [fans[offsets[item] : offsets[item + 1]].tolist() for item in range(3)] == [
        [0, 2],
        [],
        [2],
    ]
    assert fans.dtype == np.int32
