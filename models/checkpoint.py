"""Read a checkpoint folder: its config.json, and tensors from safetensors files as float32.

Safetensors is read here by hand, because it is a few lines (eight bytes of header length, a JSON
header, raw little-endian numbers), because bfloat16 has no NumPy type of its own, and because a
damaged file deserves a message that names it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import CheckpointError

__all__ = ["Array", "Checkpoint", "Linear", "Norm", "Parameters", "linear", "norm", "read_json"]

Array: TypeAlias = NDArray[np.float32]

_SAFETENSORS_TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),  # the upper half of a float32
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_OPEN_CLIP = "open_clip_config.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class Linear(NamedTuple):
    """A dense layer as checkpoints hold it: y = x @ weight.T + bias."""

    weight: Array
    """Shape (out, in)."""
    bias: Array | None
    """Shape (out,)."""


class Norm(NamedTuple):
    """A layer norm: scale and shift, both of shape (width,)."""

    weight: Array
    bias: Array


class Parameters(Protocol):
    """What a builder takes tensors from: a checkpoint, or one seen under other names."""

    def take(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return a tensor as float32.

        Raises
        ------
        CheckpointError
            If there is no such tensor, or it has another shape.
        """
        ...

    def __contains__(self, name: str) -> bool:
        """Whether there is a tensor of this name."""
        ...


@dataclass(frozen=True, slots=True)
class _Place:
    file: Path
    kind: str
    shape: tuple[int, ...]
    offset: int
    """Byte in the file at which the numbers begin."""


