"""Events as people insert them, read into one form, and that form as lines of a log and back."""

import json
import math
import operator
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from ..moments import moment

__all__ = ["InsertedEvent", "line_of", "read_line", "read_rows"]

_TIME_NAMES = ("created_at", "event_timestamp", "timestamp")
_NAMES = ("user_id", "item_id", "event_type", "label", "event_value")
_YEAR = 365 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class InsertedEvent:
    """One thing that one person did with one item.

    `time` is in microseconds since 1970. There is an event type, or a label, or both.
    """

    user_id: str
    item_id: str
    time: int
    event_type: str | None = None
    label: float | None = None
    event_value: float | None = None


_FIELDS = tuple(field.name for field in fields(InsertedEvent))


def read_rows(rows: Iterable[Mapping[str, Any]], *, now: int) -> list[InsertedEvent]:
    """Read events as people give them.

    Parameters
    ----------
    rows
        ``user_id`` and ``item_id``, text or whole numbers; optionally ``event_type``, ``label``
        (above 0 for the item), ``event_value``, and ``created_at`` (or ``event_timestamp``,
        ``timestamp``): see `moments.moment`. Text in event_value is the event type where there is
        no other. Without a type or a label an event is a pick, label 1.
    now
        When an event happened that does not say; microseconds since 1970.

    Raises
    ------
    ValueError
        If a row is none of this; nothing of it is guessed, because a refusal might be read as a
        pick.
    """
    return [_read(row, position, now) for position, row in enumerate(rows)]


def _read(row: Mapping[str, Any], position: int, now: int) -> InsertedEvent:
    where = f"event {position}"
    if unknown := sorted(set(map(str, row)) - {*_NAMES, *_TIME_NAMES}):
        message = (
            f"{where} has {unknown[0]!r}, which is no part of an event: "
            f"those are {', '.join(_NAMES)} and created_at"
        )
        raise ValueError(message)
    event_type, value = _text(row, "event_type", where), row.get("event_value")
    if event_type is None and isinstance(value, str) and value.strip():
        event_type, value = value.strip(), None
    label = _number(row.get("label"), f"{where}.label")
    return InsertedEvent(
        _id(row, "user_id", where),
        _id(row, "item_id", where),
        _time(row, where, now),
        event_type,
        1.0 if label is None and event_type is None else label,
        _number(value, f"{where}.event_value"),
    )


def _id(row: Mapping[str, Any], name: str, where: str) -> str:
    value: Any = row.get(name)
    if not isinstance(value, bool):  # which would be 0 or 1
        with suppress(TypeError):
            return str(operator.index(value))
    if (text := _text(row, name, where)) is None:
        message = f"{where} has no {name}: give text or a whole number"
        raise ValueError(message)
    return text


def _text(row: Mapping[str, Any], name: str, where: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        message = f"{where}.{name} must be text, not {value!r}"
        raise ValueError(message)
    text = (value or "").strip()
    text.encode()  # half a surrogate pair is no text that any file could hold
    return text or None


def _number(value: Any, where: str) -> float | None:  # noqa: ANN401 - straight from the caller
    if value is None:
        return None
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    message = f"{where} must be a finite number, not {value!r}"
    raise ValueError(message)


def _time(row: Mapping[str, Any], where: str, now: int) -> int:
    given = [row[name] for name in _TIME_NAMES if row.get(name) is not None]
    if not given:
        return now
    time = moment(given[0])
    if len(given) > 1 or time is None or not 0 <= time <= now + _YEAR:
        message = (
            f"{where}.created_at must be one time from 1970 to a year from now, such as "
            f"2026-01-31T12:00:00Z or 1769860800, not {' and '.join(map(repr, given))}"
        )
        raise ValueError(message)
    return time


def line_of(events: Iterable[InsertedEvent]) -> bytes:
    """Write events as one line of JSON, without its end."""
    shown = [
        {name: value for name in _FIELDS if (value := getattr(event, name)) is not None}
        for event in events
    ]
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


def read_line(line: bytes) -> list[InsertedEvent]:
    """Return the events of a line.

    Raises
    ------
    ValueError
        If it is not a line that `line_of` wrote, whole.
    """
    try:
        events = [InsertedEvent(**entry) for entry in json.loads(line)]
    except TypeError as error:
        raise ValueError(str(error)) from error
    if all(_is_sound(event) for event in events):
        return events
    message = "a value is not of its type"
    raise ValueError(message)


def _is_sound(event: InsertedEvent) -> bool:
    numbers = (event.label, event.event_value)
    return (
        isinstance(event.user_id, str)
        and isinstance(event.item_id, str)
        and isinstance(event.time, int)
        and isinstance(event.event_type, str | None)
        and all(number is None or isinstance(number, float | int) for number in numbers)
    )
