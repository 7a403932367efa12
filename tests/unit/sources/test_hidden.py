import polars as pl
import pytest
from sightline.config import EntitySchema, SchemaOverride
from sightline.errors import SchemaError
from sightline.sources.hidden import hidden_from_all, hidden_from_some

ITEMS = ["a", "b", "3", "d"]
PLAIN = SchemaOverride()


def test_rows_are_what_is_hidden_and_the_rest_is_counted():
    frame = pl.DataFrame({"item_id": ["d", "x", None, "b", "d", " b "], "why": [1] * 6})
    hidden = hidden_from_all(frame, item_ids=ITEMS, schema=PLAIN)
    assert hidden.rows.tolist() == [1, 3]
    assert hidden.report.to_dict() == {
        "name": "global_filters",
        "rows": 6,
        "kept": 2,
        "dropped": {"unknown item": 1, "no item": 1, "repeated": 2},
        "nulled": {},
        "examples": {"unknown item": ["x"]},
        "notes": [],
    }


def test_ids_are_read_as_those_of_the_catalogue_are():
    hidden = hidden_from_all(pl.DataFrame({"sku": [3.0, 9.0]}), item_ids=ITEMS, schema=PLAIN)
    assert hidden.rows.tolist() == [2]


def test_no_rows_hide_nothing():
    frame = pl.DataFrame({"item_id": []}, schema={"item_id": pl.String})
    hidden = hidden_from_all(frame, item_ids=ITEMS, schema=PLAIN)
    assert (hidden.rows.tolist(), hidden.report.notes) == ([], ())


def test_a_filter_that_names_no_item_of_the_catalogue_is_noted():
    hidden = hidden_from_all(pl.DataFrame({"item_id": ["x"]}), item_ids=ITEMS, schema=PLAIN)
    assert "hides nothing" in hidden.report.notes[0]


def test_pairs_are_kept_by_person_known_or_not():
    frame = pl.DataFrame(
        {
            "user_id": ["v", "u", "v", None, "w", "u", "v"],
            "item_id": ["d", "b", "a", "a", "x", None, "d"],
        }
    )
    hidden = hidden_from_some(frame, item_ids=ITEMS, schema=PLAIN)
    assert list(hidden.user_ids) == ["u", "v"]
    assert (hidden.offsets.tolist(), hidden.rows.tolist()) == ([0, 1, 3], [1, 0, 3])
    assert hidden.report.dropped == {
        "no user": 1,
        "unknown item": 1,
        "no item": 1,
        "repeated": 1,
    }


def test_columns_are_called_what_the_user_calls_them():
    schema = SchemaOverride(item=EntitySchema(id="thing"), user=EntitySchema(id="who"))
    frame = pl.DataFrame({"who": ["u"], "thing": ["b"], "item_id": ["a"]})
    hidden = hidden_from_some(frame, item_ids=ITEMS, schema=schema)
    assert (list(hidden.user_ids), hidden.rows.tolist()) == (["u"], [1])


@pytest.mark.parametrize(
    ("read", "columns", "message"),
    [
        (hidden_from_all, ["user_id"], r"fetch\.global_filters has no column of item ids"),
        (hidden_from_some, ["item_id"], r"fetch\.personal_filters has no column of user ids"),
        (hidden_from_some, ["user_id"], r"fetch\.personal_filters has no column of item ids"),
    ],
)
def test_a_table_without_ids_is_refused(read, columns, message):
    frame = pl.DataFrame({name: ["a"] for name in columns})
    with pytest.raises(SchemaError, match=message):
        read(frame, item_ids=ITEMS, schema=PLAIN)
