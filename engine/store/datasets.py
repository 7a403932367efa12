"""Datasets: tables in home that grow by Parquet segments, which are never rewritten."""

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, DatasetExistsError, DatasetNotFoundError, StorageError
from .atomic import replacement, storage_errors, sweep_partials, sync_folder, write_json
from .columns import fit, polars_type, type_name
from .home import Home
from .lock import dataset_lock

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "Inserted",
    "create_dataset",
    "dataset_segments",
    "delete_dataset",
    "insert_rows",
    "list_datasets",
]


@dataclass(frozen=True, slots=True)
class Inserted:
    """What an insert did."""

    dataset_name: str
    rows: int
    nulled: dict[str, int]
    """Cells per column that were not of the column's type and became null."""


def create_dataset(home: Home, name: str, column_schema: Mapping[str, str] | None = None) -> None:
    """Make an empty dataset; of several processes that ask for one name, one makes it.

    Parameters
    ----------
    home, name
        Where, and what it is called.
    column_schema
        Column name to Shaped type, such as ``{"user_id": "String"}``; None takes the columns and
        types of what is inserted first, for good.

    Raises
    ------
    DatasetExistsError
        If the name is taken.
    ConfigError
        If a type is not one Shaped has.
    """
    for column, wanted in (column_schema or {}).items():
        polars_type(column, wanted)
    folder = home.dataset(name)
    with dataset_lock(home, name), storage_errors(folder):
        if (folder / "dataset.json").is_file():
            message = (
                f"dataset {name!r} exists; add rows with `sightline dataset-insert`, "
                f"or remove it with `sightline delete-dataset --dataset-name {name}`"
            )
            raise DatasetExistsError(message)
        # A folder without the file is what a kill left here: the file is what makes a dataset.
        write_json(folder / "dataset.json", _document(name, column_schema))
        sync_folder(folder.parent)


def insert_rows(home: Home, name: str, frame: "pl.DataFrame") -> Inserted:
    """Append `frame` to a dataset as one segment, atomically.

    Cells that are not of the column's type become null and are counted. A number does not fit
    ``Date`` or ``DateTime``: keep times that are numbers in an ``Int64`` column.

    Raises
    ------
    DatasetNotFoundError
        If there is no such dataset.
    ConfigError
        If the columns of `frame` are not those of the dataset, or of no type that Shaped has.
    """
    with dataset_lock(home, name):
        folder = _existing(home, name)
        stated = _read_schema(folder)
        schema = stated or {
            column: type_name(column, dtype) for column, dtype in frame.schema.items()
        }
        typed, nulled = _typed(name, frame, schema)
        # Named by time, so that sources read the rows in the order they were inserted in.
        segment = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(2)}.parquet"
        sweep_partials(folder / "segments")
        with replacement(folder / "segments" / segment) as file:
            typed.write_parquet(file)
            if stated is None:
                write_json(folder / "dataset.json", _document(name, schema))
        sync_folder(folder)
    return Inserted(name, frame.height, nulled)


def dataset_segments(home: Home, name: str) -> Path:
    """Folder of the dataset's Parquet segments.

    Raises
    ------
    DatasetNotFoundError
        If there is no such dataset, or nothing was inserted yet.
    """
    segments = _existing(home, name) / "segments"
    if any(segments.glob("*.parquet")):
        return segments
    message = f"dataset {name!r} is empty; fill it with `sightline dataset-insert`"
    raise DatasetNotFoundError(message)


def list_datasets(home: Home) -> list[dict[str, Any]]:
    """Name, rows and columns (Shaped types) of every dataset, by name.

    One that cannot be read has an ``error_message`` instead of rows.
    """
    return [_described(home, name) for name in home.datasets()]


def delete_dataset(home: Home, name: str) -> None:
    """Remove a dataset and its rows; generations built from it keep what they hold."""
    with dataset_lock(home, name):
        home.remove(_existing(home, name))


def _described(home: Home, name: str) -> dict[str, Any]:
    import polars as pl

    described = {"dataset_name": name, "rows": 0, "columns": {}}
    try:
        folder = _existing(home, name)
        described["columns"] = _read_schema(folder) or {}
        segments = list((folder / "segments").glob("*.parquet"))
        described["rows"] = sum(
            pl.scan_parquet(segment).select(pl.len()).collect().item() for segment in segments
        )
    except (StorageError, DatasetNotFoundError, OSError, pl.exceptions.PolarsError) as error:
        return {**described, "rows": None, "error_message": str(error)}
    return described


def _existing(home: Home, name: str) -> Path:
    folder = home.dataset(name)
    with storage_errors(folder, action="read"):
        if (folder / "dataset.json").is_file():
            return folder
    known = ", ".join(home.datasets()) or "none"
    message = (
        f"no dataset {name!r} in {home.path} (datasets here: {known}); "
        f"make it with `sightline create-dataset --dataset-name {name}`"
    )
    raise DatasetNotFoundError(message)


def _document(name: str, schema: Mapping[str, str] | None) -> dict[str, Any]:
    return {"name": name, "column_schema": schema}


def _read_schema(folder: Path) -> dict[str, str] | None:
    path = folder / "dataset.json"
    try:
        with storage_errors(path, action="read"):
            schema: dict[str, str] | None = json.loads(path.read_text("utf-8"))["column_schema"]
        for column, wanted in (schema or {}).items():
            polars_type(column, wanted)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            f"{path} is damaged ({error}); make the dataset again: `sightline delete-dataset "
            f"--dataset-name {folder.name}`, then `sightline create-dataset`"
        )
        raise StorageError(message) from error
    return schema


def _typed(
    name: str, frame: "pl.DataFrame", schema: Mapping[str, str]
) -> tuple["pl.DataFrame", dict[str, int]]:
    missing = [column for column in schema if column not in frame.columns]
    unknown = [column for column in frame.columns if column not in schema]
    if missing or unknown:
        message = (
            f"rows for dataset {name!r} do not fit its column_schema: "
            f"missing {missing or 'nothing'}, unknown {unknown or 'nothing'}"
        )
        raise ConfigError(message)
    types = {column: polars_type(column, wanted) for column, wanted in schema.items()}
    typed = frame.select(fit(frame[column], dtype).alias(column) for column, dtype in types.items())
    lost = {
        column: typed[column].null_count() - frame[column].null_count() for column in typed.columns
    }
    return typed, {column: count for column, count in lost.items() if count}
