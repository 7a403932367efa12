"""Outcomes of pictures, cell by cell, into the table and the counts that a report shows."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from ..types import Mask, Rows
from .outcome import Outcome

_EXAMPLES = 3
_COLUMNS = {
    "item_id": pl.String,
    "column": pl.String,
    "cell": pl.String,
    "outcome": pl.String,
    "detail": pl.String,
    "content_hash": pl.String,
    "placeholder": pl.Boolean,
    "near_duplicate_of": pl.String,
}


def picture_table(
    outcomes: pl.DataFrame,
    item_ids: Sequence[str],
    *,
    firsts: Rows | None = None,
    placeholders: Mask | None = None,
) -> pl.DataFrame:
    """Make the table of pictures that a generation keeps: what became of every cell.

    Parameters
    ----------
    outcomes
        One row per item and image column, in item-row order column by column: ``item_row``,
        ``column``, ``cell`` (as it is shown to people), ``outcome``, ``detail``, ``content_hash``
        (null unless there is a picture).
    item_ids
        Ids in item-row order.
    firsts
        Per row of `outcomes` the row of the first picture that this one is a copy of: itself where
        it is none, anything where there is no picture. None takes equal bytes for copies, and
        nothing else.
    placeholders
        Per row, whether the picture stands behind many items. Those that the model takes for
        missing have the outcome ``placeholder`` and count without being named here.

    Returns
    -------
    pl.DataFrame
        The same rows in the same order: ``item_id``, ``column``, ``cell`` (null where it is
        empty), ``outcome``, ``detail``, ``content_hash``, ``placeholder``, and
        ``near_duplicate_of``, the id of the item whose picture came first. That is null where it is
        the item itself, and of placeholders: that they are alike says nothing of their items.
    """
    rows = outcomes["item_row"]
    is_placeholder = outcomes["outcome"] == Outcome.PLACEHOLDER
    if placeholders is not None:
        is_placeholder |= pl.Series(placeholders, dtype=pl.Boolean)
    if firsts is None:
        original = outcomes.select(pl.col("item_row").min().over("content_hash")).to_series()
    else:
        # Where there is no picture, `firsts` may hold what is no row.
        has_picture = outcomes["content_hash"].is_not_null().to_numpy()
        original = rows.gather(pl.Series((firsts * has_picture).astype("int64")))
    is_copy = outcomes["content_hash"].is_not_null() & (original != rows) & ~is_placeholder
    ids = pl.Series(item_ids, dtype=pl.String)
    table = outcomes.with_columns(
        ids.gather(rows).alias("item_id"),
        pl.when(outcomes["outcome"] != Outcome.MISSING).then(outcomes["cell"]).alias("cell"),
        is_placeholder.alias("placeholder"),
        pl.when(is_copy).then(ids.gather(original)).alias("near_duplicate_of"),
    )
    return table.select(pl.col(name).cast(dtype) for name, dtype in _COLUMNS.items())


def coverage_of(pictures: pl.DataFrame) -> dict[str, Any]:
    """Count how the cells came out, in total and per image column, as JSON values.

    Parameters
    ----------
    pictures
        As `picture_table` returns it.

    Returns
    -------
    dict
        Under ``total`` and, by name, under ``columns``: ``ok``, ``missing`` and ``failed``, which
        add up to all cells; of these, how many are a ``placeholder`` (among the missing where the
        model takes them for that) and how many a ``duplicate``, a copy of another item's picture;
        and under ``reasons`` the failures, each with its ``count`` and up to three ``examples``.
    """
    columns = pictures.partition_by("column", maintain_order=True)
    return {
        "total": _counts(pictures),
        "columns": {column["column"][0]: _counts(column) for column in columns},
    }


def _counts(cells: pl.DataFrame) -> dict[str, Any]:
    counts = dict(cells["outcome"].value_counts().iter_rows())
    failures = [outcome for outcome in Outcome if outcome.is_failure and outcome in counts]
    return {
        "ok": counts.get(Outcome.OK, 0),
        "missing": counts.get(Outcome.MISSING, 0) + counts.get(Outcome.PLACEHOLDER, 0),
        "failed": sum(counts[outcome] for outcome in failures),
        "placeholder": int(cells["placeholder"].sum()),
        "duplicate": cells.height - cells["near_duplicate_of"].null_count(),
        "reasons": {
            str(outcome): {"count": counts[outcome], "examples": _examples(cells, outcome)}
            for outcome in failures
        },
    }


def _examples(cells: pl.DataFrame, outcome: Outcome) -> list[str]:
    met = cells.filter(pl.col("outcome") == outcome).head(_EXAMPLES)
    return [f"{cell} ({detail})" for cell, detail in met.select("cell", "detail").iter_rows()]
