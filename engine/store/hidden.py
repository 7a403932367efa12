"""Items of a generation that are never shown, to anybody or to some, on disk."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..types import Rows
from .ids import IdTable

__all__ = ["HiddenItems"]

_FROM_ALL = "hidden.npy"
_USERS, _OFFSETS, _FROM_SOME = "hidden_users", "hidden_offsets.npy", "hidden_rows.npy"


class HiddenItems:
    """What is not to be shown; nothing where the folder has no files of it. Threads may share it.

    Parameters
    ----------
    folder
        Of the generation.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

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

    @cached_property
    def from_all(self) -> Rows:
        """Item rows that nobody is shown, each once."""
        return self._array(_FROM_ALL)

    def from_person(self, user_id: str) -> Rows:
        """Item rows that this person is not shown, each once, besides those that nobody is."""
        users = self._users
        person = None if users is None else users.row(user_id)
        if person is None:
            return _NONE
        start, stop = self._offsets[person], self._offsets[person + 1]
        return self._from_some[start:stop]

    @cached_property
    def _users(self) -> IdTable | None:
        has_users = (self._folder / _FROM_SOME).is_file()
        return IdTable(self._folder, _USERS) if has_users else None

    @cached_property
    def _offsets(self) -> NDArray[np.int64]:
        return np.asarray(np.load(self._folder / _OFFSETS, mmap_mode="r"))

    @cached_property
    def _from_some(self) -> Rows:
        return self._array(_FROM_SOME)

    def _array(self, name: str) -> Rows:
        path = self._folder / name
        return np.asarray(np.load(path, mmap_mode="r")) if path.is_file() else _NONE


_NONE = np.zeros(0, np.int32)
