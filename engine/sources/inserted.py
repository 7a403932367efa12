"""Events that were inserted into a model, judged like fetched ones and joined to them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

import polars as pl

from .events import EventTable
from .report import TableReport
from .weights import weight

__all__ = ["with_inserted"]

_EXAMPLES = 5
_SAME = ["user_id", "item_row", "time", "event_type"]


def with_inserted(
    events: EventTable | None,
    inserted: pl.DataFrame,
    *,
    item_ids: Sequence[str],
    damaged: int = 0,
) -> EventTable:
    """Join events that were inserted in place to those that were fetched.

    An inserted event that was also fetched, of one user, item, time and type, counts once: a shop
    may tell its own tables and the model of it.

    Parameters
    ----------
    events
        What ``fetch.events`` gave; None without it.
    inserted
        Columns user_id and item_id (str), time (int64, microseconds), event_type (str or null),
        label and event_value (float64 or null), in the order they were inserted.
    item_ids
        The catalogue's ids; a position in it is an item row.
    damaged
        Lines of inserted events that could not be read.

    Returns
    -------
    EventTable
        Sorted by time, of one time the fetched before the inserted; where the fetched have no
        times, the inserted stand behind them in their order. Its report counts both, and a note
        says how many were inserted. Reasons to leave an inserted event out are those of
        `event_table`, also in fetch.events, and unreadable line.
    """
    catalogue = pl.DataFrame({"item_id": item_ids}, schema={"item_id": pl.String})
    judged = inserted.join(
        catalogue.with_row_index("item_row"), on="item_id", how="left", maintain_order="left"
    ).with_columns(
        pl.col("item_row").cast(pl.Int32),
        weight(pl.col("event_type"), pl.col("label")).cast(pl.Float32).alias("weight"),
    )
    is_known = pl.Series([False]).new_from_index(0, judged.height)
    if events is not None and events.timed:
        is_known = _are_in(judged, events.frame)
    elif events is not None:
        start = int(events.frame["time"].to_numpy().max(initial=-1)) + 1
        judged = judged.with_columns(time=pl.int_range(start, start + judged.height))
    reasons = judged.with_columns(is_known.alias("known")).select(_reason()).to_series()
    return _joined(events, judged.with_columns(reasons), damaged)


def _are_in(inserted: pl.DataFrame, fetched: pl.DataFrame) -> pl.Series:
    """Say of every inserted event whether it was fetched too."""
    known = fetched.select(_SAME).unique().with_columns(known=True)
    joined = inserted.join(known, on=_SAME, how="left", maintain_order="left", nulls_equal=True)
    return joined["known"].fill_null(value=False)


def _reason() -> pl.Expr:
    reasons = {
        "shown, not chosen": pl.col("weight") == 0,
        "unknown item": pl.col("item_row").is_null(),
        "also in fetch.events": pl.col("known"),
    }
    first = pl.coalesce(pl.when(holds).then(pl.lit(name)) for name, holds in reasons.items())
    return first.alias("reason")


def _joined(events: EventTable | None, judged: pl.DataFrame, damaged: int) -> EventTable:
    kept = judged.filter(pl.col("reason").is_null()).select(
        "user_id", "item_row", "time", "weight", "event_type", "event_value"
    )
    report = _report(judged, len(kept), damaged)
    if events is None:
        return EventTable(kept.sort("time", maintain_order=True), timed=True, report=report)
    frame = pl.concat([events.frame, kept]).sort("time", maintain_order=True)
    return EventTable(frame, events.timed, _both(events.report, report))


def _report(judged: pl.DataFrame, kept: int, damaged: int) -> TableReport:
    dropped = dict(judged["reason"].drop_nulls().value_counts(sort=True).iter_rows())
    if damaged:
        dropped["unreadable line"] = damaged
    unknown = judged.filter(pl.col("reason") == "unknown item")["item_id"]
    examples = tuple(unknown.unique(maintain_order=True).head(_EXAMPLES).to_list())
    rows = judged.height + damaged
    reasons = "".join(f"; left out, {reason}: {count:,}" for reason, count in dropped.items())
    return TableReport(
        "events",
        rows,
        kept,
        dropped=dropped,
        examples={"unknown item": examples} if examples else {},
        notes=(f"inserted in place: {rows:,} of the rows{reasons}",),
    )


def _both(fetched: TableReport, inserted: TableReport) -> TableReport:
    reasons = dict.fromkeys(chain(fetched.examples, inserted.examples))
    return TableReport(
        fetched.name,
        fetched.rows + inserted.rows,
        fetched.kept + inserted.kept,
        dropped=_sum(fetched.dropped, inserted.dropped),
        nulled=fetched.nulled,
        examples={
            reason: (*fetched.examples.get(reason, ()), *inserted.examples.get(reason, ()))
            for reason in reasons
        },
        notes=(*fetched.notes, *inserted.notes),
    )


def _sum(counts: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(counts) + Counter(others))
