import datetime as dt
from decimal import Decimal

import polars as pl
import pytest
from sightline.errors import ConfigError
from sightline.store.columns import fit, polars_type, type_name

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
DAY = dt.date(2026, 1, 1)


@pytest.mark.parametrize(
    "name", ["Array(Int32", "Int32)", "Array(Array(Int32))", "Array()", "", "int32", "Array", "x"]
)
def test_type_name_that_is_not_quite_one_is_refused(name):
    with pytest.raises(ConfigError, match=r"column_schema\.price"):
        polars_type("price", name)


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("Bool", ["true", " FALSE", "1", "0", "maybe"], [True, False, True, False, None]),
        ("Boolean", [1, 0, 2, None], [True, False, None, None]),
        ("Boolean", [DAY], [None]),
        ("Int32", [1.5, 2.0, float("nan"), 3e9], [None, 2, None, None]),
        ("Int32", [" 7", "7.5", "seven"], [7, None, None]),
        ("Int32", [2**31, 2**31 - 1], [None, 2**31 - 1]),
        ("Int64", [Decimal("1.5"), Decimal("2.0")], [None, 2]),
        ("Int64", [NOON], [None]),
        ("Int64", [True, False], [1, 0]),
        ("Double", ["1.5", "one"], [1.5, None]),
        ("Float", [1e300, 1.0], [None, 1.0]),
        ("Float", [DAY], [None]),
        ("String", [1, None], ["1", None]),
        ("String", [["a"], None], [None, None]),
        ("String", [{"a": 1}], [None]),
        ("String", [b"a", b"\xff"], ["a", None]),
        ("Bytes", ["a"], [b"a"]),
        ("Bytes", [1], [None]),
        ("Date", ["2026-01-01", "soon"], [DAY, None]),
        ("Date", [NOON], [DAY]),
        ("Date", [20_454, 1_767_225_600], [None, None]),
        ("DateTime", [1_767_225_600, 1_767_225_600_000], [None, None]),
        ("DateTime", [DAY], [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]),
        ("DateTime", [NOON.replace(tzinfo=None)], [NOON]),
        ("DateTime", [NOON.astimezone(dt.timezone(dt.timedelta(hours=5)))], [NOON]),
        ("Array(Int32)", [["1"], ["1", "x"], [], None, [None]], [[1], None, [], None, [None]]),
        ("Array(String)", ["red, blue", "['a']", "", None], [["red", "blue"], ["a"], [], None]),
        ("Array(Int64)", ["1|2", "1|x"], [[1, 2], None]),
        ("Array(Int64)", [1, None], [None, None]),
        ("Array(Date)", [[], []], [[], []]),
        ("Array(Int32)", [None], [None]),
    ],
)
def test_cells_that_fit_are_kept_and_the_others_are_null(name, cells, expected):
    fitted = fit(pl.Series("cell", cells), polars_type("cell", name))
    assert fitted.dtype == polars_type("cell", name)
    assert fitted.to_list() == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01 12:00:00",
        "2026/01/01 12:00",
        "2026-01-01T14:00:00.000+02:00",
        " 2026-01-01T12:00:00 Z ",
    ],
)
def test_written_times_of_one_column_may_be_written_in_any_way(text):
    fitted = fit(pl.Series([text, "2026-01-01", "soon"]), polars_type("at", "DateTime"))
    assert fitted.to_list() == [NOON, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None]


def test_fixed_size_lists_and_categories_are_read_by_what_they_hold():
    pairs = pl.Series([[1, 2]], dtype=pl.Array(pl.Int8, 2))
    assert fit(pairs, polars_type("pairs", "Array(String)")).to_list() == [["1", "2"]]
    sizes = pl.Series(["7", "x"], dtype=pl.Categorical)
    assert fit(sizes, polars_type("sizes", "Int32")).to_list() == [7, None]


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (pl.Categorical(), "String"),
        (pl.UInt8(), "Int32"),
        (pl.Decimal(10, 2), "Double"),
        (pl.Datetime("ns", "Europe/Berlin"), "DateTime"),
        (pl.List(pl.Float32), "Array(Float)"),
        (pl.Array(pl.String, 2), "Array(String)"),
    ],
)
def test_every_usual_type_has_a_name_that_holds_it(dtype, name):
    assert type_name("column", dtype) == name


@pytest.mark.parametrize("dtype", [pl.Struct({"a": pl.Int8}), pl.Duration(), pl.List(pl.List)])
def test_type_that_no_schema_can_name_is_refused(dtype):
    with pytest.raises(ConfigError, match="'column'"):
        type_name("column", dtype)
