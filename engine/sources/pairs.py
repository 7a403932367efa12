"""The rows of `fetch.pairs` turned into pairs of known items that are the same or different."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import SchemaError
from ..types import Mask, Rows
from .cells import absent
from .columns import distinct_names, find_column, id_texts, listed, without_blanks
from .report import TableReport

__all__ = ["PairTable", "pair_table"]

_TRIPLETS = [
    ("anchor", "positive", "negative"),
    ("anchor_id", "positive_id", "negative_id"),
    ("anchor_item_id", "positive_item_id", "negative_item_id"),
    ("anchor", "pos", "neg"),
    ("query", "positive", "negative"),
]
_PAIRS = [
    ("item_id", "other_item_id"),
    ("item_a", "item_b"),
    ("item_id_a", "item_id_b"),
    ("item_1", "item_2"),
    ("item_id_1", "item_id_2"),
    ("left", "right"),
    ("left_id", "right_id"),
    ("left_item_id", "right_item_id"),
    ("anchor", "other"),
    ("anchor", "positive"),
    ("anchor_id", "other_id"),
    ("first", "second"),
    ("a", "b"),
    ("item", "other"),
    ("item_id", "other_id"),
    ("item_id", "item_id_1"),  # SELECT a.item_id, b.item_id
]
_LABEL_NAMES = [
    "label",
    "same",
    "is_same",
    "relation",
    "match",
    "is_match",
    "similar",
    "is_similar",
]
_SAME = ["same", "similar", "match", "positive", "true", "yes", "t", "y", "1", "1.0"]
_DIFFERENT = ["different", "dissimilar", "negative", "false", "no", "f", "n", "0", "0.0"]
_MEANINGS = {
    **dict.fromkeys(_SAME, True),
    **dict.fromkeys([*_DIFFERENT, "not same", "no match", "-1", "-1.0"], False),
}
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class PairTable:
    """Pairs of items that somebody says are alike, or not, in the order of the table.

    `first` and `second`, shape (p,), are item rows, and `same`, shape (p,), says of each pair which
    it is. `group`, shape (p,), int32, numbers the rows of the table that stayed: a triplet is two
    pairs of one group and one `first`, the same pair before the different one, and says no more
    than that the one is more alike than the other.
    """

    first: Rows
    second: Rows
    same: Mask
    group: NDArray[np.int32]
    report: TableReport

    def __len__(self) -> int:
        return len(self.first)


def pair_table(frame: pl.DataFrame, *, item_ids: Sequence[str]) -> PairTable:
    """Clean the pairs, or triplets, that a shop's own people judged.

    Parameters
    ----------
    frame
        What the query returned. Triplets: anchor, positive and negative. Pairs: item_id and
        other_item_id, or item_a and item_b, left and right, anchor and other, and so on; and a
        label, under any of its usual names: same or different, 1 or 0, true or false. Pairs
        without such a column are all the same.
    item_ids
        The catalogue's ids; a position in it is an item row.

    Returns
    -------
    PairTable
        Its report counts the rows dropped by the first reason that holds: no item, no label,
        unreadable label, unknown item, an item with itself, repeated (the last stays; a pair is
        one whichever item comes first), and, of pairs, contradicted by a later row.

    Raises
    ------
    SchemaError
        If no columns can be the items, or no row at all can be used.
    """
    frame, notes = distinct_names(frame)
    columns = _found(frame.columns, _TRIPLETS) or _found(frame.columns, _PAIRS)
    if columns is None:
        raise SchemaError(_no_items(frame.columns))
    label = None
    if len(columns) == len(_PAIRS[0]):
        left = [name for name in frame.columns if name not in columns]
        label = find_column(left, _LABEL_NAMES)
        notes = notes if label else (*notes, "pairs without a label: all are the same")
    judged = _judged(_read(frame, columns, label, item_ids))
    kept = judged.filter(pl.col("reason").is_null())
    report = _report(judged, len(kept), len(columns), notes)
    if len(frame) and not len(kept):
        raise SchemaError(_nothing_left(report, columns, label))
    return _table(kept, len(columns), report)


def _found(columns: Sequence[str], spellings: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the columns of the first spelling of which all are there."""
    for names in spellings:
        found = tuple(find_column(columns, [name]) for name in names)
        if None not in found:
            return tuple(name for name in found if name is not None)
    return None


