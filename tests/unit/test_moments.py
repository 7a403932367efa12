from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.moments import moment
from sightline.sources.times import microseconds

WRITTEN = [
    "2024-01-31",
    "2024/1/3",
    "2024-01-31T10:11",
    "2024-01-31t10:11",
    "2024-01-31 9:05",
    "2024-01-31 10:11:12.123456789Z",
    "2024-01-31T10:11:12+02:00",
    "2024-01-31T10:11:12 -0530",
    "2024-01-31 10:11+02",
    "2024-01-31T10:11:12 UTC",
    "2024-01-31Z",
    "2024-02-31",
    "2024-01-31 24:00:00",
    "0000-01-01",
    "20240131",
    " 1704067200 ",
    "1704067200000",
    "1704067200.25",
    "1704067200123.5",
    "1e9",
    "-5",
    "+5",
    "99999999",
    "9223372036854775807",
    "1_000",
    "soon",
    "",
    "nan",
    "inf",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_text_is_read_as_in_a_column(text):
    assert moment(text) == microseconds(pl.Series([text]))[0]


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(19_700_101, 99_991_231))
def test_a_whole_number_is_read_as_in_a_column(number):
    assert moment(number) == microseconds(pl.Series([number]))[0]


@given(st.floats(-1e15, 1e15).map(lambda number: round(number, 1)))
def test_a_float_is_read_as_in_a_column(number):
    found, expected = moment(number), microseconds(pl.Series([number]))[0]
    assert found == pytest.approx(expected, abs=1)  # the two round a half differently


def test_datetimes_and_dates_are_read_in_utc():
    noon = datetime(2024, 1, 31, 12, tzinfo=UTC)
    expected = int(noon.timestamp() * 1_000_000)
    assert moment(noon) == moment(noon.replace(tzinfo=None)) == expected
    assert moment(noon.astimezone(timezone(timedelta(hours=5)))) == expected
    assert moment(date(2024, 1, 31)) == expected - 12 * 3_600_000_000
    assert moment(np.int64(1_706_702_400)) == expected


@pytest.mark.parametrize("value", [None, True, [], b"2024-01-31", float("inf")])
def test_what_is_no_time_is_none(value):
    assert moment(value) is None
