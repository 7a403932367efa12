"""Layers of transformers as ONNX nodes, in the precision of the graph they are added to.

Matrices come as checkpoints hold them, (out, in). In an fp16 graph they and everything between
them are float16, and only lengths are taken in float32 (ONNX Runtime computes layer norms and
softmax of float16 in float32 anyway). In an int8 graph the matrices of `linear` are int8 with one
scale per output channel, and what they are multiplied by is quantised as it comes, to uint8; the
rest is float32.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from .checkpoint import Array, Linear, Norm
from .errors import CheckpointError
from .graph import Graph, Value

__all__ = [
    "Activation",
    "Attention",
    "activation",
    "attention",
    "known_activation",
    "layer_norm",
    "linear",
    "patch_embedding",
    "to_dtype",
    "unit_length",
]

Activation: TypeAlias = Literal["quick_gelu", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu"]

_MICROSOFT = "com.microsoft"
# CPUs without VNNI add two products of uint8 and int8 in 16 bits, and saturate. Neighbours in a
# row whose positive (or negative) steps sum up to no more than this cannot: 255 * 128 < 2 ** 15.
_PAIR_LIMIT = 128
_STEPS = 127


class Attention(NamedTuple):
    """The four matrices of multi-head attention."""

    query: Linear
    key: Linear
    value: Linear
    out: Linear


def linear(graph: Graph, x: Value, layer: Linear, name: str, *, exact: bool = False) -> Value:
    """Multiply (..., in) by a matrix: (..., out).

    Parameters
    ----------
    graph, x, layer, name
        `name` is that of the constants, for those who read the graph.
    exact
        Keeps an int8 graph from quantising it: for the last projections, which are small and go
        straight into the vectors.
    """
    if graph.precision == "int8" and not exact:
        weight, scale = _quantised(layer.weight)
        bias = graph.constant(layer.bias, f"{name}.bias") if layer.bias is not None else ""
        return graph.add(
            "DynamicQuantizeMatMul",
            x,
            graph.constant(weight.T, f"{name}.weight"),
            graph.constant(scale, f"{name}.scale"),
            "",
            bias,
            domain=_MICROSOFT,
        )
    y = graph.add("MatMul", x, graph.weight(layer.weight.T, f"{name}.weight"))
    if layer.bias is None:
        return y
    return graph.add("Add", y, graph.weight(layer.bias, f"{name}.bias"))


def layer_norm(graph: Graph, x: Value, layer: Norm, name: str, *, epsilon: float) -> Value:
    """Bring the last axis to mean 0 and variance 1, then scale and shift it."""
    scale = graph.weight(layer.weight, f"{name}.weight")
    shift = graph.weight(layer.bias, f"{name}.bias")
    return graph.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=epsilon)


def known_activation(name: object) -> Activation:
    """Return the activation that a config names.

    Raises
    ------
    CheckpointError
        If it is none of those that `activation` knows.
    """
    for known in get_args(Activation):
        if name == known:
            return known  # type: ignore[no-any-return]
    message = (
        f"activation {name!r} is not known, only {', '.join(get_args(Activation))}: export the "
        f"model through torch (pip install 'sightline[torch]')"
    )
    raise CheckpointError(message)


def activation(graph: Graph, x: Value, kind: Activation) -> Value:
    """Apply an activation function elementwise."""
    if kind == "relu":
        return graph.add("Relu", x)
    if kind == "quick_gelu":
        if graph.precision != "fp32":
            return graph.add("QuickGelu", x, domain=_MICROSOFT, alpha=1.702)
        slope = graph.weight(np.array(1.702), "slope")
        return graph.add("Mul", x, graph.add("Sigmoid", graph.add("Mul", x, slope)))
    return graph.add("Gelu", x, approximate="none" if kind == "gelu" else "tanh")


def attention(
    graph: Graph,
    queries: Value,
    layer: Attention,
    name: str,
    *,
    heads: int,
    keys: Value | None = None,
    mask: Value | None = None,
) -> Value:
    """Let every query gather from the keys, with several heads.

    Parameters
    ----------
    queries
        Shape (batch, q, width).
    layer, name
        The matrices, which keep `width`, and what their constants are called.
    heads
        Divides `width`.
    keys
        Shape (batch, k, width); the queries themselves if not given.
    mask
        What is added to the scores before softmax, in the graph's `dtype`: broadcasts to (batch,
        heads, q, k), 0 where a query may look and -inf where it may not.

    Returns
    -------
    gathered
        Shape (batch, q, width).
    """
    width = len(layer.query.weight)
    scale = np.float32((width // heads) ** -0.5)
    scaled = Linear(
        layer.query.weight * scale,
        None if layer.query.bias is None else layer.query.bias * scale,
    )
    source = queries if keys is None else keys
    by_head = graph.integers([0, 0, heads, width // heads])
    q = linear(graph, queries, scaled, f"{name}.query")
    k = linear(graph, source, layer.key, f"{name}.key")
    v = linear(graph, source, layer.value, f"{name}.value")
    q, k, v = (graph.add("Reshape", part, by_head) for part in (q, k, v))
    q = graph.add("Transpose", q, perm=[0, 2, 1, 3])
    k = graph.add("Transpose", k, perm=[0, 2, 3, 1])
    v = graph.add("Transpose", v, perm=[0, 2, 1, 3])
    scores = graph.add("MatMul", q, k)
    if mask is not None:
        scores = graph.add("Add", scores, mask)
    gathered = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v)
    together = graph.add("Transpose", gathered, perm=[0, 2, 1, 3])
    flat = graph.add("Reshape", together, graph.integers([0, 0, width]))
    return linear(graph, flat, layer.out, f"{name}.out")


def patch_embedding(
    graph: Graph,
    pixels: Value,
    weight: Array,
    bias: Array | None,
    *,
    side: int,
    mean: Sequence[float],
    std: Sequence[float],
) -> tuple[Value, Array]:
    """Cut pictures into patches and project them, with the normalisation in the projection.

    Parameters
    ----------
    pixels
        Shape (batch, side, side, 3), uint8. What is left over beyond whole patches is not seen,
        as with a convolution without padding.
    weight, bias
        Of the convolution: (width, 3, patch, patch) and (width,).
    mean, std
        Of the three channels, of values from 0 to 1.

    Returns
    -------
    patches
        Shape (batch, (side // patch) ** 2, width), row by row, still without `shift`.
    shift
        Shape (width,): what is to be added to all of them. Add it to the position embedding,
        which costs nothing.
    """
    width, channels, patch, _ = weight.shape
    grid = side // patch
    if side % patch:
        pixels = graph.add(
            "Slice",
            pixels,
            graph.integers([0, 0]),
            graph.integers([grid * patch, grid * patch]),
            graph.integers([1, 2]),
        )
    cells = graph.add("Reshape", pixels, graph.integers([0, grid, patch, grid, patch, channels]))
    cells = graph.add("Transpose", cells, perm=[0, 1, 3, 2, 4, 5])
    cells = graph.add("Reshape", cells, graph.integers([0, grid * grid, patch * patch * channels]))
    # (x / 255 - mean) / std, as a factor and a shift, in float64: they are large and nearly cancel.
    spread = np.asarray(std, np.float64).reshape(1, channels, 1, 1)
    middle = np.asarray(mean, np.float64).reshape(1, channels, 1, 1)
    scaled = weight / spread
    shift = -(scaled * middle).sum(axis=(1, 2, 3))
    if bias is not None:
        shift += bias
    matrix = (scaled / 255).transpose(0, 2, 3, 1).reshape(width, -1).astype(np.float32)
    if graph.precision == "fp16":
        # Weights of a 255th fall among the subnormal float16, so the pixels become 0 to 1.
        cells = graph.add("Mul", to_dtype(graph, cells), graph.weight(np.array(1 / 255), "unit"))
        matrix = matrix * 255
    elif graph.precision == "fp32":
        cells = to_dtype(graph, cells)
    return _patch_product(graph, cells, matrix), shift.astype(np.float32)


def to_dtype(graph: Graph, x: Value) -> Value:
    """Convert to the graph's `dtype`: for inputs that are of another type."""
    return graph.add("Cast", x, to=_onnx_type(graph.dtype))


def unit_length(graph: Graph, x: Value) -> Value:
    """Divide the last axis by its length, in float32 and as float32."""
    if graph.precision == "fp16":
        x = graph.add("Cast", x, to=_onnx_type(np.dtype(np.float32)))
    length = graph.add("ReduceL2", x, graph.integers([-1]), keepdims=1)
    return graph.add("Div", x, length)


def _patch_product(graph: Graph, cells: Value, matrix: Array) -> Value:
    if graph.precision != "int8":
        return graph.add("MatMul", cells, graph.weight(matrix.T, "patch.weight"))
    # Pixels are uint8 already: nothing is lost on their side.
    weight, scale = _quantised(matrix)
    return graph.add(
        "MatMulIntegerToFloat",
        cells,
        graph.constant(weight.T, "patch.weight"),
        graph.constant(np.array(1, np.float32), "one"),
        graph.constant(scale, "patch.scale"),
        domain=_MICROSOFT,
    )


def _quantised(weight: Array) -> tuple[NDArray[np.int8], Array]:
    """Return int8 of the same shape, and the scale of each row, zero being 0.

    The kernels for uint8 weights cannot saturate but take half as long again on CPUs without VNNI.
    A scale coarse enough for `_PAIR_LIMIT` costs less, a third of the precision of the weights,
    and the sums are the same on every CPU.
    """
    rows, inputs = weight.shape
    pairs = np.zeros((rows, (inputs + 1) // 2, 2), np.float32)
    pairs.reshape(rows, -1)[:, :inputs] = weight
    largest = np.abs(pairs).max(axis=(1, 2))
    positive, negative = (np.maximum(part, 0).sum(axis=2).max(axis=1) for part in (pairs, -pairs))
    scale = np.maximum(largest / _STEPS, np.maximum(positive, negative) / _PAIR_LIMIT)
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(weight / scale[:, None]).astype(np.int8), scale


def _onnx_type(dtype: "np.dtype[Any]") -> int:
    return helper.np_dtype_to_tensor_dtype(dtype)
