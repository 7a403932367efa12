"""The rows of `fetch.events` turned into weighted, timed picks of known items."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from ..errors import SchemaError
from .cells import absent, read_numbers
from .columns import (
    distinct_names,
    find_column,
    id_texts,
    named_column,
    required_column,
    without_blanks,
)
from .items import ITEM_ID_NAMES
from .report import TableReport
from .times import microseconds, plausible
from .users import USER_ID_NAMES
from .weights import DEFAULT_WEIGHT, WEIGHTS, folded, weight

__all__ = ["EventTable", "event_table"]

_TIME_NAMES = [
    "created_at",
    "event_timestamp",
    "timestamp",
    "event_time",
    "event_date",
    "occurred_at",
    "datetime",
    "date",
    "time",
    "ts",
    "unix_review_time",
]
_TYPE_NAMES = ["event_type", "event", "event_name", "interaction_type", "action", "behavior"]
_LABEL_NAMES = ["label", "rating", "score", "stars"]
_VALUE_NAMES = ["event_value"]

_SCHEMA = pl.Schema(
    {
        "user_id": pl.String(),
        "item_row": pl.Int32(),
        "time": pl.Int64(),
        "weight": pl.Float32(),
        "event_type": pl.String(),
        "event_value": pl.Float64(),
    }
)
_EXAMPLES = 5
_EXAMPLE_TYPES = 10


@dataclass(frozen=True, slots=True)
class EventTable:
    """What people did, one row per event, oldest first."""

    frame: pl.DataFrame
    """user_id String; item_row Int32, the item's row in the catalogue; time Int64, microseconds
    since 1970; weight Float32, above 0 wanted and below 0 not wanted, never 0; event_type String
    and event_value Float64, both null where the table does not say."""
    timed: bool
    """False where the table has no times: `time` is then the position in the table."""
    report: TableReport


def event_table(
    frame: pl.DataFrame,
    *,
    item_ids: Sequence[str],
    now: datetime,
    user_column: str | None = None,
    item_column: str | None = None,
    time_column: str | None = None,
    label_column: str | None = None,
) -> EventTable:
    """Clean the log of what people did.

    The weight of an event comes from its type (`WEIGHTS`: purchase > cart > like > click > view;
    1 for a type it does not know or where there is none). A label decides whether the event speaks
    for the item at all: above 0 it does, with the weight of its type, and at 0 or below it speaks
    against it, -1. A type that speaks against, such as dislike or return, does so whatever the
    label. A rating is a label: every rating above 0 counts for the item, so a query that means
    only the good ones says so (``rating >= 4 AS label``). Impressions, which people see and do not
    choose, are left out.

    Repeated rows stay: people do the same thing twice.

    Parameters
    ----------
    frame
        What the query returned: a user, an item, and optionally a time, an event type, a label and
        an event_value, under any of the usual names. Text in event_value is the event type where
        there is no other.
    item_ids
        The catalogue's ids; a position in it is an item row.
    now
        The present, with a zone: times more than a year later cannot be right.
    user_column, item_column, time_column, label_column
        Columns the user stated; None to look for the usual names.

    Returns
    -------
    EventTable
        Sorted by time, ties in the order of the table. Its report counts the rows dropped by the
        first reason that holds: no user, no item, no time, unreadable time, no label (and no type),
        unreadable label, shown and not chosen, unknown item.

    Raises
    ------
    ConfigError
        If a column is named that is not there.
    SchemaError
        If no column can be the user or the item, or no row at all can be used.
    """
    frame, notes = distinct_names(frame)
    found = _Columns(
        user=_required(frame.columns, USER_ID_NAMES, user_column, "user column"),
        item=_required(frame.columns, ITEM_ID_NAMES, item_column, "item column"),
        time=_optional(frame.columns, _TIME_NAMES, time_column),
        label=_optional(frame.columns, _LABEL_NAMES, label_column),
        kind=_type_column(frame),
    )
    catalogue = pl.DataFrame({"item_id": item_ids}, schema={"item_id": pl.String})
    judged = (
        _read(frame, found, now)
        .join(catalogue.with_row_index("item_row"), on="item_id", how="left", maintain_order="left")
        .with_columns(weight(pl.col("event_type"), pl.col("label")).alias("weight"))
        .with_columns(_reason(labelled=found.label is not None).alias("reason"))
    )
    kept = judged.filter(pl.col("reason").is_null())
    report = _report(judged, kept, notes)
    if len(frame) and not len(kept):
        raise SchemaError(_nothing_left(report, found))
    oldest_first = kept.sort("time", maintain_order=True)
    events = oldest_first.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())
    return EventTable(events, timed=found.time is not None, report=report)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns play which part."""

    user: str
    item: str
    time: str | None
    label: str | None
    kind: str | None


