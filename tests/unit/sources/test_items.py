from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.errors import ConfigError, SchemaError
from sightline.sources.items import item_table
from sightline.sources.roles import Role


def items(columns, **kwargs):
    return item_table(pl.DataFrame(columns, strict=False), **kwargs)


@pytest.mark.parametrize("name", ["item_id", "id", "product_id", "SKU", "asin", "movieId"])
def test_the_id_column_is_found_and_moved_to_the_front(name):
    table = items({"title": ["a"], name: [1]})
    assert table.id_column == name
    assert table.frame.columns == [name, "title"]
    assert table.roles[name] is Role.ID


def test_item_id_comes_before_id():
    assert items({"id": [1], "item_id": [2]}).ids == ["2"]


def test_a_stated_id_column_is_taken_in_any_case():
    assert items({"id": [1], "Nr": ["x"]}, id_column="nr").ids == ["x"]


def test_no_id_column_is_answered_with_the_columns_found():
    with pytest.raises(SchemaError, match=r"fetch\.items has no id column: its columns are a, b"):
        items({"a": [1], "b": [2]})


def test_null_and_blank_ids_are_dropped_and_counted():
    table = items({"item_id": ["a", None, "", "  ", "b"]})
    assert table.ids == ["a", "b"]
    assert table.report.dropped == {"no id": 3}


def test_of_a_repeated_id_the_last_row_stays():
    table = items({"item_id": [1, 2, 1, 3], "title": ["old", "b", "new", "c"]})
    assert table.ids == ["2", "1", "3"]
    assert table.frame["title"].to_list() == ["b", "new", "c"]
    assert table.report.dropped == {"repeated id": 1}
    assert table.report.examples == {"repeated id": ("1",)}


def test_nan_and_infinite_numbers_become_null_and_are_counted():
    table = items({"item_id": [1, 2, 3, 4], "price": [1.5, float("nan"), float("-inf"), None]})
    assert table.frame["price"].to_list() == [1.5, None, None, None]
    assert table.report.nulled == {"price": {"not finite": 2}}


def test_a_bad_number_among_many_is_counted_and_the_column_is_numbers():
    table = items({"item_id": range(40), "price": ["2.5"] * 39 + ["N/A"]})
    assert table.frame.schema["price"] == pl.Float64
    assert table.report.nulled == {"price": {"not a number": 1}}


def test_whole_numbers_stay_whole():
    table = items({"item_id": [1], "stock": [3], "year": ["1999"]})
    assert table.frame.schema["stock"] == pl.Int64
    assert table.frame["year"].to_list() == [1999]


def test_decimals_become_float64():
    table = items({"item_id": [1], "price": [Decimal("1.10")]})
    assert table.frame.schema["price"] == pl.Float64
    assert table.frame["price"].to_list() == [1.1]


def test_blank_text_is_null_and_not_counted():
    table = items({"item_id": [1, 2], "title": ["  ", "a"], "image": ["", "a.jpg"]})
    assert table.frame.select("title", "image").row(0) == (None, None)
    assert table.report.nulled == {}


def test_created_at_becomes_utc_and_bad_cells_are_counted():
    created = ["2024-01-01", "1704067200", "soon", None]
    table = items({"item_id": [1, 2, 3, 4], "created_at": created}, created_at="created_at")
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    assert table.frame["created_at"].to_list() == [moment, moment, None, None]
    assert table.frame.schema["created_at"] == pl.Datetime("us", "UTC")
    assert table.report.nulled == {"created_at": {"not a time": 1}}
    assert table.time_column == "created_at"


def test_a_time_column_is_found_by_name_among_those_that_hold_times():
    table = items(
        {"item_id": [1], "sold_on": [date(2020, 1, 1)], "releaseDate": [date(1937, 1, 1)]}
    )
    assert table.time_column == "releaseDate"
    assert table.frame["releaseDate"].to_list() == [datetime(1937, 1, 1, tzinfo=UTC)]


