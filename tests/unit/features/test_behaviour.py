import numpy as np
import pytest
from sightline.features.behaviour import derived_columns, popularity, trend

DAY = 86_400_000_000
ROWS = np.array([0, 0, 1, 2], np.int32)
WEIGHTS = np.array([1, 1, 1, -1], np.float32)


def test_popularity_adds_positive_weights_only():
    assert popularity(ROWS, WEIGHTS, 4).tolist() == [2, 1, 0, 0]


def test_event_of_a_week_before_the_newest_counts_half():
    times = np.array([0, 0, 7 * DAY, 7 * DAY])
    assert trend(ROWS, WEIGHTS, times, 4).tolist() == pytest.approx([1, 1, 0, 0])


def test_trend_of_events_of_one_moment_is_popularity():
    assert trend(ROWS, WEIGHTS, np.zeros(4, np.int64), 4).tolist() == [1, 0.5, 0, 0]


def test_no_events_no_trend():
    none = np.zeros(0)
    assert trend(none.astype(np.int32), none, none.astype(np.int64), 2).tolist() == [0, 0]


def test_derived_ranks_start_at_one_and_ties_keep_catalogue_order():
    columns = derived_columns(ROWS, popularity(ROWS, WEIGHTS, 4), np.zeros(4, np.float32))
    assert columns["_derived_popular_rank"].to_list() == [1, 2, 3, 4]
    assert columns["_derived_trending_rank"].to_list() == [1, 2, 3, 4]
    assert columns["_derived_interaction_count"].to_list() == [2, 1, 1, 0]
