"""How well a ranking finds what people picked later, measured on their held-out entries."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from ..types import Rows
from .interactions import Interactions

__all__ = ["Metrics", "evaluate", "users_to_judge"]

_MAX_USERS = 1_000
_MAX_USERS_OF_LARGE = 200
_LARGE = 100_000
"""Items above which fewer users are judged: ranking for one takes milliseconds per 100,000."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Means over the users judged, except `coverage`.

    All are at cut-off k with binary relevance. `ndcg` follows Järvelin & Kekäläinen (2002); its
    ideal list holds min(k, relevant) hits. `coverage` is the share of the catalogue that was shown
    to anyone.
    """

    k: int
    users: int
    ndcg: float
    recall: float
    hit_ratio: float
    mrr: float
    coverage: float

    def to_dict(self) -> dict[str, float]:
        """Return the figures by name, rounded to five places."""
        return {name: round(value, 5) for name, value in asdict(self).items()}


def users_to_judge(later: Interactions, *, n_items: int, seed: int = 0) -> list[int]:
    """Pick users who have held-out picks, at random, sorted.

    At most 1,000 are picked, at most 200 where there are more than 100,000 items: the standard
    error of an NDCG whose users spread by 0.2 is then 0.006, or 0.014.
    """
    picks = np.concatenate([[0], np.cumsum(later.weights > 0)])
    judged = np.flatnonzero(np.diff(picks[later.offsets]))
    most = _MAX_USERS if n_items <= _LARGE else _MAX_USERS_OF_LARGE
    if len(judged) > most:
        judged = np.sort(np.random.default_rng(seed).choice(judged, most, replace=False))
    users: list[int] = judged.tolist()
    return users


def evaluate(
    rank: Callable[[int, int], Rows],
    later: Interactions,
    users: list[int],
    *,
    n_items: int,
    k: int = 10,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Metrics:
    """Judge a ranking by what its users picked later.

    Parameters
    ----------
    rank
        Called with a user row and k; returns item rows, best first, without what the user is known
        to have seen.
    later
        The held-out entries.
    users
        Which users to judge; every one must have a held-out pick.
    n_items
        Size of the catalogue.
    k
        Cut-off.
    progress
        Called with how many users are judged, and how many there are.
    """
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    figures = np.zeros((len(users), 4))
    shown: set[int] = set()
    for place, user in enumerate(users):
        history = later[user]
        relevant = history.rows[history.weights > 0]
        ranked = rank(user, k)
        shown.update(ranked.tolist())
        hits = np.isin(ranked, relevant)
        ideal = discounts[: min(k, len(relevant))].sum()
        first = 1.0 / (np.argmax(hits) + 1) if hits.any() else 0.0
        gain = discounts[: len(hits)][hits].sum()
        figures[place] = gain / ideal, hits.sum() / len(relevant), hits.any(), first
        progress(place + 1, len(users))
    ndcg, recall, hit_ratio, mrr = figures.mean(axis=0).tolist() if users else [0.0] * 4
    return Metrics(k, len(users), ndcg, recall, hit_ratio, mrr, len(shown) / max(n_items, 1))