def test_a_table_without_times_has_no_time_column():
    assert items({"item_id": [1], "created_at": ["never"]}).time_column is None


def test_stating_a_created_at_that_is_not_there_is_a_config_error():
    with pytest.raises(ConfigError, match=r"'made'.*item_id"):
        items({"item_id": [1]}, created_at="made")


def test_image_columns_come_in_the_order_of_the_table():
    table = items({"back_photo": ["b.jpg"], "item_id": [1], "image": ["a.jpg"], "title": ["x"]})
    assert table.image_columns == ("back_photo", "image")


def test_of_a_list_of_images_the_first_is_taken():
    table = items({"item_id": [1, 2, 3], "images": [["a.jpg", "b.jpg"], [], None]})
    assert table.frame["images"].to_list() == ["a.jpg", None, None]
    assert table.report.nulled == {}


def test_stated_features_decide_the_types():
    table = items(
        {
            "item_id": [1, 2],
            "genres": ["Action|Comedy", "['Drama', 'War']"],
            "hot": [1, 0],
            "size": [38, 40],
            "price": ["9.5", "free"],
            "poster": ["x1", "x2"],
        },
        features={
            "genres": "Sequence[TextCategory]",
            "hot": "Binary",
            "size": "Category",
            "price": "Numerical",
            "poster": "Image",
        },
    )
    assert table.frame.rows()[0] == ("1", ["Action", "Comedy"], True, "38", 9.5, "x1")
    assert table.frame["genres"].to_list()[1] == ["Drama", "War"]
    assert table.report.nulled == {"price": {"not a number": 1}}
    assert table.image_columns == ("poster",)


def test_a_feature_type_that_cannot_hold_the_cells_counts_them_all():
    table = items(
        {"item_id": [1, 2], "tags": [["a"], ["b"]], "blob": [b"x", None]},
        features={"tags": "Numerical", "blob": "Text"},
    )
    assert table.report.nulled == {"tags": {"not a number": 2}, "blob": {"not text": 1}}


def test_words_for_yes_and_no_are_booleans():
    table = items({"item_id": [1, 2, 3, 4], "sale": ["Yes", "no", "", "TRUE"]})
    assert table.frame["sale"].to_list() == [True, False, None, True]


def test_names_that_differ_in_case_only_are_noted():
    table = items({"item_id": [1], "Title": ["a"], "title": ["b"]})
    assert table.frame.columns == ["item_id", "Title", "title_2"]
    assert table.report.notes == ("column 3, 'title', is called 'title_2'",)


def test_no_rows_is_an_error_that_says_where_to_look():
    with pytest.raises(SchemaError, match="returned no rows"):
        items({"item_id": pl.Series([], dtype=pl.String)})


def test_rows_without_any_id_are_an_error():
    with pytest.raises(SchemaError, match="none of the 2 rows"):
        items({"item_id": [None, ""]})


@given(st.lists(st.none() | st.text(alphabet="ab ", max_size=2), min_size=1))
def test_the_report_adds_up_and_ids_differ(ids):
    table = items({"item_id": pl.Series([*ids, "z"], dtype=pl.String)})
    report = table.report
    assert report.rows == len(ids) + 1 == report.kept + sum(report.dropped.values())
    assert len(set(table.ids)) == len(table.ids) == report.kept
    assert set(table.ids) == {text.strip() for text in ids if text and text.strip()} | {"z"}


def test_the_report_is_plain_json():
    report = items({"item_id": ["a", "a", None], "n": [1.0, float("nan"), 2.0]}).report
    assert report.to_dict() == {
        "name": "items",
        "rows": 3,
        "kept": 1,
        "dropped": {"no id": 1, "repeated id": 1},
        "nulled": {"n": {"not finite": 1}},
        "examples": {"repeated id": ["a"]},
        "notes": [],
    }
