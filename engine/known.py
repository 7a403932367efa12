"""The ids that a model has: given ids into item rows, and what to say of the others."""

from collections.abc import Iterable, Sequence

import numpy as np

from .errors import UnknownItemError
from .store.ids import IdTable
from .types import Rows

__all__ = ["KnownItems"]

_NAMED = 10  # unknown ids that a note names


class KnownItems:
    """Finds the items of one generation by their ids."""

    def __init__(self, ids: IdTable, model_name: str) -> None:
        self._ids = ids
        self._model_name = model_name

    def row(self, item_id: str) -> int:
        """Return the row of an item.

        Raises
        ------
        UnknownItemError
            If there is none; it names the ids that are spelt alike.
        """
        row = self._ids.row(item_id)
        if row is None:
            near = self._ids.near(item_id)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "no id is like it"
            message = f"model {self._model_name!r} has no item {item_id!r}; {hint}"
            raise UnknownItemError(message)
        return row

    def rows(self, item_ids: Sequence[str], notes: list[str]) -> Rows:
        """Rows of the ids, each once; unknown ones are told of, and an error if all are."""
        known = self.by_id(item_ids, notes)
        if item_ids and not known:
            self.row(item_ids[0])  # raises, and names the ids that are spelt alike
        return np.array(list(known.values()), np.int32)

    def by_id(self, item_ids: Iterable[str], notes: list[str]) -> dict[str, int]:
        """Rows of the ids that there are, in the order given; the others are told of."""
        rows = self._ids.rows(item_ids)
        if unknown := [item_id for item_id, row in rows.items() if row is None]:
            notes.append(f"unknown items left out: {', '.join(unknown[:_NAMED])}")
        return {item_id: row for item_id, row in rows.items() if row is not None}
