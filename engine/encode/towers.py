"""The towers of a pack: pictures and texts through ONNX graphs into unit vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sightline_models.pack import Pack, TextualTower, VisualTower

from ..errors import EncoderError
from ..types import PixelFormat, Pixels, Vectors, View
from .base import ImageTower, TextTower, prepared
from .device import Compute
from .session import Session
from .tokens import Tokens

__all__ = ["OnnxImages", "OnnxTexts", "open_pack"]

IMAGE_ROWS = 8
"""Pictures of a run on the CPU: from 4 to 16, ViT-B/32 takes the same time per picture, one alone
takes a tenth more, and 64, whose numbers no longer fit the cache, take a quarter more."""
INT8_ROWS = 1
"""Of an int8 graph without fixed scales, the numbers of a run share those they are rounded to: a
vector that depended on its neighbours in a batch could not be cached. Real sentences agreed with
themselves to a cosine of 0.986 only; alone, they also keep closer to float32."""
TEXT_ROWS = 32
"""Texts of a run on the CPU: of eight tokens, 16 to 128 take the same time per text."""
_GPU_LENGTHS = (32, 128)
"""Lengths, besides the context, that texts are padded to on a GPU, where each is compiled for."""


def open_pack(
    folder: Path, pack: Pack, compute: Compute
) -> tuple[ImageTower | None, TextTower | None]:
    """Return the towers of a pack, None for one that it has not.

    Nothing is loaded, nor the device looked for, before the first vectors are asked for.

    Parameters
    ----------
    folder
        The pack's folder, which its paths start from.
    """
    images = OnnxImages(folder, pack, pack.visual, compute) if pack.visual else None
    texts = OnnxTexts(folder, pack, pack.textual, compute) if pack.textual else None
    return images, texts


class OnnxImages:
    """The visual tower of a pack; see `ImageTower`."""

    def __init__(self, folder: Path, pack: Pack, tower: VisualTower, compute: Compute) -> None:
        self.fingerprint = pack.fingerprint(tower)
        self.dim = tower.dim
        self.view = View(tower.side, tower.fit, tower.resample)
        self.format = _format(tower)
        self.session = _session(folder / tower.file, pack, tower, compute)
        self._name = f"{pack.name}:{pack.precision}"
        self._tower = tower
        self._rows = INT8_ROWS if _shares_scales(pack) else IMAGE_ROWS

    def encode(self, pixels: Pixels) -> Vectors:
        """Encode pictures; see `ImageTower.encode`."""
        side = self.view.side
        if pixels.shape[1:] != (side, side, 3) or pixels.dtype != np.uint8:
            raise ValueError(self._unfit(pixels, f"{side} x {side} x 3, uint8"))
        return self.encode_prepared(prepared(pixels, self.format))

    def encode_prepared(self, batch: NDArray[Any]) -> Vectors:
        """Encode pictures in `format`; see `ImageTower.encode_prepared`."""
        wanted = self.format.empty(0, self.view.side)
        if batch.shape[1:] != wanted.shape[1:] or batch.dtype != wanted.dtype:
            shape = " x ".join(map(str, wanted.shape[1:]))
            raise ValueError(self._unfit(batch, f"{shape}, {wanted.dtype}"))
        vectors = np.empty((len(batch), self.dim), np.float32)
        if not len(batch):
            return vectors
        name = self._tower.input
        dtype = self.session.input(name).dtype
        for rows, size in self.session.batches(len(batch), self._rows, name):
            fed = _filled(batch[rows], size).astype(dtype, copy=False)  # float16 graphs
            output = self.session.run({name: fed})
            vectors[rows] = _unit(
                output[: rows.stop - rows.start], self.dim, self._name, "pictures"
            )
        return vectors

    def _unfit(self, pixels: NDArray[Any], wanted: str) -> str:
        given = f"{pixels.shape[1:]}, {pixels.dtype}"
        return f"{self._name} reads pictures of {wanted}, not {given}"


class OnnxTexts:
    """The textual tower of a pack; see `TextTower`."""

    def __init__(self, folder: Path, pack: Pack, tower: TextualTower, compute: Compute) -> None:
        self.fingerprint = pack.fingerprint(tower)
        self.dim = tower.dim
        self.session = _session(folder / tower.file, pack, tower, compute)
        self._name = f"{pack.name}:{pack.precision}"
        self._tower = tower
        self._rows = INT8_ROWS if _shares_scales(pack) else TEXT_ROWS
        self._tokens = Tokens(folder / tower.tokenizer, tower)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts; see `TextTower.encode`."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        if not len(texts):
            return vectors
        ids = [np.array(text) for text in self._tokens.ids(texts)]
        # Neighbours of about one length leave little to pad.
        order = np.argsort([len(text) for text in ids], kind="stable")
        for rows, size in self.session.batches(len(texts), self._rows, self._tower.input):
            members = order[rows]
            vectors[members] = self._vectors([ids[member] for member in members], size)
        return vectors

    def _vectors(self, ids: list[NDArray[Any]], size: int) -> Vectors:
        lengths = np.array([len(text) for text in ids])
        lengths = _filled(lengths, size)
        length = self._length(int(lengths.max()))
        mask = np.arange(length) < lengths[:, None]
        tokens = np.full((size, length), self._tower.pad_id)
        tokens[mask] = np.concatenate([ids[min(row, len(ids) - 1)] for row in range(size)])
        feeds = {
            self._tower.input: tokens,
            self._tower.mask: mask,
            self._tower.token_types: np.zeros_like(tokens),
        }
        output = self.session.run(
            {
                name: array.astype(self.session.input(name).dtype)
                for name, array in feeds.items()
                if name is not None
            }
        )
        output = _pooled(output, mask, self._tower.pooling)
        return _unit(output[: len(ids)], self.dim, self._name, "texts")

    def _length(self, longest: int) -> int:
        """Return the length that a batch is padded to."""
        tower = self._tower
        if (fixed := self.session.input(tower.input).fixed(1)) is not None:
            if longest > fixed:
                message = (
                    f"{self._name} reads {fixed} tokens at most, where its pack says "
                    f"{tower.context}: set `context` to {fixed}"
                )
                raise EncoderError(message)
            return fixed
        if tower.pad_to_context:
            return tower.context
        if self.session.device.kind == "cuda":
            fitting = (size for size in _GPU_LENGTHS if longest <= size < tower.context)
            return next(fitting, tower.context)
        return longest


def _session(
    file: Path, pack: Pack, tower: VisualTower | TextualTower, compute: Compute
) -> Session:
    # Of fixed scales, a lean load computes in float32 what a full one does in integers: nearly the
    # same vectors, but not the same, and such a graph is small enough to be loaded in full at once.
    if pack.fixed_scales:
        return Session(file, tower.output, compute, runs_before_full=0)
    return Session(file, tower.output, compute)


def _format(tower: VisualTower) -> PixelFormat:
    if tower.pixels == "float-nchw":
        return PixelFormat("nchw", "float32", tower.mean, tower.std)
    return PixelFormat("nhwc" if tower.pixels == "uint8-nhwc" else "nchw")


def _shares_scales(pack: Pack) -> bool:
    return pack.precision == "int8" and not pack.fixed_scales


def _filled(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Repeat the last row until there are `size`."""
    if len(array) == size:
        return array
    return np.concatenate([array, np.repeat(array[-1:], size - len(array), axis=0)])


