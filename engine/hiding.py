"""What a model hides from people, as judging a ranking has to know it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .types import Mask, Rows

if TYPE_CHECKING:
    from .snapshot import Snapshot
    from .tables import SourceTables

__all__ = ["Hidden", "hidden_in_snapshot", "hidden_in_tables", "nothing_hidden"]

_NONE = np.zeros(0, np.int32)


class Hidden:
    """Says which items people may be shown when a ranking is judged by what they picked later.

    What nobody is shown, by ``fetch.global_filters``, is no part of the question: neither a place
    in a list nor a pick to be foretold. It says nothing of people, so the same is left out for all
    of them and for every ranking that is judged, and none gains by it.

    What one person is not shown, by ``fetch.personal_filters``, takes up no place in their list
    either, unless they picked some of it later. Then it is hidden because of what is to be
    foretold, such as all that they bought: to leave it out would tell the answers, or throw them
    away. At the time it was not hidden, and so it is not in their list.

    Parameters
    ----------
    n_items
        How many items there are.
    from_all
        Item rows that nobody is shown, each once.
    from_person
        Returns the item rows that a user row is not shown besides.
    """

    def __init__(self, n_items: int, from_all: Rows, from_person: Callable[[int], Rows]) -> None:
        self._n_items = n_items
        self._from_all = from_all
        self._from_person = from_person

    @property
    def n_shown(self) -> int:
        """How many items somebody may be shown."""
        return self._n_items - len(self._from_all)

    @property
    def proviso(self) -> str:
        """What to add to a word on held-out picks; nothing where nothing is hidden from all."""
        return ", of items that fetch.global_filters do not hide" if len(self._from_all) else ""

    @cached_property
    def shown(self) -> Mask:
        """Which items somebody may be shown, shape (n,), not to be written to."""
        shown = np.ones(self._n_items, np.bool_)
        shown[self._from_all] = False
        return shown

    def shown_to(self, user: int, later: Rows) -> Mask | None:
        """Return which items a user row may be shown, shape (n,); None: all.

        Parameters
        ----------
        user
            Who.
        later
            The item rows that they picked later.
        """
        own = self._from_person(user)
        if len(own) == 0 or np.isin(own, later).any():
            return self.shown if len(self._from_all) else None
        shown = self.shown.copy()
        shown[own] = False
        return shown


def nothing_hidden(n_items: int) -> Hidden:
    """Return what a model without such filters hides."""
    return Hidden(n_items, _NONE, lambda _: _NONE)


def hidden_in_snapshot(snapshot: "Snapshot") -> Hidden:
    """Return what a generation hides."""
    hidden, user_ids = snapshot.hidden, snapshot.user_ids
    return Hidden(
        len(snapshot.item_ids),
        hidden.from_all,
        lambda user: hidden.from_person(user_ids[user]),
    )


def hidden_in_tables(tables: "SourceTables", user_ids: Sequence[str]) -> Hidden:
    """Return what the generation that is made of `tables` will hide; `user_ids` by user row."""
    of_all, some = tables.hidden_from_all, tables.hidden_from_some
    places = {} if some is None else {user: at for at, user in enumerate(some.user_ids)}

    def from_person(user: int) -> Rows:
        place = places.get(user_ids[user])
        if some is None or place is None:
            return _NONE
        return some.rows[some.offsets[place] : some.offsets[place + 1]]

    return Hidden(len(tables.items.ids), _NONE if of_all is None else of_all.rows, from_person)
