import polars as pl
import pytest
from sightline.config import load_config
from sightline.errors import SchemaError
from sightline.store.home import Home
from sightline.store.live import LiveEvents
from sightline.tables import read_tables

ITEMS = pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["A", "B", "C"]})
EVENTS = pl.DataFrame({"user_id": ["u"], "item_id": ["a"], "created_at": [10]})


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture
def log(home):
    home.model("shop").mkdir(parents=True)
    return LiveEvents(home.model("shop"))


def read(home, **tables):
    tables = {"items": ITEMS, **tables}
    document = {
        "model": {"name": "shop"},
        "connectors": [{"id": name} for name in tables],
        "fetch": {name: f"SELECT * FROM {name}" for name in tables},
    }
    return read_tables(home, load_config(document), tables)


def test_a_model_of_items_alone_has_nothing_else(home):
    tables = read(home)
    assert (tables.events, tables.users, tables.pairs, tables.inserted_until) == (None,) * 3 + (0,)
    assert list(tables.reports()) == ["items"]


def test_pairs_are_read_and_reported(home):
    pairs = pl.DataFrame({"item_a": ["a", "a"], "item_b": ["b", "x"], "label": ["same", "same"]})
    tables = read(home, pairs=pairs)
    assert tables.pairs is not None
    assert (tables.pairs.first.tolist(), tables.pairs.second.tolist()) == ([0], [1])
    assert tables.reports()["pairs"]["dropped"] == {"unknown item": 1}


def test_inserted_events_join_the_fetched_ones(home, log):
    log.append([{"user_id": "v", "item_id": "b"}, {"user_id": "v", "item_id": "later"}])
    tables = read(home, events=EVENTS)
    assert tables.events is not None
    assert tables.events.frame.select("user_id", "item_row").rows() == [("u", 0), ("v", 1)]
    report = tables.reports()["events"]
    assert (report["rows"], report["kept"], report["dropped"]) == (3, 2, {"unknown item": 1})
    assert tables.inserted_until == log.read_since(0).offset


def test_an_event_of_an_item_that_came_later_is_found_by_the_next_build(home, log):
    log.append([{"user_id": "v", "item_id": "later"}])
    assert read(home).events.frame.is_empty()
    items = pl.concat([ITEMS, pl.DataFrame({"item_id": ["later"], "title": ["L"]})])
    assert read(home, items=items).events.frame["item_row"].to_list() == [3]


def test_inserted_events_are_enough_for_a_model_without_others(home, log):
    log.append([{"user_id": "v", "item_id": "c", "event_type": "purchase"}])
    tables = read(home)
    assert tables.events.frame["weight"].to_list() == [5.0]
    assert tables.reports()["events"]["rows"] == 1


def test_a_log_is_read_to_its_end(home, log, monkeypatch):
    monkeypatch.setattr("sightline.store.live._BLOCK_BYTES", 200)
    for number in range(10):
        log.append([{"user_id": f"u{number}", "item_id": "a"}])
    tables = read(home)
    assert tables.events.frame["user_id"].to_list() == [f"u{number}" for number in range(10)]
    assert log.read_since(tables.inserted_until).events == []


def test_a_damaged_line_is_counted(home, log):
    log.append([{"user_id": "u", "item_id": "a"}])
    with (home.model("shop") / "events.jsonl").open("ab") as file:
        file.write(b'[{"user_id":\n')
    assert read(home).reports()["events"]["dropped"] == {"unreadable line": 1}


def test_events_of_which_none_can_be_used_are_an_error_whatever_was_inserted(home, log):
    log.append([{"user_id": "u", "item_id": "a"}])
    with pytest.raises(SchemaError, match=r"none of the 1 rows of fetch\.events"):
        read(home, events=EVENTS.with_columns(item_id=pl.lit("x")))
