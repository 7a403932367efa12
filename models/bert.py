"""BERT and its relatives as ONNX nodes: token ids and their mask become one state per token.

One encoder in five dialects. BERT itself (MiniLM, E5, BGE and GTE are of its form), CamemBERT,
RoBERTa and XLM-RoBERTa, whose positions begin behind that of padding; DistilBERT, which has no
token types; MPNet, which adds a bias to attention scores that depends on the distance of tokens.
Texts are padded on the right: positions are counted from the start of the row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from .checkpoint import Array, Checkpoint, Linear, Norm, linear
from .errors import CheckpointError
from .graph import Graph, Value
from .layers import Activation, Attention, activation, attention, known_activation, layer_norm
from .layers import linear as multiply

__all__ = ["BERT_FAMILY", "TokenStates", "add_encoder", "longest_text", "pad_id"]


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What a relative of BERT calls its sizes and tensors; those of a layer below the layer."""

    prefix: str
    """Before all names, in checkpoints of a model with a head."""
    layer: str = "encoder.layer"
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    out: str = "attention.output.dense"
    attention_norm: str = "attention.output.LayerNorm"
    up: str = "intermediate.dense"
    down: str = "output.dense"
    output_norm: str = "output.LayerNorm"
    token_types: bool = True
    distances: bool = False
    """Whether attention has a bias by distance."""
    first_position: int | None = 0
    """Position of the first token; one behind that of padding if None."""
    width: str = "hidden_size"
    depth: str = "num_hidden_layers"
    heads: str = "num_attention_heads"
    inner: str = "intermediate_size"
    activation: str = "hidden_act"


_ROBERTA = _Dialect("roberta.", first_position=None)
_DIALECTS: Mapping[str, _Dialect] = {
    "bert": _Dialect("bert."),
    "camembert": _ROBERTA,
    "distilbert": _Dialect(
        "distilbert.",
        layer="transformer.layer",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        out="attention.out_lin",
        attention_norm="sa_layer_norm",
        up="ffn.lin1",
        down="ffn.lin2",
        output_norm="output_layer_norm",
        token_types=False,
        width="dim",
        depth="n_layers",
        heads="n_heads",
        inner="hidden_dim",
        activation="activation",
    ),
    "mpnet": _Dialect(
        "mpnet.",
        query="attention.attn.q",
        key="attention.attn.k",
        value="attention.attn.v",
        out="attention.attn.o",
        attention_norm="attention.LayerNorm",
        token_types=False,
        distances=True,
        first_position=2,
    ),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}
BERT_FAMILY = tuple(_DIALECTS)
"""What `add_encoder` knows, as config.json calls it in ``model_type``."""

# Distances of MPNet, as in T5 (https://arxiv.org/abs/1910.10683, section 2.1): half of the buckets
# for each direction, and of these one half for exact distances, the other for logarithmic ranges
# up to the farthest.
_BUCKETS = 32
_FARTHEST = 128


class TokenStates(NamedTuple):
    """What an encoder gives."""

    states: Value
    """Shape (batch, length, width), in the graph's dtype."""
    width: int


def longest_text(config: Mapping[str, Any]) -> int:
    """Return how many tokens a model of this config has positions for."""
    return _size(config, "max_position_embeddings") - _first_position(config)


def pad_id(config: Mapping[str, Any]) -> int:
    """Return the token that texts are padded with: what the config says, else the family's."""
    known = config.get("pad_token_id")
    if isinstance(known, int):
        return known
    return 0 if config["model_type"] in {"bert", "distilbert"} else 1