def _read(
    frame: pl.DataFrame, columns: Sequence[str], label: str | None, item_ids: Sequence[str]
) -> pl.DataFrame:
    """Read ids and rows of items, id_0 and row_0 and so on, and whether they are the same."""
    ids = [id_texts(frame[name]).alias(f"id_{part}") for part, name in enumerate(columns)]
    known = pl.Series(item_ids, dtype=pl.String)
    rows = pl.int_range(len(item_ids), dtype=pl.Int32, eager=True)
    found = [
        column.replace_strict(known, rows, default=None).alias(f"row_{part}")
        for part, column in enumerate(ids)
    ]
    always = pl.repeat(value=True, n=len(frame), eager=True)
    given = always if label is None else without_blanks(frame[label]).is_not_null()
    same = always if label is None else _meanings(frame[label])
    return pl.DataFrame([*ids, *found, given.alias("given"), same.alias("same")])


def _meanings(column: pl.Series) -> pl.Series:
    if column.dtype.is_nested() or column.dtype == pl.Binary:
        return absent(column.name, pl.Boolean(), len(column))
    words = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    words = words.str.replace_all(r"(\p{L})[\s_-]+(\p{L})", "$1 $2")
    return words.replace_strict(_MEANINGS, default=None, return_dtype=pl.Boolean)


def _judged(read: pl.DataFrame) -> pl.DataFrame:
    """Name, as `reason`, the first reason to leave a row out; null where there is none."""
    ids, rows = pl.selectors.starts_with("id_"), pl.selectors.starts_with("row_")
    parts = [name for name in read.columns if name.startswith("row_")]
    alone = {
        "no item": pl.any_horizontal(ids.is_null()),
        "no label": ~pl.col("given"),
        "unreadable label": pl.col("same").is_null(),
        "unknown item": pl.any_horizontal(rows.is_null()),
        "an item with itself": pl.any_horizontal(
            pl.col(part) == pl.col(other) for part, other in combinations(parts, 2)
        ),
    }
    return read.with_columns(_first(alone).alias("alone")).with_columns(
        pl.coalesce("alone", _first(_overruled(parts))).alias("reason")
    )


def _overruled(parts: Sequence[str]) -> dict[str, pl.Expr]:
    """Say which rows a later one makes useless: of those that can be used alone."""
    usable = pl.col("alone").is_null()
    if len(parts) > len(_PAIRS[0]):
        return {"repeated": usable & ~pl.struct("alone", *parts).is_last_distinct()}
    either = [pl.min_horizontal(*parts), pl.max_horizontal(*parts)]
    same = pl.col("same").last().over("alone", *either)
    later = (
        usable
        & ~pl.struct("alone", either[0].alias("low"), either[1].alias("high")).is_last_distinct()
    )
    return {
        "repeated": later & (pl.col("same") == same),
        "contradicted by a later row": later,
    }


def _first(reasons: Mapping[str, pl.Expr]) -> pl.Expr:
    return pl.coalesce(pl.when(holds).then(pl.lit(name)) for name, holds in reasons.items())


def _report(judged: pl.DataFrame, kept: int, parts: int, notes: tuple[str, ...]) -> TableReport:
    dropped = judged.drop_nulls("reason").group_by("reason", maintain_order=True).len()
    unknown = judged.filter(pl.col("reason") == "unknown item")
    ids = pl.concat(
        unknown.filter(pl.col(f"row_{part}").is_null())[f"id_{part}"] for part in range(parts)
    )
    examples = tuple(ids.unique(maintain_order=True).head(_EXAMPLES).to_list())
    return TableReport(
        name="pairs",
        rows=len(judged),
        kept=kept,
        dropped=dict(dropped.iter_rows()),
        examples={"unknown item": examples} if examples else {},
        notes=notes,
    )


def _table(kept: pl.DataFrame, parts: int, report: TableReport) -> PairTable:
    rows = [kept[f"row_{part}"].to_numpy().astype(np.int32) for part in range(parts)]
    group = np.arange(len(kept), dtype=np.int32)
    if parts == len(_PAIRS[0]):
        return PairTable(rows[0], rows[1], kept["same"].to_numpy(), group, report)
    return PairTable(
        first=np.repeat(rows[0], 2),
        second=np.stack(rows[1:], axis=1).ravel(),
        same=np.tile([True, False], len(kept)),
        group=np.repeat(group, 2),
        report=report,
    )


def _no_items(columns: Sequence[str]) -> str:
    pair, triplet = _PAIRS[0], _TRIPLETS[0]
    others = "; ".join(" and ".join(names) for names in _PAIRS[1:])
    return (
        f"fetch.pairs has no two items: its columns are {listed(columns)}. Name two of them "
        f"{pair[0]} and {pair[1]} (SELECT … AS {pair[0]}), or three of them "
        f"{', '.join(triplet)}; also read: {others}"
    )


def _nothing_left(report: TableReport, columns: Sequence[str], label: str | None) -> str:
    reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in report.dropped.items())
    return (
        f"none of the {report.rows:,} rows of fetch.pairs can be used ({reasons}). Items were read "
        f"from {' and '.join(map(repr, columns))}, labels from {label!r}"
    )
