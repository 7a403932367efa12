"""The columns of items that say what kind, how dear and how new each is, as arrays for ranking."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ItemFacts", "item_facts"]

_PRICES = ("price", "sale_price", "current_price", "amount", "cost", "list_price")
_MOST_CATEGORIES = 4
_FEWEST_OF_A_KIND = 2


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What the catalogue's own columns say, in item-row order; see `rank.facts.Facts`.

    `newness`, shape (n,), is the share of the items with a time that are not newer, NaN without a
    time. `prices`, shape (n,), are NaN where there is none or it is below 0. `categories`, shape
    (n, g), are codes of the first four columns of categories, -1 where there is none.
    """

    newness: NDArray[np.float32]
    prices: NDArray[np.float32]
    categories: NDArray[np.int32]


def item_facts(
    frame: "pl.DataFrame", roles: Mapping[str, str], time_column: str | None
) -> ItemFacts:
    """Read the facts off the table of items.

    Parameters
    ----------
    frame
        The items, in item-row order.
    roles
        What every column is for, by its name: ``category`` and ``number`` count here. The price is
        the number whose name says so.
    time_column
        When each item came to be; None if the table does not say.
    """
    numbers = [name for name, role in roles.items() if role == "number"]
    named = {name.lower(): name for name in numbers}
    price = next((named[name] for name in _PRICES if name in named), None)
    kinds = [name for name, role in roles.items() if role == "category" and name in frame.columns]
    codes = [_codes(frame[name]) for name in kinds[:_MOST_CATEGORIES]]
    empty = np.zeros((frame.height, 0), np.int32)
    return ItemFacts(
        _newness(None if time_column is None else frame[time_column], frame.height),
        _prices(None if price is None else frame[price], frame.height),
        np.stack(codes, axis=1) if codes else empty,
    )


def _newness(times: "pl.Series | None", height: int) -> NDArray[np.float32]:
    newness = np.full(height, np.nan, np.float32)
    if times is None:
        return newness
    known = times.is_not_null().to_numpy()
    if known.any():
        moments = times.drop_nulls().to_physical().to_numpy()
        ranks = np.searchsorted(np.sort(moments), moments, side="right")
        newness[known] = (ranks / len(moments)).astype(np.float32)
    return newness


def _prices(column: "pl.Series | None", height: int) -> NDArray[np.float32]:
    if column is None:
        return np.full(height, np.nan, np.float32)
    with np.errstate(over="ignore"):  # what no float32 holds is no price
        numbers = column.cast(float).to_numpy().astype(np.float32)
    return np.where(np.isfinite(numbers) & (numbers >= 0), numbers, np.float32(np.nan))


def _codes(column: "pl.Series") -> NDArray[np.int32]:
    """Return codes in the order of the values; one that names a single item tells nothing: -1."""
    places = column.cast(str).rank("dense").fill_null(0).to_numpy().astype(np.int64)  # from 1
    is_kind = np.bincount(places, minlength=1) >= _FEWEST_OF_A_KIND
    is_kind[0] = False
    codes: NDArray[np.int32] = np.where(is_kind[places], places - 1, -1).astype(np.int32)
    return codes
