from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sightline.features.facts import item_facts

NOON = datetime(2026, 5, 1, 12)


def facts(columns, roles, time_column=None):
    return item_facts(pl.DataFrame(columns), roles, time_column)


def days(*numbers):
    return [None if number is None else NOON + timedelta(days=number) for number in numbers]


@pytest.mark.parametrize(
    "name", ["price", "Price", "sale_price", "current_price", "amount", "cost", "LIST_PRICE"]
)
def test_price_is_the_number_whose_name_says_so(name):
    found = facts({"weight": [9, 9], name: [5, 7]}, {"weight": "number", name: "number"})
    assert found.prices.tolist() == [5, 7]
    assert found.prices.dtype == np.float32


def test_of_several_prices_the_plainest_name_counts_wherever_it_stands():
    columns = {"list_price": [9.0], "sale_price": [7.0], "price": [8.0]}
    assert facts(columns, dict.fromkeys(columns, "number")).prices.tolist() == [8]
    del columns["price"]
    assert facts(columns, dict.fromkeys(columns, "number")).prices.tolist() == [7]


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        ({"weight": [1, 2]}, {"weight": "number"}),
        ({"price": ["low", "high"]}, {"price": "category"}),
        ({"priceless": [1, 2]}, {"priceless": "number"}),
        ({"id": [1, 2]}, {}),
    ],
    ids=str,
)
def test_a_catalogue_without_a_price_has_none(columns, roles):
    assert np.isnan(facts(columns, roles).prices).all()
    assert facts(columns, roles).prices.shape == (2,)


def test_a_price_that_is_null_infinite_or_below_nothing_is_none():
    prices = [0.0, None, -1.0, float("inf"), float("nan"), 1e300, 3.5]
    found = facts({"price": prices}, {"price": "number"}).prices
    assert_array_equal(found, np.float32([0, np.nan, np.nan, np.nan, np.nan, np.nan, 3.5]))


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.Decimal(10, 2), pl.Float32])
def test_prices_of_any_type_of_number_are_read(dtype):
    found = facts({"price": pl.Series([3, None, 20]).cast(dtype)}, {"price": "number"})
    assert_array_equal(found.prices, np.float32([3, np.nan, 20]))


def test_newness_is_the_share_of_items_that_are_not_newer():
    found = facts({"made": days(3, 1, 4, 2)}, {"made": "time"}, "made")
    assert found.newness.tolist() == [0.75, 0.25, 1, 0.5]
    assert found.newness.dtype == np.float32


def test_items_of_one_time_are_equally_new():
    found = facts({"made": days(1, 2, 2, 0)}, {"made": "time"}, "made")
    assert found.newness.tolist() == [0.5, 1, 1, 0.25]


def test_of_items_without_a_time_nothing_is_known_and_they_count_for_nothing():
    found = facts({"made": days(2, None, 1)}, {"made": "time"}, "made")
    assert_array_equal(found.newness, np.float32([1, np.nan, 0.5]))


@pytest.mark.parametrize("dtype", [pl.Date, pl.Datetime("ms"), pl.Datetime("us", "UTC")])
def test_times_of_any_type_are_read(dtype):
    times = pl.Series([date(2026, 1, 2), None, date(1969, 1, 1)]).cast(dtype)
    found = facts({"made": times}, {"made": "time"}, "made")
    assert_array_equal(found.newness, np.float32([1, np.nan, 0.5]))


def test_without_a_time_column_or_a_time_in_it_nothing_is_new():
    assert np.isnan(facts({"made": days(1, 2)}, {"made": "time"}).newness).all()
    empty = pl.Series([None, None], dtype=pl.Datetime("us"))
    assert np.isnan(facts({"made": empty}, {"made": "time"}, "made").newness).all()


