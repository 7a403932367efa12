"""Rows about things that have an id, items or users, turned into one clean row per id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ..errors import SchemaError
from .cells import read_columns
from .columns import distinct_names, find_column, id_texts, named_column, required_column
from .report import TableReport
from .roles import Role, infer_roles
from .vectors import GivenVectors, read_vectors

__all__ = ["EntityTable", "entity_table"]

_EXAMPLES = 5
_VECTORS = {Role.IMAGE_VECTOR: "ImageVector", Role.TEXT_VECTOR: "TextVector"}
_TIME_NAMES = [
    "created_at",
    "created",
    "creation_date",
    "published_at",
    "publish_date",
    "release_date",
    "released_at",
    "listed_at",
    "added_at",
    "date_added",
    "timestamp",
]


@dataclass(frozen=True, slots=True)
class EntityTable:
    """Items or users: one row per id, every column of the type of its role."""

    frame: pl.DataFrame
    """The id column first, String; then the others under their own names, in their own order.

    Columns of vectors are not among them: they are in `vectors`.
    """
    id_column: str
    roles: Mapping[str, Role]
    """By column, in the order of the table, columns of vectors included."""
    time_column: str | None
    """When each came to be, Datetime in microseconds, UTC; None if the table does not say."""
    vectors: Mapping[Role, GivenVectors]
    """Vectors that the user computed, under IMAGE_VECTOR and TEXT_VECTOR, in row order."""
    report: TableReport

    @property
    def ids(self) -> list[str]:
        """Ids in row order; all differ, none is blank."""
        return self.frame[self.id_column].to_list()

    @property
    def image_columns(self) -> tuple[str, ...]:
        """Columns of pictures, in the order of the table."""
        return tuple(name for name, role in self.roles.items() if role is Role.IMAGE)


def entity_table(
    frame: pl.DataFrame,
    *,
    table: str,
    id_names: Sequence[str],
    id_column: str | None,
    created_at: str | None,
    features: Mapping[str, str],
) -> EntityTable:
    """Find the id, drop rows without one, keep the last row of every id, and type the columns.

    Parameters
    ----------
    frame
        The rows, in the order in which a later one replaces an earlier one.
    table
        What errors and the report call it.
    id_names
        Spellings of the id column, best first.
    id_column, created_at, features
        What the user stated; see `item_table`.
    """
    frame, notes = distinct_names(frame)
    id_column = required_column(
        frame.columns, id_names, named=id_column, table=f"fetch.{table}", part="id column"
    )
    ids = id_texts(frame[id_column])
    with_id = frame.with_columns(ids).filter(ids.is_not_null())
    is_last = with_id[id_column].is_last_distinct()
    repeated = with_id[id_column].filter(~is_last)
    kept = with_id.filter(is_last).select(id_column, pl.exclude(id_column))

    roles = infer_roles(kept, id_column=id_column, override=features)
    if created_at is not None:
        created_at = named_column(kept.columns, created_at, table=f"fetch.{table}")
        roles[created_at] = Role.TIME
    else:
        times = [name for name, role in roles.items() if role is Role.TIME]
        created_at = find_column(times, _TIME_NAMES)
    typed, nulled = read_columns(
        kept, {name: role for name, role in roles.items() if role not in _VECTORS}
    )
    vectors, no_vector, scaled = _vectors(kept, roles, table)
    dropped = {"no id": frame.height - with_id.height, "repeated id": len(repeated)}
    report = TableReport(
        name=table,
        rows=frame.height,
        kept=typed.height,
        dropped={reason: rows for reason, rows in dropped.items() if rows},
        nulled={**nulled, **no_vector},
        examples=_examples(repeated),
        notes=(*notes, *scaled),
    )
    return EntityTable(typed, id_column, roles, created_at, vectors, report)


def _vectors(
    frame: pl.DataFrame, roles: Mapping[str, Role], table: str
) -> tuple[dict[Role, GivenVectors], dict[str, dict[str, int]], tuple[str, ...]]:
    """Read the columns of vectors; say by column which cells are none, and what was done to them.

    Raises
    ------
    SchemaError
        If two columns are of one kind, or no row has a vector.
    """
    vectors: dict[Role, GivenVectors] = {}
    nulled: dict[str, dict[str, int]] = {}
    notes: list[str] = []
    for column, role in roles.items():
        if role not in _VECTORS:
            continue
        if role in vectors:
            message = (
                f"schema_override gives both {vectors[role].column!r} and {column!r} the type "
                f"{_VECTORS[role]}; a model takes one column of it"
            )
            raise SchemaError(message)
        vectors[role], reasons, scaled = read_vectors(frame[column])
        if frame.height and not vectors[role].presence.any():
            counted = {"null": frame[column].null_count(), **reasons}
            found = ", ".join(f"{cells:,} are {why}" for why, cells in counted.items() if cells)
            message = (
                f"none of the {frame.height:,} rows of fetch.{table} has a vector in {column!r}: "
                f"{found}; vectors are lists of numbers, and a join finds them by equal ids"
            )
            raise SchemaError(message)
        notes.extend(scaled)
        if reasons:
            nulled[column] = reasons
    return vectors, nulled, tuple(notes)


def _examples(repeated: pl.Series) -> dict[str, tuple[str, ...]]:
    found = tuple(repeated.unique(maintain_order=True).head(_EXAMPLES).to_list())
    return {"repeated id": found} if found else {}
