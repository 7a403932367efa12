from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.sources.times import microseconds, plausible

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
NOON_MICROSECONDS = 1_709_208_000_000_000

# The first day on which every unit is told apart; see the thresholds in times.py.
MOMENTS = st.datetimes(datetime(1973, 3, 4), datetime(2200, 1, 1), timezones=st.just(UTC))


def since_1970(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def read(*values, dtype=None):
    return microseconds(pl.Series("at", values, dtype=dtype)).to_list()


@given(MOMENTS, st.sampled_from([1_000_000, 1_000, 1]))
def test_whole_numbers_round_trip_in_every_coarse_unit(moment, microseconds_per_unit):
    units = since_1970(moment) // microseconds_per_unit
    assert read(units) == [units * microseconds_per_unit]
    assert read(str(units)) == [units * microseconds_per_unit]


@given(MOMENTS, st.integers(0, 999))
def test_nanoseconds_round_trip_to_the_microsecond(moment, nanoseconds):
    assert read(since_1970(moment) * 1_000 + nanoseconds) == [since_1970(moment)]


@given(MOMENTS)
def test_fractions_of_seconds_keep_their_microseconds(moment):
    assert read(since_1970(moment) / 1e6) == pytest.approx([since_1970(moment)], abs=1)


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_iso_text_round_trips_in_any_zone(moment, minutes_east):
    local = moment.astimezone(timezone(timedelta(minutes=minutes_east)))
    expected = [since_1970(moment)]
    assert read(local.isoformat()) == expected
    assert read(local.isoformat(sep=" ")) == expected


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
def test_datetimes_of_any_unit_and_year_round_trip(moment):
    expected = [since_1970(moment.replace(tzinfo=UTC))]
    assert read(moment, dtype=pl.Datetime("us")) == expected
    assert read(moment.isoformat()) == expected


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_no_number_breaks_the_reading(numbers):
    assert len(read(*numbers, dtype=pl.Int64)) == len(numbers)


@given(st.lists(st.text() | st.none()))
def test_no_text_breaks_the_reading(texts):
    assert len(read(*texts, dtype=pl.String)) == len(texts)


@given(st.lists(st.floats() | st.none()))
def test_no_float_breaks_the_reading(floats):
    assert len(read(*floats, dtype=pl.Float64)) == len(floats)


def test_units_may_be_mixed_in_one_column():
    seconds = NOON_MICROSECONDS // 1_000_000
    values = [seconds, seconds * 1_000, seconds * 1_000_000, seconds * 1_000_000_000]
    assert read(*values) == [NOON_MICROSECONDS] * 4
    assert read(*map(str, values), "2024-02-29T12:00Z") == [NOON_MICROSECONDS] * 5


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T12:00:00Z",
        "2024-02-29t12:00:00z",
        "2024-02-29 12:00:00",
        "2024-02-29 12:00:00.000000000",
        "2024-02-29 12:00",
        "2024/02/29 12:00:00",
        "2024-2-29 12:00:00 UTC",
        "2024-02-29T14:00:00+02:00",
        "2024-02-29T14:00:00+0200",
        "2024-02-29 14:00:00 +02",
        "2024-02-29T13:00+01:00",
        "  2024-02-29T12:00:00Z ",
        "1709208000",
        "1709208000.0",
        "1709208000000",
    ],
)
def test_every_common_way_of_writing_noon_is_noon(text):
    assert read(text) == [NOON_MICROSECONDS]


def test_a_date_is_its_midnight_utc():
    midnight = NOON_MICROSECONDS - 12 * 3_600_000_000
    assert read("2024-02-29", "2024/2/29", "20240229") == [midnight] * 3
    assert read(20240229) == [midnight]
    assert read(20240229.0) == [midnight]
    assert read(date(2024, 2, 29)) == [midnight]


def test_a_zone_of_the_column_is_converted():
    paris = pl.Series([datetime(2024, 2, 29, 13)]).dt.replace_time_zone("Europe/Paris")
    assert microseconds(paris).to_list() == [NOON_MICROSECONDS]


@pytest.mark.parametrize(
    "text",
    ["", "  ", "soon", "29.02.2024", "2024-02-30", "2024-13-01", "12:00", "nan", "inf", "1e30"],
)
def test_what_is_no_time_is_null(text):
    assert read(text) == [None]


def test_numbers_that_are_no_time_are_null():
    assert read(float("nan"), float("inf"), -float("inf"), 1e300) == [None] * 4
    assert read(2**64 - 1, dtype=pl.UInt64) == [None]


def test_a_year_beyond_9999_is_null_because_nothing_could_print_it():
    endless = pl.Series([2**63 - 1, -(2**63) + 1]).cast(pl.Datetime("us"))
    assert microseconds(endless).to_list() == [None, None]


@pytest.mark.parametrize("values", [[True], [["2024-01-01"]], [None], [b"2024-01-01"]])
def test_other_types_hold_no_times(values):
    assert microseconds(pl.Series(values)).to_list() == [None]


def test_categories_are_read_as_text():
    assert read("2024-02-29T12:00", dtype=pl.Categorical) == [NOON_MICROSECONDS]


def test_plausible_is_from_1970_to_a_year_ahead(now):
    day = 86_400_000_000
    ahead = since_1970(now) + 365 * day
    times = pl.Series([-1, 0, ahead, ahead + 1, None])
    assert plausible(times, now=now).to_list() == [False, True, True, False, False]


def test_the_present_must_have_a_zone():
    with pytest.raises(ValueError, match="zone"):
        plausible(pl.Series([0]), now=datetime(2024, 1, 1))
