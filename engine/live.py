"""Joins a generation's histories and the log of inserted events: what a person did up to now."""

import threading
from collections.abc import Callable

from .learn.interactions import Interactions
from .learn.recent import RecentHistories
from .sources.weights import weight_of
from .store.inserted import InsertedEvent
from .store.live import LiveEvents
from .types import History

__all__ = ["LiveHistories"]


class LiveHistories:
    """Histories of one generation that follow the log; threads may share it.

    Every question looks whether the log has grown, microseconds where it has not, so that an event
    counts in the next answer, whichever process inserted it. Events about items that the generation
    does not have are for the next build, which reads the whole log.

    Parameters
    ----------
    log
        The events inserted into the model.
    interactions
        The histories of the generation.
    user_row, item_row
        Row of an id in the generation, or None.
    offset
        How far the log is in `interactions`: `SourceTables.inserted_until` of the build.
    is_timed
        Whether the table of events had times; see `RecentHistories`.
    """

    def __init__(
        self,
        log: LiveEvents,
        interactions: Interactions,
        *,
        user_row: Callable[[str], int | None],
        item_row: Callable[[str], int | None],
        offset: int,
        is_timed: bool,
    ) -> None:
        self._log = log
        self._recent = RecentHistories(interactions, is_timed=is_timed)
        self._user_row, self._item_row = user_row, item_row
        self._offset = offset
        self._unread: dict[str, list[InsertedEvent]] = {}
        self._lock = threading.Lock()

    def history(self, user_id: str) -> History:
        """Return what a person picked and turned down, oldest first; of a stranger nothing.

        Raises
        ------
        StorageError
            If the log may not be read.
        """
        row = self._user_row(user_id)
        user = user_id if row is None else row
        with self._lock:
            self._follow()
            # Ids are looked up for those who are asked for: a log may hold a day of everybody.
            for event in self._unread.pop(user_id, ()):
                item = self._item_row(event.item_id)
                weight = weight_of(event.event_type, event.label)
                if item is not None and weight != 0:
                    self._recent.add(user, item, weight, event.time)
        return self._recent.history(user)

    def _follow(self) -> None:
        while (read := self._log.read_since(self._offset)).offset > self._offset:
            self._offset = read.offset
            for event in read.events:
                self._unread.setdefault(event.user_id, []).append(event)