def add_encoder(graph: Graph, checkpoint: Checkpoint, ids: Value, mask: Value) -> TokenStates:
    """Add the encoder of a checkpoint.

    Parameters
    ----------
    graph, checkpoint
        The ``model_type`` of the checkpoint's config is one of `BERT_FAMILY`.
    ids
        Tokens, shape (batch, length), int64; length at most `longest_text`.
    mask
        Same shape, int64: 1 for tokens, 0 for what a text is padded with.

    Raises
    ------
    CheckpointError
        If a tensor or a size is missing or does not fit, or the config asks for what is not
        built: an unknown activation, positions of another kind, a decoder.
    """
    config = checkpoint.config
    _refuse_other_kinds(checkpoint)
    dialect = _DIALECTS[config["model_type"]]
    named = _Named(checkpoint, dialect.prefix)
    width, heads = _size(config, dialect.width), _size(config, dialect.heads)
    if width % heads:
        message = f"{checkpoint.folder}: {heads} attention heads do not divide a width of {width}"
        raise CheckpointError(message)
    epsilon = float(config.get("layer_norm_eps", 1e-12))
    inner, kind = _size(config, dialect.inner), known_activation(config.get(dialect.activation))
    length = graph.add("Shape", ids, start=1, end=2)
    x = _embedded(graph, named, config, ids, length, epsilon=epsilon)
    hidden = _hidden(graph, mask)
    if dialect.distances:
        hidden = graph.add("Add", hidden, _distance_bias(graph, named, config, length, heads))
    for number in range(_size(config, dialect.depth)):
        layer = _Named(named, f"{dialect.layer}.{number}.")
        heart = Attention(
            *(
                linear(layer, name, width, width)
                for name in (dialect.query, dialect.key, dialect.value, dialect.out)
            )
        )
        up, down = (
            linear(layer, dialect.up, inner, width),
            linear(layer, dialect.down, width, inner),
        )
        name = f"layer.{number}"
        gathered = attention(graph, x, heart, f"{name}.attention", heads=heads, mask=hidden)
        x = graph.add("Add", x, gathered)
        scale = layer.norm(dialect.attention_norm, width)
        x = layer_norm(graph, x, scale, f"{name}.attention_norm", epsilon=epsilon)
        x = graph.add("Add", x, _feed_forward(graph, x, up, down, kind, name))
        scale = layer.norm(dialect.output_norm, width)
        x = layer_norm(graph, x, scale, f"{name}.output_norm", epsilon=epsilon)
    return TokenStates(x, width)


class _Named:
    """Tensors below a prefix; without it, where the checkpoint is of the bare encoder."""

    def __init__(self, parent: "Checkpoint | _Named", prefix: str) -> None:
        self._parent = parent
        bare = isinstance(parent, Checkpoint) and not any(
            name.startswith(prefix) for name in parent.names
        )
        self._prefix = "" if bare else prefix

    def __contains__(self, name: str) -> bool:
        return f"{self._prefix}{name}" in self._parent

    def take(self, name: str, shape: tuple[int, ...]) -> Array:
        return self._parent.take(f"{self._prefix}{name}", shape)

    def norm(self, name: str, width: int) -> Norm:
        # Checkpoints that were converted from TensorFlow say gamma and beta.
        old = f"{name}.gamma" in self
        scale, shift = ("gamma", "beta") if old else ("weight", "bias")
        return Norm(self.take(f"{name}.{scale}", (width,)), self.take(f"{name}.{shift}", (width,)))


def _refuse_other_kinds(checkpoint: Checkpoint) -> None:
    config = checkpoint.config
    positions = config.get("position_embedding_type", "absolute")
    if positions != "absolute" or config.get("is_decoder"):
        what = "a decoder" if config.get("is_decoder") else f"with {positions!r} positions"
        message = (
            f"{checkpoint.folder} is a {config['model_type']} {what}; only encoders with absolute "
            f"positions can be built"
        )
        raise CheckpointError(message)


