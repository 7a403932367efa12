"""Files for other programs: refused before the work where they may not be, and written whole."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import OutputExistsError, StorageError, UnsupportedError
from .store.atomic import replacement

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TableFile", "check_free", "naming_the_output"]

_TABLES = (".parquet", ".pq", ".csv", ".json")


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table to be written, in the format that its name ends in: Parquet, CSV or JSON."""

    path: Path

    @classmethod
    def to_write(cls, path: Path, *, overwrite: bool) -> "TableFile":
        """Make sure that it may be written.

        Raises
        ------
        OutputExistsError
            If there is such a file and `overwrite` is false.
        UnsupportedError
            If its name ends otherwise.
        """
        if path.suffix.lower() not in _TABLES:
            message = (
                f"the name of {path} ends like no format that is written: end it in "
                f"{', '.join(_TABLES)}"
            )
            raise UnsupportedError(message)
        check_free([path], overwrite=overwrite)
        return cls(path)

    def write(self, frame: "pl.DataFrame") -> None:
        """Write `frame`; what was there before stays if the disk refuses.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        with naming_the_output(self.path), replacement(self.path) as file:
            suffix = self.path.suffix.lower()
            if suffix == ".csv":
                frame.write_csv(file)
            elif suffix == ".json":
                file.write(frame.write_json().encode())
            else:
                frame.write_parquet(file)


def check_free(files: Sequence[Path], *, overwrite: bool) -> None:
    """Raise an OutputExistsError if one of the files is there and may not be replaced."""
    for file in files:
        if file.exists() and not overwrite:
            message = f"{file} exists; give another name, or --overwrite (overwrite=True)"
            raise OutputExistsError(message)


@contextmanager
def naming_the_output(path: Path) -> Iterator[None]:
    """Speak of the output where the disk refuses: the store speaks of its home."""
    try:
        yield
    except StorageError as error:
        reason = getattr(error.__cause__, "strerror", None) or error.__cause__
        message = f"cannot write {path}: {reason}; choose another place for it"
        raise StorageError(message) from error
