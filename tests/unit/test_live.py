import subprocess
import sys

import numpy as np
import pytest
from sightline.learn.interactions import Interactions
from sightline.live import LiveHistories
from sightline.store.live import LiveEvents

ITEMS = {"shirt": 0, "shoe": 1, "scarf": 2}


@pytest.fixture
def log(tmp_path):
    return LiveEvents(tmp_path)


def histories(log, *, offset=0, is_timed=True):
    interactions = Interactions(
        np.array([0, 1], np.int64),
        np.array([0], np.int32),
        np.array([5], np.float32),
        np.array([1_000_000], np.int64),
    )
    return LiveHistories(
        log,
        interactions,
        user_row={"known": 0}.get,
        item_row=ITEMS.get,
        offset=offset,
        is_timed=is_timed,
    )


def test_an_event_counts_in_the_next_answer(log):
    live = histories(log)
    assert live.history("known").rows.tolist() == [0]
    log.append([{"user_id": "known", "item_id": "shoe", "event_type": "view"}])
    assert live.history("known").rows.tolist() == [0, 1]
    assert live.history("known").weights.tolist() == [5.0, 0.5]


def test_a_stranger_has_a_history_from_the_first_event_on(log):
    live = histories(log)
    assert len(live.history("stranger")) == 0
    log.append([{"user_id": "stranger", "item_id": "scarf"}])
    assert live.history("stranger").rows.tolist() == [2]
    assert live.history("known").rows.tolist() == [0]


def test_what_the_generation_has_already_is_not_counted_again(log):
    log.append([{"user_id": "known", "item_id": "shoe"}])
    live = histories(log, offset=log.read_since(0).offset)
    assert live.history("known").rows.tolist() == [0]
    log.append([{"user_id": "known", "item_id": "scarf"}])
    assert live.history("known").rows.tolist() == [0, 2]


def test_unknown_items_and_impressions_are_passed_over(log):
    live = histories(log)
    log.append(
        [
            {"user_id": "known", "item_id": "next-season"},
            {"user_id": "known", "item_id": "shoe", "event_type": "impression"},
        ]
    )
    assert live.history("known").rows.tolist() == [0]


def test_a_refusal_turns_an_earlier_pick_down(log):
    live = histories(log)
    log.append([{"user_id": "known", "item_id": "shirt", "event_type": "return"}])
    assert live.history("known").weights.tolist() == [-1.0]


def test_positions_stand_in_for_times_where_the_events_had_none(log):
    live = histories(log, is_timed=False)
    log.append([{"user_id": "known", "item_id": "shoe", "created_at": "2024-01-01"}])
    assert live.history("known").times.tolist() == [1_000_000, 1_000_001]


def test_following_a_log_wakes_no_heavy_library():
    command = (
        "import sys, sightline.live; "
        "print(sorted({'polars', 'numba', 'duckdb'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)
    assert found.stdout.split() == [b"[]"]
