import polars as pl
import pytest
from sightline.errors import ConfigError, SchemaError
from sightline.sources.columns import (
    distinct_names,
    find_column,
    id_texts,
    listed,
    named_column,
    required_column,
)


def test_an_exact_name_comes_before_any_other_spelling():
    assert find_column(["ITEM_ID", "product_id"], ["item_id", "product_id"]) == "product_id"


@pytest.mark.parametrize("spelling", ["itemId", "ItemID", "Item Id", "item-id", "ITEM_ID"])
def test_case_and_punctuation_do_not_matter(spelling):
    assert find_column(["title", spelling], ["item_id"]) == spelling


def test_the_first_accepted_name_wins():
    assert find_column(["id", "item_id"], ["item_id", "id"]) == "item_id"


def test_no_match_is_none():
    assert find_column(["a", "b"], ["c"]) is None


def test_a_required_column_that_is_missing_is_answered_with_those_found():
    with pytest.raises(SchemaError, match=r"columns are a, b.*AS item_id.*also read: sku"):
        required_column(["a", "b"], ["item_id", "sku"], named=None, table="fetch.items", part="id")


def test_a_stated_column_that_is_missing_is_answered_with_those_found():
    with pytest.raises(ConfigError, match=r"'nope'.*fetch\.items.*a, b"):
        named_column(["a", "b"], "nope", table="fetch.items")


def test_a_long_list_of_columns_is_cut():
    assert listed([str(number) for number in range(25)]).endswith("19 and 5 more")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([12, None]), ["12", None]),
        (pl.Series([12.0, 12.5, 1e15]), ["12", "12.5", "1000000000000000"]),
        (pl.Series([float("nan"), float("inf")]), [None, None]),
        (pl.Series([" a ", "", "  ", "0012"]), ["a", None, None, "0012"]),
        (pl.Series(["12.00", "7.50"]).cast(pl.Decimal(10, 2)), ["12", "7.50"]),
        (pl.Series([b"\x0a\xff", b""]), ["0aff", None]),
        (pl.Series(["x", None], dtype=pl.Categorical), ["x", None]),
        (pl.Series([None, None]), [None, None]),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), ["18446744073709551615"]),
    ],
)
def test_ids_become_text(values, expected):
    assert id_texts(values).to_list() == expected


def test_lists_cannot_be_ids():
    with pytest.raises(SchemaError, match="List"):
        id_texts(pl.Series("ids", [["a"]]))


def test_names_that_differ_in_case_only_are_told_apart():
    frame, notes = distinct_names(pl.DataFrame({"Title": [1], "title": [2], "title_2": [3]}))
    assert frame.columns == ["Title", "title_2", "title_2_2"]
    assert notes == (
        "column 2, 'title', is called 'title_2'",
        "column 3, 'title_2', is called 'title_2_2'",
    )


def test_a_blank_name_becomes_its_position():
    frame, notes = distinct_names(pl.DataFrame({"a": [1], " ": [2], " b ": [3]}))
    assert frame.columns == ["a", "column_2", "b"]
    assert len(notes) == 2


def test_good_names_stay_without_a_note():
    frame, notes = distinct_names(pl.DataFrame({"a": [1], "Ä b": [2]}))
    assert frame.columns == ["a", "Ä b"]
    assert notes == ()
