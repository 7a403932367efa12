"""CSV, TSV, Parquet, JSON and .npy files, globs and dataset folders, made readable by SQL."""

import glob
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..errors import ConnectorError
from . import delimited, ndjson, npy
from .quoting import identifier, path_list
from .source import Loaded

__all__ = ["FileSource", "find_files"]

_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".npy": "npy",
}
_COMPRESSED = {".gz", ".zst"}


@dataclass(frozen=True, slots=True)
class FileSource:
    """One file, or several of one format that make up one table; columns are matched by name."""

    files: tuple[Path, ...]

    def load(self, connection: duckdb.DuckDBPyConnection, name: str) -> Loaded:
        """Make the files readable as `name`.

        Parquet stays where it is and is read by the query, so that only the columns asked for
        are; text is parsed once, here, with its unreadable lines counted. Types hold for the whole
        file, not for a sample of it: a column of numbers with one word in it is a column of text
        (and an item table turns it back into numbers, counting the word).
        """
        try:
            match _FORMATS[_suffix(self.files[0])]:
                case "npy":
                    return npy.load(connection, name, self.files)
                case "csv":
                    return delimited.load(connection, name, self.files)
                case "ndjson":
                    return ndjson.load(connection, name, self.files)
                case "json":
                    return self._load_json(connection, name)
                case _:
                    return self._view_parquet(connection, name)
        except duckdb.Error as error:
            message = f"{name!r} cannot be read from {self._described()}: {_first_line(error)}"
            raise ConnectorError(message) from error

    def _load_json(self, connection: duckdb.DuckDBPyConnection, name: str) -> Loaded:
        connection.execute(
            f"CREATE TABLE {identifier(name)} AS FROM read_json("
            f"{path_list(self.files)}, sample_size = -1, union_by_name = true)"
        )
        return Loaded()

    def _view_parquet(self, connection: duckdb.DuckDBPyConnection, name: str) -> Loaded:
        paths = tuple(str(file) for file in self.files)
        # The allow list of files is compared with patterns, not with the names they stand for, so
        # a file whose own name looks like a pattern has to be read before the gate closes.
        odd = any(glob.has_magic(path) for path in paths)
        connection.execute(
            f"CREATE {'TABLE' if odd else 'VIEW'} {identifier(name)} AS FROM read_parquet("
            f"{path_list(self.files)}, union_by_name = true)"
        )
        return Loaded(files_read_later=() if odd else paths)

    def _described(self) -> str:
        first = str(self.files[0])
        return first if len(self.files) == 1 else f"{first} and {len(self.files) - 1} more files"


def find_files(location: Path, *, name: str) -> tuple[Path, ...]:
    """Return the data files a path stands for: a file, a folder of Parquet segments, or a glob.

    Raises
    ------
    ConnectorError
        If there are none, they are empty, or their formats differ or are unknown.
    """
    if location.is_dir():
        files = tuple(sorted(location.glob("[!.]*.parquet")))
        missing = f"{location} holds no .parquet file; bind other files as {location}/*.csv"
    elif location.exists():
        files, missing = (location,), ""
    else:
        found = glob.glob(str(location), recursive=True)  # noqa: PTH207 - Path.glob wants a root
        files = tuple(Path(path) for path in sorted(found))
        missing = f"{location} does not exist"
    if not files:
        message = f"{name!r} has nothing to read: {missing}"
        raise ConnectorError(message)
    formats = {_FORMATS.get(_suffix(file)) for file in files}
    if len(formats) != 1 or None in formats:
        odd = next((file for file in files if _suffix(file) not in _FORMATS), files[0])
        message = (
            f"{name!r} is bound to {odd}, whose name ends like no format that is read, or unlike "
            f"its neighbours'; read are {', '.join(_FORMATS)}, text also as .gz or .zst"
        )
        raise ConnectorError(message)
    if not any(file.stat().st_size for file in files):
        message = f"{name!r} is bound to {files[0]}, which is empty (0 bytes)"
        raise ConnectorError(message)
    return files


def _suffix(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes[-2:]]
    return suffixes[0] if suffixes[-1:] and suffixes[-1] in _COMPRESSED else (suffixes or [""])[-1]


def _first_line(error: duckdb.Error) -> str:
    return str(error).split("\n", 1)[0].split(": ", 1)[-1]
