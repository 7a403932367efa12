"""How near the candidates of many people are to what each of them picked, by vectors."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .slate import Column, People, Pools, check_shape, typed_slate

_LOG2_E = 1.4426950408889634
_LN_2 = 0.6931471805599453


def mean_likeness(
    vectors: NDArray[np.float32],
    presence: NDArray[np.bool_],
    center: NDArray[np.float32],
    people: People,
    pools: Pools,
    column: Column,
    *,
    latest: int,
) -> None:
    """Compare candidates with picks by the cosine after what all items share is taken away.

    The value of a candidate is the sum of strength times cosine over the picks, without cosines
    below 0.

    Parameters
    ----------
    vectors, presence
        Unit rows, shape (n, d), where `presence`, shape (n,), is true; others are not read.
    center
        Taken away from every vector, shape (d,); shorter than 1.
    people, pools
        Who is asked for, and their candidates.
    column
        Written to; known is what has a vector. Without a pick that has one all values are 0.
    latest
        Picks that are compared with: of the latest so many, those that have a vector.

    Raises
    ------
    ValueError
        If shapes do not fit each other, or a row, a count or an offset is outside its range.
    """
    places, has_place = readonly(vectors, np.float32), readonly(presence, np.bool_)
    shared = readonly(center, np.float32)
    check_shape(has_place, shape=places.shape[:1])
    check_shape(shared, shape=places.shape[1:])
    slate = typed_slate(people, pools, column, len(places))
    _mean_likeness(places, has_place, shared, latest, *slate, *column)


def density(
    vectors: NDArray[np.float32],
    presence: NDArray[np.bool_],
    crowding: NDArray[np.float32],
    people: People,
    pools: Pools,
    column: Column,
    *,
    latest: int,
    sharpness: float,
) -> None:
    """Estimate how dense picks are where a candidate is, held against how dense items are there.

    The value of a candidate x is sum_j w_j exp(sharpness x.x_j) / sqrt(crowding), with w_j the
    strengths of the picks x_j: Parzen, "On estimation of a probability density function and mode",
    1962, scaled as by Zelnik-Manor & Perona, "Self-tuning spectral clustering", 2004.

    Parameters
    ----------
    vectors, presence, people, pools, column, latest
        As in `mean_likeness`.
    crowding
        Shape (n,), above 0.
    sharpness
        At least 0.

    Raises
    ------
    ValueError
        As `mean_likeness`.
    """
    places, has_place = readonly(vectors, np.float32), readonly(presence, np.bool_)
    crowds = readonly(crowding, np.float32)
    check_shape(has_place, crowds, shape=places.shape[:1])
    slate = typed_slate(people, pools, column, len(places))
    _density(places, has_place, crowds, latest, float(sharpness), *slate, *column)


@kernel
def _mean_likeness(
    vectors: NDArray[np.float32],
    presence: NDArray[np.bool_],
    center: NDArray[np.float32],
    latest: int,
    offsets: NDArray[np.int64],
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> None:
    compared = np.zeros((_slots(latest + 1), vectors.shape[1]), np.float32)  # one is the centre
    shares, shifts = np.zeros((2, compared.shape[0]), np.float32)
    room = np.empty(rows.shape[1] * compared.shape[0], np.float32)
    places = np.empty(rows.shape[1], np.int64)
    shared = np.float32(0)
    for j in range(center.size):
        shared += center[j] ** 2
    for person in range(counts.size):
        n_placed = _place(presence, rows[person], counts[person], places, known[person])
        values[person], n_picks = 0, 0
        for i in range(max(offsets[person], offsets[person + 1] - latest), offsets[person + 1]):
            if presence[picks[i]]:
                _center(vectors[picks[i]], center, compared[n_picks])
                shares[n_picks], shifts[n_picks] = strengths[i], np.float32(0)
                for j in range(center.size):
                    shifts[n_picks] += compared[n_picks, j] * center[j]
                n_picks += 1
        if n_picks == 0:
            continue
        compared[n_picks] = center
        shares[n_picks:] = 0
        slots = _slots(n_picks + 1)
        products = room[: n_placed * slots].reshape((n_placed, slots))
        _multiply(vectors, rows[person], places, compared, products)
        for i in range(n_placed):
            total = np.float32(0)
            for j in range(slots):
                total += shares[j] * max(products[i, j] - shifts[j], np.float32(0))
            # |v - c|^2 = 1 - 2 v.c + |c|^2
            square = np.float32(1) - np.float32(2) * products[i, n_picks] + shared
            values[person, places[i]] = total / np.sqrt(max(square, np.float32(1e-12)))


@kernel
def _density(
    vectors: NDArray[np.float32],
    presence: NDArray[np.bool_],
    crowding: NDArray[np.float32],
    latest: int,
    sharpness: float,
    offsets: NDArray[np.int64],
    picks: NDArray[np.int32],
    strengths: NDArray[np.float32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int64],
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> None:
    compared = np.zeros((_slots(latest), vectors.shape[1]), np.float32)
    shares = np.zeros(compared.shape[0], np.float32)
    room = np.empty(rows.shape[1] * compared.shape[0], np.float32)
    powers = np.empty(room.size, np.int32)
    places = np.empty(rows.shape[1], np.int64)
    for person in range(counts.size):
        n_placed = _place(presence, rows[person], counts[person], places, known[person])
        values[person], n_picks = 0, 0
        for i in range(max(offsets[person], offsets[person + 1] - latest), offsets[person + 1]):
            if presence[picks[i]]:
                compared[n_picks], shares[n_picks] = vectors[picks[i]], strengths[i]
                n_picks += 1
        if n_picks == 0:
            continue
        shares[n_picks:] = 0
        slots = _slots(n_picks)
        products = room[: n_placed * slots].reshape((n_placed, slots))
        _multiply(vectors, rows[person], places, compared, products)
        _exponential(room[: n_placed * slots], np.float32(sharpness), powers)
        for i in range(n_placed):
            total = np.float32(0)
            for j in range(slots):
                total += shares[j] * products[i, j]
            values[person, places[i]] = total / np.sqrt(crowding[rows[person, places[i]]])


@kernel
def _slots(count: int) -> int:
    """Round up to fours, as `_multiply` takes them."""
    return (count + 3) // 4 * 4


@kernel
def _place(
    presence: NDArray[np.bool_],
    rows: NDArray[np.int32],
    count: int,
    places: NDArray[np.int64],
    known: NDArray[np.bool_],
) -> int:
    """Note where the candidates are that have a vector; return how many."""
    n_placed = 0
    for i in range(count):
        known[i] = presence[rows[i]]
        places[n_placed] = i
        n_placed += known[i]
    return n_placed


@kernel
def _center(
    vector: NDArray[np.float32], center: NDArray[np.float32], moved: NDArray[np.float32]
) -> None:
    square = np.float32(0)
    for j in range(center.size):
        moved[j] = vector[j] - center[j]
        square += moved[j] * moved[j]
    scale = np.float32(1) / max(np.sqrt(square), np.float32(1e-6))
    for j in range(center.size):
        moved[j] *= scale


@kernel
def _multiply(
    vectors: NDArray[np.float32],
    rows: NDArray[np.int32],
    places: NDArray[np.int64],
    compared: NDArray[np.float32],
    products: NDArray[np.float32],
) -> None:
    """Multiply candidates with what is compared, two by four: as many sums stay in registers."""
    for i in range(0, products.shape[0], 2):
        other = min(i + 1, products.shape[0] - 1)
        a, b = vectors[rows[places[i]]], vectors[rows[places[other]]]
        for j in range(0, products.shape[1], 4):
            c0, c1, c2, c3 = compared[j], compared[j + 1], compared[j + 2], compared[j + 3]
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = np.float32(0)
            for d in range(vectors.shape[1]):
                x, y = a[d], b[d]
                a0, a1, a2, a3 = a0 + x * c0[d], a1 + x * c1[d], a2 + x * c2[d], a3 + x * c3[d]
                b0, b1, b2, b3 = b0 + y * c0[d], b1 + y * c1[d], b2 + y * c2[d], b3 + y * c3[d]
            products[i, j], products[i, j + 1] = a0, a1
            products[i, j + 2], products[i, j + 3] = a2, a3
            products[other, j], products[other, j + 1] = b0, b1
            products[other, j + 2], products[other, j + 3] = b2, b3


@kernel
def _exponential(
    values: NDArray[np.float32], factor: np.float32, powers: NDArray[np.int32]
) -> None:
    """Make exp(factor x) of every x: 2^w e^r of whole w, e^r by its series, to 2e-7 of the value.

    Unlike calls of exp, which take half as long as all products, this runs eight at a time.
    """
    scales = powers.view(np.float32)
    scale = factor * np.float32(_LOG2_E)
    for i in range(values.size):
        exponent = min(max(values[i] * scale, np.float32(-126)), np.float32(127))
        whole = np.floor(exponent + np.float32(0.5))
        r = (exponent - whole) * np.float32(_LN_2)
        series = np.float32(1) + r / np.float32(6)
        series = np.float32(1) + series * r / np.float32(5)
        series = np.float32(1) + series * r / np.float32(4)
        series = np.float32(1) + series * r / np.float32(3)
        series = np.float32(1) + series * r / np.float32(2)
        values[i] = np.float32(1) + series * r
        powers[i] = (np.int32(whole) + 127) << 23
    for i in range(values.size):
        values[i] *= scales[i]
