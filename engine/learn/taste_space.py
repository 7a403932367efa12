"""Pictures and words of every item as one vector, before anything is learnt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Modality, Vectors

__all__ = ["DIM", "JointSpace", "join_modalities"]

DIM = 128
"""Most components of a vector: on product photos 96 of 256 learn nearly as well, 256 no better."""

_SAMPLE = 10_000
_ROWS_AT_ONCE = 8_192
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class JointSpace:
    """The modalities apart, each centred, of unit length and turned to its main axes.

    `parts` has an array for every modality that any item has, by its name, shape (n, d) with d up
    to DIM, zero for items without it.
    """

    names: tuple[str, ...]
    parts: tuple[NDArray[np.float32], ...]
    seed: int

    def weighted(self, weights: Sequence[float]) -> Vectors:
        """Return unit vectors in which the modalities count by `weights`, shape (n, sum of d).

        What an item lacks is zero, which is the mean of the modality, and the rest is of unit
        length all the same: an item with words only has a place from its words alone. An item that
        has neither, or is exactly the mean, stays zero.
        """
        scaled = [
            np.float32(weight) * part for weight, part in zip(weights, self.parts, strict=True)
        ]
        return _unit(np.concatenate(scaled, axis=1))

    def compact(self, weights: Sequence[float]) -> Vectors:
        """Return the weighted vectors in at most DIM components, shape (n, min(DIM, sum of d))."""
        vectors = self.weighted(weights)
        if vectors.shape[1] <= DIM:
            return vectors
        return _unit(vectors @ _main_axes(vectors, self.seed))


def join_modalities(images: Modality, texts: Modality, *, seed: int) -> JointSpace:
    """Bring each modality to its main axes; see `JointSpace`.

    Parameters
    ----------
    images, texts
        Of the same n items.
    seed
        Chooses the items that tell the main axes, where there are many.
    """
    given = {"images": images, "texts": texts}
    parts = {name: _part(each, seed) for name, each in given.items() if each.presence.any()}
    return JointSpace(tuple(parts), tuple(parts.values()), seed)


def _part(modality: Modality, seed: int) -> NDArray[np.float32]:
    present = np.flatnonzero(modality.presence)
    mean = np.zeros(modality.vectors.shape[1])
    for first in range(0, len(present), _ROWS_AT_ONCE):
        rows = present[first : first + _ROWS_AT_ONCE]
        mean += modality.vectors[rows].sum(axis=0, dtype=np.float64)
    mean /= len(present)

    def centred(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return _unit((modality.vectors[rows] - mean).astype(np.float32))

    axes = None
    if len(mean) > DIM:
        axes = _main_axes(centred(_sample(present, seed)), seed)
    size = len(mean) if axes is None else axes.shape[1]
    part = np.zeros((len(modality.presence), size), np.float32)
    for first in range(0, len(present), _ROWS_AT_ONCE):
        rows = present[first : first + _ROWS_AT_ONCE]
        part[rows] = centred(rows) if axes is None else centred(rows) @ axes
    return part


def _main_axes(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return the DIM axes along which centred vectors spread most, shape (d, DIM)."""
    exact = vectors[_sample(np.arange(len(vectors)), seed)].astype(np.float64)
    _, axes = np.linalg.eigh(exact.T @ exact)
    return np.ascontiguousarray(axes[:, ::-1][:, :DIM], np.float32)


def _sample(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    if len(rows) <= _SAMPLE:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, _SAMPLE, replace=False))


def _unit(vectors: NDArray[np.float32]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, np.float32(_TINY))
    unit[lengths[:, 0] < _TINY] = 0
    return unit
