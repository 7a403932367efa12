"""Events since a generation was built, folded into its histories in memory."""

import threading
from typing import TypeAlias

import numpy as np

from ..types import History
from .interactions import Interactions, joined_weight

__all__ = ["RecentHistories"]

_User: TypeAlias = int | str
_Entry: TypeAlias = tuple[int, float, int]


class RecentHistories:
    """Histories of a generation that take in new events; threads may share it.

    An event is put down when it comes and folded when its user is next asked for: adding costs the
    same however long the history, asking costs one pass over it, once.

    Parameters
    ----------
    base
        The histories of the generation; they stay as they are.
    is_timed
        False where the table of events had no times, so that those of `base` are positions in it:
        what is added then stands behind all of `base`, in the order it comes.
    """

    def __init__(self, base: Interactions, *, is_timed: bool = True) -> None:
        self._base = base
        self._folded: dict[_User, History] = {}
        self._waiting: dict[_User, list[_Entry]] = {}
        self._lock = threading.Lock()
        self._next_position = None if is_timed else int(base.times.max(initial=-1)) + 1

    def add(self, user: _User, item_row: int, weight: float, time: int) -> None:
        """Take in an event.

        Parameters
        ----------
        user
            The user row, or for somebody whom the generation does not know any text of their own.
        item_row
            Which item.
        weight
            Above 0 for a pick, below 0 for an item turned down; not 0.
        time
            Microseconds since 1970.
        """
        with self._lock:
            if self._next_position is not None:
                time = self._next_position
                self._next_position += 1
            self._waiting.setdefault(user, []).append((item_row, weight, time))

    def history(self, user: _User) -> History:
        """Return what `user` picked, oldest first, of somebody unknown nothing.

        It is the history that `build_interactions` would make of all events, the added ones last,
        but for its limits. One thing only a rebuild gets right: an event dated before the latest
        one about its item counts if both it and the entry are picks, and is passed over if not.
        """
        with self._lock:
            history = self._folded.get(user)
            if history is None:
                history = _NOTHING if isinstance(user, str) else self._base[user]
            if waiting := self._waiting.pop(user, None):
                history = self._folded[user] = _joined(history, waiting)
            return history


_NOTHING = History(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))


def _joined(history: History, events: list[_Entry]) -> History:
    """Fold events, in the order they came, into a history."""
    touched = np.isin(history.rows, np.array([item for item, _, _ in events], np.int32))
    columns = (history.rows[touched], history.weights[touched], history.times[touched])
    earlier = zip(*(column.tolist() for column in columns), strict=True)
    entries = {item: (weight, time) for item, weight, time in earlier}
    for item, weight, time in events:
        known = entries.get(item)
        entries[item] = (weight, time) if known is None else _folded(known, weight, time)
    new_weights, new_times = zip(*entries.values(), strict=True)
    rows = np.concatenate([history.rows[~touched], np.array(list(entries), np.int32)])
    weights = np.concatenate([history.weights[~touched], np.array(new_weights, np.float32)])
    times = np.concatenate([history.times[~touched], np.array(new_times, np.int64)])
    order = np.lexsort((rows, times))
    return History(rows[order], weights[order], times[order])


def _folded(entry: tuple[float, int], weight: float, time: int) -> tuple[float, int]:
    known, latest = entry
    if time >= latest:
        return joined_weight(known, weight), time
    return (known, latest) if known < 0 or weight < 0 else (joined_weight(known, weight), latest)
