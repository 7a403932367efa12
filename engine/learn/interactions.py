"""Events turned into one history per user, as the CSR arrays that ranking reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..types import History, Rows, Scores

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Interactions", "build_interactions", "no_interactions"]

_MICROSECONDS_PER_DAY = 86_400_000_000
_TIME_HELD_OUT = 0.2
_ENOUGH_TO_SPLIT = 5


@dataclass(frozen=True, slots=True)
class Interactions:
    """Histories of all users, one entry per user and item.

    User u's entries are ``offsets[u]:offsets[u + 1]``, oldest first, of `rows` (item rows),
    `weights` (above 0 picked, below 0 turned down) and `times` (microseconds since 1970); see
    `History`.
    """

    offsets: NDArray[np.int64]
    rows: Rows
    weights: Scores
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, user: int) -> History:
        span = slice(self.offsets[user], self.offsets[user + 1])
        return History(self.rows[span], self.weights[span], self.times[span])

    def __iter__(self) -> Iterator[History]:
        return (self[user] for user in range(len(self)))

    def fans(self, n_items: int) -> "tuple[NDArray[np.int64], NDArray[np.int32]]":
        """Turn the positive entries round: who picked every item.

        Returns
        -------
        offsets, users
            Item i was picked by the user rows ``users[offsets[i]:offsets[i + 1]]``, ascending.
        """
        users = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))
        picked = self.weights > 0
        rows, users = self.rows[picked], users[picked]
        offsets = np.zeros(n_items + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=n_items), out=offsets[1:])
        return offsets, users[np.argsort(rows, kind="stable")]

    def split_by_time(self) -> "tuple[Interactions, Interactions]":
        """Hold out the last fifth of every user's entries, at least one, by time.

        Users with fewer than five entries are left whole: what is left of a shorter history says
        too little of a taste to be judged by.

        Returns
        -------
        earlier, later
            Both over the same users; `later` is empty for users left whole.
        """
        counts = np.diff(self.offsets)
        held_out = np.maximum(1, (counts * _TIME_HELD_OUT).astype(np.int64))
        held_out[counts < _ENOUGH_TO_SPLIT] = 0
        place = np.arange(len(self.rows)) - np.repeat(self.offsets[:-1], counts)
        is_later = place >= np.repeat(counts - held_out, counts)
        return self.where(~is_later), self.where(is_later)

    def where(self, kept: NDArray[np.bool_]) -> "Interactions":
        """Return the entries at which `kept`, shape (e,), is true; users stay in place."""
        total = np.concatenate([[0], np.cumsum(kept)])
        offsets = total[self.offsets].astype(np.int64)
        return Interactions(offsets, self.rows[kept], self.weights[kept], self.times[kept])


def no_interactions() -> Interactions:
    """Return the histories of nobody: a model without events."""
    rows, weights = np.zeros(0, np.int32), np.zeros(0, np.float32)
    return Interactions(np.zeros(1, np.int64), rows, weights, np.zeros(0, np.int64))


def build_interactions(
    events: "pl.DataFrame",
    *,
    max_per_user: int | None = None,
    expiration_days: float | None = None,
) -> tuple[list[str], Interactions]:
    """Fold events into histories.

    Several events of one user about one item become one entry, with the weight of the strongest
    and the time of the latest; when the latest is negative (a return, a dislike) the entry is. Of
    events at the same time the later row is the later event.

    Parameters
    ----------
    events
        Columns user_id (str), item_row (int32), time (int64, microseconds), weight (float32).
    max_per_user
        Newest entries kept per user; None keeps all.
    expiration_days
        Events older than this before the newest event are left out; None keeps all.

    Returns
    -------
    user_ids, interactions
        User ids in sorted order; user row u is ``user_ids[u]``.
    """
    import polars as pl  # building only; a query in a fresh process does without

    kept = events.lazy()
    if expiration_days is not None:
        oldest = pl.col("time").max() - int(expiration_days * _MICROSECONDS_PER_DAY)
        kept = kept.filter(pl.col("time") >= oldest)
    last_weight = pl.col("weight").sort_by("time", maintain_order=True).last()
    entries = (
        kept.group_by("user_id", "item_row")
        .agg(
            weight=pl.when(last_weight < 0).then(last_weight).otherwise(pl.col("weight").max()),
            time=pl.col("time").max(),
        )
        .sort("user_id", "time", "item_row")
    )
    if max_per_user is not None:
        entries = entries.filter(pl.int_range(pl.len()).reverse().over("user_id") < max_per_user)
    table = entries.collect()
    users = table["user_id"].rle().struct.unnest()
    offsets = np.zeros(users.height + 1, np.int64)
    np.cumsum(users["len"].to_numpy(), out=offsets[1:])
    interactions = Interactions(
        offsets,
        table["item_row"].to_numpy().astype(np.int32),
        table["weight"].to_numpy().astype(np.float32),
        table["time"].to_numpy().astype(np.int64),
    )
    return users["value"].to_list(), interactions
