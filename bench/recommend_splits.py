"""A log of likes into what is learned from and what is judged by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SPLITS", "Log", "Split", "hold_out_after", "hold_out_last"]

_PARTS = 5
"""The last of this many is held out."""


@dataclass(frozen=True, slots=True)
class Log:
    """Likes, one per person and item; each person's are together, oldest first.

    `users`, `items` (rows, int32) and `times` (seconds since 1970, int64) run parallel, shape (e,).
    Likes of one person at the same time keep the order of their source.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    times: NDArray[np.int64]
    n_users: int
    n_items: int

    def __len__(self) -> int:
        return len(self.users)

    def where(self, kept: NDArray[np.bool_]) -> "Log":
        """Return the likes at which `kept`, shape (e,), is true; rows keep their meaning."""
        likes = (self.users[kept], self.items[kept], self.times[kept])
        return Log(*likes, n_users=self.n_users, n_items=self.n_items)

    def matrix(self) -> NDArray[np.float32]:
        """Return who likes what, 1 or 0, shape (users, items)."""
        matrix = np.zeros((self.n_users, self.n_items), np.float32)
        matrix[self.users, self.items] = 1
        return matrix

    def by_user(self) -> NDArray[np.int64]:
        """Count the likes of every person, shape (users,)."""
        return np.bincount(self.users, minlength=self.n_users)

    def by_item(self) -> NDArray[np.int64]:
        """Count the likes of every item, shape (items,)."""
        return np.bincount(self.items, minlength=self.n_items)


@dataclass(frozen=True, slots=True)
class Split:
    """One log in two, over the same people and items."""

    train: Log
    test: Log

    @property
    def n_items(self) -> int:
        """How many items there are."""
        return self.train.n_items

    def judged(self) -> NDArray[np.int64]:
        """Return the rows of the people who have a held-out like, ascending."""
        return np.flatnonzero(self.test.by_user())

    def new_items(self) -> NDArray[np.int64]:
        """Return the rows of the items that nobody likes in `train`, ascending."""
        return np.flatnonzero(self.train.by_item() == 0)


def hold_out_last(log: Log) -> Split:
    """Hold out the last fifth of every person's likes, rounded up.

    Someone with a single like keeps it: there would be nothing to learn from.
    """
    counts = log.by_user()
    held_out = -(-counts // _PARTS)
    held_out[counts < 2] = 0
    starts = np.concatenate([[0], np.cumsum(counts)])
    place = np.arange(len(log)) - starts[log.users]
    is_later = place >= (counts - held_out)[log.users]
    return Split(log.where(~is_later), log.where(is_later))


def hold_out_after(log: Log) -> Split:
    """Hold out all likes from one moment on, before which lie four fifths of them.

    Likes at that very moment are all held out, so none is learned from that is as late as one
    that is judged by.
    """
    in_order = np.sort(log.times)
    moment = in_order[len(log) - len(log) // _PARTS - 1]
    is_later = log.times >= moment
    return Split(log.where(~is_later), log.where(is_later))


SPLITS: Mapping[str, Callable[[Log], Split]] = {
    "user-time": hold_out_last,
    "global-time": hold_out_after,
}
"""By the name of a protocol, how it splits; the validation slice is cut from `train` likewise."""