class Checkpoint:
    """A folder of a model's config and weights; tensors are read when they are taken.

    Parameters
    ----------
    folder
        Holds the config and ``model.safetensors``, in one file or in the parts that
        ``model.safetensors.index.json`` names; if there is neither, the only ``*.safetensors``.
    config
        Name of the configuration file. Beside an ``open_clip_config.json`` the weights are looked
        for as ``open_clip_model.safetensors`` first.

    Raises
    ------
    CheckpointError
        If the folder has no configuration, no safetensors (pickles are refused), or a damaged one.
    """

    def __init__(self, folder: Path, config: str = "config.json") -> None:
        self.folder = folder
        self.config = read_json(folder / config)
        self._places: dict[str, _Place] = {}
        stems = ("open_clip_model", "model") if config == _OPEN_CLIP else ("model",)
        for file in _weight_files(folder, stems):
            self._places.update(_header(file))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all tensors, in no special order."""
        return tuple(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, where the config does not tell it."""
        return self._place(name).shape

    def take(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return a tensor as float32, whatever the type it is stored in.

        Parameters
        ----------
        name
            As the checkpoint spells it.
        shape
            What the config promises; ``-1`` stands for any length.

        Raises
        ------
        CheckpointError
            If there is no such tensor, or it has another shape.
        """
        place = self._place(name)
        fits = len(shape) == len(place.shape) and all(
            wanted in (-1, length) for wanted, length in zip(shape, place.shape, strict=True)
        )
        if not fits:
            message = (
                f"tensor {name!r} of {place.file} should have the shape {shape} by its config, "
                f"but has {place.shape}: config and weights are not of one model"
            )
            raise CheckpointError(message)
        dtype = _SAFETENSORS_TYPES[place.kind]
        with place.file.open("rb") as file:
            file.seek(place.offset)
            stored = np.fromfile(file, dtype, math.prod(place.shape))
        if place.kind == "BF16":
            stored = (stored.astype(np.uint32) << 16).view(np.float32)
        numbers: Array = stored.astype(np.float32, copy=False).reshape(place.shape)
        return numbers

    def scalar(self, name: str) -> float | None:
        """Return a tensor of one number, such as the scale of the logits; None if there is none."""
        return float(self.take(name, self.shape(name)).item()) if name in self else None

    def _place(self, name: str) -> _Place:
        if name not in self._places:
            message = (
                f"{self.folder} has no tensor {name!r}, which its config calls for; it has "
                f"{len(self._places)}, such as {', '.join(sorted(self._places)[:3])}"
            )
            raise CheckpointError(message)
        return self._places[name]


def linear(
    parameters: Parameters, name: str, width: int, inputs: int, *, bias: bool = True
) -> Linear:
    """Take ``<name>.weight`` of shape (width, inputs) and, unless told not to, ``<name>.bias``."""
    return Linear(
        parameters.take(f"{name}.weight", (width, inputs)),
        parameters.take(f"{name}.bias", (width,)) if bias else None,
    )


def norm(parameters: Parameters, name: str, width: int) -> Norm:
    """Take ``<name>.weight`` and ``<name>.bias``, both of shape (width,)."""
    return Norm(
        parameters.take(f"{name}.weight", (width,)), parameters.take(f"{name}.bias", (width,))
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises
    ------
    CheckpointError
        If it is missing, or is something else.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        message = (
            f"{path.parent} has no {path.name}: name the folder of a checkpoint, which holds "
            f"config.json and model.safetensors"
        )
        raise CheckpointError(message) from error
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read as JSON ({error}): download it again"
        raise CheckpointError(message) from error
    if not isinstance(document, dict):
        message = f"{path} holds a {type(document).__name__}, not an object: it is not a config"
        raise CheckpointError(message)
    return document


def _weight_files(folder: Path, stems: tuple[str, ...]) -> list[Path]:
    for stem in stems:
        whole, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
        if whole.exists():
            return [whole]
        if index.exists():
            return _parts(index)
    found = sorted(folder.glob("*.safetensors"))
    if len(found) == 1:
        return found
    if found:
        message = (
            f"{folder} has several safetensors files ({', '.join(file.name for file in found)}) "
            f"and none is called model.safetensors: rename the one that is meant"
        )
        raise CheckpointError(message)
    pickles = [file.name for pattern in _PICKLES for file in sorted(folder.glob(pattern))]
    if pickles:
        message = (
            f"{folder} has its weights only as {pickles[0]}, a pickle, which can run any code "
            f"when it is opened, so it is not: convert it to safetensors where you trust it, with "
            f"safetensors.torch.save_file(torch.load({pickles[0]!r}, weights_only=True), "
            f'"model.safetensors"), or use a revision that has safetensors'
        )
        raise CheckpointError(message)
    message = f"{folder} has no weights: model.safetensors is missing"
    raise CheckpointError(message)


def _parts(index: Path) -> list[Path]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, Mapping) or not places:
        message = f"{index} has no weight_map: download it again"
        raise CheckpointError(message)
    parts = [index.with_name(Path(str(name)).name) for name in sorted(set(places.values()))]
    missing = [part.name for part in parts if not part.exists()]
    if missing:
        message = f"{index.parent} lacks {', '.join(missing)}, which {index.name} names"
        raise CheckpointError(message)
    return parts


def _header(file: Path) -> dict[str, _Place]:
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = 8 + int.from_bytes(stream.read(8), "little")
        text = stream.read(start - 8) if start <= size else b""
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        return {name: _place(file, size - start, start, entry) for name, entry in header.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"{file} is damaged or not safetensors ({error}; {size} bytes): download it again"
        raise CheckpointError(message) from error


def _place(file: Path, room: int, start: int, entry: Mapping[str, Any]) -> _Place:
    kind, shape = str(entry["dtype"]), tuple(int(length) for length in entry["shape"])
    begin, end = entry["data_offsets"]
    if kind not in _SAFETENSORS_TYPES:
        message = f"numbers of type {kind}, where float32, float16 and bfloat16 can be read"
        raise ValueError(message)
    length = math.prod(shape) * _SAFETENSORS_TYPES[kind].itemsize
    if min(begin, *shape, 0) < 0 or end - begin != length or end > room:
        message = f"a tensor of shape {shape} in the bytes {begin} to {end} of {room}"
        raise ValueError(message)
    return _Place(file, kind, shape, start + begin)
