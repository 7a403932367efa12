"""Popularity and trend of every item, from the events about it."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..types import Rows, Scores

__all__ = ["derived_columns", "popularity", "trend"]

TREND_HALF_LIFE_DAYS = 7.0
_MICROSECONDS_PER_DAY = 86_400_000_000


def popularity(item_rows: Rows, weights: Scores, n_items: int) -> Scores:
    """Sum the weights of the positive entries about every item, shape (n_items,)."""
    positive = np.maximum(weights, 0)
    return np.bincount(item_rows, positive, minlength=n_items).astype(np.float32)


def trend(
    item_rows: Rows,
    weights: Scores,
    times: NDArray[np.int64],
    n_items: int,
    *,
    half_life_days: float = TREND_HALF_LIFE_DAYS,
) -> Scores:
    """Popularity of now: an entry counts half as much for each half-life before the newest one.

    Parameters
    ----------
    item_rows, weights, times
        Entries; shape (e,). Times in microseconds; when they are all alike, trend is popularity.
    n_items
        Size of the catalogue.
    half_life_days
        Above 0; infinite for popularity.

    Returns
    -------
    trend
        Shape (n_items,), scaled so that the most trending item has 1; all zeros without events.
    """
    if len(times) == 0:
        return np.zeros(n_items, np.float32)
    age_days = (times.max() - times) / _MICROSECONDS_PER_DAY
    decayed = popularity(item_rows, weights * np.exp2(-age_days / half_life_days), n_items)
    top = float(decayed.max(initial=0))
    return decayed / np.float32(top) if top > 0 else decayed


def derived_columns(event_rows: Rows, popular: Scores, trending: Scores) -> pl.DataFrame:
    """Shaped's derived columns, one row per item; rank 1 is best and ties keep catalogue order.

    Parameters
    ----------
    event_rows
        The item row of every event, shape (e,): what `_derived_interaction_count` counts.
    popular, trending
        Of every item, shape (n,).
    """
    counts = np.bincount(event_rows, minlength=len(popular))
    return pl.DataFrame(
        {
            "_derived_popular_rank": _ranks(popular),
            "_derived_trending_rank": _ranks(trending),
            "_derived_interaction_count": counts.astype(np.int64),
        }
    )


def _ranks(scores: Scores) -> NDArray[np.int64]:
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
