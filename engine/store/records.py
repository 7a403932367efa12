"""Rows of a table as JSON lines that are read one at a time: the metadata of a response."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

__all__ = ["RecordTable"]

_BLOCK_BYTES = 1 << 22


class RecordTable:
    """The rows of a table, each a JSON object, memory-mapped.

    A response shows ten rows of perhaps a million: reading just those takes microseconds, where
    importing a table library would take longer than the whole query.

    Parameters
    ----------
    folder, stem
        Files are ``<folder>/<stem>.jsonl`` and ``<folder>/<stem>_offsets.npy``.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self._offsets = np.asarray(np.load(folder / f"{stem}_offsets.npy", mmap_mode="r"))
        lines = folder / f"{stem}.jsonl"
        is_empty = lines.stat().st_size == 0  # an empty file cannot be mapped
        self._lines = b"" if is_empty else np.memmap(lines, dtype=np.uint8, mode="r")

    @staticmethod
    def write(folder: Path, stem: str, frame: "pl.DataFrame") -> None:
        """Write the rows of `frame` in order, without binary columns, dates as ISO text."""
        import polars as pl
        import polars.selectors as cs

        path = folder / f"{stem}.jsonl"
        shown = frame.select(~cs.binary()).with_columns(
            cs.temporal().dt.to_string("iso:strict"), cs.by_dtype(pl.Decimal).cast(pl.Float64)
        )
        if shown.width == 0:  # write_ndjson would write no lines at all
            path.write_text("{}\n" * frame.height)
        else:
            shown.write_ndjson(path)
        offsets = np.concatenate([np.zeros(1, np.int64), *_line_ends(path)])
        np.save(folder / f"{stem}_offsets.npy", offsets)

    def rows(self, rows: Iterable[int]) -> list[dict[str, Any]]:
        """Return the given rows as dictionaries of JSON values, in the order asked for."""
        return [
            json.loads(bytes(self._lines[self._offsets[row] : self._offsets[row + 1]]))
            for row in rows
        ]


def _line_ends(path: Path) -> Iterator[NDArray[np.int64]]:
    """Yield, block by block of the file, the offsets just behind its newlines."""
    with path.open("rb") as file:
        start = 0
        while block := file.read(_BLOCK_BYTES):
            yield np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + (start + 1)
            start += len(block)
