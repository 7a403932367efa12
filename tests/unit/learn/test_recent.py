import threading

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.learn.interactions import build_interactions, no_interactions
from sightline.learn.recent import RecentHistories

USERS = ["a", "b", "new"]


def build(log):
    schema = {"user_id": pl.String, "item_row": pl.Int32, "time": pl.Int64, "weight": pl.Float32}
    frame = pl.DataFrame(log, schema=schema, orient="row")
    users, interactions = build_interactions(frame)
    return {user: row for row, user in enumerate(users)}, interactions


def entries(history):
    columns = (history.rows, history.times, history.weights)
    return list(zip(*(column.tolist() for column in columns), strict=True))


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(USERS), st.integers(0, 4), st.sampled_from([0.5, 1.0, 2.0, 5.0, -1.0])
    ),
    max_size=25,
)


@given(EVENTS, st.integers(0, 25), st.data())
def test_histories_are_those_of_a_rebuild(events, cut, data):
    log = [(user, item, time // 2, weight) for time, (user, item, weight) in enumerate(events)]
    rows, interactions = build(log[:cut])
    recent = RecentHistories(interactions)
    for user, item, time, weight in log[cut:]:
        recent.add(rows.get(user, user), item, weight, time)
        if data.draw(st.booleans()):
            recent.history(rows.get(user, user))
    whole, rebuilt = build(log)
    for user in USERS:
        found = recent.history(rows.get(user, user))
        if user not in whole:
            assert len(found) == 0
            continue
        expected = rebuilt[whole[user]]
        assert found.rows.tolist() == expected.rows.tolist()
        assert found.times.tolist() == expected.times.tolist()
        assert found.weights.tolist() == pytest.approx(expected.weights.tolist())


def test_a_history_has_the_types_of_one_that_was_built():
    recent = RecentHistories(no_interactions())
    recent.add("new", 3, 1.0, 2**60 + 1)
    history = recent.history("new")
    assert [history.rows.dtype, history.weights.dtype, history.times.dtype] == [
        np.int32,
        np.float32,
        np.int64,
    ]
    assert history.times.tolist() == [2**60 + 1]


def test_what_was_built_stays_as_it_is():
    _, interactions = build([("a", 0, 1, 1.0)])
    recent = RecentHistories(interactions)
    before = recent.history(0)
    recent.add(0, 0, -1.0, 2)
    assert entries(before) == entries(interactions[0]) == [(0, 1, 1.0)]
    assert entries(recent.history(0)) == [(0, 2, -1.0)]


def test_an_event_dated_before_the_latest_counts_where_both_are_picks():
    _, interactions = build([("a", 0, 10, 2.0), ("a", 1, 10, -1.0), ("a", 2, 10, 2.0)])
    recent = RecentHistories(interactions)
    for item, weight in enumerate([2.0, 2.0, -1.0]):
        recent.add(0, item, weight, 5)
    found = entries(recent.history(0))
    assert [entry[:2] for entry in found] == [(0, 10), (1, 10), (2, 10)]
    assert [entry[2] for entry in found] == pytest.approx([2 * 2**0.25, -1, 2])


def test_behind_positions_what_is_added_stands_last_in_its_order():
    _, interactions = build([("a", 0, 0, 1.0), ("a", 1, 7, 1.0)])
    recent = RecentHistories(interactions, is_timed=False)
    for item in (3, 0, 2):
        recent.add(0, item, 1.0, 1_700_000_000_000_000)
    assert recent.history(0).rows.tolist() == [1, 3, 0, 2]
    assert recent.history(0).times.tolist() == [7, 8, 9, 10]
    empty = RecentHistories(no_interactions(), is_timed=False)
    empty.add("new", 0, 1.0, 5)
    assert empty.history("new").times.tolist() == [0]


def test_threads_lose_no_event():
    recent = RecentHistories(no_interactions())

    def add(first):
        for item in range(first, first + 200):
            recent.add("new", item, 1.0, item)
            assert item in recent.history("new").rows

    threads = [threading.Thread(target=add, args=(1_000 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recent.history("new")) == 800
