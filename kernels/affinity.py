"""What candidates of many people have in common with their picks: colours, kind and price."""

import math

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .slate import Column, People, Pools, check_shape, typed_pools, typed_slate


def shared_colors(
    palettes: NDArray[np.float32], people: People, pools: Pools, column: Column
) -> None:
    """Compare the colours of candidates with those of the picks by their cosine.

    Parameters
    ----------
    palettes
        Shares of colours, shape (n, c); all 0 where nothing is known.
    people, pools
        Who is asked for, and their candidates.
    column
        Written to; known is what has colours. Where no pick has any, all values are 0.

    Raises
    ------
    ValueError
        If shapes do not fit each other, or a row, a count or an offset is outside its range.
    """
    colors = readonly(palettes, np.float32)
    slate = typed_slate(people, pools, column, len(colors))
    _shared_colors(colors, *slate, *column)


def shared_kinds(
    categories: NDArray[np.int32], people: People, pools: Pools, column: Column, *, n_codes: int
) -> None:
    """Say what share of picks, by strength, are of a candidate's kind, the mean over the columns.

    Parameters
    ----------
    categories
        Codes, shape (n, g); one that is not in 0..n_codes-1 is none.
    people, pools
        Who is asked for, and their candidates.
    column
        Written to; known is what has a kind in a column in which a pick has one.
    n_codes
        One more than the largest code.

    Raises
    ------
    ValueError
        As `shared_colors`.
    """
    codes = readonly(categories, np.int32)
    slate = typed_slate(people, pools, column, len(codes))
    _shared_kinds(codes, n_codes, *slate, *column)


def like_prices(
    prices: NDArray[np.float32],
    people: People,
    pools: Pools,
    column: Column,
    *,
    least_spread: float,
) -> None:
    """Say how near a candidate's price is to what a person pays: a normal density of log prices.

    Parameters
    ----------
    prices
        Shape (n,), NaN where there is none; below 0 counts as 0.
    people, pools
        Who is asked for, and their candidates.
    column
        Written to, 0 to 1; known is what has a price. Where no pick has one, all values are 0.
    least_spread
        Standard deviation at least, of the logarithm of 1 + price; above 0.

    Raises
    ------
    ValueError
        As `shared_colors`.
    """
    amounts = readonly(prices, np.float32)
    slate = typed_slate(people, pools, column, len(amounts))
    _like_prices(amounts, float(least_spread), *slate, *column)


def facts(values: NDArray[np.float32], pools: Pools, column: Column) -> None:
    """Say of every candidate what is known of the item, whoever it is for.

    Parameters
    ----------
    values
        Of the items, shape (n,); NaN where nothing is known.
    pools
        The candidates.
    column
        Written to.

    Raises
    ------
    ValueError
        If shapes do not fit each other, or a row or a count is outside its range.
    """
    items = readonly(values, np.float32)
    pools = typed_pools(pools, len(items))
    check_shape(*column, shape=pools.rows.shape)
    _facts(items, *pools, *column)


@kernel
def _shared_colors(
    palettes: NDArray[np.float32],
    offsets: NDArray[np.int64],
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> None:
    liked = np.empty(palettes.shape[1], np.float32)
    for person in range(counts.size):
        liked[:] = 0
        for i in range(offsets[person], offsets[person + 1]):
            for j in range(liked.size):
                liked[j] += strengths[i] * palettes[picks[i], j]
        square = np.float32(0)
        for j in range(liked.size):
            square += liked[j] * liked[j]
        for i in range(counts[person]):
            product, length = np.float32(0), np.float32(0)
            for j in range(liked.size):
                color = palettes[rows[person, i], j]
                product += color * liked[j]
                length += color * color
            known[person, i] = length > 0
            is_comparable = length > 0 and square > 0
            values[person, i] = product / np.sqrt(length * square) if is_comparable else 0.0


@kernel
def _shared_kinds(
    categories: NDArray[np.int32],
    n_codes: int,
    offsets: NDArray[np.int64],
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> None:
    kinds = np.zeros(n_codes, np.float32)  # of each, what the person's picks of it count
    told = np.empty(rows.shape[1], np.int32)  # columns in which a candidate has a kind
    for person in range(counts.size):
        span, pool = slice(offsets[person], offsets[person + 1]), rows[person]
        told[:] = 0
        values[person] = 0
        for column in range(categories.shape[1]):
            total = _count_kinds(categories[:, column], picks[span], strengths[span], kinds)
            for i in range(counts[person]):
                code = categories[pool[i], column]
                if total > 0 and 0 <= code < n_codes:
                    told[i] += 1
                    values[person, i] += kinds[code] / total
            _count_kinds(categories[:, column], picks[span], strengths[:0], kinds)
        for i in range(counts[person]):
            known[person, i] = told[i] > 0
            values[person, i] /= max(told[i], 1)


@kernel
def _count_kinds(
    codes: NDArray[np.int32],
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    kinds: NDArray[np.float32],
) -> np.float32:
    """Add up strengths by kind, and return their sum; without strengths, forget the kinds."""
    total = np.float32(0)
    for i in range(picks.size):
        code = codes[picks[i]]
        if 0 <= code < kinds.size:
            if strengths.size > 0:
                kinds[code] += strengths[i]
                total += strengths[i]
            else:
                kinds[code] = 0
    return total


@kernel
def _like_prices(
    prices: NDArray[np.float32],
    least_spread: float,
    offsets: NDArray[np.int64],
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> None:
    for person in range(counts.size):
        total, mean, spread = 0.0, 0.0, 0.0
        for i in range(offsets[person], offsets[person + 1]):
            price = prices[picks[i]]
            if not np.isnan(price):
                total += strengths[i]
                mean += strengths[i] * math.log1p(max(price, 0.0))
        mean /= max(total, 1e-300)
        for i in range(offsets[person], offsets[person + 1]):
            price = prices[picks[i]]
            if not np.isnan(price):
                spread += strengths[i] * (math.log1p(max(price, 0.0)) - mean) ** 2
        spread = max(math.sqrt(spread / max(total, 1e-300)), least_spread)
        for i in range(counts[person]):
            price = prices[rows[person, i]]
            known[person, i] = not np.isnan(price)
            values[person, i] = 0
            if known[person, i] and total > 0:
                offset = (math.log1p(max(price, 0.0)) - mean) / spread
                values[person, i] = math.exp(-(offset**2) / 2)


@kernel
def _facts(
    items: NDArray[np.float32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> None:
    for person in range(counts.size):
        for i in range(counts[person]):
            value = items[rows[person, i]]
            known[person, i] = not np.isnan(value)
            values[person, i] = value if known[person, i] else np.float32(0)
