"""Build CLIP's ResNets (RN50, RN101, RN50x4 and their like), named as open_clip does, into packs.

They differ from the usual ResNet: three convolutions and an average pool for a stem, an average
pool before every convolution that would have a stride, and attention instead of the last average.
Batch norms become part of the convolutions before them. The pictures are normalised by nodes of
their own, as the first convolution pads with zeros that are not normalised.

In an int8 pack the convolutions stay float32, and with them the whole visual tower: quantised as
they come, without calibration, they would be slower. Its text tower is int8 as any.

Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021
(arXiv:2103.00020).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .checkpoint import Array, Checkpoint, linear
from .clip import write_textual
from .errors import CheckpointError
from .graph import Graph, Value
from .layers import to_dtype, unit_length
from .open_clip import OpenClipNames, open_clip_preparation, open_clip_text_shape
from .pack import Precision, VisualTower
from .pooling import gather, query_scores
from .towers import VISUAL_FILE, Preparation, Towers, graph_path

__all__ = ["build_resnet"]

_EPSILON = 1e-5
_EXPANSION = 4
"""Channels that a block gives for each one it works on."""
_SHRINKAGE = 32
"""Pixels across of which one token is made: halved by the stem twice, by three stages once each."""


@dataclass(frozen=True, slots=True)
class _Shape:
    side: int
    width: int
    blocks: tuple[int, ...]
    """How many there are in each of the four stages."""
    heads: int
    dim: int

    @property
    def channels(self) -> int:
        """Of the last stage."""
        return self.width * 8 * _EXPANSION


def build_resnet(checkpoint: Checkpoint, destination: Path, precision: Precision) -> Towers:
    """Write both towers of a CLIP with a ModifiedResNet, and its tokenizer, into a folder.

    Raises
    ------
    CheckpointError
        If tensors are missing or of another shape than the config says, or there is no tokenizer.
    """
    model = checkpoint.config["model_cfg"]
    shape = _shape(model)
    preparation = open_clip_preparation(checkpoint.config)
    visual = _write_visual(checkpoint, shape, preparation, destination, precision)
    textual = write_textual(
        OpenClipNames(checkpoint),
        open_clip_text_shape(model),
        checkpoint.folder,
        destination,
        precision,
    )
    scale = checkpoint.scalar("logit_scale")
    return Towers(visual, textual, None if scale is None else math.exp(scale))


def _shape(model: Mapping[str, Any]) -> _Shape:
    vision = model["vision_cfg"]
    side, width = int(vision.get("image_size", 224)), int(vision.get("width", 64))
    blocks = tuple(int(count) for count in vision["layers"])
    if len(blocks) != 4 or min(blocks) < 1 or side < _SHRINKAGE:
        message = (
            f"vision_cfg of open_clip_config.json has layers {list(blocks)} and image_size {side}: "
            f"a ModifiedResNet has four stages and pictures of at least {_SHRINKAGE} pixels"
        )
        raise CheckpointError(message)
    heads = width * _SHRINKAGE // int(vision.get("head_width", 64))
    return _Shape(side, width, blocks, heads, int(model["embed_dim"]))


def _write_visual(
    checkpoint: Checkpoint,
    shape: _Shape,
    preparation: Preparation,
    destination: Path,
    precision: Precision,
) -> VisualTower:
    with Graph(graph_path(destination, VISUAL_FILE), precision) as graph:
        pixels = graph.input("pixels", np.uint8, ["batch", shape.side, shape.side, 3])
        x = _normalised(graph, pixels, preparation)
        half = shape.width // 2
        x = _conv(graph, x, checkpoint, "visual", 1, (half, 3, 3), stride=2)
        x = _conv(graph, x, checkpoint, "visual", 2, (half, half, 3))
        x = _conv(graph, x, checkpoint, "visual", 3, (shape.width, half, 3))
        x = _halved(graph, x)
        inputs = shape.width
        for stage, blocks in enumerate(shape.blocks):
            planes = shape.width * 2**stage
            for place in range(blocks):
                halves = stage > 0 and place == 0
                name = f"visual.layer{stage + 1}.{place}"
                x = _block(graph, x, checkpoint, name, (inputs, planes), halves=halves)
                inputs = planes * _EXPANSION
        vectors = unit_length(graph, _pool(graph, x, checkpoint, shape))
        graph.output("vectors", vectors, np.float32, ["batch", shape.dim])
    return VisualTower(
        VISUAL_FILE,
        shape.side,
        shape.dim,
        fit=preparation.fit,
        resample=preparation.resample,
        mean=preparation.mean,
        std=preparation.std,
    )


def _normalised(graph: Graph, pixels: Value, preparation: Preparation) -> Value:
    """Return pixels as (batch, 3, side, side), normalised in float32 whatever the precision."""
    spread = np.array(preparation.std, np.float64)
    middle = np.array(preparation.mean, np.float64)
    factor = (1 / (255 * spread)).astype(np.float32)
    shift = (-middle / spread).astype(np.float32)
    x = graph.add("Cast", pixels, to=1)
    x = graph.add("Mul", x, graph.constant(factor, "factor"))
    x = graph.add("Add", x, graph.constant(shift, "shift"))
    if graph.precision == "fp16":
        x = to_dtype(graph, x)
    return graph.add("Transpose", x, perm=[0, 3, 1, 2])


def _block(
    graph: Graph,
    x: Value,
    checkpoint: Checkpoint,
    name: str,
    channels: tuple[int, int],
    *,
    halves: bool,
) -> Value:
    """Add a bottleneck of (inputs, planes) channels, which gives four times its planes."""
    inputs, planes = channels
    outputs = planes * _EXPANSION
    y = _conv(graph, x, checkpoint, name, 1, (planes, inputs, 1))
    y = _conv(graph, y, checkpoint, name, 2, (planes, planes, 3))
    if halves:
        y = _halved(graph, y)
    y = _conv(graph, y, checkpoint, name, 3, (outputs, planes, 1), relu=False)
    if halves or inputs != outputs:
        short = _halved(graph, x) if halves else x
        kernel = checkpoint.take(f"{name}.downsample.0.weight", (outputs, inputs, 1, 1))
        x = _folded(graph, short, kernel, checkpoint, f"{name}.downsample.1")
    return graph.add("Relu", graph.add("Add", y, x))


def _conv(
    graph: Graph,
    x: Value,
    checkpoint: Checkpoint,
    name: str,
    number: int,
    kernel: tuple[int, int, int],
    *,
    stride: int = 1,
    relu: bool = True,
) -> Value:
    """Add a convolution (out, in, size) with its batch norm, and ReLU unless told not to."""
    outputs, inputs, size = kernel
    weight = checkpoint.take(f"{name}.conv{number}.weight", (outputs, inputs, size, size))
    x = _folded(graph, x, weight, checkpoint, f"{name}.bn{number}", stride=stride)
    return graph.add("Relu", x) if relu else x


def _folded(
    graph: Graph, x: Value, kernel: Array, checkpoint: Checkpoint, norm: str, *, stride: int = 1
) -> Value:
    """Add a convolution that does the work of the batch norm `norm` after it too."""
    outputs, _, size, _ = kernel.shape
    weight, bias, mean, variance = (
        checkpoint.take(f"{norm}.{part}", (outputs,)).astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = weight / np.sqrt(variance + _EPSILON)
    label = norm.removeprefix("visual.")
    return graph.add(
        "Conv",
        x,
        graph.weight(kernel * factor[:, None, None, None], f"{label}.kernel"),
        graph.weight(bias - mean * factor, f"{label}.bias"),
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[size // 2] * 4,
    )


def _halved(graph: Graph, x: Value) -> Value:
    return graph.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])


def _pool(graph: Graph, x: Value, checkpoint: Checkpoint, shape: _Shape) -> Value:
    """Let the mean of all tokens attend to itself and to them: (batch, dim)."""
    name, width = "visual.attnpool", shape.channels
    count = (shape.side // _SHRINKAGE) ** 2
    query, key, value = (
        linear(checkpoint, f"{name}.{part}_proj", width, width) for part in ("q", "k", "v")
    )
    out = linear(checkpoint, f"{name}.c_proj", shape.dim, width)
    positions = checkpoint.take(f"{name}.positional_embedding", (count + 1, width))
    x = graph.add("Reshape", x, graph.integers([0, width, count]))
    mean = graph.add("ReduceMean", x, graph.integers([2]), keepdims=1)
    x = graph.add("Concat", mean, x, axis=2)
    x = graph.add("Add", x, graph.weight(positions.T, "positions"))
    first = graph.add("Gather", x, graph.constant(np.array(0, np.int64), "first"), axis=2)
    scores = query_scores(graph, x, first, query, key, "attnpool", heads=shape.heads)
    tokens = graph.add("Transpose", x, perm=[0, 2, 1])
    return gather(graph, scores, tokens, value, out, "attnpool", heads=shape.heads)
