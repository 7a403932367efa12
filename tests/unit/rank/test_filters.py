import datetime as dt
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.errors import FilterError
from sightline.features.visual import MEASURES, visual_columns
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
        "list_price": [2.0, 20.0, 5.0, 30.0],
        "stock": [3, 0, None, 2**62],
        "tags": [["new", "sale"], [], None, ["new", None]],
        "sizes": [[38, 40], [40], [], None],
        "written": ["12", " 7.5 ", "x", None],
        "when": ["2026-01-02T12:00:00.5Z", "2026-01-02 14:00+02:00", " 2026-01-02", "soon"],
        "yes": ["Yes", "f", "1", "maybe"],
        "brightness": pl.Series([0.6, 0.5, None, 0.7], dtype=pl.Float32),
        "nothing": pl.Series([None] * 4, dtype=pl.Null),
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
        (f"price < {'9' * 300}", [0, 1, 3]),
        (f"stock < {'9' * 300}", [0, 1, 3]),
        ("5 < price AND 'mug' <> category", [1, 3]),
        ("price < list_price", [0]),
        ("price >= list_price OR price = list_price", [1, 3]),
        ("stock < 2.5", [1]),
        ("stock > 2.5", [0, 3]),
        ("stock = 2.5", []),
        ("stock <> 2.5", [0, 1, 3]),
        ("stock IN (3, 2.5, 1e300)", [0]),
        ("stock >= 4611686018427387904", [3]),
        ("brightness = 0.6", [0]),
        ("brightness IN (0.6, 0.7)", [0, 3]),
        ("brightness BETWEEN 0.5 AND 0.6", [0, 1]),
        ("born IN ('2026-01-02', '2026-01-03T00:00:00Z')", [1, 2]),
        ("day < '2026-01-02T12:00:00'", [0, 1]),
        ("day = born", [0, 1, 2, 3]),
        ("born < '2026-01-02T01:00:00+02:00'", [0]),
        ("CAST(written AS DOUBLE) > 7", [0, 1]),
        ("written::int = 12", [0]),
        ("TRY_CAST(written AS BIGINT) IS NULL", [1, 2, 3]),
        ("price::int = 1", [0]),
        ("when::timestamp >= '2026-01-02 12:00:00'", [0, 1]),
        ("when::date = '2026-01-02'", [0, 1, 2]),
        ("CAST(when AS DATE) IS NULL", [3]),
        ("yes::boolean", [0, 2]),
        ("NOT CAST(yes AS BOOL)", [1]),
        ("yes::bool::int::varchar = '0'", [1]),
        ("nothing::int IS NULL AND NULL::date IS NULL", [0, 1, 2, 3]),
        ("stock::varchar LIKE '4%'", [3]),
        ("born::date = '2026-01-03'", [2]),
        ("CAST(born AS VARCHAR) = '2026-01-03 00:00:00'", [2]),
        ("in_stock::int = 1", [0, 3]),
        ("'2026-01-02'::date = day", [1]),
        ("regexp_match(title, '(?i)^RED')", [0, 1]),
        ("NOT regexp_match(title, '(?i)^red')", [2, 3]),
        ("regexp_match(category, 'u') IS NOT NULL", [0]),
        ("regexp_match(category, 'u') IS NULL", [1, 2, 3]),
        ("array_has(tags, 'new')", [0, 3]),
        ("NOT array_has(tags, 'sale')", [1, 3]),
        ("array_has_any(tags, ['sale', 'old'])", [0]),
        ("array_has_all(tags, make_array('sale', 'new'))", [0]),
        ("array_has_all(tags, ARRAY[])", [0, 1, 3]),
        ("array_has_any(tags, [])", []),
        ("array_has_all(sizes, [40, 38.5])", []),
        ("array_has_any(sizes, [38.5, 40])", [0, 1]),
        (f"array_has_any(sizes, {list(range(40, 60))})", [0, 1]),
        (f"array_has_all(sizes, {[38, 40] * 9})", [0]),
        ("(price > 10) IS NOT TRUE", [0, 2]),
        ("(price > 10) = in_stock", [3]),
        ("nothing IS NULL AND NOT (nothing = 3) IS NOT NULL", [0, 1, 2, 3]),
        ("nothing = 3 OR nothing IN ('a') OR array_has(nothing, 'a')", []),
        ("1 = 1", [0, 1, 2, 3]),
        ("TRUE AND NULL", []),
        ('category IN ["mug", "dress"]', [0, 1]),
        ('array_has_any(tags, ["sale"])', [0]),
        ("Title LIKE '%100\\%'", [0]),
        ("Title LIKE 'red\\_2'", [1]),
        ("Title LIKE 'r%_2'", [1]),
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
        ("price LIKE '1%'", "'price' is Float64, not text; CAST"),
        ("in_stock = 1", "cannot be compared"),
        ("born > 'yesterday'", "is not a date"),
        ("price", "no condition by itself"),
        ("5", "no condition by itself"),
        ("price IS TRUE", "only what is true or false"),
        ("tags = 'new'", "cannot be compared with 'new'"),
        ("array_has(category, 'mug')", "not a list"),
        ("array_has(tags, 3)", "cannot be compared with 3"),
        ("array_has(tags, NULL)", "NULL equals nothing"),
        ("price < category", "do not compare"),
        ("price IN (1, 'a')", r"cannot be compared with 'a', at character 14"),
        ('category = "mug"', "a text is written in single quotes"),
        ("CAST(price AS MONEY)", "there is no type MONEY; known are TINYINT"),
        ("tags::int = 1", "cannot be cast to INT"),
        ("price::date > '2026-01-01'", "cannot be cast to DATE"),
        ("'x'::int = stock", "'x' is no INT"),
        ("regexp_match(title, '(a')", r"unclosed group at its character 1 \(pattern '\(a'\)"),
        ("regexp_match(title, '(\\w{100}){100}')", "patterns would take too long"),
        (
            "regexp_match(title, '(?x) a {900}')",
            "the flag x, blanks and comments in it, is not taken, at its character 1",
        ),
        ("regexp_match(price, 'a')", "not text"),
        ("regexp_mach(title, 'a')", "did you mean regexp_match"),
        ("price < 1e999", "beyond what a DOUBLE holds"),
        ("price 5", "expected AND, OR or the end, found '5', at character 7"),
        ("price >", "found the end, at character 8"),
        ("", "expected a column name"),
        ("price > 1 price < 2", "expected AND, OR or the end"),
        ("(price > 1", r"expected '\)'"),
        ("price > 1; DROP TABLE items", "cannot read ';'"),
        ("price > (SELECT 1)", r"expected '\)', found '1'"),
        ("read_text('/etc/passwd') = 'x'", "no function 'read_text'; known are array_has"),
        ("price > 1 -- comment", "cannot read '-'"),
        ("category = 'open", 'cannot read "\'"'),
        ("(" * 60 + "price > 1" + ")" * 60, "nests deeper"),
        ("price > 1 OR " * 2_000 + "price > 1", "more than 1,000 conditions"),
        (f"price IN ({'1,' * 30_000} 1)", "more than 20,000 values"),
        (f"price > 1 {' ' * 400_000}", "keep it under"),
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


