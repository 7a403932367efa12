from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.errors import ConfigError, SchemaError
from sightline.sources.events import event_table
from sightline.sources.weights import WEIGHTS

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ITEM_IDS = ["a", "b", "c"]


def events(columns, item_ids=ITEM_IDS, **kwargs):
    frame = pl.DataFrame(columns, strict=False)
    return event_table(frame, item_ids=item_ids, now=NOW, **kwargs)


def weights(**columns):
    height = len(next(iter(columns.values())))
    table = events({"user_id": ["u"] * height, "item_id": ["a"] * height, **columns})
    return table.frame["weight"].to_list()


def test_the_spelling_of_the_post_is_read():
    table = events(
        {
            "user_id": ["USER_1"],
            "item_id": ["b"],
            "event_type": ["purchase"],
            "event_timestamp": ["2024-01-01T00:00:00Z"],
        }
    )
    assert table.frame.rows() == [("USER_1", 1, 1_704_067_200_000_000, 5.0, "purchase", None)]
    assert table.timed


def test_the_spelling_of_the_docs_is_read():
    table = events(
        {
            "user_id": [7],
            "item_id": ["c"],
            "created_at": [1_704_067_200],
            "label": [1],
            "event_value": [2.5],
        }
    )
    assert table.frame.rows() == [("7", 2, 1_704_067_200_000_000, 1.0, None, 2.5)]


def test_the_frame_has_its_types_whatever_came_in():
    assert dict(events({"user_id": ["u"], "item_id": ["a"]}).frame.schema) == {
        "user_id": pl.String(),
        "item_row": pl.Int32(),
        "time": pl.Int64(),
        "weight": pl.Float32(),
        "event_type": pl.String(),
        "event_value": pl.Float64(),
    }


@pytest.mark.parametrize(
    "names",
    [
        ("userId", "movieId", "timestamp"),
        ("visitorid", "itemid", "ts"),
        ("Customer ID", "SKU", "Date"),
    ],
)
def test_other_spellings_are_read(names):
    user, item, time = names
    table = events({user: ["u"], item: ["a"], time: ["2024-01-01"]})
    assert table.frame.select("user_id", "item_row", "time").row(0) == (
        "u",
        0,
        1_704_067_200_000_000,
    )


def test_stated_columns_come_before_the_usual_names():
    columns = {"user_id": ["x"], "who": ["u"], "what": ["a"], "made": ["2024-01-01"], "liked": [0]}
    table = events(
        columns, user_column="who", item_column="what", time_column="made", label_column="liked"
    )
    assert table.frame.rows() == [("u", 0, 1_704_067_200_000_000, -1.0, None, None)]


@pytest.mark.parametrize("missing", ["user", "item"])
def test_a_missing_column_is_answered_with_those_found(missing):
    columns = {"user_id": ["u"], "item_id": ["a"], "x": [1]}
    del columns[f"{missing}_id"]
    with pytest.raises(
        SchemaError, match=rf"fetch\.events has no {missing} column: its columns are .*x"
    ):
        events(columns)


def test_a_stated_column_that_is_missing_is_a_config_error():
    with pytest.raises(ConfigError, match=r"'at'.*fetch\.events.*user_id, item_id"):
        events({"user_id": ["u"], "item_id": ["a"]}, time_column="at")


def test_ids_meet_as_text():
    table = events({"user_id": [1.0, 2.0], "item_id": [1.0, 12.0]}, item_ids=["12", "1"])
    assert table.frame.select("user_id", "item_row").rows() == [("1", 1), ("2", 0)]


def test_weights_follow_what_an_event_costs():
    order = ["purchase", "add_to_cart", "like", "click", "view"]
    found = weights(event_type=order)
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(found)
    assert min(found) > 0


@pytest.mark.parametrize("spelling", ["Add To Cart", "ADD-TO-CART", "addToCart", "add_to_cart"])
def test_spelling_of_a_type_does_not_matter(spelling):
    assert weights(event_type=[spelling]) == [WEIGHTS["addtocart"]]


@pytest.mark.parametrize("event_type", ["dislike", "skip", "hide", "return", "remove_from_cart"])
def test_refusals_weigh_minus_one(event_type):
    assert weights(event_type=[event_type], label=[1]) == [-1.0]


def test_an_unknown_type_weighs_one_and_is_noted():
    table = events({"user_id": ["u"] * 3, "item_id": ["a"] * 3, "event_type": ["zap", "zap", None]})
    assert table.frame["weight"].to_list() == [1.0, 1.0, 1.0]
    assert "event types that are not known weigh 1: zap (2)" in table.report.notes


def test_a_label_above_zero_is_positive_and_any_other_negative():
    assert weights(label=[1, 0.5, 5, 0, -1]) == [1.0, 1.0, 1.0, -1.0, -1.0]


def test_a_rating_is_a_label():
    assert weights(rating=[0.5, 5.0, 0.0]) == [1.0, 1.0, -1.0]


def test_labels_may_be_booleans_and_text():
    assert weights(label=[True, False]) == [1.0, -1.0]
    assert weights(label=["1", " 0 "]) == [1.0, -1.0]


def test_a_type_sets_the_weight_and_a_label_its_sign():
    found = weights(event_type=["purchase", "purchase", "purchase"], label=[1, 0, None])
    assert found == [5.0, -1.0, 5.0]


