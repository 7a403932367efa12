"""Joins all that keeps items from being shown: a request's filter, and those of the model."""

import threading
from functools import cached_property

import numpy as np

from .snapshot import Snapshot
from .types import History, Mask, Rows

__all__ = ["Filters"]

_KEPT = 64
_KEPT_BYTES = 64_000_000
_NAMED = 10  # hidden ids that a note names


class Filters:
    """Says which items of one generation may be shown; threads may share it.

    Masks of the latest filters are kept, as far as they take up less than 64 MB: one of them is a
    byte per item, and to compute it anew takes a millisecond, reading its columns more.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        # A dictionary, not functools.lru_cache: that would tie this object into a cycle, and the
        # files of a generation nobody uses any more would stay open until the collector comes by.
        self._masks: dict[str, Mask] = {}
        self._lock = threading.Lock()

    def allowed(self, predicate: str | None, user_id: str | None = None) -> Mask | None:
        """Return which items may be shown, shape (n,), not to be written to; None: all.

        Parameters
        ----------
        predicate
            The filter of a request, if it has one.
        user_id
            Whom to; None: to nobody in particular.

        Raises
        ------
        FilterError
            If the predicate does not parse or does not fit the columns.
        """
        mask = self._shown if predicate is None else self._of(predicate)
        if user_id is None or len(rows := self._snapshot.hidden.from_person(user_id)) == 0:
            return mask
        own = np.ones(self._n_items, np.bool_) if mask is None else mask.copy()
        own[rows] = False
        return own

    def why_none(self, predicate: str | None, user_id: str | None = None) -> str | None:
        """Say why no item at all may be shown; None if one may."""
        allowed = self.allowed(predicate, user_id)
        if allowed is None or allowed.any():
            return None
        which = "every item" if predicate is None else "every item that passes the filter"
        if predicate is not None and not self._evaluated(predicate).any():
            return "no item passes the filter"
        for_all = self.allowed(predicate)
        if for_all is not None and not for_all.any():
            return f"{which} is hidden by fetch.global_filters of the model"
        return f"{which} is hidden from user {user_id!r} by fetch.personal_filters of the model"

    def told(self, named: Rows, user_id: str | None) -> list[str]:
        """Return notes on items that a request names and that the model hides."""
        hidden = self._snapshot.hidden
        rows = (
            [hidden.from_all] if user_id is None else [hidden.from_all, hidden.from_person(user_id)]
        )
        lost = named[np.isin(named, np.concatenate(rows))]
        if len(lost) == 0:
            return []
        ids = ", ".join(self._snapshot.item_ids[row] for row in lost[:_NAMED].tolist())
        return [f"items left out, hidden by the model's global or personal filters: {ids}"]

    def with_hidden(self, history: History, user_id: str) -> History:
        """Add what a person is never shown to what they have seen, as neither liked nor not."""
        rows = self._snapshot.hidden.from_person(user_id)
        rows = rows[~np.isin(rows, history.rows)]
        if len(rows) == 0:
            return history
        return History(
            np.concatenate([rows, history.rows]),
            np.concatenate([np.zeros(len(rows), np.float32), history.weights]),
            np.concatenate([np.zeros(len(rows), np.int64), history.times]),
        )

    @property
    def _n_items(self) -> int:
        return len(self._snapshot.item_ids)

    @cached_property
    def _shown(self) -> Mask | None:
        """Items that are shown at all, shape (n,); None: all."""
        rows = self._snapshot.hidden.from_all
        if len(rows) == 0:
            return None
        shown = np.ones(self._n_items, np.bool_)
        shown[rows] = False
        return shown

    def _of(self, predicate: str) -> Mask:
        with self._lock:
            mask = self._masks.pop(predicate, None)
        if mask is None:
            mask = self._evaluated(predicate)
            if self._shown is not None:
                mask = mask & self._shown
        most = max(1, min(_KEPT, _KEPT_BYTES // (len(mask) + len(predicate) + 1)))
        with self._lock:
            self._masks[predicate] = mask  # the latest is the last
            while len(self._masks) > most:
                del self._masks[next(iter(self._masks))]
        return mask

    def _evaluated(self, predicate: str) -> Mask:
        from .rank.filters import compile_filter, passing  # import Polars: most queries do without

        condition = compile_filter(predicate, self._snapshot.column_types())
        columns = self._snapshot.columns(condition.meta.root_names())
        return passing(condition, columns, self._n_items)
