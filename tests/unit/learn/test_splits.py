import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.learn.interactions import Interactions, no_interactions
from sightline.learn.splits import global_time_split, user_time_split


def histories(*times_per_user, weight=1):
    """Interactions with one new item per entry, at the given times."""
    times = np.array([time for times in times_per_user for time in sorted(times)], np.int64)
    return Interactions(
        np.cumsum([0, *map(len, times_per_user)]),
        np.arange(len(times), dtype=np.int32),
        np.full(len(times), weight, np.float32),
        times,
    )


def times_of(interactions):
    return [history.times.tolist() for history in interactions]


some_histories = st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=6)


def test_user_time_holds_out_the_last_fifth_of_each_and_leaves_short_histories_whole():
    earlier, later = user_time_split(histories(range(10), [50, 51, 52, 53], [90, 1, 2, 3, 4]))
    assert times_of(earlier) == [list(range(8)), [50, 51, 52, 53], [1, 2, 3, 4]]
    assert times_of(later) == [[8, 9], [], [90]]


def test_global_time_holds_out_what_came_after_one_moment():
    earlier, later = global_time_split(histories([1, 2, 3, 9], [4, 5, 6, 7, 8], [10]))
    assert times_of(earlier) == [[1, 2, 3], [4, 5, 6, 7, 8], []]
    assert times_of(later) == [[9], [], [10]]


def test_entries_at_the_moment_itself_are_earlier():
    earlier, later = global_time_split(histories([1, 2, 2, 2, 3]), share=0.6)
    assert (times_of(earlier), times_of(later)) == ([[1, 2, 2, 2]], [[3]])


def test_nothing_is_held_out_of_a_log_without_times_or_with_too_few_entries():
    assert times_of(global_time_split(histories([7] * 20))[1]) == [[]]
    assert times_of(global_time_split(histories([1, 2, 3, 4]))[1]) == [[]]


@pytest.mark.parametrize("split", [user_time_split, global_time_split])
def test_without_entries_both_parts_are_empty(split):
    assert [len(part.rows) for part in split(no_interactions())] == [0, 0]


@pytest.mark.parametrize("split", [user_time_split, global_time_split])
def test_items_turned_down_stay_in_their_part(split):
    earlier, later = split(histories(range(10), weight=-1))
    assert (len(earlier.rows), len(later.rows)) == (8, 2)
    assert (earlier.weights < 0).all()
    assert (later.weights < 0).all()


@pytest.mark.parametrize("split", [user_time_split, global_time_split])
@given(some_histories)
def test_every_entry_is_in_one_part_of_its_user(split, times):
    interactions = histories(*times)
    parts = split(interactions)
    for user, history in enumerate(interactions):
        rows = np.concatenate([part[user].rows for part in parts])
        assert rows.tolist() == history.rows.tolist()


@given(some_histories)
def test_nothing_that_a_user_did_later_is_in_the_earlier_part(times):
    for earlier, later in zip(*user_time_split(histories(*times)), strict=True):
        assert max(earlier.times, default=0) <= min(later.times, default=99)


@given(some_histories, st.floats(0, 0.9))
def test_nothing_that_anyone_did_later_is_in_the_earlier_part(times, share):
    interactions = histories(*times)
    earlier, later = global_time_split(interactions, share=share)
    assert max(earlier.times, default=-1) < min(later.times, default=99)
    assert len(later.times) <= share * len(interactions.times)


@given(some_histories, st.integers(1, 4))
def test_the_moment_is_the_latest_that_leaves_no_more_than_the_share(times, fifths):
    interactions = histories(*times)
    _, later = global_time_split(interactions, share=fifths / 5)
    allowed = fifths * len(interactions.times) // 5
    most = max(
        (count for time in {-1, *interactions.times}
         if (count := int((interactions.times > time).sum())) <= allowed),
        default=0,
    )  # fmt: skip
    assert len(later.times) == most
