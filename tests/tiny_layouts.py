"""Ready-made encoder folders as other tools lay them out, with graphs of a few numbers."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DIM = 4
SIDE = 8
WORDS = ("[PAD]", "[UNK]", "red", "green", "blue", "shoe")
_TYPES = {"int64": TensorProto.INT64, "int32": TensorProto.INT32, "float32": TensorProto.FLOAT}


def write_json(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), "utf-8")


def write_visual(path, *, name="pixel_values", output="image_embeds", side=SIDE, dim=DIM, seed=0):
    """Write a graph of (n, 3, side, side) float32 pictures: a projection of their mean colour."""
    shape = ["batch", 3, side or "height", side or "width"]
    nodes = [
        helper.make_node("ReduceMean", [name, "axes"], ["colour"], keepdims=0),
        helper.make_node("MatMul", ["colour", "matrix"], ["flat"]),
        helper.make_node("Add", ["flat", "shift"], [output]),
    ]
    weights = _weights(seed, matrix=(3, dim), shift=(dim,), axes=np.array([2, 3]))
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", dim])]
    _save(path, nodes, inputs, outputs, weights)


def write_textual(
    path,
    *,
    name="input_ids",
    output="text_embeds",
    dtype="int64",
    length="length",
    others=(),
    dim=DIM,
    seed=1,
):
    """Write a graph of token ids: the mean of their embeddings, or all of them if the output says.

    `others` are further inputs, which change nothing.
    """
    nodes = [helper.make_node("Gather", ["table", name], ["rows"], axis=0)]
    kept = "rows"
    for other in others:
        nodes += [
            helper.make_node("Cast", [other], [f"{other}_float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{other}_float", "zero"], [f"{other}_zero"]),
            helper.make_node("Unsqueeze", [f"{other}_zero", "axes_last"], [f"{other}_wide"]),
            helper.make_node("Add", [kept, f"{other}_wide"], [f"rows_{other}"]),
        ]
        kept = f"rows_{other}"
    deep = output in {"last_hidden_state", "token_embeddings"}
    if deep:
        nodes.append(helper.make_node("Identity", [kept], [output]))
    else:
        nodes.append(helper.make_node("ReduceMean", [kept, "axes"], [output], keepdims=0))
    weights = _weights(
        seed,
        table=(len(WORDS), dim),
        zero=np.zeros((), np.float32),
        axes=np.array([1]),
        axes_last=np.array([-1]),
    )
    inputs = [
        helper.make_tensor_value_info(given, _TYPES[dtype], ["batch", length])
        for given in (name, *others)
    ]
    shape = ["batch", length, dim] if deep else ["batch", dim]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
    _save(path, nodes, inputs, outputs, weights)


def write_tokenizer(folder: Path, **settings: object) -> None:
    """Write the tokenizer of WORDS, parted by blanks, and its settings."""
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: place for place, word in enumerate(WORDS)},
            "unk_token": "[UNK]",
        },
    }
    write_json(folder / "tokenizer.json", tokenizer)
    if settings:
        write_json(folder / "tokenizer_config.json", settings)


def write_immich(folder: Path, *, siglip: bool = False) -> Path:
    """Write what immich's repositories hold, its graphs' names and types included."""
    write_visual(folder / "visual/model.onnx", name="image", output="embedding")
    settings = {
        "size": [SIDE, SIDE],
        "mode": "RGB",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "interpolation": "bicubic",
        "resize_mode": "squash" if siglip else "shortest",
        "fill_color": 0,
    }
    write_json(folder / "visual/preprocess_cfg.json", settings)
    write_textual(
        folder / "textual/model.onnx", name="text", output="embedding", dtype="int32", length=5
    )
    write_tokenizer(folder / "textual", pad_token="blue", model_max_length=5)
    (folder / "visual/fp16").mkdir()
    (folder / "visual/fp16/model.armnn").write_bytes(b"not for us")
    text = {"context_length": 5}
    if siglip:
        text["tokenizer_kwargs"] = {"clean": "canonicalize"}
    write_json(folder / "config.json", {"embed_dim": DIM, "vision_cfg": {}, "text_cfg": text})
    return folder


def write_transformers_js(
    folder: Path,
    *,
    suffixes: tuple[str, ...] = ("",),
    siglip: bool = False,
    dims: tuple[int, int] = (DIM, DIM),
) -> Path:
    """Write what repositories for transformers.js hold: every variant of the two towers."""
    pooled = "pooler_output" if siglip else None
    for seed, suffix in enumerate(suffixes):
        write_visual(
            folder / f"onnx/vision_model{suffix}.onnx",
            output=pooled or "image_embeds",
            side=None,
            dim=dims[0],
            seed=seed,
        )
        write_textual(
            folder / f"onnx/text_model{suffix}.onnx",
            output=pooled or "text_embeds",
            dim=dims[1],
            seed=seed + 10,
        )
    size = {"height": SIDE, "width": SIDE} if siglip else {"shortest_edge": SIDE}
    settings = {
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_center_crop": not siglip,
        "do_normalize": True,
        "do_rescale": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "resample": 2 if siglip else 3,
        "rescale_factor": 1 / 255,
        "size": size,
    }
    write_json(folder / "preprocessor_config.json", settings)
    write_json(folder / "config.json", {"model_type": "siglip" if siglip else "clip"})
    write_tokenizer(folder, pad_token={"content": "green"}, model_max_length=int(1e30))
    return folder


def write_fastembed_pair(folder: Path) -> tuple[Path, Path]:
    """Write the two folders of fastembed's CLIP into another, and return them."""
    vision, text = folder / "clip-tiny-vision", folder / "clip-tiny-text"
    write_visual(vision / "model.onnx")
    settings = {"size": SIDE, "crop_size": SIDE, "do_center_crop": True, "resample": 3}
    write_json(vision / "preprocessor_config.json", settings)
    write_json(vision / "config.json", {"model_type": "clip_vision_model"})
    write_textual(text / "model.onnx", others=("attention_mask",))
    write_json(text / "config.json", {"model_type": "clip", "text_config": {}})
    write_tokenizer(text, model_max_length=77)
    return vision, text


def write_sentence_onnx(folder: Path, *, mode: str | None = "mean_tokens") -> Path:
    """Write a sentence-transformers folder that has its encoder as ONNX."""
    others = ("attention_mask", "token_type_ids")
    write_textual(folder / "onnx/model.onnx", output="last_hidden_state", others=others)
    write_json(folder / "config.json", {"model_type": "bert", "max_position_embeddings": 512})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 6})
    write_tokenizer(folder, pad_token="[PAD]", model_max_length=512)
    if mode:
        kinds = ("Transformer", "Pooling", "Normalize")
        modules = [{"type": f"sentence_transformers.models.{kind}"} for kind in kinds]
        write_json(folder / "modules.json", modules)
        pooling = {"word_embedding_dimension": DIM, f"pooling_mode_{mode}": True}
        write_json(folder / "1_Pooling/config.json", pooling)
    return folder


def _weights(seed, **made):
    random = np.random.default_rng(seed)
    drawn = {
        name: random.standard_normal(value).astype(np.float32)
        if isinstance(value, tuple)
        else value
        for name, value in made.items()
    }
    return [numpy_helper.from_array(value, name) for name, value in drawn.items()]


def _save(path, nodes, inputs, outputs, weights):
    used = {name for node in nodes for name in node.input}
    kept = [weight for weight in weights if weight.name in used]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, kept)
    opset = [helper.make_opsetid("", 20)]
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
