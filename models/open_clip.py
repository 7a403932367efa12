"""CLIP checkpoints of open_clip, and OpenAI's own, seen under the names of Hugging Face.

open_clip_config.json describes the model; the tensors are named as in OpenAI's code: one matrix
for queries, keys and values, projections to be multiplied from the right.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .checkpoint import Array, Checkpoint, Parameters
from .clip import TextShape, VisionShape, write_textual, write_visual
from .errors import CheckpointError
from .pack import Fit, Precision, Resample
from .towers import Preparation, Towers, channels

__all__ = ["OpenClipNames", "build_open_clip", "open_clip_preparation", "open_clip_text_shape"]

# What a config may say and this builder reads, or need not: dropout does nothing after training.
_VISION_KEYS = {"image_size", "patch_size", "width", "layers", "head_width", "mlp_ratio"} | {
    "patch_dropout",
    "output_tokens",
}
_TEXT_KEYS = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"} | {
    "output_tokens",
    "hf_tokenizer_name",
    "tokenizer_kwargs",
    "pad_id",
    "eos_id",
}
# Everything else changes the architecture, unless it is one of these.
_HARMLESS = {"pool_type": ("tok", "argmax", "eos"), "pos_embed_type": ("learnable",)} | {
    "proj_type": ("linear",)
}
_FITS: dict[str, Fit] = {"shortest": "crop", "squash": "squash", "longest": "pad"}
# "random" is a choice per picture in training; it is bicubic afterwards.
_RESAMPLE: dict[str, Resample] = {"bicubic": "bicubic", "bilinear": "bilinear", "random": "bicubic"}
_FIXED = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm": "visual.ln_pre",
    "vision_model.post_layernorm": "visual.ln_post",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm": "ln_final",
}
_TURNED = {"visual_projection.weight": "visual.proj", "text_projection.weight": "text_projection"}
_PARTS = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_LAYER = re.compile(r"(vision|text)_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")


class OpenClipNames(Parameters):
    """Tensors of an open_clip checkpoint under the names of Hugging Face's `CLIPModel`."""

    def __init__(self, checkpoint: Parameters) -> None:
        self._checkpoint = checkpoint
        # Newer models keep the text tower in a module of its own.
        custom = "text.token_embedding.weight" in checkpoint
        self._text = "text." if custom else ""

    def take(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return a tensor by its name at Hugging Face; errors name it as the checkpoint does."""
        if name in _TURNED:
            turned = self._checkpoint.take(self._placed(_TURNED[name]), shape[::-1])
            return turned.T
        match = _LAYER.fullmatch(name)
        if match is None:
            stem, dot, kind = name.rpartition(".")
            known = _FIXED[name] if name in _FIXED else _FIXED[stem] + dot + kind
            return self._checkpoint.take(self._placed(known), shape)
        tower, number, part, kind = match.groups()
        prefix = "visual.transformer" if tower == "vision" else f"{self._text}transformer"
        block = f"{prefix}.resblocks.{number}"
        if part in _PARTS:
            return self._checkpoint.take(f"{block}.{_PARTS[part]}.{kind}", shape)
        # Queries, keys and values lie below each other.
        place = "qkv".index(part.removeprefix("self_attn.")[0])
        whole = self._checkpoint.take(f"{block}.attn.in_proj_{kind}", (3 * shape[0], *shape[1:]))
        return np.split(whole, 3)[place]

    def __contains__(self, name: str) -> bool:
        return name in self._checkpoint

    def _placed(self, name: str) -> str:
        return name if name.startswith("visual.") else self._text + name


def build_open_clip(checkpoint: Checkpoint, destination: Path, precision: Precision) -> Towers:
    """Build the towers of a ViT with the text transformer of CLIP.

    Raises
    ------
    CheckpointError
        If the config asks for another architecture, or tensors are missing or of another shape.
    """
    model = _table(checkpoint.config, "model_cfg")
    vision = _table(model, "vision_cfg")
    _refuse(vision, _VISION_KEYS, "vision_cfg")
    width = _number(vision, "width", 768)
    shape = VisionShape.from_config(
        {
            "hidden_size": width,
            "intermediate_size": int(width * _number(vision, "mlp_ratio", 4.0)),
            "num_hidden_layers": vision.get("layers", 12),
            "num_attention_heads": int(width // _number(vision, "head_width", 64)),
            "image_size": vision.get("image_size", 224),
            "patch_size": vision.get("patch_size", 16),
            "hidden_act": _activation(model),
        },
        int(_number(model, "embed_dim")),
    )
    names = OpenClipNames(checkpoint)
    preparation = open_clip_preparation(checkpoint.config)
    visual = write_visual(names, shape, preparation, destination, precision)
    text = open_clip_text_shape(model)
    textual = write_textual(names, text, checkpoint.folder, destination, precision)
    scale = checkpoint.scalar("logit_scale")
    return Towers(visual, textual, None if scale is None else math.exp(scale))


def open_clip_text_shape(model: Mapping[str, Any]) -> TextShape:
    """Read the `text_cfg` of a `model_cfg`.

    Raises
    ------
    CheckpointError
        If it is not CLIP's text transformer.
    """
    text = _table(model, "text_cfg")
    _refuse(text, _TEXT_KEYS, "text_cfg")
    width = _number(text, "width", 512)
    shape = TextShape.from_config(
        {
            "hidden_size": width,
            "intermediate_size": int(width * _number(text, "mlp_ratio", 4.0)),
            "num_hidden_layers": text.get("layers", 12),
            "num_attention_heads": text.get("heads", 8),
            "vocab_size": text.get("vocab_size", 49408),
            "max_position_embeddings": text.get("context_length", 77),
            "hidden_act": _activation(model),
        },
        int(_number(model, "embed_dim")),
    )
    return replace(
        shape, end=int(text.get("eos_id", 2)) if text.get("pool_type") == "eos" else None
    )


def open_clip_preparation(config: Mapping[str, Any]) -> Preparation:
    """Read the `preprocess_cfg` of an open_clip_config.json; what it leaves out is as OpenAI's."""
    entries = config.get("preprocess_cfg") or {}
    default = Preparation()
    fit = entries.get("resize_mode", "shortest")
    resample = entries.get("interpolation", "bicubic")
    if fit not in _FITS or resample not in _RESAMPLE:
        message = (
            f"preprocess_cfg of open_clip_config.json says resize_mode {fit!r} and interpolation "
            f"{resample!r}; known are {', '.join(_FITS)} and {', '.join(_RESAMPLE)}"
        )
        raise CheckpointError(message)
    mean = channels(entries.get("mean", default.mean))
    std = channels(entries.get("std", default.std))
    return Preparation(_FITS[fit], _RESAMPLE[resample], mean, std)


def _activation(model: Mapping[str, Any]) -> str:
    return "quick_gelu" if model.get("quick_gelu") else "gelu"


def _table(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = config.get(key)
    if not isinstance(table, Mapping):
        message = f"open_clip_config.json has no table {key}: download it again"
        raise CheckpointError(message)
    return table


def _number(table: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = table.get(key, default)
    if not isinstance(value, int | float) or value <= 0:
        message = f"{key} in open_clip_config.json must be a number above 0, not {value!r}"
        raise CheckpointError(message)
    return value


def _refuse(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for key, value in table.items():
        if key in known or not value or value in _HARMLESS.get(key, ()):
            continue
        message = (
            f"{where} of open_clip_config.json says {key} = {value!r}; built without torch are "
            f"plain CLIP transformers and ModifiedResNets. Its pictures can be had through torch: "
            f"pip install 'sightline[torch]'"
        )
        raise CheckpointError(message)
