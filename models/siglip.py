"""Build SigLIP and SigLIP 2 checkpoints, under the names of transformers, into packs.

The fixed-size checkpoints of SigLIP 2 are of the type ``siglip`` too; they differ in tokenizer and
vocabulary. The NaFlex ones (``siglip2``) were trained to read pictures in their own proportions,
as many patches as fit; they are built here for the square their position embedding was made for
(256 pixels for 16 x 16 patches of 16), where it needs no resizing: the vectors are those of
transformers for square pictures, and others are squashed, as all SigLIPs squash.

Sources: Zhai et al., Sigmoid Loss for Language Image Pre-Training, 2023 (arXiv:2303.15343);
Tschannen et al., SigLIP 2, 2025 (arXiv:2502.14786).
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .checkpoint import Array, Checkpoint, Linear, linear, norm, read_json
from .clip import Transformer, add_layers
from .errors import CheckpointError
from .graph import Graph, Value
from .layers import (
    activation,
    layer_norm,
    patch_embedding,
    unit_length,
)
from .layers import linear as add_linear
from .pack import Precision, TextualTower, VisualTower
from .pooling import fixed_scores, gather
from .towers import (
    TEXTUAL_FILE,
    VISUAL_FILE,
    Preparation,
    Towers,
    copy_tokenizer,
    graph_path,
    read_preparation,
)

__all__ = ["build_siglip"]

_HALF = (0.5, 0.5, 0.5)
_SQUASHED = Preparation("squash", "bicubic", _HALF, _HALF)
_SQUASHED_NAFLEX = Preparation("squash", "bilinear", _HALF, _HALF)


class _Texts(NamedTuple):
    """What pads the texts, and what is done to them before they become tokens."""

    pad_id: int
    lowercase: bool
    strip_punctuation: bool


def build_siglip(checkpoint: Checkpoint, destination: Path, precision: Precision) -> Towers:
    """Write both towers of a SigLIP and its tokenizer into a folder.

    Texts must be padded to the whole context, as they were in training: what they are is read off
    the last token, padding or not, and padding is attended to. In an int8 graph the head that pools
    the patches stays float32.

    Raises
    ------
    CheckpointError
        If the checkpoint is not whole, or of a shape that is not known here.
    """
    visual, image_dim = _build_visual(checkpoint, destination, precision)
    textual = _build_textual(checkpoint, destination, precision)
    if textual.dim != image_dim:
        message = (
            f"{checkpoint.folder}: texts become {textual.dim} numbers and pictures {image_dim} by "
            f"config.json (projection_size, hidden_size), so they cannot be compared"
        )
        raise CheckpointError(message)
    scale, bias = checkpoint.scalar("logit_scale"), checkpoint.scalar("logit_bias")
    return Towers(visual, textual, None if scale is None else math.exp(scale), bias)


def _build_visual(
    checkpoint: Checkpoint, destination: Path, precision: Precision
) -> tuple[VisualTower, int]:
    config = _table(checkpoint, "vision_config")
    body = _transformer(config)
    if not config.get("vision_use_head", True):
        message = (
            f"{checkpoint.folder} has no pooling head (vision_use_head is false), so its pictures "
            f"have no one vector: choose a checkpoint with one"
        )
        raise CheckpointError(message)
    is_naflex = checkpoint.config.get("model_type") == "siglip2"
    side, kernel, bias, positions = _patches(checkpoint, config, body, is_naflex=is_naflex)
    preparation = read_preparation(checkpoint.folder, _SQUASHED_NAFLEX if is_naflex else _SQUASHED)
    with Graph(graph_path(destination, VISUAL_FILE), precision) as graph:
        pixels = graph.input("pixels", np.uint8, ["batch", side, side, 3])
        x, shift = patch_embedding(
            graph,
            pixels,
            kernel,
            bias,
            side=side,
            mean=preparation.mean,
            std=preparation.std,
        )
        x = graph.add("Add", x, graph.weight(positions + shift, "positions"))
        x = add_layers(graph, x, checkpoint, "vision_model", body)
        x = layer_norm(
            graph,
            x,
            norm(checkpoint, "vision_model.post_layernorm", body.width),
            "post_layernorm",
            epsilon=body.epsilon,
        )
        vectors = unit_length(graph, _pool(graph, x, checkpoint, body))
        graph.output("vectors", vectors, np.float32, ["batch", body.width])
    tower = VisualTower(
        VISUAL_FILE,
        side,
        body.width,
        fit=preparation.fit,
        resample=preparation.resample,
        mean=preparation.mean,
        std=preparation.std,
    )
    return tower, body.width


def _build_textual(checkpoint: Checkpoint, destination: Path, precision: Precision) -> TextualTower:
    config = _table(checkpoint, "text_config")
    body = _transformer(config)
    context = _whole(config, "max_position_embeddings", 64)
    dim = _whole(config, "projection_size", body.width)
    words = checkpoint.take(
        "text_model.embeddings.token_embedding.weight",
        (_whole(config, "vocab_size", 32000), body.width),
    )
    positions = checkpoint.take(
        "text_model.embeddings.position_embedding.weight", (context, body.width)
    )
    with Graph(graph_path(destination, TEXTUAL_FILE), precision) as graph:
        ids = graph.input("input_ids", np.int64, ["batch", context])
        x = graph.add("Gather", graph.weight(words, "words"), ids)
        x = graph.add("Add", x, graph.weight(positions, "positions"))
        last = graph.integers([-1])
        x = add_layers(
            graph,
            x,
            checkpoint,
            "text_model",
            body,
            pool=lambda value: graph.add("Gather", value, last, axis=1),
        )
        final = norm(checkpoint, "text_model.final_layer_norm", body.width)
        x = layer_norm(graph, x, final, "final_layer_norm", epsilon=body.epsilon)
        x = graph.add("Squeeze", x, graph.integers([1]))
        head = linear(checkpoint, "text_model.head", dim, body.width)
        vectors = unit_length(graph, add_linear(graph, x, head, "head", exact=True))
        graph.output("vectors", vectors, np.float32, ["batch", dim])
    tokenizer = copy_tokenizer(checkpoint.folder, destination)
    texts = _finish_tokenizer(checkpoint.folder, destination / tokenizer)
    return TextualTower(
        TEXTUAL_FILE,
        tokenizer,
        context,
        dim,
        pad_id=texts.pad_id,
        pad_to_context=True,
        lowercase=texts.lowercase,
        strip_punctuation=texts.strip_punctuation,
    )


def _patches(
    checkpoint: Checkpoint, config: Mapping[str, Any], body: Transformer, *, is_naflex: bool
) -> tuple[int, Array, Array, Array]:
    """Return the side in pixels, the patch convolution's matrix and bias, and the positions."""
    stem = "vision_model.embeddings"
    patch = _whole(config, "patch_size", 16)
    if is_naflex:
        count = _whole(config, "num_patches", 256)
        grid = math.isqrt(count)
        if grid * grid != count:
            message = (
                f"{checkpoint.folder}: its position embedding has {count} places, which are no "
                f"square, so there is no picture size that it was made for"
            )
            raise CheckpointError(message)
        # Its pixels come row by row with their channels together, a convolution has them apart.
        kernel = checkpoint.take(f"{stem}.patch_embedding.weight", (body.width, 3 * patch * patch))
        kernel = kernel.reshape(body.width, patch, patch, 3).transpose(0, 3, 1, 2)
        side = grid * patch
    else:
        side = _whole(config, "image_size", 224)
        grid = side // patch
        kernel = checkpoint.take(f"{stem}.patch_embedding.weight", (body.width, 3, patch, patch))
    bias = checkpoint.take(f"{stem}.patch_embedding.bias", (body.width,))
    positions = checkpoint.take(f"{stem}.position_embedding.weight", (grid * grid, body.width))
    return side, kernel, bias, positions


