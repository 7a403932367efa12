"""A search with a person in mind: how well an item answers, and how much it is to their liking."""

import numpy as np

from ..types import Scores
from .fuse import Ranked, best_first

__all__ = ["blended"]


def blended(found: Ranked, liked: Ranked, weight: float) -> Ranked:
    """Mix the scores of candidates with what a person would make of them, best first.

    A score is (1 - w) of the query's own and w of the liking, brought to 0 to 1 over the
    candidates: what the person likes best of what answers the query gets all of it.

    Parameters
    ----------
    found
        What answers the query, scored 0 to 1.
    liked
        The same rows or some of them, in any order, with scores of any range; of those that are
        missing, the least is thought.
    weight
        w, from 0 to 1.

    Returns
    -------
    Ranked
        The rows of `found`; the liking joins the parts as ``personal``.
    """
    own = np.float32(1 - weight)
    parts = {name: part * own for name, part in found.parts.items()}
    parts["personal"] = _liking(found, liked) * np.float32(weight)
    scores = found.scores * own + parts["personal"]
    plans = {**liked.plans, **found.plans}
    return best_first(Ranked(found.rows, scores, parts, plans), len(found.rows))


def _liking(found: Ranked, liked: Ranked) -> Scores:
    """Return the liking of the candidates in the order of `found`, 0 to 1, shape (m,)."""
    liking = np.zeros(len(found.rows), np.float32)
    if len(liked.rows) == 0:
        return liking
    least, most = liked.scores.min(), liked.scores.max()
    if not most > least:
        return liking
    order = np.argsort(liked.rows)
    places = np.searchsorted(liked.rows[order], found.rows)
    places = order[np.minimum(places, len(order) - 1)]
    known = liked.rows[places] == found.rows
    liking[known] = (liked.scores[places[known]] - least) / (most - least)
    return liking
