"""Sentence-transformers folders: an encoder of the BERT family, pooled to one vector per text.

A ``modules.json`` says what follows the encoder: pooling, maybe a dense projection, maybe a
normalisation. A plain BERT checkpoint without one gets what sentence-transformers gives it: the
mean over its tokens. The vectors of a pack have length one in any case.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

from .bert import add_encoder, longest_text, pad_id
from .checkpoint import Checkpoint, linear, read_json
from .errors import CheckpointError
from .graph import Graph, Value
from .layers import linear as multiply
from .layers import to_dtype, unit_length
from .pack import Precision, TextualTower
from .towers import TEXTUAL_FILE, Towers, copy_tokenizer, graph_path

__all__ = ["build_sentence_encoder"]

_POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
# Until 2025 a pooling module had a switch per kind; their order is that of the vector's parts.
_SWITCHES = (
    "pooling_mode_cls_token",
    "pooling_mode_max_tokens",
    "pooling_mode_mean_tokens",
    "pooling_mode_mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens",
    "pooling_mode_lasttoken",
)
_ACTIVATIONS = {
    "Identity": "",
    "Tanh": "Tanh",
    "ReLU": "Relu",
    "Sigmoid": "Sigmoid",
    "GELU": "Gelu",
}
# Each model of 2019 to 2022 has its own.
_LIMIT_FILES = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_xlm-roberta_config.json",
)


class _Dense(NamedTuple):
    """A projection of the pooled vector: its folder and what config.json says of it."""

    checkpoint: Checkpoint
    activation: str
    """An ONNX operator, or nothing."""


class _Plan(NamedTuple):
    """What follows the encoder."""

    poolings: tuple[str, ...] = ("mean",)
    after: tuple[_Dense | None, ...] = ()
    """Projections in order; None stands for a normalisation between them."""


def build_sentence_encoder(
    checkpoint: Checkpoint, destination: Path, precision: Precision
) -> Towers:
    """Write the textual tower of a sentence-transformers folder, or of a plain BERT checkpoint.

    The graph reads ``input_ids`` and ``attention_mask``, int64, shape (batch, length), texts padded
    on the right, and gives ``vectors``, float32, shape (batch, dim), of length one.

    Parameters
    ----------
    checkpoint
        Of the encoder, with a ``model_type`` of `BERT_FAMILY`. ``modules.json`` and the
        folders it names lie beside its config.json. Without it: mean pooling.
    destination
        The pack's folder.
    precision
        Of the encoder's matrices; projections after the pooling are never int8.

    Raises
    ------
    CheckpointError
        If the folder asks for a module, pooling or activation that is not known, or its tensors do
        not fit its configs.
    """
    plan = _read_plan(checkpoint.folder)
    with Graph(graph_path(destination, TEXTUAL_FILE), precision) as graph:
        ids = graph.input("input_ids", np.int64, ["batch", "length"])
        mask = graph.input("attention_mask", np.int64, ["batch", "length"])
        states, width = add_encoder(graph, checkpoint, ids, mask)
        pooled = [_pooled(graph, kind, states, mask) for kind in plan.poolings]
        vectors = pooled[0] if len(pooled) == 1 else graph.add("Concat", *pooled, axis=-1)
        dim = width * len(pooled)
        for dense in plan.after:
            if dense is None:
                vectors = _unit(graph, vectors)
            else:
                vectors, dim = _projected(graph, dense, vectors, dim)
        graph.output("vectors", unit_length(graph, vectors), np.float32, ["batch", dim])
    settings = _settings(checkpoint.folder)
    tokenizer = copy_tokenizer(checkpoint.folder, destination)
    if settings.get("do_lower_case"):
        _make_lowercase(destination / tokenizer)
    textual = TextualTower(
        file=TEXTUAL_FILE,
        tokenizer=tokenizer,
        context=_context(checkpoint, settings),
        dim=dim,
        mask="attention_mask",
        pad_id=pad_id(checkpoint.config),
    )
    return Towers(textual=textual)


def _read_plan(folder: Path) -> _Plan:
    path = folder / "modules.json"
    if not path.exists():
        return _Plan()
    poolings: tuple[str, ...] | None = None
    after: list[_Dense | None] = []
    for number, (kind, place) in enumerate(_modules(path)):
        if number == 0 and kind == "Transformer" and place == folder:
            continue
        if kind == "Pooling" and number == 1:
            poolings = _poolings(place)
        elif kind == "Dense" and poolings:
            after.append(_read_dense(place))
        elif kind == "Normalize" and poolings:
            after.append(None)
        else:
            message = (
                f"{path} has {kind} as module {number}; what can be built is Transformer (beside "
                f"modules.json), Pooling, and then any of Dense and Normalize"
            )
            raise CheckpointError(message)
    while after and after[-1] is None:  # the graph ends in a normalisation anyway
        after.pop()
    return _Plan(poolings or _Plan().poolings, tuple(after))


def _modules(path: Path) -> list[tuple[str, Path]]:
    """Return class and folder of each module; the package of a class changed over the years."""
    try:
        entries = json.loads(path.read_text("utf-8"))
        return [
            (str(entry["type"]).rpartition(".")[2], path.parent / str(entry["path"]))
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path} is not a list of modules ({error!r}): download it again"
        raise CheckpointError(message) from error


def _poolings(folder: Path) -> tuple[str, ...]:
    config = read_json(folder / "config.json")
    modes = config.get("pooling_mode")
    if modes is None:
        switched = zip(_POOLINGS, _SWITCHES, strict=True)
        modes = [kind for kind, switch in switched if config.get(switch)] or ["mean"]
    modes = tuple(modes) if isinstance(modes, Sequence) and not isinstance(modes, str) else (modes,)
    if not modes or not set(modes) <= set(_POOLINGS):
        message = f"{folder}: pooling must be of {', '.join(_POOLINGS)}, not {modes}"
        raise CheckpointError(message)
    return modes


def _read_dense(folder: Path) -> _Dense:
    checkpoint = Checkpoint(folder)
    name = checkpoint.config.get("activation_function", "Tanh").rpartition(".")[2]
    if name not in _ACTIVATIONS:
        message = f"{folder}: activation {name!r} is not known, only {', '.join(_ACTIVATIONS)}"
        raise CheckpointError(message)
    wanted = checkpoint.config.get("module_input_name", "sentence_embedding")
    if wanted != "sentence_embedding":
        message = f"{folder} projects {wanted!r}; only pooled vectors can be projected"
        raise CheckpointError(message)
    return _Dense(checkpoint, _ACTIVATIONS[name])


def _pooled(graph: Graph, kind: str, states: Value, mask: Value) -> Value:
    """Make one vector of the states of a text, (batch, length, width): (batch, width)."""
    if kind == "cls":
        return graph.add("Gather", states, graph.constant(np.array(0, np.int64)), axis=1)
    if kind == "lasttoken":
        tokens = graph.add("ReduceSum", mask, graph.integers([1]), keepdims=1)
        last = graph.add("Sub", tokens, graph.integers([1]))
        return graph.add("GatherND", states, last, batch_dims=1)
    if kind == "max":
        lowest = graph.constant(np.array(np.finfo(graph.dtype).min, graph.dtype), "lowest")
        seen = graph.add(
            "Unsqueeze", graph.add("Cast", mask, to=onnx.TensorProto.BOOL), _last(graph)
        )
        states = graph.add("Where", seen, states, lowest)
        return graph.add("ReduceMax", states, graph.integers([1]), keepdims=0)
    weights = _token_weights(graph, kind, mask)
    if graph.precision == "fp16":
        weights = to_dtype(graph, weights)
    gathered = graph.add("MatMul", graph.add("Unsqueeze", weights, graph.integers([1])), states)
    return graph.add("Squeeze", gathered, graph.integers([1]))


def _token_weights(graph: Graph, kind: str, mask: Value) -> Value:
    """Return the share of each token in a kind of mean, (batch, length), float32."""
    seen = graph.add("Cast", mask, to=onnx.TensorProto.FLOAT)
    if kind == "weightedmean":  # by position: 1, 2, 3...
        places = graph.add("CumSum", seen, graph.constant(np.array(1, np.int64)))
        seen = graph.add("Mul", seen, places)
    total = graph.add("ReduceSum", seen, graph.integers([1]), keepdims=1)
    if kind == "mean_sqrt_len_tokens":
        total = graph.add("Sqrt", total)
    return graph.add("Div", seen, total)


def _projected(graph: Graph, dense: _Dense, vectors: Value, inputs: int) -> tuple[Value, int]:
    checkpoint = dense.checkpoint
    dim = checkpoint.shape("linear.weight")[0]
    has_bias = bool(checkpoint.config.get("bias", True))
    layer = linear(checkpoint, "linear", dim, inputs, bias=has_bias)
    name = checkpoint.folder.name
    result = multiply(graph, vectors, layer, name, exact=True)
    if dense.activation:
        result = graph.add(dense.activation, result)
    if checkpoint.config.get("use_residual"):
        if dim != inputs:
            shortcut = linear(checkpoint, "residual", dim, inputs, bias=False)
            vectors = multiply(graph, vectors, shortcut, f"{name}.residual", exact=True)
        result = graph.add("Add", result, vectors)
    return result, dim


def _unit(graph: Graph, vectors: Value) -> Value:
    """Normalise between two modules, where fp16 goes on as fp16."""
    unit = unit_length(graph, vectors)
    return to_dtype(graph, unit) if graph.precision == "fp16" else unit


def _last(graph: Graph) -> Value:
    return graph.integers([-1])


def _settings(folder: Path) -> Mapping[str, Any]:
    for name in _LIMIT_FILES:
        if (folder / name).exists():
            return read_json(folder / name)
    return {}


def _context(checkpoint: Checkpoint, settings: Mapping[str, Any]) -> int:
    """Return the most tokens of a text: what the folder says, as far as there are positions."""
    limit = settings.get("max_seq_length")
    if limit is None and (checkpoint.folder / "tokenizer_config.json").exists():
        limit = read_json(checkpoint.folder / "tokenizer_config.json").get("model_max_length")
    longest = longest_text(checkpoint.config)
    return longest if limit is None else int(min(limit, longest))


def _make_lowercase(path: Path) -> None:
    """Let a tokenizer.json lowercase what it reads, before all else, unless it does already."""
    tokenizer = read_json(path)
    normalizer = tokenizer.get("normalizer")
    if _lowercases(normalizer):
        return
    steps = (
        normalizer["normalizers"] if normalizer and "normalizers" in normalizer else [normalizer]
    )
    tokenizer["normalizer"] = {
        "type": "Sequence",
        "normalizers": [{"type": "Lowercase"}, *(step for step in steps if step)],
    }
    path.write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")


def _lowercases(normalizer: Mapping[str, Any] | None) -> bool:
    if not normalizer:
        return False
    if normalizer.get("type") == "Lowercase" or normalizer.get("lowercase"):
        return True
    return any(_lowercases(step) for step in normalizer.get("normalizers", ()))