@given(st.lists(st.none() | st.integers(-5, 5), min_size=1, max_size=12))
def test_newness_orders_as_the_times_do(numbers):
    times = pl.Series(days(*numbers), dtype=pl.Datetime("us"))
    newness = facts({"made": times}, {"made": "time"}, "made").newness
    known = [place for place, number in enumerate(numbers) if number is not None]
    assert np.isnan(np.delete(newness, known)).all()
    for one in known:
        at_most = sum(numbers[other] <= numbers[one] for other in known)
        assert newness[one] == pytest.approx(at_most / len(known))


def test_categories_are_codes_in_the_order_of_the_values():
    kinds = ["shoe", "bag", "shoe", "bag", "coat", "coat"]
    found = facts({"kind": kinds}, {"kind": "category"}).categories
    assert found.tolist() == [[2], [0], [2], [0], [1], [1]]
    assert found.dtype == np.int32


def test_a_value_of_a_single_item_tells_nothing():
    found = facts({"kind": ["shoe", "bag", "shoe", "hat"]}, {"kind": "category"}).categories
    assert found[1, 0] == found[3, 0] == -1
    assert found[0, 0] == found[2, 0] >= 0


def test_null_is_no_category_however_many_items_have_it():
    found = facts({"kind": [None, "shoe", None, "shoe", ""]}, {"kind": "category"}).categories
    assert (found[[0, 2, 4], 0] == -1).all()
    assert found[1, 0] == found[3, 0] >= 0
    nothing = pl.Series([None, None], dtype=pl.String)
    assert facts({"kind": nothing}, {"kind": "category"}).categories.tolist() == [[-1], [-1]]


def test_values_that_only_look_alike_are_told_apart():
    kinds = ["a", "a", "a\x00", "a\x00", "A", "A", "a ", "a "]
    found = facts({"kind": kinds}, {"kind": "category"}).categories
    assert len(np.unique(found)) == 4
    assert (found >= 0).all()


def test_categories_of_other_types_than_text_are_read():
    columns = {
        "size": [40, 41, 40, 41],
        "shape": pl.Series(["x", "y", "x", "y"], dtype=pl.Categorical),
        "sold": [True, False, True, False],
    }
    found = facts(columns, dict.fromkeys(columns, "category")).categories
    assert found.shape == (4, 3)
    for column in found.T:
        assert column[0] == column[2] != column[1] == column[3]
        assert column.min() == 0


def test_the_first_four_columns_of_categories_count():
    columns = {f"kind{number}": ["a", "a", "b", "b"] for number in range(6)}
    roles = {**dict.fromkeys(columns, "category"), "kind1": "text"}
    found = facts(columns, roles)
    assert found.categories.shape == (4, 4)
    only = facts(columns, {"kind5": "category", "gone": "category"})
    assert only.categories.shape == (4, 1)


def test_a_catalogue_without_columns_of_categories_has_none():
    assert facts({"id": [1, 2, 3]}, {}).categories.shape == (3, 0)


@given(st.lists(st.none() | st.sampled_from("abcd"), max_size=12))
def test_two_items_have_one_code_if_they_have_one_value(values):
    column = pl.Series("kind", values, dtype=pl.String)
    [codes] = item_facts(pl.DataFrame([column]), {"kind": "category"}, None).categories.T
    for one, value in enumerate(values):
        alike = [other for other, its in enumerate(values) if its == value]
        if value is None or len(alike) == 1:
            assert codes[one] == -1
        else:
            assert np.flatnonzero(codes == codes[one]).tolist() == alike


def test_an_empty_catalogue_has_empty_facts():
    columns = {
        "price": pl.Series([], dtype=pl.Float64),
        "kind": pl.Series([], dtype=pl.String),
        "made": pl.Series([], dtype=pl.Datetime("us")),
    }
    roles = {"price": "number", "kind": "category", "made": "time"}
    found = facts(columns, roles, "made")
    assert found.prices.shape == found.newness.shape == (0,)
    assert found.categories.shape == (0, 1)


def test_large_prices_stay_apart():
    found = facts({"price": [1e6, 1e6 + 1]}, {"price": "number"})
    assert_allclose(np.diff(found.prices), [1])
