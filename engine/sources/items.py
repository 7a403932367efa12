"""The rows of `fetch.items` turned into a catalogue: one typed row per item."""

from collections.abc import Mapping
from typing import TypeAlias

import polars as pl

from ..errors import SchemaError
from .entities import EntityTable, entity_table

__all__ = ["ITEM_ID_NAMES", "ItemTable", "item_table"]

ItemTable: TypeAlias = EntityTable

ITEM_ID_NAMES = [
    "item_id",
    "item",
    "iid",
    "product_id",
    "article_id",
    "sku",
    "asin",
    "parent_asin",
    "movie_id",
    "content_id",
    "video_id",
    "track_id",
    "book_id",
    "isbn",
    "post_id",
    "listing_id",
    "recipe_id",
]
"""Spellings of an item's id, best first; case and punctuation do not matter (``movieId``)."""


def item_table(
    frame: pl.DataFrame,
    *,
    id_column: str | None = None,
    created_at: str | None = None,
    features: Mapping[str, str] | None = None,
) -> ItemTable:
    """Clean the catalogue.

    Parameters
    ----------
    frame
        What the query returned. A later row with the same id replaces an earlier one.
    id_column
        The column that holds the id; None to look for one of `ITEM_ID_NAMES`, then ``id``.
    created_at
        The column that says when an item came to be; None to look for one of the usual names
        among the columns that hold times.
    features
        Column to Shaped feature type, for columns whose role should not be guessed.

    Returns
    -------
    ItemTable
        With at least one row. Its report counts rows without an id, rows replaced by a later one,
        and cells that are null now because they did not hold what their column holds. Columns
        stated to be ImageVector or TextVector are its `vectors`, and not in its frame.

    Raises
    ------
    ConfigError
        If a column is named that is not there, or a feature type is unknown.
    SchemaError
        If no column can be the id, no row is left, two columns are stated to hold vectors of one
        kind, or one stated to hold them holds none.
    """
    table = entity_table(
        frame,
        table="items",
        id_names=[*ITEM_ID_NAMES, "id"],
        id_column=id_column,
        created_at=created_at,
        features=features or {},
    )
    if not frame.height:
        message = "fetch.items returned no rows; look at its WHERE clause and at the files it reads"
        raise SchemaError(message)
    if not table.frame.height:
        message = (
            f"none of the {frame.height:,} rows of fetch.items has an id: "
            f"{table.id_column!r} is null or blank in all of them"
        )
        raise SchemaError(message)
    return table
