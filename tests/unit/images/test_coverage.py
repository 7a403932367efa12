"""The table has every cell once, and the report counts each under its reason and shows a few."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.images.coverage import coverage_of, picture_table
from sightline.images.outcome import Outcome

FAILURES = [outcome for outcome in Outcome if outcome.is_failure]


def outcomes(*cells):
    """Outcomes as they come from looking at pictures: (item row, column, cell, outcome, hash)."""
    return pl.DataFrame(
        [
            (row, column, cell, str(outcome), "HTTP 403" if outcome in FAILURES else "", digest)
            for row, column, cell, outcome, digest in cells
        ],
        schema={
            "item_row": pl.Int32,
            **dict.fromkeys(("column", "cell", "outcome", "detail", "content_hash"), pl.String),
        },
        orient="row",
    )


SEEN = outcomes(
    (0, "front", "a.jpg", Outcome.OK, "aa"),
    (1, "front", "b.jpg", Outcome.OK, "bb"),
    (2, "front", "", Outcome.MISSING, None),
    (3, "front", "http://h/3.jpg", Outcome.HTTP_ERROR, None),
    (0, "back", "c.jpg", Outcome.OK, "bb"),
    (1, "back", "d.jpg", Outcome.OK, "bb"),
    (2, "back", "6 bytes", Outcome.NOT_AN_IMAGE, None),
    (3, "back", "a.jpg", Outcome.OK, "aa"),
)
IDS = ["A", "B", "C", "D"]


def test_table_has_every_cell_under_its_items_id():
    table = picture_table(SEEN, IDS)
    assert table.columns == [
        "item_id",
        "column",
        "cell",
        "outcome",
        "detail",
        "content_hash",
        "placeholder",
        "near_duplicate_of",
    ]
    assert table["item_id"].to_list() == IDS * 2
    for name in ("column", "outcome", "detail", "content_hash"):
        assert table[name].to_list() == SEEN[name].to_list()


def test_empty_cell_is_null():
    assert picture_table(SEEN, IDS)["cell"].to_list()[1:4] == ["b.jpg", None, "http://h/3.jpg"]


def test_equal_bytes_are_a_duplicate_of_the_item_that_comes_first_in_whatever_column():
    copies = picture_table(SEEN, IDS)["near_duplicate_of"].to_list()
    assert copies == [None, "A", None, None, None, "A", None, "A"]


def test_near_copies_are_what_their_firsts_say():
    firsts = np.array([0, 1, -1, -1, 0, 5, -1, 1], np.int32)
    copies = picture_table(SEEN, IDS, firsts=firsts)["near_duplicate_of"].to_list()
    assert copies == [None, None, None, None, None, None, None, "B"]


def test_placeholder_is_counted_and_is_no_duplicate():
    placeholders = SEEN["content_hash"].eq("bb").fill_null(value=False).to_numpy()
    table = picture_table(SEEN, IDS, placeholders=placeholders)
    assert table["placeholder"].to_list() == placeholders.tolist()
    assert table["near_duplicate_of"].to_list() == [None] * 7 + ["A"]
    total = coverage_of(table)["total"]
    assert (total["ok"], total["placeholder"], total["duplicate"]) == (5, 3, 1)


def test_placeholder_that_the_model_takes_for_missing_is_missing_and_no_failure():
    taken = pl.when(pl.col("content_hash") == "bb").then(pl.lit("placeholder"))
    seen = SEEN.with_columns(taken.otherwise(pl.col("outcome")).alias("outcome"))
    total = coverage_of(picture_table(seen, IDS))["total"]
    assert (total["ok"], total["missing"], total["failed"]) == (2, 4, 2)
    assert (total["placeholder"], total["duplicate"]) == (3, 1)


def test_missing_is_not_failed():
    front = coverage_of(picture_table(SEEN, IDS))["columns"]["front"]
    assert (front["ok"], front["missing"], front["failed"]) == (2, 1, 1)


def test_columns_are_in_the_order_of_the_table():
    assert list(coverage_of(picture_table(SEEN, IDS))["columns"]) == ["front", "back"]


def test_reasons_come_with_a_few_examples():
    failed = [(row, "front", f"http://h/{row}.jpg", Outcome.HTTP_ERROR, None) for row in range(5)]
    table = picture_table(outcomes(*failed), list("ABCDE"))
    assert coverage_of(table)["columns"]["front"]["reasons"] == {
        "http_error": {
            "count": 5,
            "examples": [f"http://h/{number}.jpg (HTTP 403)" for number in range(3)],
        }
    }


def test_report_survives_json():
    document = coverage_of(picture_table(SEEN, IDS))
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("n_items", [0, 3])
def test_model_without_image_columns_has_an_empty_table_and_zeros(n_items):
    table = picture_table(outcomes(), [str(row) for row in range(n_items)])
    assert table.schema == picture_table(SEEN, IDS).schema
    report = coverage_of(table)
    assert report["columns"] == {}
    assert report["total"] == {
        **dict.fromkeys(("ok", "missing", "failed", "placeholder", "duplicate"), 0),
        "reasons": {},
    }


@given(
    st.lists(st.tuples(st.sampled_from(list(Outcome)), st.sampled_from("xyz")), max_size=12),
    st.integers(1, 3),
)
def test_the_total_is_the_sum_of_the_columns_and_of_all_cells(drawn, n_columns):
    n_items = len(drawn) // n_columns
    seen = outcomes(
        *(
            (row, f"image {column}", "c", outcome, digest if outcome is Outcome.OK else None)
            for column in range(n_columns)
            for row, (outcome, digest) in enumerate(drawn[column * n_items :][:n_items])
        )
    )
    report = coverage_of(picture_table(seen, [str(row) for row in range(n_items)]))
    total, columns = report["total"], report["columns"].values()
    for name in ("ok", "missing", "failed", "placeholder", "duplicate"):
        assert total[name] == sum(column[name] for column in columns)
    assert total["ok"] + total["missing"] + total["failed"] == seen.height
    assert total["failed"] == sum(fact["count"] for fact in total["reasons"].values())
