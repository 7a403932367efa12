"""CLIP with a vision transformer: the checkpoints of `CLIPModel` into two ONNX towers.

The architecture is that of Radford et al., "Learning Transferable Visual Models From Natural
Language Supervision" (2021). Only the last layer is built differently: nothing of it is used but
the pooled token, so only that token asks, and is passed on.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from .checkpoint import Checkpoint, Parameters, linear, norm
from .errors import CheckpointError
from .graph import Graph, Value
from .layers import (
    Activation,
    Attention,
    activation,
    attention,
    known_activation,
    layer_norm,
    patch_embedding,
    unit_length,
)
from .layers import linear as add_linear
from .pack import Precision, TextualTower, VisualTower
from .towers import (
    TEXTUAL_FILE,
    VISUAL_FILE,
    Preparation,
    Towers,
    copy_tokenizer,
    graph_path,
    read_preparation,
)

__all__ = [
    "TextShape",
    "Transformer",
    "VisionShape",
    "add_layers",
    "build_clip",
    "write_textual",
    "write_visual",
]

# What OpenAI's configs say where the tokenizer's end mark is meant; it is no token of theirs.
_WRONG_END = 2


@dataclass(frozen=True, slots=True)
class Transformer:
    """The numbers that both towers have."""

    width: int
    hidden: int
    layers: int
    heads: int
    activation: Activation
    epsilon: float

    @classmethod
    def from_config(cls, entries: Mapping[str, Any]) -> Self:
        """Read them under the names of Hugging Face."""
        width, heads = _count(entries, "hidden_size"), _count(entries, "num_attention_heads")
        if width % heads:
            message = f"the config divides a width of {width} among {heads} heads: it is damaged"
            raise CheckpointError(message)
        return cls(
            width,
            _count(entries, "intermediate_size"),
            _count(entries, "num_hidden_layers"),
            heads,
            known_activation(entries["hidden_act"]),
            float(entries["layer_norm_eps"]),
        )


@dataclass(frozen=True, slots=True)
class VisionShape:
    """The numbers of a vision tower."""

    transformer: Transformer
    dim: int
    """Components of the vectors, after the projection."""
    side: int
    patch: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any], dim: int) -> Self:
        """Read a `vision_config`; what it leaves out is as Hugging Face defaults it."""
        default = {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 224,
            "patch_size": 32,
            "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-5,
        }
        entries = {**default, **config}
        transformer = Transformer.from_config(entries)
        return cls(transformer, dim, _count(entries, "image_size"), _count(entries, "patch_size"))


@dataclass(frozen=True, slots=True)
class TextShape:
    """The numbers of a text tower."""

    transformer: Transformer
    dim: int
    """Components of the vectors, after the projection."""
    words: int
    context: int
    end: int | None
    """Id of the token that is pooled, at its first place; None for that of the highest id."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any], dim: int) -> Self:
        """Read a `text_config`; what it leaves out is as Hugging Face defaults it."""
        default = {
            "hidden_size": 512,
            "intermediate_size": 2048,
            "num_hidden_layers": 12,
            "num_attention_heads": 8,
            "vocab_size": 49408,
            "max_position_embeddings": 77,
            "eos_token_id": 49407,
            "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-5,
        }
        entries = {**default, **config}
        return cls(
            Transformer.from_config(entries),
            dim,
            _count(entries, "vocab_size"),
            _count(entries, "max_position_embeddings"),
            _end(entries["eos_token_id"]),
        )


def build_clip(checkpoint: Checkpoint, destination: Path, precision: Precision) -> Towers:
    """Build the towers of a `CLIPModel`, or the one of a CLIP model of one tower with projection.

    Raises
    ------
    CheckpointError
        If a tensor is missing or of another shape than the config says, or there is no tokenizer.
    """
    config = checkpoint.config
    visual = textual = None
    if config["model_type"] != "clip_text_model":
        entries = _table(config, "vision_config")
        vision = VisionShape.from_config(entries, _dim(config, entries))
        preparation = read_preparation(checkpoint.folder)
        visual = write_visual(checkpoint, vision, preparation, destination, precision)
    if config["model_type"] != "clip_vision_model":
        entries = _table(config, "text_config")
        text = TextShape.from_config(entries, _dim(config, entries))
        textual = write_textual(checkpoint, text, checkpoint.folder, destination, precision)
    scale = checkpoint.scalar("logit_scale")
    return Towers(visual, textual, None if scale is None else math.exp(scale))