def _read(frame: pl.DataFrame, found: _Columns, now: datetime) -> pl.DataFrame:
    """Read the cells that play a part; what cannot be read is null, and known to be given."""
    height = len(frame)
    value = find_column([name for name in frame.columns if name != found.kind], _VALUE_NAMES)
    return pl.DataFrame(
        [
            id_texts(frame[found.user]).alias("user_id"),
            id_texts(frame[found.item]).alias("item_id"),
            *_times(frame[found.time] if found.time else None, height, now),
            _texts(frame[found.kind] if found.kind else None, height).alias("event_type"),
            *_labels(frame[found.label] if found.label else None, height),
            _numbers(frame[value] if value else None, height).alias("event_value"),
        ]
    )


def _required(columns: Sequence[str], names: Sequence[str], named: str | None, part: str) -> str:
    return required_column(columns, names, named=named, table="fetch.events", part=part)


def _optional(columns: Sequence[str], names: Sequence[str], named: str | None) -> str | None:
    if named is not None:
        return named_column(columns, named, table="fetch.events")
    return find_column(columns, names)


def _type_column(frame: pl.DataFrame) -> str | None:
    """Return the column of event types: a type is a word, so a column of numbers is not one."""
    accepted = [*_TYPE_NAMES, *_VALUE_NAMES]
    words = [
        column.name
        for column in frame.select(pl.col(pl.String, pl.Categorical, pl.Enum))
        if find_column([column.name], accepted) is not None  # before ten million ids are read
        and 2 * _numbers(column, len(column)).count() <= column.count()
    ]
    return find_column(words, accepted)


def _times(column: pl.Series | None, height: int, now: datetime) -> list[pl.Series]:
    if column is None:
        always = pl.repeat(value=True, n=height, eager=True)
        order = pl.int_range(height, eager=True)
        return [order.alias("time"), always.alias("time_given"), always.alias("time_read")]
    column = without_blanks(column)
    times = microseconds(column)
    return [
        times.alias("time"),
        column.is_not_null().alias("time_given"),
        plausible(times, now=now).alias("time_read"),
    ]


def _labels(column: pl.Series | None, height: int) -> list[pl.Series]:
    numbers = _numbers(column, height)
    given = without_blanks(column) if column is not None else numbers
    return [numbers.alias("label"), given.is_not_null().alias("label_given")]


def _texts(column: pl.Series | None, height: int) -> pl.Series:
    if column is None:
        return absent("", pl.String(), height)
    return without_blanks(column.cast(pl.String))


def _numbers(column: pl.Series | None, height: int) -> pl.Series:
    if column is None:
        return absent("", pl.Float64(), height)
    return read_numbers(without_blanks(column))[0].cast(pl.Float64)


def _reason(*, labelled: bool) -> pl.Expr:
    """Name the first reason to leave a row out; null where there is none."""
    no_opinion = labelled & pl.col("event_type").is_null() & ~pl.col("label_given")
    reasons = {
        "no user": pl.col("user_id").is_null(),
        "no item": pl.col("item_id").is_null(),
        "no time": ~pl.col("time_given"),
        "unreadable time": ~pl.col("time_read"),
        "no label": no_opinion,
        "unreadable label": pl.col("label_given") & pl.col("label").is_null(),
        "shown, not chosen": pl.col("weight") == 0,
        "unknown item": pl.col("item_row").is_null(),
    }
    return pl.coalesce(pl.when(holds).then(pl.lit(name)) for name, holds in reasons.items())


def _report(judged: pl.DataFrame, kept: pl.DataFrame, notes: tuple[str, ...]) -> TableReport:
    dropped = judged.drop_nulls("reason").group_by("reason", maintain_order=True).len()
    unknown = judged.filter(pl.col("reason") == "unknown item")["item_id"].unique(
        maintain_order=True
    )
    examples = tuple(unknown.head(_EXAMPLES).to_list())
    return TableReport(
        name="events",
        rows=len(judged),
        kept=len(kept),
        dropped=dict(dropped.iter_rows()),
        examples={"unknown item": examples} if examples else {},
        notes=(*notes, *_remarks(kept)),
    )


def _nothing_left(report: TableReport, found: _Columns) -> str:
    reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in report.dropped.items())
    return (
        f"none of the {report.rows:,} rows of fetch.events can be used ({reasons}). Users were "
        f"read from {found.user!r}, items from {found.item!r}, times from {found.time!r}, labels "
        f"from {found.label!r}"
    )


def _remarks(kept: pl.DataFrame) -> list[str]:
    """Say what was decided about rows that stayed."""
    remarks = []
    strange = kept.filter(
        ~folded(pl.col("event_type")).is_in(list(WEIGHTS)), pl.col("event_type").is_not_null()
    )
    if len(strange):
        types = strange.group_by("event_type", maintain_order=True).len().head(_EXAMPLE_TYPES)
        listed = ", ".join(f"{name} ({rows:,})" for name, rows in types.iter_rows())
        remarks.append(f"event types that are not known weigh {DEFAULT_WEIGHT:g}: {listed}")
    if repeats := len(kept) - kept.n_unique():
        remarks.append(f"rows that repeat an earlier one exactly, and count again: {repeats:,}")
    return remarks
