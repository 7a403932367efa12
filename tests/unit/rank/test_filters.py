import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.errors import FilterError
from sightline.rank.filters import filter_mask

ITEMS = pl.DataFrame(
    {
        "price": [1.5, 20.0, None, 40.0],
        "category": ["mug", "dress", None, "it's"],
        "in_stock": [True, False, None, True],
        "born": [dt.datetime(2026, 1, day, tzinfo=dt.UTC) for day in (1, 2, 3, 4)],
        "day": [dt.date(2026, 1, day) for day in (1, 2, 3, 4)],
        "Title": ["Red 100%", "red_2", "x.y", "a\nb"],
        "two words": [1, 2, 3, 4],
    }
)


@pytest.mark.parametrize(
    ("predicate", "rows"),
    [
        ("price > 10", [1, 3]),
        ("price<=20 AND NOT category='mug'", [1]),
        ("price != 20", [0, 3]),
        ("price = 20 OR category = 'mug' AND in_stock = true", [0, 1]),
        ("(price = 20 OR category = 'mug') AND in_stock = TRUE", [0]),
        ("category IN ('mug', 'it''s')", [0, 3]),
        ("category NOT IN ('mug')", [1, 3]),
        ("category IN ('mug', NULL)", [0]),
        ("price BETWEEN 1.5 AND 20", [0, 1]),
        ("price NOT BETWEEN 1.5 AND 20", [3]),
        ("price IS NULL", [2]),
        ("category is not null", [0, 1, 3]),
        ("in_stock IS TRUE", [0, 3]),
        ("in_stock IS NOT TRUE", [1, 2]),
        ("in_stock", [0, 3]),
        ("price > 1 AND NOT in_stock", [1]),
        ("(in_stock) OR price = 20", [0, 1, 3]),
        ("price = NULL", []),
        ("NOT (price > 10)", [0]),
        ("born >= '2026-01-02' AND day < '2026-01-04'", [1, 2]),
        ("born > '2026-01-02T12:00:00'", [2, 3]),
        ("title LIKE 'Red%'", [0]),
        ("Title LIKE '%\u0025'", [0, 1, 2, 3]),
        ("Title LIKE 'x.y'", [2]),
        ("Title LIKE 'x_y'", [2]),
        ("Title LIKE 'xzy'", []),
        ("Title LIKE 'a%b'", [3]),
        ("Title NOT LIKE 'red%'", [0, 2, 3]),
        ('"two words" >= 3', [2, 3]),
        ("price > -1e3", [0, 1, 3]),
        (f"price < {'9' * 5000}", [0, 1, 3]),
    ],
)
def test_predicate_selects_the_rows_that_sql_would(predicate, rows):
    assert filter_mask(predicate, ITEMS).nonzero()[0].tolist() == rows


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        ("prize > 3", "did you mean 'price'"),
        ("zzz > 3", "columns: price, category"),
        ("category = 5", "cannot be compared with 5"),
        ("price = 'cheap'", "cannot be compared with 'cheap'"),
        ("price LIKE '1%'", "cannot be compared"),
        ("in_stock = 1", "cannot be compared"),
        ("born > 'yesterday'", "is not a date"),
        ("price", "cannot be compared with True"),
        ("price >", "found the end, at character 8"),
        ("", "expected a column name"),
        ("price > 1 price < 2", "expected AND, OR or the end"),
        ("(price > 1", r"expected '\)'"),
        ("price > 1; DROP TABLE items", "cannot read ';'"),
        ("price > (SELECT 1)", "expected a number"),
        ("read_text('/etc/passwd') = 'x'", r"found '\('"),
        ("price > 1 -- comment", "cannot read '-'"),
        ("category = 'open", 'cannot read "\'"'),
        ("(" * 60 + "price > 1" + ")" * 60, "nests deeper"),
        ("price > 1 OR " * 2_000 + "price > 1", "keep it under"),
    ],
)
def test_predicate_outside_the_grammar_is_refused_at_its_place(predicate, message):
    with pytest.raises(FilterError, match=message):
        filter_mask(predicate, ITEMS)


def test_long_flat_predicate_does_not_exhaust_the_stack():
    predicate = " OR ".join(["price = 20"] * 700)
    assert filter_mask(predicate, ITEMS).nonzero()[0].tolist() == [1]


@given(st.text(max_size=40))
def test_any_text_is_a_mask_or_a_filter_error(predicate):
    try:
        mask = filter_mask(predicate, ITEMS)
    except FilterError:
        return
    assert mask.shape == (ITEMS.height,)


@given(st.text(max_size=12))
def test_quoted_text_is_a_value_whatever_is_in_it(text):
    items = pl.DataFrame({"category": [text, text + "x"]})
    quoted = text.replace("'", "''")
    assert filter_mask(f"category = '{quoted}'", items).tolist() == [True, False]