def _pool(graph: Graph, tokens: Value, checkpoint: Checkpoint, body: Transformer) -> Value:
    """Add the pooling head: (batch, tokens, width) to (batch, width)."""
    name, width = "vision_model.head", body.width
    probe = checkpoint.take(f"{name}.probe", (1, 1, width)).reshape(width)
    query, key, value = (
        Linear(weight, bias)
        for weight, bias in zip(
            np.split(checkpoint.take(f"{name}.attention.in_proj_weight", (3 * width, width)), 3),
            np.split(checkpoint.take(f"{name}.attention.in_proj_bias", (3 * width,)), 3),
            strict=True,
        )
    )
    out = linear(checkpoint, f"{name}.attention.out_proj", width, width)
    scores = fixed_scores(graph, tokens, probe, query, key, "head", heads=body.heads)
    x = gather(graph, scores, tokens, value, out, "head", heads=body.heads)
    normed = layer_norm(
        graph,
        x,
        norm(checkpoint, f"{name}.layernorm", width),
        "head.layernorm",
        epsilon=body.epsilon,
    )
    inner = linear(checkpoint, f"{name}.mlp.fc1", body.hidden, width)
    outer = linear(checkpoint, f"{name}.mlp.fc2", width, body.hidden)
    hidden = add_linear(graph, normed, inner, "head.fc1", exact=True)
    hidden = activation(graph, hidden, body.activation)
    return graph.add("Add", x, add_linear(graph, hidden, outer, "head.fc2", exact=True))


