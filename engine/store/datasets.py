"""Datasets: tables in home that grow by Parquet segments, which are never rewritten."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, DatasetExistsError, DatasetNotFoundError
from .atomic import storage_errors, write_json
from .home import Home

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

_SCALAR_TYPES = {
    "String": "String",
    "Bytes": "Binary",
    "Int32": "Int32",
    "Int64": "Int64",
    "Float": "Float32",
    "Double": "Float64",
    "Bool": "Boolean",
    "Boolean": "Boolean",
    "Date": "Date",
    "DateTime": "Datetime",
}
"""Shaped's column types to Polars'; ``Array(T)`` of any of them is a list."""


@dataclass(frozen=True, slots=True)
class Inserted:
    """What an insert did."""

    dataset_name: str
    rows: int
    nulled: dict[str, int]
    """Cells per column that were not of the column's type and became null."""


def create_dataset(home: Home, name: str, column_schema: Mapping[str, str] | None = None) -> None:
    """Make an empty dataset.

    Parameters
    ----------
    home, name
        Where, and what it is called.
    column_schema
        Column name to Shaped type, such as ``{"user_id": "String"}``; None takes the columns and
        types of what is inserted first.

    Raises
    ------
    DatasetExistsError
        If the name is taken.
    ConfigError
        If a type is not one Shaped has.
    """
    for column, type_name in (column_schema or {}).items():
        _polars_type(column, type_name)
    folder = home.dataset(name)
    if folder.exists():
        message = (
            f"dataset {name!r} exists; add rows with `sightline dataset-insert`, "
            f"or remove it with `sightline delete-dataset --dataset-name {name}`"
        )
        raise DatasetExistsError(message)
    write_json(folder / "dataset.json", {"name": name, "column_schema": column_schema})


def insert_rows(home: Home, name: str, frame: "pl.DataFrame") -> Inserted:
    """Append `frame` to a dataset as one segment, atomically.

    Cells that are not of the column's type become null and are counted.

    Raises
    ------
    DatasetNotFoundError
        If there is no such dataset.
    ConfigError
        If the columns of `frame` are not those of the dataset.
    """
    folder = _existing(home, name)
    document = json.loads((folder / "dataset.json").read_text("utf-8"))
    schema: dict[str, str] | None = document["column_schema"]
    nulled: dict[str, int] = {}
    if schema is not None:
        frame, nulled = _cast(name, frame, schema)
    segments = folder / "segments"
    with storage_errors(segments):
        segments.mkdir(exist_ok=True)
        # Named by time, so that sources read the rows in the order they were inserted in.
        segment = segments / f"{time.time_ns():020d}-{os.getpid()}.parquet"
        frame.write_parquet(segment.with_suffix(".partial"))
        segment.with_suffix(".partial").rename(segment)
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
    """Name, rows and columns of every dataset, by name."""
    import polars as pl

    listed = []
    for name in home.datasets():
        segments = sorted((home.dataset(name) / "segments").glob("*.parquet"))
        lazy = pl.scan_parquet(segments, missing_columns="insert") if segments else pl.LazyFrame()
        rows = lazy.select(pl.len()).collect().item() if segments else 0
        columns = {column: str(dtype) for column, dtype in lazy.collect_schema().items()}
        listed.append({"dataset_name": name, "rows": rows, "columns": columns})
    return listed


def delete_dataset(home: Home, name: str) -> None:
    """Remove a dataset and its rows; generations built from it keep what they hold."""
    home.remove(_existing(home, name))


def _existing(home: Home, name: str) -> Path:
    folder = home.dataset(name)
    if (folder / "dataset.json").is_file():
        return folder
    known = ", ".join(home.datasets()) or "none"
    message = (
        f"no dataset {name!r} in {home.path} (datasets here: {known}); "
        f"make it with `sightline create-dataset --dataset-name {name}`"
    )
    raise DatasetNotFoundError(message)


def _cast(
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
    types = {column: _polars_type(column, type_name) for column, type_name in schema.items()}
    typed = frame.select(
        _cast_column(frame[column], dtype).alias(column) for column, dtype in types.items()
    )
    lost = {
        column: typed[column].null_count() - frame[column].null_count() for column in typed.columns
    }
    return typed, {column: count for column, count in lost.items() if count}


def _cast_column(values: "pl.Series", dtype: "pl.DataType") -> "pl.Series":
    import polars as pl

    if values.dtype == pl.String and isinstance(dtype, pl.Date | pl.Datetime):
        return values.str.strptime(dtype, strict=False)
    return values.cast(dtype, strict=False)


def _polars_type(column: str, type_name: str) -> "pl.DataType":
    import polars as pl

    scalar = type_name.removeprefix("Array(").removesuffix(")")
    if scalar not in _SCALAR_TYPES:
        message = (
            f"column_schema.{column}: {type_name!r} is not a column type; "
            f"use one of {', '.join(_SCALAR_TYPES)}, or Array(…) of one"
        )
        raise ConfigError(message)
    dtype: pl.DataType = getattr(pl, _SCALAR_TYPES[scalar])()
    return pl.List(dtype) if type_name.startswith("Array(") else dtype
