"""Joins labels with a model that is built: its next generation is this one with a label column."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from .label_set import LabelColumn, document_with, kept_columns, refuse_taken
from .labels import column_entry, column_frame
from .rank.labels import Judged
from .rank.query import Query
from .rank.response import LabelResponse
from .serve import Serving
from .snapshot import Snapshot, write_again
from .store.generation import Generation, new_generation, open_active
from .store.home import Home
from .store.lock import model_lock

if TYPE_CHECKING:
    from .encoders import Encoders

__all__ = ["relabel"]


def relabel(
    home: Home,
    model_name: str,
    column: LabelColumn,
    query: Query,
    *,
    item_ids: Sequence[str] | None,
    encoders: "Callable[[], Encoders]",
) -> LabelResponse:
    """Give a model a label column, in place of an earlier one of that name; see `Client.label`.

    What the answer may be refused for is refused before anything is written. The generation says
    what its label columns are, and `update-model` asks it: so there is one moment, the swap that
    makes it active, before which a kill leaves everything as it was and after which all is done.

    Parameters
    ----------
    home, model_name, column
        What is added to which model.
    query, item_ids
        What of it is to be told; the column is of all items.
    encoders
        Where the encoder that the model was built with is opened.
    """
    folder = home.existing_model(model_name)
    with model_lock(home, model_name):
        generation = open_active(folder)
        kept = kept_columns(generation.manifest) or ()
        others = [other for other in kept if other.name != column.name]
        refuse_taken([*others, column], generation.manifest["model_schema"]["item"])
        serving = Serving(generation, encoders, threads=1)
        judged = serving.judge(column.asked)
        response = serving.label(column.asked, judged, query, item_ids=item_ids)
        with new_generation(folder) as writer:
            items, columns = _tables(generation, kept, column, judged)
            write_again(writer, generation, items, columns)
            writer.commit(_manifest(generation, [*others, column], judged, columns))
    label, probability = column.names
    response.notes.append(f"generation {writer.number} has the columns {label!r}, {probability!r}")
    return response


def _tables(
    generation: Generation, kept: Sequence[LabelColumn], column: LabelColumn, judged: Judged
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the items and the columns of `FrozenTables` with the new columns among them."""
    snapshot = Snapshot(generation)
    replaced = {name for other in kept if other.name == column.name for name in other.names}
    columns = snapshot.columns().drop(replaced)
    # What a response shows of an item is what the table of items holds.
    shown = [name for name in snapshot.items.rows([0])[0] if name not in replaced]
    items = pl.concat([columns.select(shown), column_frame(column, judged)], how="horizontal")
    measured = columns.select(pl.exclude(items.columns))
    return items, pl.concat([items, measured], how="horizontal")


def _manifest(
    generation: Generation,
    label_columns: Sequence[LabelColumn],
    judged: Judged,
    columns: pl.DataFrame,
) -> dict[str, Any]:
    """Return what the next generation says of itself; the last of `label_columns` is new."""
    written = ("format_version", "generation", "files")  # by the writer
    manifest = {key: value for key, value in generation.manifest.items() if key not in written}
    *others, new = label_columns
    entries = {other.name: manifest["labels"][other.name] for other in others}
    schema = {name: str(dtype) for name, dtype in columns.schema.items()}
    return {
        **manifest,
        "config": document_with(manifest["config"], label_columns),
        "labels": {**entries, new.name: column_entry(new, judged)},
        "model_schema": {**manifest["model_schema"], "filter_columns": schema},
    }
