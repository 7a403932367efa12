"""Pictures and words of every item as one vector, before anything is learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Modality, Rows, Vectors

__all__ = ["DIM", "JointSpace", "Projection", "join_modalities", "unit_rows"]

DIM = 128
"""Most components of a vector: on product photos 96 of 256 learn nearly as well, 256 no better."""

_LOST = 0.3
_FEW = 20  # vectors of whose mean little can be said
_SAMPLE = 10_000
_ROWS_AT_ONCE = 8_192
_TINY = 1e-6
_NOTHING = np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class _Frame:
    """How the vectors of one modality are centred and turned."""

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    """Shape (d, e) with e up to DIM; shape (0, 0) where the vectors are left as they lie."""

    def of(self, vectors: Vectors) -> Vectors:
        centred = unit_rows(vectors - self.mean)
        return centred @ self.axes if self.axes.size else centred

    def part(self, modality: Modality) -> NDArray[np.float32]:
        """Return the part of a `JointSpace` that a modality is."""
        present = np.flatnonzero(modality.presence)
        dim = self.axes.shape[1] or len(self.mean)
        part = np.zeros((len(modality.presence), dim), np.float32)
        for first in range(0, len(present), _ROWS_AT_ONCE):
            rows = present[first : first + _ROWS_AT_ONCE]
            part[rows] = self.of(modality.vectors[rows])
        return part


@dataclass(frozen=True, slots=True)
class Projection:
    """The way from an item's pictures and words to its place in the space of tastes.

    It gives items that come after the training the places that the training would have given them.
    """

    names: tuple[str, ...]
    frames: tuple[_Frame, ...]
    weights: tuple[float, ...]
    axes: NDArray[np.float32]
    """Of all modalities together, shape (0, 0) where they are left side by side."""
    map: NDArray[np.float32]
    """W, shape (d, d); (0, 0) where behaviour taught nothing."""

    def of(self, images: Modality, texts: Modality) -> Vectors:
        """Return the unit vectors of items, shape (n, d), zero where they have neither."""
        given = {"images": images, "texts": texts}
        if not self.names:
            return np.zeros((len(images.presence), 0), np.float32)
        parts = [
            frame.part(given[name]) for name, frame in zip(self.names, self.frames, strict=True)
        ]
        vectors = _side_by_side(parts, self.weights)
        for turn in (self.axes, self.map.T):
            vectors = unit_rows(vectors @ turn) if turn.size else vectors
        return vectors

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return what is to be kept, by name."""
        kept = {"weights": np.array(self.weights, np.float32), "axes": self.axes, "map": self.map}
        for name, frame in zip(self.names, self.frames, strict=True):
            kept |= {f"{name}_mean": frame.mean, f"{name}_axes": frame.axes}
        return kept

    @classmethod
    def open(cls, arrays: Mapping[str, NDArray[np.float32]]) -> "Projection":
        """Return the projection that was kept."""
        names = tuple(name for name in ("images", "texts") if f"{name}_mean" in arrays)
        frames = tuple(_Frame(arrays[f"{name}_mean"], arrays[f"{name}_axes"]) for name in names)
        weights = tuple(arrays["weights"].tolist())
        return cls(names, frames, weights, arrays["axes"], arrays["map"])


@dataclass(frozen=True)
class JointSpace:
    """The modalities of n items side by side, each counting by its weight.

    `parts` has an array for every modality that any item has, by its name, shape (n, d) with d up
    to DIM: centred, of unit length, turned to its main axes, zero for items without it. `seed`
    chooses the items that tell main axes, where there are many.
    """

    names: tuple[str, ...]
    frames: tuple[_Frame, ...]
    parts: tuple[NDArray[np.float32], ...]
    weights: tuple[float, ...]
    seed: int

    def weighted(self, weights: Sequence[float]) -> "JointSpace":
        """Return the space with other weights."""
        return replace(self, weights=tuple(weights))

    def projection(self, weights: NDArray[np.float32] | None) -> Projection:
        """Return the way that items take, with the map `weights`, shape (d, d); None: without."""
        axes = _NOTHING if self._axes is None else self._axes
        turn = _NOTHING if weights is None else weights
        return Projection(self.names, self.frames, self.weights, axes, turn)

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
    frames = {name: _frame(each, seed) for name, each in given.items() if each.presence.any()}
    parts = tuple(frame.part(given[name]) for name, frame in frames.items())
    return JointSpace(tuple(frames), tuple(frames.values()), parts, (1.0,) * len(parts), seed)


def unit_rows(vectors: NDArray[np.float32]) -> Vectors:
    """Return the rows with unit length; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, np.float32(_TINY))
    return unit


def _frame(modality: Modality, seed: int) -> _Frame:
    present = np.flatnonzero(modality.presence)
    total = modality.vectors.sum(axis=0, dtype=np.float64)  # rows of what is absent are zero
    # Of a few vectors the mean says little of what all share: it is drawn towards nothing.
    mean = (total / (len(present) + _FEW)).astype(np.float32)
    if len(mean) <= DIM:
        return _Frame(mean, _NOTHING)
    return _Frame(mean, _main_axes(unit_rows(modality.vectors[_sample(present, seed)] - mean)))


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
