"""Ids of a generation on disk: row to id and id to row, from memory-mapped files."""

import bisect
import difflib
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np

__all__ = ["IdTable"]

# A mistyped id is compared with every id up to here; beyond, only with its sorted neighbours.
_COMPARE_ALL = 5_000
_LOOKUPS_PER_ID = 10  # reading an id takes a tenth of finding one


class IdTable:
    """The ids of items or users, in row order.

    Three files: the ids' UTF-8 text end to end, where each starts, and the rows in sorted order of
    their ids. A lookup is a binary search, so opening costs nothing however many ids there are.

    Parameters
    ----------
    folder, stem
        Files are ``<folder>/<stem>.txt``, ``<stem>_offsets.npy`` and ``<stem>_order.npy``.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self._offsets = np.asarray(np.load(folder / f"{stem}_offsets.npy", mmap_mode="r"))
        self._order = np.asarray(np.load(folder / f"{stem}_order.npy", mmap_mode="r"))
        text = folder / f"{stem}.txt"
        is_empty = text.stat().st_size == 0  # an empty file cannot be mapped
        # As a memoryview: every slice of a np.memmap costs microseconds of bookkeeping.
        self._text = memoryview(b"") if is_empty else np.memmap(text, np.uint8, "r").data
        self._asked = 0
        self._known: dict[str, int] | None = None

    @staticmethod
    def write(folder: Path, stem: str, ids: Sequence[str]) -> None:
        """Write the files for `ids`, which must differ from one another."""
        encoded = [item.encode() for item in ids]
        offsets = np.zeros(len(ids) + 1, np.int64)
        np.cumsum([len(text) for text in encoded], out=offsets[1:])
        order = np.array(sorted(range(len(ids)), key=encoded.__getitem__), np.int32)
        (folder / f"{stem}.txt").write_bytes(b"".join(encoded))
        np.save(folder / f"{stem}_offsets.npy", offsets)
        np.save(folder / f"{stem}_order.npy", order)

    def rows(self, ids: Iterable[str]) -> dict[str, int | None]:
        """Return the row of each id, None where there is none, in the order given.

        The first few are looked up one by one; a process that asks for more of them than a look at
        all ids costs has them in a dictionary from then on.
        """
        wanted = list(ids)
        if self._known is None:
            self._asked += len(wanted)
            if self._asked < len(self) // _LOOKUPS_PER_ID:
                return {one: self.row(one) for one in wanted}
            self._known = {self[row]: row for row in range(len(self))}
        return {one: self._known.get(one) for one in wanted}

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, row: int) -> str:
        return self._bytes(row).decode()

    def row(self, item: str) -> int | None:
        """Row of the id, or None if there is none."""
        place = self._place(_bytes_of(item))
        if place == len(self) or self[self._order[place]] != item:
            return None
        return int(self._order[place])

    def beginning(self, start: str, limit: int) -> list[tuple[str, int]]:
        """Ids that begin with `start`, in their order and at most so many, with their rows."""
        place = self._place(_bytes_of(start))
        rows = self._order[place : place + limit]
        starts, ends = self._offsets[rows].tolist(), self._offsets[rows + 1].tolist()
        ids = (bytes(self._text[at:end]).decode() for at, end in zip(starts, ends, strict=True))
        begun = takewhile(lambda item: item.startswith(start), ids)
        return list(zip(begun, rows.tolist(), strict=False))

    def near(self, item: str, limit: int = 3) -> list[str]:
        """Ids that begin with `item`, then those spelt most like it in any case, for a message."""
        place = self._place(_bytes_of(item))
        if len(self) <= _COMPARE_ALL:
            rows = self._order
        else:
            rows = self._order[max(0, place - _COMPARE_ALL // 2) : place + _COMPARE_ALL // 2]
        longer = [self[row] for row in self._order[place : place + limit]]
        begun = [other for other in longer if other.startswith(item)]
        folded = {self[row].casefold(): self[row] for row in rows}
        alike = difflib.get_close_matches(item.casefold(), folded, n=limit, cutoff=0.6)
        return list(dict.fromkeys([*begun, *(folded[other] for other in alike)]))[:limit]

    def _place(self, encoded: bytes) -> int:
        return bisect.bisect_left(
            range(len(self)), encoded, key=lambda place: self._bytes(int(self._order[place]))
        )

    def _bytes(self, row: int) -> bytes:
        return bytes(self._text[self._offsets[row] : self._offsets[row + 1]])


def _bytes_of(item: str) -> bytes:
    # What a person types may hold half a surrogate pair: no id does, but it must be comparable.
    return item.encode(errors="surrogatepass")
