import math
import shutil
import subprocess
import sys
import time
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from sightline.errors import StorageError
from sightline.store.inserted import InsertedEvent, line_of, read_line, read_rows
from sightline.store.live import LiveEvents, live_frame

NOW = 1_769_860_800_000_000  # 2026-01-31, noon


def read(row):
    (event,) = read_rows([{"user_id": "u", "item_id": "i", **row}], now=NOW)
    return event


def item_ids(events):
    return [event.item_id for event in events]


@pytest.fixture
def log(tmp_path):
    return LiveEvents(tmp_path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


def insert(log, *items):
    log.append([{"user_id": "u", "item_id": item} for item in items])


def test_an_event_of_two_ids_is_a_pick_of_now():
    assert read({}) == InsertedEvent("u", "i", NOW, None, 1.0, None)


def test_what_is_given_is_kept():
    row = {"user_id": 7, "item_id": np.int64(8), "event_type": " view ", "event_value": 2}
    assert read({**row, "created_at": 10}) == InsertedEvent("7", "8", 10_000_000, "view", None, 2.0)
    assert read({"label": False}).label == 0.0
    assert read({"event_type": "view", "label": 0}).label == 0.0


def test_text_in_event_value_is_the_type_where_there_is_no_other():
    assert read({"event_value": "purchase"}) == InsertedEvent("u", "i", NOW, "purchase")


@pytest.mark.parametrize("name", ["created_at", "event_timestamp", "timestamp"])
@pytest.mark.parametrize(
    "value", ["2024-01-01", "2024-01-01T00:00:00Z", datetime(2024, 1, 1, tzinfo=UTC), 1_704_067_200]
)
def test_times_are_read_in_many_ways(name, value):
    assert read({name: value}).time == 1_704_067_200_000_000
    assert read({name: date(2024, 1, 1)}).time == 1_704_067_200_000_000


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"user_id": None}, "event 0 has no user_id"),
        ({"item_id": "  "}, "event 0 has no item_id"),
        ({"item_id": True}, r"event 0.item_id must be text, not True"),
        ({"item_id": 1.5}, r"event 0.item_id must be text, not 1.5"),
        ({"event_type": 3}, r"event 0.event_type must be text"),
        ({"label": "good"}, r"event 0.label must be a finite number, not 'good'"),
        ({"label": math.nan}, r"event 0.label must be a finite number"),
        ({"event_type": "rate", "event_value": "x"}, r"event 0.event_value must be a finite"),
        ({"lable": 0}, "event 0 has 'lable', which is no part of an event"),
        ({"created_at": "soon"}, r"event 0.created_at must be one time .*'soon'"),
        ({"created_at": -1}, r"event 0.created_at must be one time"),
        ({"created_at": "2028-01-01"}, r"from 1970 to a year from now"),
        ({"created_at": 1, "timestamp": 2}, r"not 1 and 2"),
        ({"user_id": "\ud800"}, "surrogate"),
    ],
)
def test_a_row_that_is_no_event_is_refused(row, message):
    with pytest.raises(ValueError, match=message):
        read(row)


def test_a_line_holds_what_was_written():
    events = [InsertedEvent("ü\n", "i", 1, "view"), InsertedEvent("v", "j", 2, None, -1.0, 0.5)]
    line = line_of(events)
    assert b"\n" not in line
    assert read_line(line) == events


@pytest.mark.parametrize(
    "line",
    [
        b'[{"user_id":"u","item_id":"i","ti',
        b"\x00\x00",
        b"\xff",
        b"[1]",
        b"7",
        b'[{"user_id":"u"}]',
        b'[{"user_id":1,"item_id":"i","time":1}]',
        b'[{"user_id":"u","item_id":"i","time":"now"}]',
        b'[{"user_id":"u","item_id":"i","time":1,"label":"x"}]',
    ],
)
def test_a_line_of_something_else_is_refused(line):
    with pytest.raises(ValueError, match=r"."):
        read_line(line)


def test_events_are_read_in_the_order_they_were_inserted(log):
    assert log.read_since(0).events == []
    insert(log, "a", "b")
    first = log.read_since(0)
    insert(log, "c")
    assert item_ids(first.events) == ["a", "b"]
    assert item_ids(log.read_since(first.offset).events) == ["c"]
    assert item_ids(log.read_since(0).events) == ["a", "b", "c"]


def test_an_event_happens_when_it_is_inserted_unless_it_says_otherwise(log):
    before = time.time_ns() // 1_000
    insert(log, "a")
    (event,) = log.read_since(0).events
    assert before <= event.time <= time.time_ns() // 1_000


