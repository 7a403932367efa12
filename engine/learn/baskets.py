"""Events into baskets, and what lies in one basket together, as every item's nearest others."""

from typing import TYPE_CHECKING

import numpy as np

from ..types import Rows, Scores
from .cooccurrence import picked_together
from .interactions import Interactions, no_interactions

if TYPE_CHECKING:
    import polars as pl

__all__ = ["BASKET_HOURS", "baskets", "bought_together"]

BASKET_HOURS = 6
"""A pause of so many hours, or more, begins another basket: an order, or a visit to the shop."""
_BOUGHT = 3.0
"""Weight from which on an event put an item into the cart or bought it; see `sources.weights`."""
_MICROSECONDS_PER_HOUR = 3_600_000_000


def baskets(events: "pl.DataFrame") -> Interactions:
    """Split what every person did at the pauses: a basket is a history of two items or more.

    What was bought or put into the cart makes baskets; where that makes none, as in tables of
    clicks or ratings, all picks do. Of what a person looks at in one visit much is looked at to
    choose among, and goes together no better than any two of a kind. What a person turned down in
    the end, or gave back, is in none of their baskets. Without times, all that a person did is one
    basket.

    Parameters
    ----------
    events
        As of `build_interactions`: columns user_id, item_row, time and weight.

    Returns
    -------
    Interactions
        By person, then by time; an item once per basket, every weight 1.
    """
    import polars as pl

    last = events.group_by("user_id", "item_row").agg(pl.col("weight").sort_by("time").last())
    picks = events.filter(pl.col("weight") > 0).join(
        last.filter(pl.col("weight") < 0), on=["user_id", "item_row"], how="anti"
    )
    found = _split(picks.filter(pl.col("weight") >= _BOUGHT))
    return found if len(found) else _split(picks)


def bought_together(
    events: "pl.DataFrame",
    n_items: int,
    *,
    expiration_days: float | None = None,
    threads: int = 1,
) -> tuple[Rows, Scores]:
    """Return, for every item, the others that lie in one basket with it.

    The cosine of two items' columns in the matrix of `baskets`, shrunk; see `picked_together` for
    what is returned.

    Parameters
    ----------
    events, expiration_days
        As of `build_interactions`.
    n_items
        Size of the catalogue.
    threads
        Threads to share the items; the result does not depend on it.
    """
    import polars as pl

    if expiration_days is not None:
        oldest = pl.col("time").max() - int(expiration_days * 24 * _MICROSECONDS_PER_HOUR)
        events = events.filter(pl.col("time") >= oldest)
    return picked_together(baskets(events), n_items, threads=threads)


def _split(picks: "pl.DataFrame") -> Interactions:
    import polars as pl

    if picks.is_empty():
        return no_interactions()
    pause = BASKET_HOURS * _MICROSECONDS_PER_HOUR
    is_next = (pl.col("user_id") != pl.col("user_id").shift()) | (pl.col("time").diff() >= pause)
    entries = (
        picks.sort("user_id", "time", "item_row")
        .select("item_row", "time", basket=is_next.fill_null(value=False).cum_sum())
        .unique(["basket", "item_row"], keep="first", maintain_order=True)
        .filter(pl.len().over("basket") > 1)
    )
    if entries.is_empty():
        return no_interactions()
    sizes = np.unique(entries["basket"].to_numpy(), return_counts=True)[1]
    return Interactions(
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        entries["item_row"].to_numpy().astype(np.int32),
        np.ones(entries.height, np.float32),
        entries["time"].to_numpy().astype(np.int64),
    )