def _pooled(
    output: NDArray[Any], mask: NDArray[np.bool_], pooling: Literal["none", "mean", "cls", "last"]
) -> NDArray[Any]:
    """Make one vector per text of one per token, shape (n, length, d), where that is left to us."""
    if pooling == "none" or output.ndim != 3:
        return output
    if pooling == "cls":
        return output[:, 0]
    if pooling == "last":
        last: NDArray[Any] = output[np.arange(len(output)), mask.sum(axis=1) - 1]
        return last
    weights = mask.astype(np.float32) / mask.sum(axis=1, keepdims=True)
    mean: NDArray[Any] = np.einsum("ntd,nt->nd", output.astype(np.float32), weights)
    return mean


def _unit(output: NDArray[Any], dim: int, name: str, kind: str) -> Vectors:
    """Scale rows to length one, in float32."""
    if output.shape != (len(output), dim):
        message = (
            f"{name} gives an array of {output.shape} for {len(output)} {kind}, where its pack "
            f"says {dim} numbers for each; the pack does not belong to this graph"
        )
        raise EncoderError(message)
    vectors: Vectors = output.astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    bad = int(np.count_nonzero(~(np.isfinite(norms) & (norms > 0))))
    if bad:
        message = (
            f"{name} gave NaN, infinity or nothing but zeros for {bad} of {len(output)} {kind}; "
            "its weights are damaged, or too large for its precision: pull or build it again, or "
            "take the precision fp32"
        )
        raise EncoderError(message)
    vectors /= norms
    return vectors