def test_an_error_points_at_its_place_and_shows_no_control_characters():
    with pytest.raises(FilterError) as caught:
        filter_mask("price > 1 AND\n prize\x1b < 3", ITEMS)
    *_, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^")] == " "
    assert "\x1b" not in shown


def test_ten_thousand_values_are_looked_up_at_once():
    items = pl.DataFrame({"sku": [f"SKU-{number}" for number in range(20_000)]})
    listed = ", ".join(f"'SKU-{number}'" for number in range(0, 20_000, 2))
    started = time.perf_counter()
    mask = filter_mask(f"sku IN ({listed})", items)
    assert time.perf_counter() - started < 2
    assert mask.tolist() == [True, False] * 10_000


def test_conditions_at_the_limits_do_not_exhaust_the_stack():
    nested = "(" * 49 + "price = 20" + ")" * 49
    assert filter_mask(nested, ITEMS).nonzero()[0].tolist() == [1]
    assert filter_mask(f"stock{'::BIGINT::VARCHAR' * 25} = '0'", ITEMS).tolist()[1]
    assert filter_mask(f"{'NOT ' * 50} price = 20", ITEMS).nonzero()[0].tolist() == [1]
    assert filter_mask(" AND ".join(["price = 20"] * 1_000), ITEMS).sum() == 1


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["mug", "dress"])])
def test_categories_are_texts(dtype):
    items = pl.DataFrame({"kind": pl.Series(["mug", None, "dress"], dtype=dtype)})
    assert filter_mask("kind >= 'm'", items).tolist() == [True, False, False]
    assert filter_mask("kind IN ('dress', 'hat')", items).tolist() == [False, False, True]
    assert filter_mask("kind LIKE 'd%' OR kind::VARCHAR = 'mug'", items).tolist() == [
        True,
        False,
        True,
    ]


def test_times_of_other_units_and_zones_are_the_same_moments():
    born = pl.Series([dt.datetime(2026, 1, 1, 12)] * 2)
    items = pl.DataFrame(
        {
            "naive": born.cast(pl.Datetime("ms")),
            "zoned": born.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin"),
        }
    )
    for predicate in (
        "naive = zoned",
        "naive = '2026-01-01T12:00:00'",
        "zoned IN ('2026-01-01T13:00:00+01:00')",
        "zoned::VARCHAR = '2026-01-01 12:00:00'",
        "naive::DATE = '2026-01-01'",
    ):
        assert filter_mask(predicate, items).all(), predicate


def test_unsigned_and_fixed_numbers_compare_as_numbers():
    items = pl.DataFrame(
        {
            "count": pl.Series([0, 200], dtype=pl.UInt8),
            "money": pl.Series(["1.50", "2.00"]).cast(pl.Decimal(10, 2)),
            "pair": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)),
        }
    )
    assert filter_mask("count > -1 AND money >= 1.75", items).tolist() == [False, True]
    assert filter_mask("money IN (1.5) AND count < 1000", items).tolist() == [True, False]
    assert filter_mask("money < count", items).tolist() == [False, True]
    assert filter_mask("array_has(pair, 4)", items).tolist() == [False, True]


def test_looks_and_labels_are_columns_like_any_other():
    matrix = np.zeros((3, len(MEASURES)), np.float32)
    for row, colour in enumerate(("red", "blue", "red")):
        matrix[row, MEASURES.index(f"share_{colour}")] = 0.9
    matrix[:, MEASURES.index("brightness")] = 0.7, 0.7, 0.5
    items = visual_columns(matrix, np.array([True, True, True])).with_columns(
        pl.Series("style", ["boho", "plain", "boho"])
    )
    predicate = "dominant_color = 'red' AND brightness > 0.6 AND style IN ('boho')"
    assert filter_mask(predicate, items).tolist() == [True, False, False]
    assert filter_mask("array_has(colors, 'blue')", items).tolist() == [False, True, False]