def write_visual(
    parameters: Parameters,
    shape: VisionShape,
    preparation: Preparation,
    destination: Path,
    precision: Precision,
) -> VisualTower:
    """Write ``visual/model.onnx`` from parameters under the names of Hugging Face."""
    with Graph(graph_path(destination, VISUAL_FILE), precision) as graph:
        pixels = graph.input("pixels", np.uint8, ["batch", shape.side, shape.side, 3])
        name, width = "vision_model.embeddings", shape.transformer.width
        patches, shift = patch_embedding(
            graph,
            pixels,
            parameters.take(f"{name}.patch_embedding.weight", (width, 3, shape.patch, shape.patch)),
            None,
            side=shape.side,
            mean=preparation.mean,
            std=preparation.std,
        )
        count = (shape.side // shape.patch) ** 2
        positions = parameters.take(f"{name}.position_embedding.weight", (count + 1, width))
        positions[1:] += shift
        positions[0] += parameters.take(f"{name}.class_embedding", (width,))
        # An empty row in front makes room for the class token, which is among the positions.
        x = graph.add("Pad", patches, graph.integers([0, 1, 0, 0, 0, 0]))
        x = graph.add("Add", x, graph.weight(positions, "positions"))
        before = norm(parameters, "vision_model.pre_layrnorm", width)
        x = layer_norm(graph, x, before, "before", epsilon=shape.transformer.epsilon)
        first = graph.integers([0])
        x = add_layers(
            graph,
            x,
            parameters,
            "vision_model",
            shape.transformer,
            pool=lambda value: graph.add("Gather", value, first, axis=1),
        )
        after, projection = "vision_model.post_layernorm", "visual_projection"
        _finish(graph, x, parameters, after, projection, shape)
    return VisualTower(
        VISUAL_FILE,
        shape.side,
        shape.dim,
        fit=preparation.fit,
        resample=preparation.resample,
        mean=preparation.mean,
        std=preparation.std,
    )


def write_textual(
    parameters: Parameters,
    shape: TextShape,
    source: Path,
    destination: Path,
    precision: Precision,
) -> TextualTower:
    """Write ``textual/model.onnx`` from parameters under the names of Hugging Face.

    The tokenizer is that of the folder `source`. Texts of a batch are padded after their end, to
    any length: no token looks at a later one, so padding changes nothing.
    """
    tokenizer = copy_tokenizer(source, destination)
    with Graph(graph_path(destination, TEXTUAL_FILE), precision) as graph:
        ids = graph.input("input_ids", np.int64, ["batch", "length"])
        name, width = "text_model.embeddings", shape.transformer.width
        words = parameters.take(f"{name}.token_embedding.weight", (shape.words, width))
        positions = parameters.take(f"{name}.position_embedding.weight", (shape.context, width))
        start = graph.integers([0])
        length = graph.add("Shape", ids, start=1)
        x = graph.add("Gather", graph.weight(words, "words"), ids)
        places = graph.add("Slice", graph.weight(positions, "positions"), start, length)
        x = graph.add("Add", x, places)
        later = np.triu(np.full((shape.context, shape.context), -np.inf, np.float32), 1)
        mask = graph.add(
            "Slice",
            graph.weight(later, "mask"),
            graph.integers([0, 0]),
            graph.add("Concat", length, length, axis=0),
        )
        end = _end_position(graph, ids, shape.end)
        place = graph.add("Unsqueeze", end, graph.integers([2]))
        seen = graph.add("Unsqueeze", graph.add("Gather", mask, end, axis=0), graph.integers([1]))
        x = add_layers(
            graph,
            x,
            parameters,
            "text_model",
            shape.transformer,
            pool=lambda value: graph.add("GatherND", value, place, batch_dims=1),
            mask=mask,
            pooled_mask=seen,
        )
        after, projection = "text_model.final_layer_norm", "text_projection"
        _finish(graph, x, parameters, after, projection, shape)
    return TextualTower(TEXTUAL_FILE, tokenizer, shape.context, shape.dim)


def add_layers(
    graph: Graph,
    x: Value,
    parameters: Parameters,
    prefix: str,
    shape: Transformer,
    *,
    pool: Callable[[Value], Value] | None = None,
    mask: Value | None = None,
    pooled_mask: Value | None = None,
) -> Value:
    """Pass (batch, tokens, width) through the layers of a tower, pre-norm as all CLIPs are.

    Parameters
    ----------
    prefix
        Of the tower's tensors, such as ``vision_model``.
    pool
        Picks the tokens of (batch, tokens, width) that come out of the last layer, so that only
        these are computed there; all of them if not given.
    mask, pooled_mask
        As of `attention`; the second is that of the tokens that `pool` picks.
    """
    width = shape.width
    for number in range(shape.layers):
        layer, name = f"{prefix}.encoder.layers.{number}", f"layer.{number}"
        first = norm(parameters, f"{layer}.layer_norm1", width)
        keys = layer_norm(graph, x, first, f"{name}.norm1", epsilon=shape.epsilon)
        queries = keys
        if pool and number == shape.layers - 1:
            x, queries, mask = pool(x), pool(keys), pooled_mask
        matrices = Attention(
            *(
                linear(parameters, f"{layer}.self_attn.{part}_proj", width, width)
                for part in ("q", "k", "v", "out")
            )
        )
        gathered = attention(
            graph, queries, matrices, name, heads=shape.heads, keys=keys, mask=mask
        )
        x = graph.add("Add", x, gathered)
        second = norm(parameters, f"{layer}.layer_norm2", width)
        inner = layer_norm(graph, x, second, f"{name}.norm2", epsilon=shape.epsilon)
        wide = linear(parameters, f"{layer}.mlp.fc1", shape.hidden, width)
        inner = add_linear(graph, inner, wide, f"{name}.wide")
        inner = activation(graph, inner, shape.activation)
        narrow = linear(parameters, f"{layer}.mlp.fc2", width, shape.hidden)
        x = graph.add("Add", x, add_linear(graph, inner, narrow, f"{name}.narrow"))
    return x


def _finish(
    graph: Graph,
    x: Value,
    parameters: Parameters,
    after: str,
    projection: str,
    shape: VisionShape | TextShape,
) -> None:
    """Norm and project the pooled token (batch, 1, width) to a vector of length one."""
    x = graph.add("Squeeze", x, graph.integers([1]))
    width = shape.transformer.width
    x = layer_norm(
        graph, x, norm(parameters, after, width), "after", epsilon=shape.transformer.epsilon
    )
    matrix = linear(parameters, projection, shape.dim, width, bias=False)
    x = add_linear(graph, x, matrix, "projection", exact=True)
    graph.output("vectors", unit_length(graph, x), np.float32, ["batch", shape.dim])


def _end_position(graph: Graph, ids: Value, end: int | None) -> Value:
    """Return where the token lies that is pooled: int64 (batch, 1)."""
    if end is None:
        return graph.add("ArgMax", ids, axis=1, keepdims=1)
    found = graph.add("Equal", ids, graph.constant(np.array(end, np.int64), "end"))
    return graph.add("ArgMax", graph.add("Cast", found, to=6), axis=1, keepdims=1)


def _end(entry: Any) -> int | None:  # noqa: ANN401 - from JSON
    if not isinstance(entry, int):
        message = f"text_config.eos_token_id must be one id, not {entry!r}: name the end mark's"
        raise CheckpointError(message)
    return None if entry == _WRONG_END else entry


def _table(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the config of a tower, which is the whole one where there is but that tower."""
    table = config.get(key, config)
    if not isinstance(table, Mapping):
        message = f"{key} of config.json must be an object, not {table!r}: download it again"
        raise CheckpointError(message)
    return table


def _count(entries: Mapping[str, Any], key: str) -> int:
    value = entries[key]
    if not isinstance(value, int) or value < 1:
        message = f"{key} of config.json must be a whole number above 0, not {value!r}"
        raise CheckpointError(message)
    return value


def _dim(config: Mapping[str, Any], tower: Mapping[str, Any]) -> int:
    dim = config.get("projection_dim", tower.get("projection_dim", 512))
    return _count({"projection_dim": dim}, "projection_dim")
