"""The rows of `fetch.global_filters` and `fetch.personal_filters`: what is never shown, to whom."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..config import SchemaOverride
from ..types import Rows
from .columns import distinct_names, id_texts, required_column
from .items import ITEM_ID_NAMES
from .report import TableReport
from .users import USER_ID_NAMES

__all__ = ["HiddenFromAll", "HiddenFromSome", "hidden_from_all", "hidden_from_some"]

_EXAMPLES = 5
_UNKNOWN = "unknown item"


@dataclass(frozen=True, slots=True)
class HiddenFromAll:
    """Items that nobody is shown: `rows`, item rows in rising order, each once."""

    rows: Rows
    report: TableReport


@dataclass(frozen=True, slots=True)
class HiddenFromSome:
    """Items that some people are never shown.

    Those of ``user_ids[i]`` are ``rows[offsets[i]:offsets[i + 1]]``, item rows in rising order.
    People need not be known from elsewhere.
    """

    user_ids: Sequence[str]
    offsets: NDArray[np.int64]
    rows: Rows
    report: TableReport


def hidden_from_all(
    frame: pl.DataFrame, *, item_ids: Sequence[str], schema: SchemaOverride
) -> HiddenFromAll:
    """Read the ids of items that are never shown, as in Shaped: a row hides its item.

    Parameters
    ----------
    frame
        What the query returned: a column of item ids; others are not looked at. No rows hide
        nothing.
    item_ids
        The catalogue's ids; a position in it is an item row.
    schema
        What the user calls the columns.

    Returns
    -------
    HiddenFromAll
        Its report counts the rows dropped: no item, unknown item, repeated.

    Raises
    ------
    SchemaError
        If no column can be the items.
    """
    frame, notes = distinct_names(frame)
    item = _item_column(frame, "global_filters", schema)
    read = _read(frame, {"item": item}, item_ids)
    kept = read.filter(pl.col("reason").is_null()).sort("row")
    return HiddenFromAll(
        kept["row"].to_numpy().astype(np.int32), _report("global_filters", read, kept, notes)
    )


def hidden_from_some(
    frame: pl.DataFrame, *, item_ids: Sequence[str], schema: SchemaOverride
) -> HiddenFromSome:
    """Read pairs of a person and an item that is never shown to them; see `hidden_from_all`.

    The report counts rows without a user as well.

    Raises
    ------
    SchemaError
        If no columns can be the users and the items.
    """
    frame, notes = distinct_names(frame)
    item = _item_column(frame, "personal_filters", schema)
    user = required_column(
        frame.columns,
        [*filter(None, (schema.user.id, schema.interaction.user_id)), *USER_ID_NAMES],
        named=None,
        table="fetch.personal_filters",
        part="column of user ids",
    )
    read = _read(frame, {"user": user, "item": item}, item_ids)
    kept = read.filter(pl.col("reason").is_null()).sort("user", "row")
    people = kept.group_by("user", maintain_order=True).len()
    return HiddenFromSome(
        people["user"].to_list(),
        np.concatenate([[0], np.cumsum(people["len"].to_numpy(), dtype=np.int64)]),
        kept["row"].to_numpy().astype(np.int32),
        _report("personal_filters", read, kept, notes),
    )


def _item_column(frame: pl.DataFrame, table: str, schema: SchemaOverride) -> str:
    stated = filter(None, (schema.item.id, schema.interaction.item_id))
    return required_column(
        frame.columns,
        [*stated, *ITEM_ID_NAMES, "id"],
        named=None,
        table=f"fetch.{table}",
        part="column of item ids",
    )


def _read(frame: pl.DataFrame, columns: dict[str, str], item_ids: Sequence[str]) -> pl.DataFrame:
    """Read ids and the rows of items; name, as `reason`, why a row is left out, null if it is not.

    Of rows that say the same the first stays.
    """
    ids = [id_texts(frame[column]).alias(part) for part, column in columns.items()]
    known = pl.DataFrame(
        {"item": item_ids, "row": np.arange(len(item_ids), dtype=np.int32)},
        schema_overrides={"item": pl.String},
    )
    read = pl.DataFrame(ids).join(known, on="item", how="left", maintain_order="left")
    missing = [
        pl.when(pl.col(part).is_null()).then(pl.lit(f"no {part}")) for part in ("item", *columns)
    ]
    unknown = pl.when(pl.col("row").is_null()).then(pl.lit(_UNKNOWN))
    repeated = pl.when(~pl.struct(*columns).is_first_distinct()).then(pl.lit("repeated"))
    return read.with_columns(pl.coalesce(*missing, unknown, repeated).alias("reason"))


def _report(
    name: str, read: pl.DataFrame, kept: pl.DataFrame, notes: tuple[str, ...]
) -> TableReport:
    dropped = read.drop_nulls("reason").group_by("reason", maintain_order=True).len()
    unknown = read.filter(pl.col("reason") == _UNKNOWN)["item"].unique(maintain_order=True)
    if read.height and not kept.height:
        notes = (*notes, f"fetch.{name} hides nothing: no row of it names an item of the catalogue")
    return TableReport(
        name=name,
        rows=read.height,
        kept=kept.height,
        dropped=dict(dropped.iter_rows()),
        examples={_UNKNOWN: tuple(unknown.head(_EXAMPLES).to_list())} if len(unknown) else {},
        notes=notes,
    )
