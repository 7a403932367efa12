"""How well a ranking finds what people picked later, measured on their held-out entries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows, Scores
from .interactions import Interactions

__all__ = [
    "Judgement",
    "Metrics",
    "Values",
    "judge",
    "picks_of_items",
    "users_to_judge",
]

Values: TypeAlias = NDArray[np.float64]
"""One figure per user judged, shape (u,)."""

_MAX_USERS = 1_000
_MAX_USERS_OF_LARGE = 200
_LARGE = 100_000
"""Items above which fewer users are judged: ranking for one takes milliseconds per 100,000."""
_NOBODY = -1
"""Fills up lists that are shorter than k."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Means over the users judged, except `coverage` and `personalization`, which are of all lists.

    All but `auc` are at cut-off k, with m relevant items: those the user picked later. A list that
    is shorter than k is judged as if what it lacks had been wrong.

    - `ndcg`: binary gain, logarithmic discount (Järvelin & Kekäläinen, 2002); the ideal list holds
      min(k, m) hits.
    - `recall`, `precision`: hits divided by m and by k. `hit_ratio`: whether there is a hit.
    - `map`: mean average precision, the precision at every hit, summed and divided by min(k, m).
    - `mrr`: one divided by the place of the first hit, 0 without (Voorhees, 1999).
    - `auc`: the chance that a relevant item outscores another unseen one, ties by half (Hanley &
      McNeil, 1982), over the whole catalogue; None where only lists were to be had.
    - `coverage`: share of the catalogue that is in anyone's list (Ge et al., 2010).
    - `personalization`: one minus the mean cosine of two people's lists as sets, over all pairs
      (inter-user diversity: Zhou et al., 2010); None with fewer than two lists.
    - `novelty`: mean of -log2 of the share of all earlier picks that a shown item has (Vargas &
      Castells, 2011). Every item counts one pick more than it has, so that new ones are finite.
    - `average_popularity`: mean number of earlier picks that a shown item has.
    """

    k: int
    users: int
    ndcg: float
    recall: float
    precision: float
    hit_ratio: float
    map: float
    mrr: float
    auc: float | None
    coverage: float
    personalization: float | None
    novelty: float | None
    average_popularity: float | None

    def to_dict(self) -> dict[str, float]:
        """Return the figures that were measured, by name, rounded to five places."""
        return {name: round(value, 5) for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What `judge` saw of every user, kept apart so that methods and groups can be compared.

    `users`, shape (u,), are user rows; `lists`, shape (u, k), their item rows, best first, filled
    up with -1; `per_user` has the figures of `Metrics` that are means over users, by name, each of
    shape (u,). `n_items` is what `coverage` is a share of.
    """

    k: int
    n_items: int
    users: NDArray[np.int64]
    lists: Rows
    per_user: Mapping[str, Values]

    def __len__(self) -> int:
        return len(self.users)

    def metrics(self) -> Metrics:
        """Sum the users up; of nobody, every mean is 0."""
        means = {
            name: float(values.mean()) if len(self) else 0.0
            for name, values in self.per_user.items()
        }
        return Metrics(
            k=self.k,
            users=len(self),
            ndcg=means["ndcg"],
            recall=means["recall"],
            precision=means["precision"],
            hit_ratio=means["hit_ratio"],
            map=means["map"],
            mrr=means["mrr"],
            auc=means.get("auc"),
            coverage=_coverage(self.lists, self.n_items),
            personalization=_personalization(self.lists),
            novelty=means.get("novelty"),
            average_popularity=means.get("average_popularity"),
        )

    def only(self, kept: Mask) -> "Judgement":
        """Return what was seen of the users at which `kept`, shape (u,), is true."""
        per_user = {name: values[kept] for name, values in self.per_user.items()}
        return replace(self, users=self.users[kept], lists=self.lists[kept], per_user=per_user)

    def against(self, later: Interactions) -> "Judgement":
        """Judge the same lists by other held-out entries: those about some of the items, say.

        Users without a pick among `later` are left out, and so is `auc`.
        """
        kept = self.only(_picks_of_users(later)[self.users] > 0)
        per_user = {name: values for name, values in kept.per_user.items() if name != "auc"}
        hits, relevant = _hits(kept.lists, later, kept.users)
        return replace(kept, per_user=per_user | _accuracy(hits, relevant))


def users_to_judge(later: Interactions, *, n_items: int, seed: int = 0) -> list[int]:
    """Pick users who have held-out picks, at random, sorted.

    At most 1,000 are picked, at most 200 where there are more than 100,000 items: the standard
    error of an NDCG whose users spread by 0.2 is then 0.006, or 0.014.
    """
    judged = np.flatnonzero(_picks_of_users(later))
    most = _MAX_USERS if n_items <= _LARGE else _MAX_USERS_OF_LARGE
    if len(judged) > most:
        judged = np.sort(np.random.default_rng(seed).choice(judged, most, replace=False))
    users: list[int] = judged.tolist()
    return users


def picks_of_items(interactions: Interactions, n_items: int) -> NDArray[np.int64]:
    """Count how many people picked every item, shape (n_items,)."""
    return np.bincount(interactions.rows[interactions.weights > 0], minlength=n_items)


