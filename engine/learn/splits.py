"""Histories divided by time into what a model may learn from and what it is judged by."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .interactions import Interactions

__all__ = ["HELD_OUT", "global_time_split", "user_time_split"]

_SHARE = 0.2
_ENOUGH_TO_SPLIT = 5

HELD_OUT = {
    "user-time": "last fifth of every user's events, by time",
    "global-time": "last fifth of all events, by one moment in time",
}
"""What each split holds out, in words, by the name it has on the command line."""


def user_time_split(interactions: "Interactions") -> "tuple[Interactions, Interactions]":
    """Hold out the last fifth of every user's entries, at least one, by time.

    Users with fewer than five entries are left whole: what is left of a shorter history says
    too little of a taste to be judged by. What one user does late may precede what another does
    early, so this split asks what a person picks next, not what a shop sells next.

    Returns
    -------
    earlier, later
        Both over the same users; `later` is empty for users left whole. Items turned down are in
        either part like picks: they are seen, but never what a ranking should find.
    """
    counts = np.diff(interactions.offsets)
    held_out = np.maximum(1, (counts * _SHARE).astype(np.int64))
    held_out[counts < _ENOUGH_TO_SPLIT] = 0
    place = np.arange(len(interactions.rows)) - np.repeat(interactions.offsets[:-1], counts)
    is_later = place >= np.repeat(counts - held_out, counts)
    return interactions.where(~is_later), interactions.where(is_later)


def global_time_split(
    interactions: "Interactions", *, share: float = _SHARE
) -> "tuple[Interactions, Interactions]":
    """Hold out everything after one moment in time, as a shop meets it: new items, new people.

    The moment is the latest at which at most `share` of all entries are still to come. Entries at
    the moment itself are earlier: of a log whose times are days, or all alike, less than `share`
    is held out, down to nothing.

    Parameters
    ----------
    interactions
        All histories.
    share
        The part of the entries to hold out, 0 or more and below 1.

    Returns
    -------
    earlier, later
        Both over the same users; users whose first entry is after the moment are empty in
        `earlier`. Items turned down are in either part, as in `user_time_split`.
    """
    times = interactions.times
    held_out = int(len(times) * share)
    if held_out == 0:
        is_later = np.zeros(len(times), np.bool_)
    else:
        last_known = len(times) - held_out - 1
        is_later = times > np.partition(times, last_known)[last_known]
    return interactions.where(~is_later), interactions.where(is_later)