def _embedded(
    graph: Graph,
    named: _Named,
    config: Mapping[str, Any],
    ids: Value,
    length: Value,
    *,
    epsilon: float,
) -> Value:
    """Look up the tokens, add their positions and the first token type, and normalise."""
    dialect = _DIALECTS[config["model_type"]]
    width, rows = _size(config, dialect.width), _size(config, "max_position_embeddings")
    words = named.take("embeddings.word_embeddings.weight", (_size(config, "vocab_size"), width))
    positions = named.take("embeddings.position_embeddings.weight", (rows, width))
    positions = positions[_first_position(config) :]
    if dialect.token_types:
        kinds = _size(config, "type_vocab_size")
        positions = positions + named.take(
            "embeddings.token_type_embeddings.weight", (kinds, width)
        )[0]  # fmt: skip
    x = graph.add(
        "Add",
        graph.add("Gather", graph.weight(words, "words"), ids),
        graph.add(
            "Slice",
            graph.weight(positions, "positions"),
            graph.integers([0]),
            length,
            graph.integers([0]),
        ),
    )
    scale = named.norm("embeddings.LayerNorm", width)
    return layer_norm(graph, x, scale, "embedding_norm", epsilon=epsilon)


def _hidden(graph: Graph, mask: Value) -> Value:
    """Return what hides padding from attention: (batch, 1, 1, length), 0 or next to -inf."""
    # Not -inf itself: a row of padding alone would become NaN.
    lowest = graph.constant(np.array(np.finfo(graph.dtype).min, graph.dtype), "lowest")
    nothing = graph.constant(np.array(0, graph.dtype), "nothing")
    scores = graph.add("Where", graph.add("Cast", mask, to=onnx.TensorProto.BOOL), nothing, lowest)
    return graph.add("Unsqueeze", scores, graph.integers([1, 2]))


def _distance_bias(
    graph: Graph, named: _Named, config: Mapping[str, Any], length: Value, heads: int
) -> Value:
    """Return MPNet's bias of every query and key: (heads, length, length)."""
    name = "encoder.relative_attention_bias.weight"
    buckets = int(config.get("relative_attention_num_buckets", _BUCKETS))
    table = named.take(name, (buckets, heads))
    farthest = longest_text(config) - 1
    by_distance = table[_buckets(np.arange(-farthest, farthest + 1))].T
    # Entry (query, key) is that of the distance key - query, which lies in column `farthest` more.
    zero, one, back = (graph.constant(np.array(value, np.int64)) for value in (0, 1, -1))
    start = graph.constant(np.array(farthest, np.int64))
    tokens = graph.add("Squeeze", length)
    rows = graph.add("Range", start, graph.add("Sub", start, tokens), back)
    columns = graph.add("Range", zero, tokens, one)
    places = graph.add("Add", graph.add("Unsqueeze", rows, graph.integers([1])), columns)
    return graph.add("Gather", graph.weight(by_distance, "distances"), places, axis=1)


def _buckets(distances: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of MPNet's table for distances from a query to its keys."""
    half, exact = _BUCKETS // 2, _BUCKETS // 4
    far = np.abs(distances)
    # In float32, as it was trained: the edges of ranges are exact powers, where rounding decides.
    scaled = np.log(np.maximum(far, 1).astype(np.float32) / np.float32(exact))
    steps = scaled / np.float32(np.log(_FARTHEST / exact)) * np.float32(half - exact)
    ranges = np.minimum(exact + steps.astype(np.int64), half - 1)
    buckets: NDArray[np.int64] = np.where(far < exact, far, ranges) + half * (distances > 0)
    return buckets


def _feed_forward(
    graph: Graph, x: Value, up: Linear, down: Linear, kind: Activation, name: str
) -> Value:
    wide = activation(graph, multiply(graph, x, up, f"{name}.up"), kind)
    return multiply(graph, wide, down, f"{name}.down")


def _first_position(config: Mapping[str, Any]) -> int:
    first = _DIALECTS[config["model_type"]].first_position
    return pad_id(config) + 1 if first is None else first


def _size(config: Mapping[str, Any], name: str) -> int:
    value = config.get(name)
    if not isinstance(value, int) or value < 1:
        message = (
            f"config.json of a {config['model_type']} must give {name} as a positive number, not "
            f"{value!r}: take the file from where the checkpoint is from"
        )
        raise CheckpointError(message)
    return value
