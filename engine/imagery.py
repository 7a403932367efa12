"""Joins a generation with its pictures: lists what became of each, and tries the failed again."""

from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from .errors import SchemaError
from .images.outcome import Outcome
from .pictures import open_image_cache, see_pictures
from .snapshot import Snapshot
from .store.generation import open_active
from .store.home import Home
from .store.recipe import Recipe

if TYPE_CHECKING:
    from .encoders import Encoders

__all__ = ["DUPLICATE", "list_pictures", "retry_failed"]

DUPLICATE = "duplicate"
"""Asks for copies of other items' pictures, as an outcome asks for its own."""

_FAILED = pl.col("outcome").is_in([outcome for outcome in Outcome if outcome.is_failure])


def list_pictures(
    home: Home,
    model_name: str,
    *,
    failed: bool,
    column: str | None,
    outcomes: Collection[str],
) -> pl.DataFrame:
    """List the pictures of the active generation; see `Client.images`."""
    known = [*map(str, Outcome), DUPLICATE]
    if unknown := next((outcome for outcome in outcomes if outcome not in known), None):
        message = f"there is no outcome {unknown!r}; it must be one of {', '.join(known)}"
        raise ValueError(message)
    pictures = Snapshot(open_active(home.existing_model(model_name))).pictures()
    if column is not None:
        columns = pictures["column"].unique(maintain_order=True).to_list()
        if column not in columns:
            there_are = f"they are {', '.join(map(repr, columns))}" if columns else "it has none"
            message = f"{column!r} is no image column of model {model_name!r}; {there_are}"
            raise SchemaError(message)
        pictures = pictures.filter(pl.col("column") == column)
    if failed:
        pictures = pictures.filter(_FAILED)
    if outcomes:
        pictures = pictures.filter(
            pl.col("outcome").is_in(list(outcomes))
            | (pl.col("placeholder") & (Outcome.PLACEHOLDER in outcomes))
            | (pl.col("near_duplicate_of").is_not_null() & (DUPLICATE in outcomes))
        )
    return pictures


def retry_failed(
    home: Home,
    model_name: str,
    *,
    encoders: "Encoders",
    allow_hosts: Collection[str],
    progress: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Try the failed pictures of the active generation once more; see `Client.retry_images`.

    They are fetched, encoded and measured into the caches, from where the next build takes them;
    the generation stays as it is.
    """
    folder = home.existing_model(model_name)
    generation = open_active(folder)
    snapshot = Snapshot(generation)
    failed = snapshot.pictures().with_columns(row=pl.int_range(pl.len()).over("column"))
    failed = failed.filter(_FAILED)
    cells = _failed_cells(snapshot, failed)
    after: Counter[str] = Counter()
    if cells.width:
        recipe = Recipe.load(folder)
        # What came in place of a picture, a page that says "busy", is as new as a download can be.
        with open_image_cache(home) as cache:
            for column in cells:
                cache.expire_downloads([cell.strip() for cell in column.drop_nulls()])
        looks = see_pictures(
            cells,
            cells.columns,
            encoders.reopen(generation.manifest["encoder"]).images,
            home=home,
            base_dir=Path(recipe.base_dir),
            allow_hosts={*recipe.allow_hosts, *allow_hosts},
            progress=progress,
        )
        after.update(looks.outcomes["outcome"].to_list())
    # A cell that did not fail is empty among `cells`, and one that did was not.
    after.pop(Outcome.MISSING, None)
    had = after.pop(Outcome.OK, 0) + after.pop(Outcome.PLACEHOLDER, 0)
    asked = failed.filter(pl.col("column").is_in(cells.columns))
    return {
        "model_name": model_name,
        "generation": generation.number,
        "retried": asked.height,
        "had": had,
        "before": _in_order(Counter(asked["outcome"].to_list())),
        "after": _in_order(after),
        "not_retried": failed.height - asked.height,
    }


def _failed_cells(snapshot: Snapshot, failed: pl.DataFrame) -> pl.DataFrame:
    """Return the cells that failed, a row per item that has any and a column per image column.

    The others are null. Columns of bytes are left out: a generation does not keep them.
    """
    rows = failed["row"].unique().sort()
    records = snapshot.items.rows(rows.to_list())
    columns = failed["column"].unique(maintain_order=True).to_list()
    kept = [column for column in columns if records and column in records[0]]
    table = pl.DataFrame(
        {column: [record[column] for record in records] for column in kept},
        schema=dict.fromkeys(kept, pl.String),
    )
    return table.select(
        pl.when(rows.is_in(failed.filter(pl.col("column") == column)["row"].implode()))
        .then(pl.col(column))
        .alias(column)
        for column in kept
    )


def _in_order(counts: Counter[str]) -> dict[str, int]:
    return {str(outcome): counts[outcome] for outcome in Outcome if counts[outcome]}
