"""Array aliases that every stage shares; the docstrings of functions give the shapes."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .half import StoredVectors

Vectors: TypeAlias = NDArray[np.float32]
"""Rows of unit length, shape (n, d), unless a docstring says otherwise."""

Scores: TypeAlias = NDArray[np.float32]
"""Higher is better."""

Rows: TypeAlias = NDArray[np.int32]
"""Item rows: positions 0..n-1 in the generation."""

Mask: TypeAlias = NDArray[np.bool_]
"""One boolean per item row."""

Pixels: TypeAlias = NDArray[np.uint8]
"""RGB, shape (height, width, 3) or (n, height, width, 3), sRGB-coded 0..255."""


@dataclass(frozen=True, slots=True)
class View:
    """How a picture is brought to a square of `side` pixels.

    `fit`: ``squash`` distorts the whole picture, ``crop`` scales the shorter edge to `side` and
    takes the middle, ``pad`` scales the longer edge and puts it in the middle of black.
    """

    side: int
    fit: Literal["squash", "crop", "pad"] = "squash"
    resample: Literal["bicubic", "bilinear", "lanczos", "nearest"] = "bicubic"


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How an encoder reads the levels of a picture, 0 to 255: their order, type and scale.

    A level v of a channel is written as (v / 255 - `mean`) / `std` where these are given, and as it
    is otherwise.
    """

    order: Literal["nhwc", "nchw"] = "nhwc"
    dtype: Literal["uint8", "float32"] = "uint8"
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None

    def empty(self, count: int, side: int) -> NDArray[Any]:
        """Return an unwritten batch of so many squares."""
        shape = (side, side, 3) if self.order == "nhwc" else (3, side, side)
        return np.empty((count, *shape), self.dtype)

    def levels(self) -> NDArray[Any]:
        """Return what each level is written as, shape (3, 256), channel by level."""
        table = np.tile(np.arange(256, dtype=np.float32), (3, 1))
        if self.mean is not None and self.std is not None:
            mean, std = (np.array(v, np.float32)[:, None] for v in (self.mean, self.std))
            table = table * (1 / (255 * std)) - mean / std
        return table.astype(self.dtype)


@dataclass(frozen=True, slots=True)
class Places:
    """Vectors of items in item-row order, as a generation stores them.

    `vectors`, shape (n, d), are unit rows where `presence`, shape (n,), is true.
    """

    vectors: StoredVectors
    presence: Mask


@dataclass(frozen=True, slots=True)
class Modality(Places):
    """What the items' pictures, or their words, are as vectors, in item-row order.

    `vectors`, shape (n, d), are unit rows where `presence`, shape (n,), is true and zero elsewhere;
    d is 0 where the model has no such vectors.
    """

    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Pairs:
    """Items that somebody says are alike, or not.

    `first` and `second`, shape (p,), are item rows; `same`, shape (p,), says of each pair which it
    is. `group`, shape (p,), int32: two pairs of one group are a triplet, of one `first`, of which
    the same pair comes before the different one.
    """

    first: Rows
    second: Rows
    same: Mask
    group: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True)
class History:
    """What one user picked, one entry per item, oldest first.

    `rows` are item rows, shape (h,). `weights`, shape (h,), say how strongly: above 0 for a pick,
    below 0 for an item turned down. `times`, shape (h,), are microseconds since 1970 of the latest
    event about the item.
    """

    rows: Rows
    weights: Scores
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)
