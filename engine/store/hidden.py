"""Items of a generation that are never shown, to anybody or to some, on disk."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Rows
from .ids import IdTable

__all__ = ["HiddenItems"]

_FROM_ALL = "hidden.npy"
_USERS, _OFFSETS, _FROM_SOME = "hidden_users", "hidden_offsets.npy", "hidden_rows.npy"


class HiddenItems:
    """What is not to be shown. Threads may share it.

    Parameters
    ----------
    folder
        Of the generation.
    files
        Names of what is in it, as its manifest has them: nothing is hidden where no such file is
        named. A file that is named and not there, swept away meanwhile, is an OSError: to show
        what is hidden would be worse.
    """

    def __init__(self, folder: Path, files: Collection[str]) -> None:
        self.from_all: Rows = _array(folder / _FROM_ALL) if _FROM_ALL in files else _NONE
        """Item rows that nobody is shown, each once."""
        self._users: IdTable | None = None
        if _FROM_SOME in files:
            self._users = IdTable(folder, _USERS)
            self._offsets = _array(folder / _OFFSETS)
            self._from_some = _array(folder / _FROM_SOME)

    @staticmethod
    def write_from_all(folder: Path, rows: Rows) -> None:
        """Write item rows that nobody is shown."""
        np.save(folder / _FROM_ALL, rows)

    @staticmethod
    def write_from_some(
        folder: Path, user_ids: Sequence[str], offsets: NDArray[np.int64], rows: Rows
    ) -> None:
        """Write, for ``user_ids[i]``, the item rows ``rows[offsets[i]:offsets[i + 1]]``."""
        IdTable.write(folder, _USERS, user_ids)
        np.save(folder / _OFFSETS, offsets)
        np.save(folder / _FROM_SOME, rows)

    def from_person(self, user_id: str) -> Rows:
        """Item rows that this person is not shown, each once, besides those that nobody is."""
        person = None if self._users is None else self._users.row(user_id)
        if person is None:
            return _NONE
        start, stop = self._offsets[person], self._offsets[person + 1]
        return self._from_some[start:stop]


def _array(path: Path) -> NDArray[Any]:
    return np.asarray(np.load(path, mmap_mode="r"))


_NONE = np.zeros(0, np.int32)
