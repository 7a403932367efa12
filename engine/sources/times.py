"""Any way of writing a time turned into microseconds since 1970, UTC."""

from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl

__all__ = ["microseconds", "plausible"]

# A number's unit is read off its size. Each unit gets three decades, so the same thresholds serve
# every date from 3 March 1973 (10^11 ms) to the year 5138 (10^11 s), and each value of a column is
# judged by itself. Milliseconds before that day read as seconds in a far future, which `plausible`
# then refuses: counted as unreadable, never quietly placed in the wrong year.
_SECONDS_BELOW = 100_000_000_000
_MILLISECONDS_BELOW = _SECONDS_BELOW * 1_000
_MICROSECONDS_BELOW = _MILLISECONDS_BELOW * 1_000

# Python's datetime, and so everything that prints a table, ends at these years.
_YEAR_1 = -62_135_596_800_000_000
_YEAR_9999 = 253_402_300_799_999_999

# Written dates after `_normalised`: a space between date and time, a zone as an offset.
_FORMATS_WITH_ZONE = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
_FORMATS_WITHOUT_ZONE = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")

_SLACK = timedelta(days=365)


def microseconds(values: pl.Series) -> pl.Series:
    """Read a column of times.

    Parameters
    ----------
    values
        Datetimes (without a zone they are taken as UTC), dates, text or numbers. Text is ISO 8601,
        with ``-`` or ``/`` in the date, ``T`` or a space before the time, a zone or none (UTC), or
        a number. A number counts seconds, milliseconds, microseconds or nanoseconds since 1970,
        told apart by size value by value; eight digits that spell a date, such as 20240131, are
        that date.

    Returns
    -------
    pl.Series
        Int64, same name and length. Null where the value was null or blank, or no time could be
        read from it: text of another form, NaN, infinity, a year outside 1 to 9999.

    Examples
    --------
    >>> microseconds(pl.Series(["1970-01-01T00:00:01Z", "2000", "soon"])).to_list()
    [1000000, 2000000000, None]
    """
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    dtype = values.dtype
    if dtype == pl.String:
        read = _from_text(values)
    elif dtype.is_integer():
        read = _select(_from_integers, values.cast(pl.Int64, strict=False))
    elif dtype.is_numeric():
        read = _select(_from_floats, values.cast(pl.Float64))
    elif isinstance(dtype, pl.Datetime):
        read = values.dt.epoch("us")
    elif dtype == pl.Date:
        read = values.cast(pl.Datetime("us")).dt.epoch("us")
    else:
        read = pl.Series(values.name, [None], dtype=pl.Int64).new_from_index(0, len(values))
    return read.set(~read.is_between(_YEAR_1, _YEAR_9999), None)


def plausible(times: pl.Series, *, now: datetime) -> pl.Series:
    """Say which times an event may carry: from 1970 to a year after `now`.

    Parameters
    ----------
    times
        Microseconds since 1970, Int64.
    now
        The present, with a zone.

    Returns
    -------
    pl.Series
        Boolean; false where the time is null.
    """
    if now.tzinfo is None:
        message = "now must carry a zone, such as datetime.now(UTC)"
        raise ValueError(message)
    latest = int((now + _SLACK).timestamp() * 1_000_000)
    return times.is_between(0, latest).fill_null(value=False)


def _select(reading: Callable[[pl.Expr], pl.Expr], numbers: pl.Series) -> pl.Series:
    column = pl.col(numbers.name)
    return numbers.to_frame().select(reading(column).alias(numbers.name)).to_series()


def _from_integers(number: pl.Expr) -> pl.Expr:
    """Whole numbers, without the rounding that a detour through floats would bring."""
    return pl.coalesce(
        _spelt_date(number),
        pl.when(_smaller(number, _SECONDS_BELOW))
        .then(number * 1_000_000)
        .when(_smaller(number, _MILLISECONDS_BELOW))
        .then(number * 1_000)
        .when(_smaller(number, _MICROSECONDS_BELOW))
        .then(number)
        .otherwise(number // 1_000),
    )


def _from_floats(number: pl.Expr) -> pl.Expr:
    scaled = (
        pl.when(_smaller(number, _SECONDS_BELOW))
        .then(number * 1e6)
        .when(_smaller(number, _MILLISECONDS_BELOW))
        .then(number * 1e3)
        .when(_smaller(number, _MICROSECONDS_BELOW))
        .then(number)
        .otherwise(number / 1e3)
    )
    whole = pl.when(number == number.floor()).then(number).cast(pl.Int64, strict=False)
    return pl.coalesce(_spelt_date(whole), scaled.round().cast(pl.Int64, strict=False))


def _smaller(number: pl.Expr, limit: int) -> pl.Expr:
    # Not abs(): the least Int64 has no positive twin and would stay negative, a small number.
    return number.is_between(-limit, limit, closed="none")


def _spelt_date(number: pl.Expr) -> pl.Expr:
    # As seconds, these numbers would all fall between August 1970 and March 1973.
    digits = pl.when(number.is_between(19_700_101, 99_991_231)).then(number).cast(pl.String)
    return digits.str.to_datetime("%Y%m%d", time_unit="us", strict=False).dt.epoch("us")


def _from_text(text: pl.Series) -> pl.Series:
    name = text.name
    stripped = text.alias("text").str.strip_chars().to_frame()
    # One step per column, because Polars would otherwise work each shared part out again.
    steps = stripped.with_columns(
        integers=pl.col("text").cast(pl.Int64, strict=False),
        floats=pl.col("text").cast(pl.Float64, strict=False),
        written=_normalised(pl.col("text")),
    )
    written = pl.col("written").str
    with_zone = [
        written.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        for form in _FORMATS_WITH_ZONE
    ]
    without_zone = [
        written.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")
        for form in _FORMATS_WITHOUT_ZONE
    ]
    return steps.select(
        pl.coalesce(
            _from_integers(pl.col("integers")),
            _from_floats(pl.col("floats")),
            pl.coalesce(*with_zone, *without_zone).dt.epoch("us"),
        ).alias(name)
    ).to_series()


def _normalised(text: pl.Expr) -> pl.Expr:
    return (
        text.str.replace(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})", "$1-$2-$3")
        .str.replace(r"^(\S{8,10})[Tt](\d)", "$1 $2")
        .str.replace(r"\s*(?:[Zz]|UTC|GMT)$", "+00:00")
        .str.replace(r"\s+([+-]\d{2}:?(?:\d{2})?)$", "$1")
    )
