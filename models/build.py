"""Build a checkpoint folder into a pack: ONNX towers, tokenizer and pack.toml, without torch."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from .bert import BERT_FAMILY
from .checkpoint import Checkpoint, read_json
from .clip import build_clip
from .errors import CheckpointError
from .open_clip import build_open_clip
from .pack import Pack, Precision, file_sha256, write_pack
from .resnet import build_resnet
from .sentence import build_sentence_encoder
from .siglip import build_siglip
from .torch_export import TORCH_EXTRA, can_export, export_image_tower
from .towers import Towers

__all__ = ["BUILDERS", "Builder", "architecture_of", "build_pack"]

Builder: TypeAlias = Callable[[Checkpoint, Path, Precision], Towers]
"""Writes the towers of a checkpoint, and the tokenizer, into a folder."""

BUILDERS: dict[str, Builder] = {
    **dict.fromkeys(BERT_FAMILY, build_sentence_encoder),
    "clip": build_clip,
    "clip_text_model": build_clip,
    "clip_vision_model": build_clip,
    "open_clip": build_open_clip,
    "open_clip_resnet": build_resnet,
    "siglip": build_siglip,
    "siglip2": build_siglip,
}
"""Architecture, as `model_type` of config.json spells it, to what builds it. Those of open_clip
checkpoints are ``open_clip`` and, with a ModifiedResNet, ``open_clip_resnet``."""

_CONFIG = "config.json"
_OPEN_CLIP_CONFIG = "open_clip_config.json"


def build_pack(
    source: Path,
    destination: Path,
    *,
    name: str,
    precision: Precision = "fp32",
    origin: str = "",
    revision: str = "",
    licence: str = "",
) -> Pack:
    """Build the checkpoint in a folder into a pack in another.

    Parameters
    ----------
    source
        Holds config.json or open_clip_config.json, safetensors and the tokenizer.
    destination
        An empty folder, which becomes the pack. If building fails, what it holds is of no use.
    name
        What the pack is called by.
    precision
        fp32 is the model as it is; fp16 is for GPUs; int8 is for CPUs, about a quarter in size
        and at a small loss of agreement.
    origin, revision, licence
        What the pack says of its weights; the folder is the origin if none is given.

    Raises
    ------
    CheckpointError
        If the folder is no checkpoint, or one of an architecture that is not known, or damaged.
    """
    found = architecture_of(source)
    if found is None:
        return export_image_tower(
            source,
            destination,
            name=name,
            precision=precision,
            origin=origin,
            revision=revision,
            licence=licence,
        )
    architecture, config = found
    checkpoint = Checkpoint(source, config)
    towers = BUILDERS[architecture](checkpoint, destination, precision)
    files = {
        path.relative_to(destination).as_posix(): file_sha256(path)
        for path in sorted(destination.rglob("*"))
        if path.is_file()
    }
    pack = Pack(
        name,
        precision,
        towers.visual,
        towers.textual,
        source=origin or str(source),
        revision=revision,
        licence=licence,
        architecture=architecture,
        logit_scale=towers.logit_scale,
        logit_bias=towers.logit_bias,
        files=files,
    )
    write_pack(destination, pack)
    return pack


def architecture_of(source: Path) -> tuple[str, str] | None:
    """Return the key of BUILDERS and the configuration file that speaks for the folder.

    None stands for an image model that has no builder and that PyTorch is there to export. Weights
    need not be there yet.

    Raises
    ------
    CheckpointError
        If the folder is no checkpoint, or one of an architecture that is not known.
    """
    if not source.is_dir():
        message = f"{source} is not a folder: name the folder of a checkpoint"
        raise CheckpointError(message)
    open_clip = (source / _OPEN_CLIP_CONFIG).exists()
    if open_clip and not (source / _CONFIG).exists():
        return _open_clip_architecture(source), _OPEN_CLIP_CONFIG
    config = read_json(source / _CONFIG)
    kind = config.get("model_type")
    if isinstance(kind, str) and kind in BUILDERS:
        only_theirs = open_clip and not any(source.glob("model*.safetensors*"))
        if not only_theirs:
            return kind, _CONFIG
    if open_clip:
        return _open_clip_architecture(source), _OPEN_CLIP_CONFIG
    if can_export(source):
        return None
    known = ", ".join(sorted(BUILDERS))
    message = (
        f"{source} is a checkpoint of {kind or config.get('architecture')!r}, which is not built "
        f"here; known are {known}. An image model of another kind can be exported through torch: "
        f"{TORCH_EXTRA}"
    )
    raise CheckpointError(message)


def _open_clip_architecture(source: Path) -> str:
    model = read_json(source / _OPEN_CLIP_CONFIG).get("model_cfg") or {}
    layers = (model.get("vision_cfg") or {}).get("layers")
    return "open_clip_resnet" if isinstance(layers, list) else "open_clip"
