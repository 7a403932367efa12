from datetime import UTC, datetime

import polars as pl
from sightline.sources.events import event_table
from sightline.sources.inserted import with_inserted

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ITEM_IDS = ["a", "b", "c"]
SECOND = 1_000_000


def inserted(*rows):
    columns = ["user_id", "item_id", "time", "event_type", "label", "event_value"]
    types = [pl.String, pl.String, pl.Int64, pl.String, pl.Float64, pl.Float64]
    schema = dict(zip(columns, types, strict=True))
    return pl.DataFrame([(*row, None)[:6] for row in rows], schema=schema, orient="row")


def fetched(**columns):
    return event_table(pl.DataFrame(columns), item_ids=ITEM_IDS, now=NOW)


def seen(table):
    return table.frame.select("user_id", "item_row", "time", "weight", "event_type").rows()


def test_inserted_events_join_the_fetched_ones_by_time():
    events = fetched(user_id=["u", "u"], item_id=["a", "b"], created_at=[10, 30])
    table = with_inserted(
        events,
        inserted(("v", "c", 20 * SECOND, "purchase", None), ("u", "c", 30 * SECOND, None, 0.0)),
        item_ids=ITEM_IDS,
    )
    assert seen(table) == [
        ("u", 0, 10 * SECOND, 1.0, None),
        ("v", 2, 20 * SECOND, 5.0, "purchase"),
        ("u", 1, 30 * SECOND, 1.0, None),
        ("u", 2, 30 * SECOND, -1.0, None),
    ]
    assert table.frame.schema == events.frame.schema
    assert table.timed


def test_a_model_without_fetched_events_has_the_inserted_ones():
    table = with_inserted(
        None,
        inserted(("v", "c", 2, "view", None), ("u", "b", 1, None, 1.0)),
        item_ids=ITEM_IDS,
    )
    assert seen(table) == [("u", 1, 1, 1.0, None), ("v", 2, 2, 0.5, "view")]
    assert table.timed
    assert table.frame.schema == fetched(user_id=["u"], item_id=["a"]).frame.schema


def test_reasons_are_counted_beside_those_of_the_fetched():
    events = fetched(
        user_id=["u", "u", "u"],
        item_id=["a", "x", "a"],
        created_at=[10, 10, None],
        event_type=["view", "view", "view"],
    )
    rows = [
        ("u", "a", 10 * SECOND, "view", None),
        ("u", "a", 10 * SECOND, "click", None),
        ("u", "y", 10 * SECOND, "view", None),
        ("u", "a", 20 * SECOND, "impression", None),
    ]
    table = with_inserted(events, inserted(*rows), item_ids=ITEM_IDS, damaged=2)
    report = table.report
    assert report.dropped == {
        "no time": 1,
        "unknown item": 2,
        "also in fetch.events": 1,
        "shown, not chosen": 1,
        "unreadable line": 2,
    }
    assert (report.rows, report.kept) == (9, len(table.frame)) == (9, 2)
    assert report.examples == {"unknown item": ("x", "y")}
    assert report.notes[-1].startswith("inserted in place: 6 of the rows; left out, ")


def test_an_event_without_a_type_that_was_fetched_too_counts_once():
    events = fetched(user_id=["u"], item_id=["a"], created_at=[10])
    table = with_inserted(events, inserted(("u", "a", 10 * SECOND, None, 1.0)), item_ids=ITEM_IDS)
    assert len(table.frame) == 1


def test_behind_events_without_times_the_inserted_stand_in_their_order():
    events = fetched(user_id=["u", None, "u"], item_id=["a", "a", "b"])
    rows = [("u", "c", 50 * SECOND, None, 1.0), ("u", "a", 40 * SECOND, None, 1.0)]
    table = with_inserted(events, inserted(*rows), item_ids=ITEM_IDS)
    assert not table.timed
    assert table.frame.select("item_row", "time").rows() == [(0, 0), (1, 2), (2, 3), (0, 4)]


def test_nothing_that_can_be_used_is_no_error():
    table = with_inserted(None, inserted(("u", "x", 1, None, 1.0)), item_ids=ITEM_IDS)
    assert table.frame.is_empty()
    assert table.report.dropped == {"unknown item": 1}


def test_the_value_of_an_event_survives():
    table = with_inserted(
        None, inserted(("u", "a", 1, "rate", None)).with_columns(event_value=4.5), item_ids=ITEM_IDS
    )
    assert table.frame["event_value"].to_list() == [4.5]
