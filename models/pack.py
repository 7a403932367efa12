"""Encoder packs: what a folder with ONNX towers says of itself, written and read as pack.toml.

A pack is one set of vectors: one model, one revision, one precision. Its folder holds
``visual/model.onnx`` and ``textual/model.onnx`` (weights in ``model.onnx.data`` beside them), the
tokenizer and ``pack.toml``. Ready-made folders of other tools are described by the same classes;
see `sightline_models.layouts`.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from .errors import PackError

__all__ = [
    "PACK_FILE",
    "Fit",
    "Pack",
    "PixelInput",
    "Precision",
    "Resample",
    "TextualTower",
    "VisualTower",
    "file_sha256",
    "read_pack",
    "write_pack",
]

PACK_FILE = "pack.toml"
_FORMAT = 1

Precision: TypeAlias = Literal["fp32", "fp16", "int8"]
Fit: TypeAlias = Literal["crop", "squash", "pad"]
"""How a picture meets the square: its middle, all of it distorted, or all of it with a border."""
Resample: TypeAlias = Literal["bicubic", "bilinear", "lanczos", "nearest"]
PixelInput: TypeAlias = Literal["uint8-nhwc", "uint8-nchw", "float-nchw"]
"""What the graph reads. Uint8 graphs normalise inside; a float one is given (x / 255 - mean) / std.
"""


@dataclass(frozen=True, slots=True)
class VisualTower:
    """The graph that turns pictures into vectors, and what it wants to be given."""

    file: str
    """Path of the ONNX file, relative to the pack's folder."""
    side: int
    """Height and width of its input, in pixels."""
    dim: int
    input: str = "pixels"
    output: str = "vectors"
    pixels: PixelInput = "uint8-nhwc"
    fit: Fit = "crop"
    resample: Resample = "bicubic"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class TextualTower:
    """The graph that turns token ids into vectors, and how texts become token ids."""

    file: str
    """Path of the ONNX file, relative to the pack's folder."""
    tokenizer: str
    """Path of the tokenizer.json, relative to the pack's folder."""
    context: int
    """Most tokens of a text, special ones included."""
    dim: int
    input: str = "input_ids"
    output: str = "vectors"
    mask: str | None = None
    """Name of the attention-mask input, if the graph has one."""
    token_types: str | None = None
    """Name of the token-type input (BERT), fed with zeros, if the graph has one."""
    ids_dtype: Literal["int64", "int32"] = "int64"
    pad_id: int = 0
    pad_to_context: bool = False
    """Whether every text is padded to `context`: graphs of fixed length, and SigLIP, which was
    trained so. Otherwise a batch is padded to its longest text."""
    lowercase: bool = False
    strip_punctuation: bool = False
    """SigLIP's canonical form: punctuation removed, blanks collapsed."""
    pooling: Literal["none", "mean", "cls", "last"] = "none"
    """What is still to be done to the output: none where the graph gives one vector per text."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One encoder: its towers, where it is from, and the sha256 of every file it is made of."""

    name: str
    """The name it is chosen by, such as ``openai/clip-vit-base-patch32``."""
    precision: Precision
    visual: VisualTower | None = None
    textual: TextualTower | None = None
    source: str = ""
    """Where the weights are from, in words: a hub id, a folder."""
    revision: str = ""
    """Commit of the source, where it has one."""
    licence: str = ""
    architecture: str = ""
    logit_scale: float | None = None
    """What cosines are multiplied by before softmax (CLIP) or sigmoid (SigLIP), already exp'ed."""
    logit_bias: float | None = None
    fixed_scales: bool = False
    """Of int8: whether numbers are rounded by scales fixed when the pack was made. Otherwise every
    run finds its own, and a vector depends on its neighbours in a batch."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Relative path to sha256 (hex), every file but pack.toml."""

    @property
    def is_joint(self) -> bool:
        """Whether texts and pictures land in one space."""
        return self.visual is not None and self.textual is not None

    def fingerprint(self, tower: VisualTower | TextualTower) -> str:
        """Name the vectors of one tower: changes whenever they may, and fits a folder name."""
        return f"{self.precision}-{_digest([*asdict(tower).items(), *self._hashes(tower)])}"

    def _hashes(self, tower: VisualTower | TextualTower) -> Iterator[tuple[str, str]]:
        beside = os.path.dirname(tower.file)  # noqa: PTH120 - a name inside the pack, not a path
        read = {tower.file} | ({tower.tokenizer} if isinstance(tower, TextualTower) else set())
        for name, sha256 in sorted(self.files.items()):
            if name in read or (name.startswith(tower.file) and beside == os.path.dirname(name)):  # noqa: PTH120
                yield name, sha256


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_pack(folder: Path, pack: Pack) -> None:
    """Write pack.toml into a folder that holds the pack's files.

    `pack.files` is written as it is: hash the files first, with `file_sha256`.
    """
    lines = [f"format = {_FORMAT}"]
    tables = []
    for name, value in asdict(pack).items():
        if isinstance(value, Mapping):
            tables.append((name, value))
        elif value is not None:
            lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    for name, table in tables:
        lines += ["", f"[{name}]"]
        lines += [
            f"{json.dumps(key, ensure_ascii=False)} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in table.items()
            if value is not None
        ]
    (folder / PACK_FILE).write_text("\n".join(lines) + "\n", "utf-8")


def read_pack(folder: Path) -> Pack:
    """Read the pack.toml of a folder; the files it names are not looked at.

    Raises
    ------
    PackError
        If there is none, or it does not describe a pack that this version knows.
    """
    path = folder / PACK_FILE
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read as the description of an encoder pack: {error}"
        raise PackError(message) from error
    if document.pop("format", None) != _FORMAT:
        message = f"{path} is of another format than {_FORMAT}, which is what this version reads"
        raise PackError(message)
    try:
        for kind, tower in (("visual", VisualTower), ("textual", TextualTower)):
            if kind in document:
                document[kind] = _tower(tower, document[kind])
        pack = Pack(**document)
    except (TypeError, ValueError) as error:
        message = f"{path} does not describe a pack: {error}"
        raise PackError(message) from error
    if pack.precision not in get_args(Precision):
        message = f"{path}: precision must be fp32, fp16 or int8, not {pack.precision!r}"
        raise PackError(message)
    if pack.visual and pack.textual and pack.visual.dim != pack.textual.dim:
        message = (
            f"{path}: the visual tower gives {pack.visual.dim} dimensions, the textual one "
            f"{pack.textual.dim}; towers of one pack share a space, so build it again"
        )
        raise PackError(message)
    return pack


def _tower(kind: type[Any], table: Mapping[str, Any]) -> Any:  # noqa: ANN401 - one of two classes
    known = {entry.name for entry in fields(kind)}
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    if unknown := sorted(set(values) - known):
        message = f"unknown key {unknown[0]!r}"
        raise ValueError(message)
    return kind(**values)


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]