def test_where_nothing_was_appended_nothing_is_read(log, monkeypatch):
    insert(log, "a")
    end = log.read_since(0).offset
    monkeypatch.setattr(LiveEvents, "append", None)
    monkeypatch.setattr("pathlib.Path.open", None)
    assert (log.read_since(end).events, log.read_since(end).offset) == ([], end)


def test_of_a_batch_with_a_row_that_is_no_event_nothing_is_inserted(log, path):
    with pytest.raises(ValueError, match="event 1 has no item_id"):
        log.append([{"user_id": "u", "item_id": "a"}, {"user_id": "u"}])
    assert not path.exists()


def test_no_rows_leave_no_trace(log, path):
    assert log.append([]) == 0
    assert not path.exists()


def test_a_half_written_line_is_left_for_later_then_skipped_and_counted(log, path):
    insert(log, "a")
    whole = path.read_bytes()
    path.write_bytes(whole + b'\n[{"user_id":"u","item_')
    first = log.read_since(0)
    assert (item_ids(first.events), first.damaged) == (["a"], 0)
    assert log.read_since(first.offset).offset == first.offset
    insert(log, "c")
    then = log.read_since(first.offset)
    assert (item_ids(then.events), then.damaged) == (["c"], 1)


def test_a_log_is_read_in_blocks_and_a_line_may_be_longer(log, monkeypatch):
    monkeypatch.setattr("sightline.store.live._BLOCK_BYTES", 100)
    for item in range(20):
        insert(log, *(f"{item}-{part}" for part in range(item % 4)))
    found, offset = [], 0
    while (read := log.read_since(offset)).offset > offset:
        found += item_ids(read.events)
        offset = read.offset
    assert found == [f"{item}-{part}" for item in range(20) for part in range(item % 4)]


def test_a_large_insert_is_several_lines(log, path, monkeypatch):
    monkeypatch.setattr("sightline.store.live._EVENTS_PER_LINE", 3)
    insert(log, *"abcdefg")
    assert len([line for line in path.read_bytes().split(b"\n") if line]) == 3
    assert item_ids(log.read_since(0).events) == list("abcdefg")


def test_a_model_that_was_made_again_has_a_log_of_its_own(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    log = LiveEvents(folder)
    insert(log, "old")
    shutil.rmtree(folder)
    folder.mkdir()
    insert(log, "new")
    assert item_ids(LiveEvents(folder).read_since(0).events) == ["new"]


def test_a_model_that_is_gone_takes_nothing(tmp_path):
    with pytest.raises(StorageError, match=r"cannot write .*events\.jsonl"):
        insert(LiveEvents(tmp_path / "gone"), "a")


def test_a_full_disk_is_an_error_and_what_was_there_stays(tiny_disk):
    log = LiveEvents(tiny_disk)
    insert(log, "a")
    (tiny_disk / "filler").write_bytes(bytes(2**20))
    with pytest.raises(StorageError, match="disk is full"):
        insert(log, *(f"{item:0400d}" for item in range(5_000)))
    (tiny_disk / "filler").unlink()
    insert(log, "b")
    found = log.read_since(0)
    assert (item_ids(found.events), found.damaged) == (["a", "b"], 1)


def test_syncing_makes_file_and_name_survive_a_power_cut(log, tmp_path, synced):
    log.sync()
    assert synced == []
    insert(log, "a")
    log.sync()
    assert synced == ["events.jsonl", tmp_path.name]


INSERTING = """
import sys
from pathlib import Path
from sightline.store.live import LiveEvents
log, name = LiveEvents(Path(sys.argv[1])), sys.argv[2]
for number in range(60):
    log.append([{"user_id": name, "item_id": f"{name}-{number}"}] * (1 + number % 3))
"""


def test_processes_that_insert_at_once_lose_nothing(tmp_path):
    names = ["one", "two", "three"]
    workers = [
        subprocess.Popen([sys.executable, "-c", INSERTING, tmp_path, name]) for name in names
    ]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    found = LiveEvents(tmp_path).read_since(0)
    assert found.damaged == 0
    for name in names:
        mine = [event.item_id for event in found.events if event.user_id == name]
        expected = [f"{name}-{number}" for number in range(60) for _ in range(1 + number % 3)]
        assert mine == expected


def test_events_become_a_table(log):
    log.append([{"user_id": "u", "item_id": 3, "event_type": "view", "created_at": 5}])
    frame = live_frame(log.read_since(0).events)
    assert frame.rows() == [("u", "3", 5_000_000, "view", None, None)]
    assert frame.schema == live_frame([]).schema
    assert frame.schema["time"] == pl.Int64
