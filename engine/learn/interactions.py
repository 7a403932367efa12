"""Events turned into one history per user, as the CSR arrays that ranking reads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..types import History, Rows, Scores
from .splits import user_time_split

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Interactions", "build_interactions", "joined_weight", "no_interactions"]

_MICROSECONDS_PER_DAY = 86_400_000_000
_NORM = 4
_LEAST_DECAY = 2.0**-20  # an old pick must not round to none


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
        """Hold out the last fifth of every user's entries: see `user_time_split`."""
        return user_time_split(self)

    def decayed(self, half_life_days: float | None) -> "Interactions":
        """Return the entries with weights that halve for every `half_life_days` of age.

        Age is counted from the newest entry of all, so this says what matters of a whole catalogue
        today: weights to learn from. Histories that are served keep their own, because ranking
        counts recency from each person's own newest pick. None changes nothing.
        """
        if half_life_days is None or len(self.times) == 0:
            return self
        age_days = (self.times.max() - self.times) / _MICROSECONDS_PER_DAY
        decay = np.maximum(np.exp2(-age_days / half_life_days), _LEAST_DECAY)
        return replace(self, weights=(self.weights * decay).astype(np.float32))

    def with_strangers(self, count: int) -> "Interactions":
        """Return the histories with those of `count` users after them who did nothing."""
        offsets = np.concatenate([self.offsets, np.full(count, self.offsets[-1])])
        return Interactions(offsets, self.rows, self.weights, self.times)

    def where(self, kept: NDArray[np.bool_]) -> "Interactions":
        """Return the entries at which `kept`, shape (e,), is true; users stay in place."""
        total = np.concatenate([[0], np.cumsum(kept)])
        offsets = total[self.offsets].astype(np.int64)
        return Interactions(offsets, self.rows[kept], self.weights[kept], self.times[kept])


def no_interactions() -> Interactions:
    """Return the histories of nobody: a model without events."""
    rows, weights = np.zeros(0, np.int32), np.zeros(0, np.float32)
    return Interactions(np.zeros(1, np.int64), rows, weights, np.zeros(0, np.int64))


def joined_weight(weight: float, later: float) -> float:
    """Fold the weight of one more event into that of an entry; see `build_interactions`.

    Examples
    --------
    >>> joined_weight(5.0, -1.0), joined_weight(-1.0, 0.5), round(joined_weight(2.0, 2.0), 3)
    (-1.0, 0.5, 2.378)
    """
    if later < 0 or weight < 0:
        return later
    strong, weak = max(weight, later), min(weight, later)
    ratio: float = (1 + (weak / strong) ** _NORM) ** (1 / _NORM)
    return strong * ratio


def build_interactions(
    events: "pl.DataFrame",
    *,
    max_per_user: int | None = None,
    expiration_days: float | None = None,
) -> tuple[list[str], Interactions]:
    """Fold events into histories.

    Several events of one user about one item become one entry with the time of the latest. When the
    latest is negative (a return, a dislike) the entry is it; otherwise the picks since the last
    negative one make its weight, ``(w1^4 + w2^4 + ...)^(1/4)``. So the strongest sets the weight, a
    glance beside a purchase adds next to nothing, and repeats of one kind gain slowly: twice 1.19,
    four times 1.41, sixteen times 2. That doing it again says more, but ever less so, is Hu, Koren
    & Volinsky's finding (2008), who take a logarithm; a norm can take in one event at a time, which
    `joined_weight` does. Of events at the same time the later row is the later event.

    Parameters
    ----------
    events
        Columns user_id (str), item_row (int32), time (int64, microseconds), weight (float32,
        not 0).
    max_per_user
        Newest entries kept per user; None keeps all.
    expiration_days
        Events older than this before the newest event are left out; None keeps all.

    Returns
    -------
    user_ids, interactions
        User ids in sorted order; user row u is ``user_ids[u]``. Entries of a user are in the order
        of their times, then of their item rows.
    """
    import polars as pl  # building only; a query in a fresh process does without

    if expiration_days is not None:
        oldest = pl.col("time").max() - int(expiration_days * _MICROSECONDS_PER_DAY)
        events = events.filter(pl.col("time") >= oldest)
    if events.is_empty():
        return [], no_interactions()
    user_ids = events["user_id"].unique().sort()
    users, items, times, weights = _entries(
        events["user_id"].cast(pl.Enum(user_ids)).to_physical().to_numpy(),
        events["item_row"].to_numpy(),
        events["time"].to_numpy(),
        events["weight"].to_numpy().astype(np.float64),
    )
    offsets = np.zeros(len(user_ids) + 1, np.int64)
    np.cumsum(np.bincount(users, minlength=len(user_ids)), out=offsets[1:])
    interactions = Interactions(
        offsets, items.astype(np.int32), weights.astype(np.float32), times.astype(np.int64)
    )
    if max_per_user is not None:
        interactions = interactions.where(
            offsets[users + 1] - np.arange(len(users)) <= max_per_user
        )
    return user_ids.to_list(), interactions


def _entries(
    users: NDArray[Any], items: NDArray[Any], times: NDArray[Any], weights: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Fold at least one event, any order, into one entry per user and item, in their order."""
    order = np.lexsort((times, items, users))
    users, items, times, weights = users[order], items[order], times[order], weights[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    starts = np.flatnonzero(is_first)
    ends = np.append(starts[1:], len(order)) - 1
    members = np.cumsum(is_first) - 1

    refusals = np.cumsum(weights < 0)
    counts = (weights > 0) & (refusals == refusals[ends][members])
    picks = np.where(counts, weights, 0)
    strongest = np.maximum.reduceat(picks, starts)
    shares = picks / np.maximum(strongest, np.finfo(np.float64).tiny)[members]
    joined = strongest * np.add.reduceat(shares**_NORM, starts) ** (1 / _NORM)
    users, items, times = users[starts], items[starts], times[ends]
    weights = np.where(weights[ends] < 0, weights[ends], joined)
    order = np.lexsort((items, times, users))
    return users[order], items[order], times[order], weights[order]
