"""Candidates for a person: what several retrievers bring, each for a reason of its own."""

from collections.abc import Callable

import numpy as np

from ..inference import Inference
from ..types import Mask, Rows
from .catalogue import Catalogue
from .fuse import SparseScores
from .pool import Found, Pool
from .profile import Profile

__all__ = ["FEW", "SIZES", "candidates"]

SIZES = {
    "knn": 300,
    "collaborative": 300,
    "trending": 100,
    "toplist": 100,
    "chronological": 50,
    "cold_start": 50,
    "random": 0,
}
"""How many candidates each retriever brings unless it is told otherwise."""
FEW = 800
"""So many allowed items are all candidates: scoring them takes no longer than retrieving some."""


def candidates(
    catalogue: Catalogue,
    profile: Profile,
    together: SparseScores,
    inference: Inference,
    allowed: Mask,
    k: int,
    *,
    rng: np.random.Generator | None = None,
) -> Pool:
    """Gather candidates for a person, and tell how those near in the ``taste`` space were found.

    `knn` brings what lies nearest to each of the latest picks in the taste space; `collaborative`
    what is picked together with them; `trending` and `toplist` what is popular now and ever;
    `chronological` the newest; `cold_start` the nearest, or without picks the newest, of those that
    hardly anyone picked yet; `random` a sample.

    Parameters
    ----------
    catalogue, profile
        The items and the person, who may have no picks.
    together
        How often each item is picked with theirs; see `Catalogue.picked_together`.
    inference
        The sizes of the retrievers.
    allowed
        What may be returned, shape (n,).
    k
        How many results are wanted: `trending` brings at least as many, so that there always are,
        unless it is switched off.
    rng
        For `random`.
    """
    pool = Pool()
    if np.count_nonzero(allowed) <= FEW and not inference.retriever_k_override:
        rows = np.flatnonzero(allowed).astype(np.int32)
        how = ("gather" if len(rows) else "none") if catalogue.taste.knows(profile) else None
        pool.add_nearest("taste", Found(rows, how))
        return pool
    sizes = {name: inference.size_of(name, default) for name, default in SIZES.items()}
    if sizes["trending"]:
        sizes["trending"] = max(sizes["trending"], k)
    near: dict[str, Callable[[int], Found]] = {
        "knn": lambda size: catalogue.taste.near_picks(profile, size, allowed),
        "cold_start": lambda size: _cold(catalogue, profile, size, allowed),
    }
    others: dict[str, Callable[[int], Rows]] = {
        "collaborative": lambda size: together.best(size, allowed),
        "trending": lambda size: _first(catalogue.facts.most_trending, size, allowed),
        "toplist": lambda size: _first(catalogue.facts.most_popular, size, allowed),
        "chronological": lambda size: _first(catalogue.facts.newest, size, allowed),
        "random": lambda size: _sample(allowed, size, rng or np.random.default_rng()),
    }
    for name, find in near.items():
        if sizes[name]:
            pool.add_nearest("taste", find(sizes[name]))
    for name, bring in others.items():
        if sizes[name]:
            pool.add(bring(sizes[name]))
    return pool


def _cold(catalogue: Catalogue, profile: Profile, size: int, allowed: Mask) -> Found:
    cold = allowed & catalogue.facts.is_cold
    if len(profile) == 0:
        return Found(_first(catalogue.facts.newest, size, cold), None)
    return catalogue.taste.cold_near_picks(profile, size, cold)


def _first(order: Rows, size: int, allowed: Mask) -> Rows:
    """Return the first `size` allowed rows of an order, looking no further than need be."""
    taken = 2 * size
    while True:
        rows = order[:taken]
        found = rows[allowed[rows]][:size]
        if len(found) == size or taken >= len(order):
            return found
        taken *= 8


def _sample(allowed: Mask, size: int, rng: np.random.Generator) -> Rows:
    rows = np.flatnonzero(allowed)
    return rng.choice(rows, min(size, len(rows)), replace=False).astype(np.int32)
