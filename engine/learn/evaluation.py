"""How well a ranking finds what people picked later, measured on their held-out entries."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from ..types import Rows
from .interactions import Interactions

__all__ = ["Metrics", "evaluate", "users_to_judge"]

MAX_USERS = 1_000
"""Users judged while building; more would tell the same mean to a tenth of its error."""


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


def users_to_judge(later: Interactions, *, seed: int = 0) -> list[int]:
    """Pick the users who have held-out picks, at most `MAX_USERS` of them, at random, sorted."""
    judged = [user for user in range(len(later)) if (later[user].weights > 0).any()]
    if len(judged) <= MAX_USERS:
        return judged
    return sorted(np.random.default_rng(seed).choice(judged, MAX_USERS, replace=False).tolist())


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
