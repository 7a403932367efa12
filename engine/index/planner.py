"""Chooses how one query is answered, from how many rows there are and how many may be returned."""

from dataclasses import dataclass
from functools import lru_cache

from .base import Plan

__all__ = ["Choice", "choose"]

NARROW_SHARE = 1 / 16
"""Share of rows up to which numpy gathers the allowed ones: copying a row costs ten scanned."""

FEW_ROWS = 64
"""Rows that numpy gathers and scores in less time than it takes to call the byte scan."""

# Costs in rows scanned one after the other, 20 ns at 512 dimensions. `bench/search.py` has a table
# of every plan at every share.
_LISTED = 3  # a row scored on its own: the next one is read from memory only then
_STEP = 10  # rows scored for every row that a walk expands
_STRAY = 6  # one of these: it lies anywhere in memory, and is marked and sorted in
_SURE = 2  # how many times as long a walk may take as was thought, before it is given up


@dataclass(frozen=True, slots=True)
class Choice:
    """How to answer, and for a walk, how many rows to keep on the way and to score at most."""

    plan: Plan
    width: int = 0
    most_scored: int = 0


@lru_cache(maxsize=256)
def choose(
    n_rows: int,
    allowed: int,
    k: int,
    *,
    is_awake: bool,
    ef: int | None = None,
    entries: int = 0,
) -> Choice:
    """Choose the plan that takes the least time.

    A walk through the graph keeps `ef` allowed rows, or twice `k`, so that recall does not fall
    with k. The fewer rows are allowed, the more it has to pass for one of them, so that narrow
    filters are scanned: below a share of about 17 % among 100,000 rows, and 11 % among a million.
    A walk is chosen where it is thought to take half the time of the scan, and given up when it has
    taken twice what was thought: filters far off the query are the reason.

    Parameters
    ----------
    n_rows
        Rows that have a vector.
    allowed
        Rows of these that may be returned, at least 1.
    k
        Rows asked for, at most `allowed`.
    is_awake
        Whether compiled loops are at hand; without them there is numpy.
    ef
        Rows a walk keeps to reach its promise; None where there is no graph.
    entries
        Rows from which a walk chooses where to begin.
    """
    if not is_awake:
        return Choice("gather" if allowed <= n_rows * NARROW_SHARE else "scan")
    if allowed <= FEW_ROWS:
        return Choice("gather")
    if ef is None:
        return Choice("scan")
    width = max(ef, 2 * k)
    scored = entries + _STEP * width * n_rows // allowed
    scanned = min(n_rows, _LISTED * allowed)
    if _SURE * _STRAY * scored > scanned:
        return Choice("scan")
    return Choice("walk" if allowed == n_rows else "filtered walk", width, _SURE * scored)