def judge(
    rank: Callable[[int, int], Rows],
    later: Interactions,
    users: Sequence[int],
    *,
    k: int,
    n_items: int,
    popularity: NDArray[np.int64] | None = None,
    score_all: Callable[[int], Scores] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Judgement:
    """Judge a ranking by what its users picked later.

    Parameters
    ----------
    rank
        Called with a user row and k; returns item rows, each once, best first, without what the
        user is known to have seen.
    later
        The held-out entries. Items turned down are like those nobody picked: wrong to show.
    users
        Which users to judge; every one must have a held-out pick.
    k
        Cut-off, 1 or more.
    n_items
        How many items could have been shown, which is what `coverage` is a share of.
    popularity
        How often every item of the catalogue was picked before, shape (n,): see `picks_of_items`.
        Without it there are no `novelty` and no `average_popularity`.
    score_all
        Called with a user row; returns the score of every item, shape (n,), NaN for what is not
        ranked. Without it there is no `auc`. A relevant item at NaN counts as scored last.
    progress
        Called with how many users are judged, and how many there are.

    Raises
    ------
    ValueError
        If a user has no held-out pick.
    """
    judged = np.asarray(users, np.int64)
    if np.any(_picks_of_users(later)[judged] == 0):
        message = "a user without a held-out pick cannot be judged: see users_to_judge"
        raise ValueError(message)
    lists = np.full((len(judged), k), _NOBODY, np.int32)
    auc = np.zeros(len(judged))
    for place, user in enumerate(users):
        ranked = rank(user, k)[:k]
        lists[place, : len(ranked)] = ranked
        if score_all is not None:
            history = later[user]
            auc[place] = _auc(score_all(user), history.rows[history.weights > 0])
        progress(place + 1, len(judged))
    per_user = _accuracy(*_hits(lists, later, judged))
    if score_all is not None:
        per_user["auc"] = auc
    if popularity is not None:
        share = (popularity + 1) / (popularity.sum() + len(popularity))
        per_user["novelty"] = _mean_shown(-np.log2(share), lists)
        per_user["average_popularity"] = _mean_shown(popularity.astype(np.float64), lists)
    return Judgement(k, n_items, judged, lists, per_user)


def _picks_of_users(later: Interactions) -> NDArray[np.int64]:
    """Count the picks of every user."""
    total = np.concatenate([[0], np.cumsum(later.weights > 0)])
    counts: NDArray[np.int64] = np.diff(total[later.offsets])
    return counts


def _hits(
    lists: Rows, later: Interactions, users: NDArray[np.int64]
) -> tuple[Mask, NDArray[np.int64]]:
    """Say which places of the lists are right, and how many items each user has to find."""
    owners = np.repeat(np.arange(len(later)), np.diff(later.offsets))
    width = 1 + max(int(later.rows.max(initial=0)), int(lists.max(initial=0)))
    picks = (owners * width + later.rows)[later.weights > 0]
    shown = users[:, None] * width + lists
    return np.isin(shown, picks) & (lists != _NOBODY), _picks_of_users(later)[users]


def _accuracy(hits: Mask, relevant: NDArray[np.int64]) -> dict[str, Values]:
    """Figures of every user from their hits, shape (u, k), and relevant items, shape (u,)."""
    k = hits.shape[1]
    places = np.arange(1, k + 1)
    discounts = 1.0 / np.log2(places + 1)
    findable = np.minimum(relevant, k)
    found = hits.sum(axis=1)
    return {
        "ndcg": (hits * discounts).sum(axis=1) / np.cumsum(discounts)[findable - 1],
        "recall": found / relevant,
        "precision": found / k,
        "hit_ratio": (found > 0).astype(np.float64),
        "map": (hits * np.cumsum(hits, axis=1) / places).sum(axis=1) / findable,
        "mrr": (hits / places).max(axis=1),
    }


def _auc(scores: Scores, relevant: Rows) -> float:
    """Chance that a relevant item outscores another; 0.5 where there is no other."""
    right = np.sort(np.nan_to_num(scores[relevant], nan=-np.inf))
    others = np.delete(scores, relevant)
    others = others[~np.isnan(others)]
    if len(others) == 0:
        return 0.5
    below = np.searchsorted(right, others, side="left") + np.searchsorted(right, others, "right")
    return 1.0 - float(below.sum()) / (2 * len(others) * len(right))


def _mean_shown(values: Values, lists: Rows) -> Values:
    """Mean of the values of what each list shows; 0 for an empty one."""
    shown = lists != _NOBODY
    means: Values = (values[lists] * shown).sum(axis=1) / np.maximum(shown.sum(axis=1), 1)
    return means


def _coverage(lists: Rows, n_items: int) -> float:
    return len(np.unique(lists[lists != _NOBODY])) / max(n_items, 1)


def _personalization(lists: Rows) -> float | None:
    """One minus the mean cosine of all pairs of lists, without forming the pairs.

    With lists as unit vectors, the squared length of their sum is the sum of all their products:
    once each list with itself, which is 1, and twice every pair.
    """
    lengths = (lists != _NOBODY).sum(axis=1)
    people, places = np.nonzero(lists != _NOBODY)
    count = int(np.count_nonzero(lengths))
    if count < 2:
        return None
    total = np.bincount(lists[people, places], 1 / np.sqrt(lengths[people]))
    return 1.0 - float((total**2).sum() - count) / (count * (count - 1))
