"""What builders share besides layers: how pictures are prepared, the tokenizer, their result."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .checkpoint import read_json
from .errors import CheckpointError
from .pack import Fit, Resample, TextualTower, VisualTower

__all__ = [
    "CLIP_MEAN",
    "CLIP_STD",
    "TEXTUAL_FILE",
    "VISUAL_FILE",
    "Preparation",
    "Towers",
    "channels",
    "copy_tokenizer",
    "graph_path",
    "read_preparation",
]

VISUAL_FILE = "visual/model.onnx"
TEXTUAL_FILE = "textual/model.onnx"
TOKENIZER_FILE = "textual/tokenizer.json"

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

_RESAMPLE: dict[int, Resample] = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}


class Towers(NamedTuple):
    """What a builder wrote into the pack's folder."""

    visual: VisualTower | None = None
    textual: TextualTower | None = None
    logit_scale: float | None = None
    logit_bias: float | None = None


class Preparation(NamedTuple):
    """How a picture becomes numbers, but for the side of the square, which the model knows."""

    fit: Fit = "crop"
    resample: Resample = "bicubic"
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD


def read_preparation(folder: Path, default: Preparation = Preparation()) -> Preparation:  # noqa: B008 - immutable
    """Read preprocessor_config.json (or processor_config.json); `default` says what it leaves out.

    Raises
    ------
    CheckpointError
        If it names an interpolation that is not known, or is no JSON.
    """
    entries: Mapping[str, Any]
    if (folder / "preprocessor_config.json").exists():
        entries = read_json(folder / "preprocessor_config.json")
    elif (folder / "processor_config.json").exists():
        entries = read_json(folder / "processor_config.json").get("image_processor", {})
    else:
        return default
    resample = entries.get("resample")
    if resample is not None and resample not in _RESAMPLE:
        message = f"{folder}: resample must be one of {_RESAMPLE}, not {resample!r}"
        raise CheckpointError(message)
    size = entries.get("size")
    fit = default.fit
    if entries.get("do_center_crop"):
        fit = "crop"
    elif isinstance(size, Mapping) and "height" in size:
        fit = "squash"
    mean = channels(entries.get("image_mean") or default.mean)
    std = channels(entries.get("image_std") or default.std)
    if not entries.get("do_normalize", True):
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return Preparation(
        fit, default.resample if resample is None else _RESAMPLE[resample], mean, std
    )


def channels(values: Any) -> tuple[float, float, float]:  # noqa: ANN401 - from JSON
    """Return the mean or spread of the three channels as a config gives them.

    Raises
    ------
    CheckpointError
        If they are not three numbers.
    """
    try:
        red, green, blue = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        message = f"image_mean and image_std must be three numbers, not {values!r}"
        raise CheckpointError(message) from error
    return red, green, blue


def graph_path(destination: Path, file: str) -> Path:
    """Return where a tower's graph goes, in a folder that is made."""
    path = destination / file
    path.parent.mkdir(exist_ok=True)
    return path


def copy_tokenizer(folder: Path, destination: Path) -> str:
    """Copy tokenizer.json into the pack; return its path there.

    A checkpoint with only ``vocab.json`` and ``merges.txt`` gets one made of them, as CLIP's.

    Raises
    ------
    CheckpointError
        If the folder has neither.
    """
    target = graph_path(destination, TOKENIZER_FILE)
    if (folder / "tokenizer.json").exists():
        shutil.copyfile(folder / "tokenizer.json", target)
    elif (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
        _make_clip_tokenizer(folder, target)
    else:
        message = (
            f"{folder} has no tokenizer.json (nor vocab.json with merges.txt): copy it from where "
            f"the checkpoint is from"
        )
        raise CheckpointError(message)
    return TOKENIZER_FILE


def _make_clip_tokenizer(folder: Path, target: Path) -> None:
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    vocabulary = read_json(folder / "vocab.json")
    end, start = "<|endoftext|>", "<|startoftext|>"
    for token in (start, end):
        if token not in vocabulary:
            message = f"{folder / 'vocab.json'} has no {token}: it is not the vocabulary of a CLIP"
            raise CheckpointError(message)
    tokenizer = Tokenizer(
        models.BPE.from_file(
            str(folder / "vocab.json"),
            str(folder / "merges.txt"),
            unk_token=end,
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Lowercase(),
        ]
    )
    # Contractions, runs of letters, single digits, runs of anything else.
    marks = r"<\|startoftext\|>|<\|endoftext\|>"
    words = Regex(rf"{marks}|'s|'t|'re|'ve|'m|'ll|'d|[\p{{L}}]+|[\p{{N}}]|[^\s\p{{L}}\p{{N}}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        (end, vocabulary[end]),
        (start, vocabulary[start]),
        trim_offsets=False,
        add_prefix_space=False,
    )
    # The first is found in any case, the second only as it is: so it is in CLIP's own file.
    tokenizer.add_special_tokens(
        [AddedToken(start, normalized=True), AddedToken(end, normalized=False)]
    )
    tokenizer.save(str(target))