def test_an_impression_is_left_out_unless_a_label_speaks():
    table = events(
        {
            "user_id": ["u"] * 3,
            "item_id": ["a"] * 3,
            "event_type": ["impression"] * 3,
            "label": [None, 1, 0],
        }
    )
    assert table.frame["weight"].to_list() == [1.0, -1.0]
    assert table.report.dropped == {"shown, not chosen": 1}


def test_text_in_event_value_is_the_type_where_there_is_no_other():
    assert weights(event_value=["purchase", "click"]) == [5.0, 1.0]
    table = events(
        {"user_id": ["u"], "item_id": ["a"], "event_type": ["click"], "event_value": ["3"]}
    )
    assert table.frame.select("event_type", "event_value").row(0) == ("click", 3.0)


def test_a_number_is_never_a_type():
    table = events({"user_id": ["u"], "item_id": ["a"], "event": [17]})
    assert table.frame["event_type"].to_list() == [None]


def test_every_reason_is_counted_once_by_the_first_that_holds():
    rows = [
        # user, item, time, label
        (None, None, None, None, "no user"),
        (" ", "a", "2024-01-01", 1, "no user"),
        ("u", "", "2024-01-01", 1, "no item"),
        ("u", "a", None, 1, "no time"),
        ("u", "a", "  ", 1, "no time"),
        ("u", "a", "soon", 1, "unreadable time"),
        ("u", "a", "1969-12-31", 1, "unreadable time"),
        ("u", "a", "2028-01-01", 1, "unreadable time"),
        ("u", "a", "2024-01-01", None, "no label"),
        ("u", "a", "2024-01-01", float("nan"), "unreadable label"),
        ("u", "a", "2024-01-01", float("inf"), "unreadable label"),
        ("u", "zz", "2024-01-01", 1, "unknown item"),
        ("u", "a", "2024-01-01", 1, None),
    ]
    columns = ["user_id", "item_id", "created_at", "label", "expected"]
    frame = pl.DataFrame(rows, schema=columns, orient="row", strict=False)
    expected = frame["expected"].drop_nulls().value_counts()
    report = events(frame.drop("expected").to_dict()).report
    assert report.dropped == dict(expected.iter_rows())
    assert (report.rows, report.kept) == (13, 1)


def test_text_that_is_no_label_is_counted():
    table = events({"user_id": ["u", "u"], "item_id": ["a", "a"], "label": ["good", "1"]})
    assert table.report.dropped == {"unreadable label": 1}


def test_unknown_items_are_shown_by_example():
    table = events({"user_id": ["u"] * 4, "item_id": ["x", "y", "x", "a"]})
    assert table.report.dropped == {"unknown item": 3}
    assert table.report.examples == {"unknown item": ("x", "y")}


def test_events_of_which_none_can_be_used_are_an_error_that_says_why():
    with pytest.raises(
        SchemaError, match=r"none of the 2 rows .*unknown item: 2.*items from 'item_id'"
    ):
        events({"user_id": ["u", "v"], "item_id": ["x", "y"]})


def test_units_of_time_may_be_mixed():
    times = [1_704_067_200, 1_704_067_200_000, 1_704_067_200_000_000]
    table = events({"user_id": ["u"] * 3, "item_id": ["a"] * 3, "timestamp": times})
    assert table.frame["time"].unique().to_list() == [1_704_067_200_000_000]


def test_events_come_oldest_first_with_ties_in_the_order_of_the_table():
    table = events(
        {
            "user_id": ["u1", "u2", "u3", "u4"],
            "item_id": ["a"] * 4,
            "created_at": ["2024-01-02", "2024-01-01", "2024-01-02", "2024-01-01"],
        }
    )
    assert table.frame["user_id"].to_list() == ["u2", "u4", "u1", "u3"]


def test_without_times_the_order_of_the_table_stands_in():
    table = events({"user_id": ["u", None, "v"], "item_id": ["a", "a", "b"]})
    assert not table.timed
    assert table.frame["time"].to_list() == [0, 2]


def test_repeated_rows_stay_and_are_noted():
    table = events({"user_id": ["u", "u"], "item_id": ["a", "a"], "created_at": ["2024-01-01"] * 2})
    assert table.report.kept == 2
    assert table.report.notes == ("rows that repeat an earlier one exactly, and count again: 1",)


def test_no_rows_are_no_events():
    table = events({"user_id": [], "item_id": []})
    assert table.report.rows == len(table.frame) == 0
    assert table.frame.schema["item_row"] == pl.Int32


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["u", "v", "", None]),
            st.sampled_from(["a", "b", "nope", None]),
            st.sampled_from(["2024-01-01", "1704067200000", "bad", None]),
            st.sampled_from(["click", "dislike", "impression", "zap", None]),
            st.sampled_from([1.0, 0.0, float("nan"), None]),
        )
    )
)
def test_the_report_adds_up_and_no_weight_is_zero(rows):
    good = ("u", "a", "2024-01-01", "click", 1.0)
    columns = ["user_id", "item_id", "timestamp", "event_type", "label"]
    frame = pl.DataFrame([*rows, good], schema=columns, orient="row")
    table = event_table(frame, item_ids=ITEM_IDS, now=NOW)
    assert table.report.rows == len(rows) + 1
    assert (
        table.report.kept == len(table.frame) == len(rows) + 1 - sum(table.report.dropped.values())
    )
    assert (table.frame["weight"] != 0).all()
    assert (
        table.frame.select("user_id", "item_row", "time", "weight").null_count().row(0) == (0,) * 4
    )
