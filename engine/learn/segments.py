"""Groups of users and of items that a ranking may serve better or worse than the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows
from .evaluation import Judgement, judge, picks_of_items, users_to_judge
from .interactions import Interactions

__all__ = ["Segments", "find_segments", "judge_among", "judge_segments"]

_WARM_PICKS = 5
_POWER_SHARE = 0.2
_HEAD_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Segments:
    """Who and what is in which group, by the group's name; groups may overlap.

    `users` are masks over all users, shape (u,):

    - ``cold users`` have fewer than five known picks, perhaps none; ``warm users`` have five or
      more.
    - ``power users`` are the warm ones among the most active fifth of all who picked anything; at
      a border of equally many picks, all who have as many stay out.

    `items` are masks over the catalogue, shape (n,):

    - ``new items``: nobody is known to have picked them.
    - ``head items``: the most picked ones that together have 80 % of all known picks; at the
      border, all that have as many picks are in. ``tail items`` are the other picked ones. Items
      are divided by their share of the picks, as Cremonesi, Koren & Turrin (2010) do, with the
      bound of the 80/20 rule.
    - ``items without picture``.
    """

    users: Mapping[str, Mask]
    items: Mapping[str, Mask]


def find_segments(earlier: Interactions, *, pictures: Mask) -> Segments:
    """Divide users and items by what is known before the held-out part.

    Parameters
    ----------
    earlier
        The entries a model may know of.
    pictures
        Which items have a picture, shape (n,).
    """
    given = np.diff(earlier.where(earlier.weights > 0).offsets)
    warm = given >= _WARM_PICKS
    taken = picks_of_items(earlier, len(pictures))
    head = taken >= _least_of_head(taken)
    users = {
        "cold users": ~warm,
        "warm users": warm,
        "power users": warm & (given > _most_of_ordinary(given)),
    }
    items = {
        "new items": taken == 0,
        "head items": head & (taken > 0),
        "tail items": ~head & (taken > 0),
        "items without picture": ~pictures,
    }
    return Segments(users, items)


def judge_segments(
    judgement: Judgement, later: Interactions, segments: Segments
) -> dict[str, Judgement]:
    """Divide what was seen of a ranking by segment.

    A segment of users keeps those of the judged users who are in it. A segment of items keeps the
    lists, which were ranked among everything unseen, and asks only for the held-out picks that are
    in it, of the users who have one.

    Parameters
    ----------
    judgement
        Of all users judged.
    later
        The held-out entries it was judged by.
    segments
        Of the same users and items.

    Returns
    -------
    judgements
        By segment; one that nobody judged is in has no users.
    """
    of_users = {
        name: judgement.only(mask[judgement.users]) for name, mask in segments.users.items()
    }
    of_items = {
        name: judgement.against(later.where(mask[later.rows]))
        for name, mask in segments.items.items()
    }
    return of_users | of_items


def judge_among(
    rank: Callable[[int, int, Rows], Rows],
    later: Interactions,
    items: Mask,
    *,
    k: int,
    popularity: NDArray[np.int64] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Judgement:
    """Judge how a segment's items are ranked among themselves, as if there were no others.

    New items seldom come before those that everybody picks; among themselves it shows what a
    ranking knows of them.

    Parameters
    ----------
    rank
        Called with a user row, k and the segment's item rows, ascending; returns the best of them.
    later
        The held-out entries. The users judged are those who picked one of the items: see
        `users_to_judge`.
    items
        The segment, shape (n,).
    k, popularity, progress
        As in `judge`.
    seed
        Of the choice of users.
    """
    only = np.flatnonzero(items).astype(np.int32)
    picked = later.where(items[later.rows])
    return judge(
        lambda user, k: rank(user, k, only),
        picked,
        users_to_judge(picked, n_items=len(only), seed=seed),
        k=k,
        n_items=len(only),
        popularity=popularity,
        progress=progress,
    )


def _most_of_ordinary(given: NDArray[np.int64]) -> int:
    """How many picks a user has at most who is not among the most active fifth."""
    active = np.sort(given[given > 0])
    ordinary = len(active) - int(len(active) * _POWER_SHARE)
    return int(active[ordinary - 1]) if ordinary else 0


def _least_of_head(taken: NDArray[np.int64]) -> int:
    """How many picks an item has at least that is in the head."""
    most_first = -np.sort(-taken)
    covered = np.cumsum(most_first)
    if len(covered) == 0 or covered[-1] == 0:
        return 0
    return int(most_first[np.searchsorted(covered, _HEAD_SHARE * covered[-1])])
