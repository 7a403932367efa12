import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.learn.interactions import build_interactions, joined_weight, no_interactions

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


def test_repeats_become_one_entry_of_the_strongest_weight_and_the_latest_time():
    _, interactions = build_interactions(events(("a", 0, 1, 0.5), ("a", 0, 2, 4), ("a", 0, 3, 1)))
    assert interactions.rows.tolist() == [0]
    assert interactions.weights.tolist() == pytest.approx([4], rel=0.002)
    assert interactions.times.tolist() == [3]


def test_doing_it_again_says_more_and_ever_less_so():
    log = [("a", item, time, 2) for item in range(4) for time in range(2**item)]
    weights = build_interactions(events(*log))[1].weights
    assert weights.tolist() == pytest.approx([2.0 * 2 ** (item / 4) for item in range(4)])


def test_one_event_weighs_what_it_weighs():
    weights = [0.5, 1, 2, 3, 5, -1]
    log = events(*(("a", item, item, weight) for item, weight in enumerate(weights)))
    assert build_interactions(log)[1].weights.tolist() == weights


def test_the_latest_event_decides_whether_an_item_was_turned_down():
    log = [("a", 0, 1, 2), ("a", 0, 2, -1)]
    assert build_interactions(events(*log))[1].weights.tolist() == [-1]
    assert build_interactions(events(*log, ("a", 0, 3, -1)))[1].weights.tolist() == [-1]


def test_picks_before_a_refusal_are_taken_back_by_it():
    log = events(("a", 0, 1, 5), ("a", 0, 2, -1), ("a", 0, 3, 0.5))
    assert build_interactions(log)[1].weights.tolist() == [0.5]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.integers(0, 2),
            st.integers(0, 5),
            st.sampled_from([0.5, 1.0, 5.0, -1.0]),
        ),
        min_size=1,
    )
)
def test_folding_one_event_at_a_time_comes_to_the_same(log):
    entries = {}
    for user, item, time, weight in sorted(log, key=lambda event: event[2]):
        known = entries.get((user, item))
        folded = weight if known is None else joined_weight(known[0], weight)
        entries[user, item] = (folded, time)
    users, interactions = build_interactions(events(*log))
    expected = sorted(
        (user, time, item, weight) for (user, item), (weight, time) in entries.items()
    )
    owners = [users[user] for user in range(len(users)) for _ in interactions[user].rows]
    found = zip(owners, interactions.times.tolist(), interactions.rows.tolist(), strict=True)
    assert list(found) == [entry[:3] for entry in expected]
    assert interactions.weights.tolist() == pytest.approx([entry[3] for entry in expected])


def test_weights_to_learn_from_halve_with_age():
    log = events(("a", 0, 0, 4), ("a", 1, 20 * DAY, -1), ("b", 2, 30 * DAY, 2))
    _, interactions = build_interactions(log)
    decayed = interactions.decayed(10)
    assert decayed.weights.tolist() == pytest.approx([0.5, -0.5, 2])
    assert (decayed.times == interactions.times).all()
    assert interactions.decayed(None).weights.tolist() == [4, -1, 2]


def test_no_age_makes_a_pick_none():
    log = events(("a", 0, 0, 1), ("a", 1, 0, -1), ("a", 2, 10_000 * DAY, 1))
    assert np.sign(build_interactions(log)[1].decayed(1).weights).tolist() == [1, -1, 1]


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
    assert len(no_interactions().decayed(30)) == 0


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