def _transformer(config: Mapping[str, Any]) -> Transformer:
    default = {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "hidden_act": "gelu_pytorch_tanh",
        "layer_norm_eps": 1e-6,
    }
    return Transformer.from_config({**default, **config})


def _table(checkpoint: Checkpoint, key: str) -> Mapping[str, Any]:
    # Published configs hold only what differs from the base model, down to nothing at all.
    table = checkpoint.config.get(key) or {}
    if not isinstance(table, Mapping):
        message = f"{checkpoint.folder}: {key} of config.json is no table, but {table!r}"
        raise CheckpointError(message)
    return table


def _whole(config: Mapping[str, Any], key: str, default: int) -> int:
    value = config.get(key)
    if isinstance(value, list) and value and value.count(value[0]) == len(value):
        value = value[0]  # a size of height and width, both the same
    if value is None:
        return default
    if type(value) is not int or value < 1:
        message = f"{key} of config.json must be a whole number above 0, not {value!r}"
        raise CheckpointError(message)
    return value


def _finish_tokenizer(folder: Path, path: Path) -> _Texts:
    """Let the pack's tokenizer put the end token, and nothing else, about a text.

    Published tokenizer.json may leave this to tokenizer_config.json (add_eos_token), and lower case
    to whoever calls them. SigLIP has the vocabulary of T5, and was trained on texts without
    punctuation; SigLIP 2 has that of Gemma, with an end token of another name.
    """
    from tokenizers import Tokenizer, processors

    settings_path = folder / "tokenizer_config.json"
    settings = read_json(settings_path) if settings_path.exists() else {}
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    is_second = tokenizer.token_to_id("<eos>") is not None
    end = _token(settings.get("eos_token"), "<eos>" if is_second else "</s>")
    padding = _token(settings.get("pad_token"), "<pad>" if is_second else "</s>")
    end_id, pad_id = tokenizer.token_to_id(end), tokenizer.token_to_id(padding)
    if end_id is None or pad_id is None:
        message = (
            f"{folder / 'tokenizer.json'} has no token {end if end_id is None else padding!r}, "
            f"which ends or pads the texts of a SigLIP: copy it and tokenizer_config.json again "
            f"from where the checkpoint is from"
        )
        raise CheckpointError(message)
    if tokenizer.encode("a").ids != [*tokenizer.encode("a", add_special_tokens=False).ids, end_id]:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"$A {end}", special_tokens=[(end, end_id)]
        )
    tokenizer.save(str(path))
    return _Texts(int(pad_id), bool(settings.get("do_lower_case", True)), not is_second)


def _token(entry: object, default: str) -> str:
    content = entry.get("content") if isinstance(entry, Mapping) else entry
    return content if isinstance(content, str) else default
