"""Columns of vectors that the user computed, turned into a matrix; cells that are none counted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..types import Mask, Vectors
from .columns import without_blanks

__all__ = ["GivenVectors", "read_vectors"]

_WRITTEN_LIST = r"(?s)^\[\s*(.*?)\s*\]$"
_BLOCK_NUMBERS = 1 << 22
"""Numbers looked at in one go: memory for the vectors themselves is all that grows with them."""
_UNIT_TOLERANCE = 1e-3
"""Vectors rounded to float16 are this near to unit length."""


@dataclass(frozen=True, slots=True)
class GivenVectors:
    """One vector per row of a table where it has one.

    `matrix`, shape (n, d), holds unit rows where `presence`, shape (n,), is true, and zeros
    elsewhere.
    """

    column: str
    """Where they came from."""
    matrix: Vectors
    presence: Mask

    @property
    def dim(self) -> int:
        """Components of a vector; 0 if no row has one."""
        return int(self.matrix.shape[1])

    def to_dict(self) -> dict[str, Any]:
        """Say what was given, ready for JSON."""
        return {"column": self.column, "dim": self.dim, "items": int(self.presence.sum())}


def read_vectors(given: pl.Series) -> tuple[GivenVectors, dict[str, int], tuple[str, ...]]:
    """Read vectors and scale them to unit length.

    Parameters
    ----------
    given
        Lists or arrays of numbers, or text such as ``[0.1, 0.2]``; null and blank cells have no
        vector. How many numbers a vector has is what most of the cells have.

    Returns
    -------
    vectors
        In the order of `given`.
    reasons
        Reason to the number of cells that are not null and yet no vector.
    notes
        What was done to vectors that are: one sentence, or none.
    """
    given = without_blanks(given)
    if isinstance(given.dtype, pl.Array):
        given = given.arr.to_list()
    lengths = _lengths(given)
    dim = _usual(lengths)
    vectors = np.zeros((len(given), dim), np.float32)
    presence = np.zeros(len(given), np.bool_)
    right = (lengths == dim) & (lengths > 0)
    reasons = {
        "not a list of numbers": int((lengths < 0).sum()) - given.null_count(),
        "an empty list": int((lengths == 0).sum()),
        f"not of {dim} dimensions": int(((lengths > 0) & ~right).sum()),
        "not finite": 0,
        "all zeros": 0,
    }
    scaled = 0
    size = max(1, _BLOCK_NUMBERS // max(dim, 1))
    for start in range(0, len(given), size):
        fitting = right[start : start + size]
        if not fitting.any():
            continue
        numbers, known = _numbers(given.slice(start, size).filter(pl.Series(fitting)), dim)
        finite: Mask = np.all(np.isfinite(numbers), axis=1)
        largest = np.abs(numbers, where=finite[:, None], out=np.zeros_like(numbers)).max(axis=1)
        usable = known & finite & (largest > 0)
        reasons["not a list of numbers"] += int((~known).sum())
        reasons["not finite"] += int((known & ~finite).sum())
        reasons["all zeros"] += int((known & finite & (largest == 0)).sum())
        # Divided by the largest first: squares of numbers near the limits of float64 are beyond.
        moderate = numbers[usable] / largest[usable, None]
        norms = np.linalg.norm(moderate, axis=1)
        with np.errstate(over="ignore"):
            off = np.abs(norms * largest[usable] - 1) > _UNIT_TOLERANCE
        scaled += int(off.sum())
        rows = start + np.flatnonzero(fitting)[usable]
        vectors[rows] = moderate / norms[:, None]
        presence[rows] = True
    note = f"{scaled:,} vectors of {given.name!r} were not of unit length and are scaled to it"
    found = {reason: cells for reason, cells in reasons.items() if cells}
    return GivenVectors(given.name, vectors, presence), found, (note,) if scaled else ()


def _lengths(given: pl.Series) -> NDArray[np.int64]:
    """Count the numbers of every cell, shape (n,): -1 where there is nothing or no list."""
    if isinstance(given.dtype, pl.List) and _holds_numbers(given.dtype.inner):
        counts = given.list.len()
    elif given.dtype == pl.String:
        written = given.str.strip_chars().str.extract(_WRITTEN_LIST)
        counts = (written.str.count_matches(",") + 1).set(written == "", 0)
    else:
        return np.full(len(given), -1)
    return counts.cast(pl.Int64).fill_null(-1).to_numpy()


def _holds_numbers(inner: Any) -> bool:  # noqa: ANN401 - Polars' own type of an inner type
    return bool(inner.is_numeric()) or inner == pl.String


def _usual(lengths: NDArray[np.int64]) -> int:
    """Return the length above 0 that comes up most; of two, the one that comes first."""
    values, first, counts = np.unique(lengths[lengths > 0], return_index=True, return_counts=True)
    if len(values) == 0:
        return 0
    return int(values[np.lexsort((first, -counts))[0]])


def _numbers(lists: pl.Series, dim: int) -> tuple[NDArray[np.float64], Mask]:
    """Return the numbers of lists of one length, shape (m, dim), and which rows are all numbers."""
    if lists.dtype == pl.String:
        written = lists.str.strip_chars().str.extract(_WRITTEN_LIST)
        lists = written.str.split(",")
    flat = lists.explode()
    if flat.dtype == pl.String:
        flat = flat.str.strip_chars()
    numbers = flat.cast(pl.Float64, strict=False)
    known: Mask = np.all(numbers.is_not_null().to_numpy().reshape(-1, dim), axis=1)
    return numbers.fill_null(0).to_numpy().reshape(-1, dim), known
