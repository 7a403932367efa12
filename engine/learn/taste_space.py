"""Pictures and words of every item as one vector, before anything is learnt."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Modality, Rows, Vectors

__all__ = ["DIM", "JointSpace", "join_modalities", "unit_rows"]

DIM = 128
"""Most components of a vector: on product photos 96 of 256 learn nearly as well, 256 no better."""

_LOST = 0.3
_FEW = 20  # vectors of whose mean little can be said
_SAMPLE = 10_000
_ROWS_AT_ONCE = 8_192
_TINY = 1e-6


@dataclass(frozen=True)
class JointSpace:
    """The modalities of n items side by side, each counting by its weight.

    `parts` has an array for every modality that any item has, by its name, shape (n, d) with d up
    to DIM: centred, of unit length, turned to its main axes, zero for items without it. `seed`
    chooses the items that tell main axes, where there are many.
    """

    names: tuple[str, ...]
    parts: tuple[NDArray[np.float32], ...]
    weights: tuple[float, ...]
    seed: int

    def weighted(self, weights: Sequence[float]) -> "JointSpace":
        """Return the space with other weights."""
        return JointSpace(self.names, self.parts, tuple(weights), self.seed)

    @cached_property
    def vectors(self) -> Vectors:
        """Unit vectors of all items, shape (n, d) with d up to DIM.

        What an item lacks is zero, which is the mean of the modality, and the rest is of unit
        length all the same: an item with words only has a place from its words alone. An item that
        has neither stays zero.
        """
        vectors = _side_by_side(self.parts, self.weights)
        return vectors if self._axes is None else unit_rows(vectors @ self._axes)

    def with_losses(self, rows: Rows, rng: np.random.Generator) -> Vectors:
        """Return vectors of `rows`, of which some that have both modalities have lost one.

        With the chance of 0.3 for each to be the lost one: so a map learns to do with either, and
        does not lean on what two modalities happen to say together (modality dropout: Ngiam et
        al., 2011; Neverova et al., 2015).
        """
        if len(self.parts) == 1:
            lone: Vectors = self.vectors[rows]
            return lone
        parts = [part[rows] for part in self.parts]
        both = np.logical_and.reduce([part.any(axis=1) for part in parts])
        chance = rng.random(len(rows))
        parts[0][both & (chance < _LOST)] = 0
        parts[1][both & (chance > 1 - _LOST)] = 0
        vectors = _side_by_side(parts, self.weights)
        return vectors if self._axes is None else unit_rows(vectors @ self._axes)

    @cached_property
    def presence(self) -> Mask:
        """Which items have a place, shape (n,)."""
        return np.asarray(self.vectors.any(axis=1), np.bool_)

    @cached_property
    def _axes(self) -> NDArray[np.float32] | None:
        """The main axes of all modalities together, shape (sum of d, DIM); None if they are few."""
        if sum(part.shape[1] for part in self.parts) <= DIM:
            return None
        rows = _sample(np.arange(len(self.parts[0])), self.seed)
        return _main_axes(_side_by_side([part[rows] for part in self.parts], self.weights))


def join_modalities(images: Modality, texts: Modality, *, seed: int) -> JointSpace:
    """Bring each modality of the same items to its main axes; see `JointSpace`. Weights are 1."""
    given = {"images": images, "texts": texts}
    parts = {name: _part(each, seed) for name, each in given.items() if each.presence.any()}
    return JointSpace(tuple(parts), tuple(parts.values()), (1.0,) * len(parts), seed)


def unit_rows(vectors: NDArray[np.float32]) -> Vectors:
    """Return the rows with unit length; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, np.float32(_TINY))
    return unit


def _part(modality: Modality, seed: int) -> NDArray[np.float32]:
    present = np.flatnonzero(modality.presence)
    total = modality.vectors.sum(axis=0, dtype=np.float64)  # rows of what is absent are zero
    # Of a few vectors the mean says little of what all share: it is drawn towards nothing.
    mean = (total / (len(present) + _FEW)).astype(np.float32)

    def centred(rows: NDArray[np.int64]) -> Vectors:
        return unit_rows(modality.vectors[rows] - mean)

    axes = None if len(mean) <= DIM else _main_axes(centred(_sample(present, seed)))
    part = np.zeros((len(modality.presence), min(len(mean), DIM)), np.float32)
    for first in range(0, len(present), _ROWS_AT_ONCE):
        rows = present[first : first + _ROWS_AT_ONCE]
        part[rows] = centred(rows) if axes is None else centred(rows) @ axes
    return part


def _side_by_side(parts: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> Vectors:
    scaled = [np.float32(weight) * part for weight, part in zip(weights, parts, strict=True)]
    return unit_rows(np.concatenate(scaled, axis=1))


def _main_axes(vectors: Vectors) -> NDArray[np.float32]:
    """Return the DIM axes along which centred vectors spread most, shape (d, DIM)."""
    exact = vectors.astype(np.float64)
    _, axes = np.linalg.eigh(exact.T @ exact)
    return np.ascontiguousarray(axes[:, ::-1][:, :DIM], np.float32)


def _sample(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    if len(rows) <= _SAMPLE:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, _SAMPLE, replace=False))
