"""Vectors as a generation stores them: float32, or float16 that is widened where it is read."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["HalfVectors", "StoredVectors", "as_stored", "blocks", "halved", "stored"]

_BLOCK = 1024  # rows widened at a time: 2 MB of 512 components stay in the processor's caches
# A float16 is moved to where a float32 has its sign, exponent and mantissa. Its exponent is then
# 112 too small, for normal and for subnormal numbers, and to multiply by a power of two is exact.
_SHIFT, _KEPT, _SCALE = 13, np.int32(~0x7000_0000), np.float32(2.0**112)


class HalfVectors:
    """Vectors of float16 that are float32 to whoever reads some of them.

    They are indexed by rows, as an array is, and what comes out is a new float32 array with exactly
    the values that are stored. What would widen all of them unseen, such as `np.asarray`, is
    refused: ``vectors[:]`` says so, and `blocks` does without.

    Parameters
    ----------
    halves
        Shape (n, d), float16, finite; may be a read-only memory map, which is never copied whole.
    """

    def __init__(self, halves: NDArray[np.float16]) -> None:
        self.halves = np.asarray(halves)

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and components."""
        return self.halves.shape

    @property
    def ndim(self) -> int:
        """Dimensions: two."""
        return self.halves.ndim

    @property
    def size(self) -> int:
        """Components of all rows together."""
        return self.halves.size

    def __len__(self) -> int:
        return len(self.halves)

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:  # noqa: ANN401 - as NumPy's arrays
        return _widened(self.halves[rows])

    def take(self, rows: NDArray[np.int32], axis: int) -> NDArray[np.float32]:
        """Return the vectors of `rows`, as `numpy.take`, which is faster than an index."""
        return _widened(self.halves.take(rows, axis=axis))

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
        message = (
            f"float16 vectors of shape {self.shape} would be widened whole: index the rows that "
            "are needed, go through `blocks`, or ask for all by [:]"
        )
        raise TypeError(message)


StoredVectors: TypeAlias = NDArray[np.float32] | HalfVectors
"""Vectors of a generation, shape (n, d); some of them, ``vectors[rows]``, are always float32."""


def halved(vectors: NDArray[np.float32]) -> HalfVectors:
    """Round vectors to float16: components of unit vectors move by 2.5e-4 at most, most by 1e-5.

    Parameters
    ----------
    vectors
        Shape (n, d), float32.

    Raises
    ------
    ValueError
        If a value is not finite, or too large.
    """
    with np.errstate(over="ignore"):  # what is too large is refused below
        halves = vectors.astype(np.float16)
    bad = np.flatnonzero(~np.isfinite(halves).all(axis=1))
    if len(bad):
        message = (
            f"{len(bad)} vectors hold what float16 cannot: NaN, infinity or more than 65504; "
            f"the first is row {bad[0]}"
        )
        raise ValueError(message)
    return HalfVectors(halves)


def stored(array: NDArray[Any]) -> StoredVectors:
    """Return an array of a generation, float32 or float16, as vectors."""
    return HalfVectors(array) if array.dtype == np.float16 else array


def as_stored(vectors: StoredVectors) -> NDArray[Any]:
    """Return the array that holds vectors: what is written to disk, and handed to kernels."""
    return vectors.halves if isinstance(vectors, HalfVectors) else vectors


def blocks(vectors: StoredVectors) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Go through vectors, a thousand at a time: where they are, and they themselves."""
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        yield rows, vectors[rows]


def _widened(halves: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return float32 of the same values, six times as fast as NumPy's own cast."""
    bits = np.ascontiguousarray(halves).view(np.int16).astype(np.int32)  # the sign fills the top
    bits <<= _SHIFT
    bits &= _KEPT
    values: NDArray[np.float32] = bits.view(np.float32)
    values *= _SCALE
    return values
