"""A CLIP ViT-B/32 checkpoint of random weights, in the layout of the hub: for speed, not for sense.

Shapes are those of openai/clip-vit-base-patch32. The tokenizer knows whole words only ("word17"),
so that a query has exactly as many tokens as it has words, and two.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

__all__ = ["GFLOP_PER_IMAGE", "query_of", "write_checkpoint"]

_WIDTHS = {"vision": 768, "text": 512}
_LAYERS, _DIM, _PATCH, _SIDE, _WORDS, _CONTEXT = 12, 512, 32, 224, 49_408, 77
_START, _END = _WORDS - 2, _WORDS - 1
_TOKENS = (_SIDE // _PATCH) ** 2 + 1

_WIDTH = _WIDTHS["vision"]
GFLOP_PER_IMAGE = (
    2
    * (
        (_TOKENS - 1) * 3 * _PATCH**2 * _WIDTH  # patches
        + _LAYERS * _TOKENS * 12 * _WIDTH**2  # query, key, value, out and the two of the MLP
        + _LAYERS * 2 * _TOKENS**2 * _WIDTH  # scores, and what they gather
        + _WIDTH * _DIM  # projection
    )
    / 1e9
)
"""Multiplications and additions of the whole image tower, as the reference does them."""


def write_checkpoint(folder: Path) -> None:
    """Write config.json, model.safetensors, preprocessor_config.json and tokenizer.json."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    tensors = {name: _weights(rng, name, shape) for name, shape in _shapes()}
    tensors["logit_scale"] = np.array(4.6, np.float32)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    documents = {
        "config.json": _config(),
        "preprocessor_config.json": _preprocessor(),
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {"model_max_length": _CONTEXT, "pad_token": "<end>"},
        "special_tokens_map.json": {"pad_token": "<end>"},
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document), "utf-8")


def query_of(tokens: int) -> str:
    """Return a text of that many tokens, marks at both ends included."""
    return " ".join(f"word{place}" for place in range(tokens - 2))


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    for kind, width in _WIDTHS.items():
        yield from _layer_shapes(f"{kind}_model.encoder.layers", width)
    width = _WIDTHS["vision"]
    yield "vision_model.embeddings.class_embedding", (width,)
    yield "vision_model.embeddings.patch_embedding.weight", (width, 3, _PATCH, _PATCH)
    yield "vision_model.embeddings.position_embedding.weight", (_TOKENS, width)
    yield from _pair("vision_model.pre_layrnorm", width)
    yield from _pair("vision_model.post_layernorm", width)
    yield "visual_projection.weight", (_DIM, width)
    width = _WIDTHS["text"]
    yield "text_model.embeddings.token_embedding.weight", (_WORDS, width)
    yield "text_model.embeddings.position_embedding.weight", (_CONTEXT, width)
    yield from _pair("text_model.final_layer_norm", width)
    yield "text_projection.weight", (_DIM, width)


def _layer_shapes(prefix: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for layer in range(_LAYERS):
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from _pair(f"{prefix}.{layer}.self_attn.{name}", width, width)
        for name in ("layer_norm1", "layer_norm2"):
            yield from _pair(f"{prefix}.{layer}.{name}", width)
        yield from _pair(f"{prefix}.{layer}.mlp.fc1", 4 * width, width)
        yield from _pair(f"{prefix}.{layer}.mlp.fc2", width, 4 * width)


def _pair(name: str, out: int, *rest: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (out, *rest)
    yield f"{name}.bias", (out,)


def _weights(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Draw as transformers initialises CLIP: the spread of activations is part of the question."""
    if name.endswith("bias"):
        return np.zeros(shape, np.float32)
    if "norm" in name:
        return np.ones(shape, np.float32)
    return rng.standard_normal(shape, np.float32) * np.float32(_spread(name, shape))


def _spread(name: str, shape: tuple[int, ...]) -> float:
    if "embedding" in name:
        return float(shape[0] ** -0.5) if "class" in name else 0.02
    width = min(shape)
    if any(part in name for part in ("q_proj", "k_proj", "v_proj", "fc2")):
        return float((width * 2 * _LAYERS) ** -0.5)
    return float((2 * width) ** -0.5 if "fc1" in name else shape[-1] ** -0.5)


def _config() -> dict[str, object]:
    towers = {
        f"{kind}_config": {
            "hidden_size": width,
            "intermediate_size": 4 * width,
            "num_hidden_layers": _LAYERS,
            "num_attention_heads": width // 64,
            "hidden_act": "quick_gelu",
            "projection_dim": _DIM,
        }
        for kind, width in _WIDTHS.items()
    }
    towers["vision_config"] |= {"image_size": _SIDE, "patch_size": _PATCH}
    towers["text_config"] |= {
        "vocab_size": _WORDS,
        "max_position_embeddings": _CONTEXT,
        "bos_token_id": _START,
        "eos_token_id": _END,
    }
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": _DIM,
        **towers,
    }


def _preprocessor() -> dict[str, object]:
    return {
        "image_processor_type": "CLIPImageProcessor",
        "crop_size": {"height": _SIDE, "width": _SIDE},
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
        "size": {"shortest_edge": _SIDE},
    }


def _tokenizer() -> dict[str, object]:
    words = {f"word{place}": place for place in range(_START)}
    marks = {"<start>": _START, "<end>": _END}
    ends = [{"id": name, "ids": [place], "tokens": [name]} for name, place in marks.items()]
    single = [
        {"SpecialToken": {"id": "<start>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "<end>", "type_id": 0}},
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": place,
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for name, place in marks.items()
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {entry["id"]: entry for entry in ends},
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": words | marks, "unk_token": "word0"},
    }
