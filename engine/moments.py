"""One way of writing a time, of whatever kind, turned into microseconds since 1970, UTC.

What `sources.times` does for columns, by the same rules, for the single values of a request: a
query does without Polars.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from numbers import Integral, Real

__all__ = ["moment"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_BELOW = 10**11
_MILLISECONDS_BELOW = 10**14
_MICROSECONDS_BELOW = 10**17
_YEAR_1 = -62_135_596_800_000_000
_YEAR_9999 = 253_402_300_799_999_999
_FIRST_SPELT, _LAST_SPELT = 19_700_101, 99_991_231

_WRITTEN = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:(?:[Tt]| +)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?"
    r"\s*(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def moment(value: object) -> int | None:
    """Read a time.

    Parameters
    ----------
    value
        A datetime (without a zone it is taken as UTC), a date, text in ISO 8601 or of a number, or
        a number: seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by size.
        Eight digits that spell a date are that date.

    Returns
    -------
    int or None
        None where no time of the years 1 to 9999 can be read.

    Examples
    --------
    >>> moment("1970-01-01T00:00:01Z"), moment(2000), moment("soon")
    (1000000, 2000000000, None)
    """
    try:
        read = _microseconds(value)
    except (OverflowError, ValueError):  # the 31st of February, infinity
        return None
    return read if read is not None and _YEAR_1 <= read <= _YEAR_9999 else None


def _microseconds(value: object) -> int | None:
    match value:
        case datetime():
            return _since_epoch(value if value.tzinfo else value.replace(tzinfo=UTC))
        case date():
            return _since_epoch(datetime(value.year, value.month, value.day, tzinfo=UTC))
        case str():
            return _from_text(value.strip())
        case bool():
            return None
        case Integral():
            return _from_whole(int(value))
        case Real():
            return _from_real(float(value))
        case _:
            return None


def _since_epoch(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _from_whole(number: int) -> int:
    if (spelt := _spelt_date(number)) is not None:
        return spelt
    size = abs(number)
    if size < _SECONDS_BELOW:
        return number * 1_000_000
    if size < _MILLISECONDS_BELOW:
        return number * 1_000
    return number if size < _MICROSECONDS_BELOW else number // 1_000


def _from_real(number: float) -> int:
    if number.is_integer():
        return _from_whole(int(number))
    size = abs(number)
    if size < _SECONDS_BELOW:
        return round(number * 1e6)
    return round(number * 1e3) if size < _MILLISECONDS_BELOW else round(number)


def _spelt_date(number: int) -> int | None:
    if not _FIRST_SPELT <= number <= _LAST_SPELT:
        return None
    try:
        spelt = datetime(number // 10_000, number // 100 % 100, number % 100, tzinfo=UTC)
    except ValueError:
        return None
    return _since_epoch(spelt)


def _from_text(text: str) -> int | None:
    if found := _WRITTEN.fullmatch(text):
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
        fraction = int((found[7] or "")[:6].ljust(6, "0"))
        zone = _zone(found[8])
        return _since_epoch(datetime(year, month, day, hour, minute, second, fraction, zone))
    if not _NUMBER.fullmatch(text):
        return None
    return _from_whole(int(text)) if text.lstrip("+-").isdigit() else _from_real(float(text))


def _zone(text: str | None) -> timezone:
    if text is None or text[0] not in "+-":
        return UTC
    minutes = 60 * int(text[1:3]) + int(text[3:].lstrip(":") or 0)
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
