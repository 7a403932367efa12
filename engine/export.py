"""Joins a generation to files for other programs: the vectors of its items or of its users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from .errors import UnsupportedError
from .half import StoredVectors
from .output import check_free, naming_the_output
from .snapshot import Snapshot
from .store.atomic import replacement
from .store.generation import open_active
from .store.home import Home
from .types import Mask

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Format", "Modality", "What", "export"]

What: TypeAlias = Literal["items", "users"]
Format: TypeAlias = Literal["parquet", "npy"]
Modality: TypeAlias = Literal["image", "text"]

_SUFFIXES: dict[str, Format] = {".parquet": "parquet", ".pq": "parquet", ".npy": "npy"}


@dataclass(frozen=True, slots=True)
class _Column:
    """Vectors, shape (n, d), of the rows where `presence`, shape (n,), is true."""

    vectors: StoredVectors
    presence: Mask

    def to_dict(self) -> dict[str, int]:
        return {"rows": int(self.presence.sum()), "dim": int(self.vectors.shape[1])}


def export(
    home: Home,
    model_name: str,
    path: Path,
    *,
    what: What = "items",
    format: Format | None = None,
    vectors: Modality | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the vectors of a model's active generation to a file; see `Client.export`."""
    _check_known(what=(what, What), format=(format, Format), vectors=(vectors, Modality))
    written_as = format or _format_of(path)
    snapshot = Snapshot(open_active(home.existing_model(model_name)))
    if what == "users":
        id_name, id_table = "user_id", snapshot.user_ids
        columns = _of_users(snapshot, vectors)
    else:
        id_name, id_table = "item_id", snapshot.item_ids
        asked = "image" if vectors is None and written_as == "npy" else vectors
        columns = _of_items(snapshot, asked)
    ids = [id_table[row] for row in range(len(id_table))]
    _check_any(columns, model_name, what)
    ids_path = path.with_name(f"{path.stem}.ids.txt")
    files = [path] if written_as == "parquet" else [path, ids_path]
    check_free(files, overwrite=overwrite)
    with naming_the_output(path):
        if written_as == "parquet":
            rows = len(ids)
            _write_parquet(path, id_name, ids, columns)
        else:
            (column,) = columns.values()
            rows = _write_npy(path, ids_path, ids, column)
    return {
        "model_name": model_name,
        "what": what,
        "format": written_as,
        "files": [str(file) for file in files],
        "rows": rows,
        "vectors": {name: column.to_dict() for name, column in columns.items()},
    }


def _check_known(**options: tuple[str | None, Any]) -> None:
    for name, (value, known) in options.items():
        if value is not None and value not in get_args(known):
            message = f"{name} is {value!r}; it must be one of {', '.join(get_args(known))}"
            raise ValueError(message)


def _format_of(path: Path) -> Format:
    try:
        return _SUFFIXES[path.suffix.lower()]
    except KeyError:
        message = (
            f"the name of {path} ends like no format that is written: end it in "
            f"{', '.join(_SUFFIXES)}, or give the format, parquet or npy"
        )
        raise UnsupportedError(message) from None


def _of_items(snapshot: Snapshot, modality: Modality | None) -> dict[str, _Column]:
    catalogue = snapshot.catalogue
    columns = {
        "image_vector": _Column(catalogue.images.vectors, catalogue.facts.has_picture),
        "text_vector": _Column(catalogue.texts.vectors, catalogue.texts.presence),
    }
    return columns if modality is None else {f"{modality}_vector": columns[f"{modality}_vector"]}


def _of_users(snapshot: Snapshot, modality: Modality | None) -> dict[str, _Column]:
    if modality == "text":
        message = "users have one vector, of the pictures they pick; leave out which vectors"
        raise UnsupportedError(message)
    return {"vector": _Column(snapshot.people.tastes, snapshot.people.has_taste)}


def _check_any(columns: Mapping[str, _Column], model_name: str, what: What) -> None:
    """Refuse to write nothing but ids."""
    if not any(column.presence.any() for column in columns.values()):
        names = " or ".join(f"{name.replace('_', ' ')}s" for name in columns)
        message = (
            f"no {what} of model {model_name!r} have {names}; "
            f"`sightline view-model --model-name {model_name}` says what they have"
        )
        raise UnsupportedError(message)


def _write_parquet(
    path: Path, id_name: str, ids: Sequence[str], columns: Mapping[str, _Column]
) -> None:
    import polars as pl  # arrays alone do without

    vectors = [_lists(name, column) for name, column in columns.items()]
    frame = pl.DataFrame([pl.Series(id_name, ids, dtype=pl.String), *vectors])
    with replacement(path) as file:
        frame.write_parquet(file)


def _lists(name: str, column: _Column) -> "pl.Series":
    """Return the vectors as lists: of fixed-size arrays some readers of Parquet know nothing."""
    import polars as pl

    if column.vectors.shape[1] == 0:
        lists = pl.repeat(None, len(column.presence), dtype=pl.List(pl.Float32), eager=True)
    else:
        lists = pl.Series(np.asarray(column.vectors[:])).arr.to_list()
    present = pl.Series(np.asarray(column.presence))
    return pl.select(pl.when(present).then(lists).alias(name)).to_series()


def _write_npy(path: Path, ids_path: Path, ids: Sequence[str], column: _Column) -> int:
    """Write the rows that have a vector, and their ids one a line; return how many there are."""
    present = [text for text, has in zip(ids, column.presence.tolist(), strict=True) if has]
    broken = next((text for text in present if "\n" in text or "\r" in text), None)
    if broken is not None:
        message = (
            f"the id {broken!r} holds a line break, and {ids_path.name} has one id a line; "
            "export to Parquet"
        )
        raise UnsupportedError(message)
    # One inside the other: both take their places when both are written.
    with replacement(path) as file, replacement(ids_path) as ids_file:
        np.save(file, column.vectors[column.presence], allow_pickle=False)
        ids_file.write("".join(f"{text}\n" for text in present).encode())
    return len(present)
