"""Tiny checkpoints with random weights in the formats of Hugging Face and open_clip."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = ("t h", "th e</w>", "r e", "re d</w>", "c a", "ca t</w>")
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class RandomTensors(dict[str, np.ndarray]):
    """Tensors by name, filled with seeded numbers of a size at which every layer matters."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = np.random.default_rng(seed)

    def draw(self, name: str, *shape: int, spread: float | None = None) -> None:
        """Add a tensor; a matrix keeps the size of what it is multiplied by, unless told."""
        inputs = math.prod(shape[1:]) or 1
        size = spread if spread is not None else inputs**-0.5 if len(shape) > 1 else 0.1
        self[name] = (self._random.standard_normal(shape) * size).astype(np.float32)

    def linear(self, name: str, width: int, inputs: int, *, bias: bool = True) -> None:
        """Add a dense layer."""
        self.draw(f"{name}.weight", width, inputs)
        if bias:
            self.draw(f"{name}.bias", width)

    def norm(self, name: str, width: int) -> None:
        """Add a layer norm."""
        self.draw(f"{name}.weight", width)
        self[f"{name}.weight"] += 1
        self.draw(f"{name}.bias", width)


def write_safetensors(path: Path, tensors: Mapping[str, np.ndarray], dtype: str = "F32") -> None:
    """Write tensors as F32, F16 or BF16 (cut off, not rounded)."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    parts, offset = [], 0
    for name, tensor in tensors.items():
        numbers = np.asarray(tensor, np.float32, order="C")
        if dtype == "F16":
            part = numbers.astype(np.float16).tobytes()
        elif dtype == "BF16":
            part = (numbers.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        else:
            part = numbers.tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(numbers.shape),
            "data_offsets": [offset, offset + len(part)],
        }
        parts.append(part)
        offset += len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(parts))


def write_json(path: Path, document: object) -> None:
    """Write a document as JSON."""
    path.write_text(json.dumps(document, indent=1), "utf-8")


def byte_letters() -> list[str]:
    """Return the letter that byte-level vocabularies have for each of the 256 bytes, in order."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in kept else chr(next(others)) for byte in range(256)]


def clip_vocabulary() -> dict[str, int]:
    """Return a byte-level vocabulary like CLIP's: letters, ends of words, merges, the marks."""
    letters = byte_letters()
    merged = ["".join(merge.split()) for merge in MERGES]
    words = [*letters, *(f"{letter}</w>" for letter in letters), *merged, START, END]
    return {word: number for number, word in enumerate(words)}


def clip_tokenizer() -> dict[str, object]:
    """Return a tokenizer.json for `clip_vocabulary`, of the pieces CLIP's is made of."""
    vocabulary = clip_vocabulary()
    words = rf"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|[\p{{L}}]+|[\p{{N}}]|[^\s\p{{L}}\p{{N}}]+"
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    byte_level = {"type": "ByteLevel", "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": vocabulary[mark], "content": mark, **flags, "special": True}
            for mark in (START, END)
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": words.replace("|>", r"\|>").replace("<|", r"<\|")},
                    "behavior": "Removed",
                    "invert": True,
                },
                {**byte_level, "add_prefix_space": False},
            ],
        },
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [END, vocabulary[END]],
            "cls": [START, vocabulary[START]],
            "trim_offsets": False,
            "add_prefix_space": False,
        },
        "decoder": {**byte_level, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": END,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": vocabulary,
            "merges": [merge.split() for merge in MERGES],
        },
    }


def write_clip_tokenizer(folder: Path, *, old_files: bool = False) -> None:
    """Write tokenizer.json, or vocab.json and merges.txt as older checkpoints have them."""
    if old_files:
        write_json(folder / "vocab.json", clip_vocabulary())
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), "utf-8")
    else:
        write_json(folder / "tokenizer.json", clip_tokenizer())


def clip_preprocessor(side: int) -> dict[str, object]:
    """Return the preprocessor_config.json of a CLIP."""
    return {
        "do_resize": True,
        "size": {"shortest_edge": side},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(CLIP_MEAN),
        "image_std": list(CLIP_STD),
        "image_processor_type": "CLIPImageProcessor",
    }


def write_clip_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    activation: str = "quick_gelu",
    image_size: int = 32,
    patch: int = 8,
    width: int = 32,
    layers: int = 2,
    heads: int = 2,
    text_width: int = 32,
    text_layers: int = 2,
    text_heads: int = 2,
    dim: int = 16,
    context: int = 77,
    eos_token_id: int | None = None,
    towers: Sequence[str] = ("visual", "textual"),
    dtype: str = "F32",
) -> Path:
    """Write a `CLIPModel` folder (or that of one tower with projection) and return it.

    The tokenizer has 520 words; `eos_token_id` is that of its end mark, the last, unless given:
    2 is what OpenAI's configs say, whatever their tokenizer does. `dtype` is F32, F16 or BF16.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = clip_vocabulary()
    tensors = RandomTensors(seed)
    vision = {
        "model_type": "clip_vision_model",
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "image_size": image_size,
        "patch_size": patch,
        "projection_dim": dim,
        "hidden_act": activation,
        "layer_norm_eps": 1e-5,
    }
    text = {
        "model_type": "clip_text_model",
        "hidden_size": text_width,
        "intermediate_size": 4 * text_width,
        "num_hidden_layers": text_layers,
        "num_attention_heads": text_heads,
        "max_position_embeddings": context,
        "vocab_size": len(vocabulary),
        "projection_dim": dim,
        "hidden_act": activation,
        "layer_norm_eps": 1e-5,
        "bos_token_id": vocabulary[START],
        "eos_token_id": vocabulary[END] if eos_token_id is None else eos_token_id,
        "pad_token_id": vocabulary[END],
    }
    if "visual" in towers:
        embeddings = "vision_model.embeddings"
        patches = (image_size // patch) ** 2
        tensors.draw(f"{embeddings}.class_embedding", width, spread=0.5)
        tensors.draw(f"{embeddings}.patch_embedding.weight", width, 3, patch, patch)
        tensors.draw(f"{embeddings}.position_embedding.weight", patches + 1, width, spread=0.5)
        tensors.norm("vision_model.pre_layrnorm", width)
        draw_layers(tensors, "vision_model", width, layers)
        tensors.norm("vision_model.post_layernorm", width)
        tensors.linear("visual_projection", dim, width, bias=False)
        write_json(folder / "preprocessor_config.json", clip_preprocessor(image_size))
    if "textual" in towers:
        embeddings = "text_model.embeddings"
        tensors.draw(f"{embeddings}.token_embedding.weight", len(vocabulary), text_width, spread=1)
        tensors.draw(f"{embeddings}.position_embedding.weight", context, text_width, spread=0.5)
        draw_layers(tensors, "text_model", text_width, text_layers)
        tensors.norm("text_model.final_layer_norm", text_width)
        tensors.linear("text_projection", dim, text_width, bias=False)
        write_clip_tokenizer(folder)
    if len(towers) > 1:
        tensors["logit_scale"] = np.array(math.log(100), np.float32)
        whole = {"vision_config": vision, "text_config": text, "projection_dim": dim}
        config = {"model_type": "clip", "architectures": ["CLIPModel"], **whole}
    elif "visual" in towers:
        config = {"architectures": ["CLIPVisionModelWithProjection"], **vision}
    else:
        config = {"architectures": ["CLIPTextModelWithProjection"], **text}
    write_json(folder / "config.json", config)
    write_safetensors(folder / "model.safetensors", tensors, dtype)
    return folder


def draw_layers(tensors: RandomTensors, prefix: str, width: int, layers: int) -> None:
    """Add the layers of a CLIP or SigLIP tower, under `<prefix>.encoder.layers.<number>`."""
    for number in range(layers):
        layer = f"{prefix}.encoder.layers.{number}"
        tensors.norm(f"{layer}.layer_norm1", width)
        for part in ("q", "k", "v", "out"):
            tensors.linear(f"{layer}.self_attn.{part}_proj", width, width)
        tensors.norm(f"{layer}.layer_norm2", width)
        tensors.linear(f"{layer}.mlp.fc1", 4 * width, width)
        tensors.linear(f"{layer}.mlp.fc2", width, 4 * width)


def write_open_clip_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    quick_gelu: bool = False,
    image_size: int = 32,
    patch: int = 8,
    width: int = 32,
    layers: int = 2,
    head_width: int = 8,
    mlp_ratio: float = 4.0,
    text_width: int = 32,
    text_layers: int = 2,
    text_heads: int = 2,
    dim: int = 16,
    context: int = 77,
) -> Path:
    """Write a folder as open_clip pushes it to the hub, a ViT and a text transformer."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = clip_vocabulary()
    tensors = RandomTensors(seed)
    patches = (image_size // patch) ** 2
    tensors.draw("visual.class_embedding", width, spread=0.5)
    tensors.draw("visual.positional_embedding", patches + 1, width, spread=0.5)
    tensors.draw("visual.proj", width, dim)
    tensors.draw("visual.conv1.weight", width, 3, patch, patch)
    tensors.norm("visual.ln_pre", width)
    draw_resblocks(tensors, "visual.transformer", width, layers, mlp_ratio)
    tensors.norm("visual.ln_post", width)
    draw_open_clip_text(tensors, len(vocabulary), text_width, text_layers, dim, context)
    vision = {
        "image_size": image_size,
        "patch_size": patch,
        "width": width,
        "layers": layers,
        "head_width": head_width,
        "mlp_ratio": mlp_ratio,
    }
    text = {
        "context_length": context,
        "vocab_size": len(vocabulary),
        "width": text_width,
        "heads": text_heads,
        "layers": text_layers,
    }
    write_open_clip_config(folder, dim, vision, text, quick_gelu=quick_gelu)
    write_clip_tokenizer(folder)
    write_safetensors(folder / "open_clip_model.safetensors", tensors)
    return folder


def draw_resblocks(
    tensors: RandomTensors, prefix: str, width: int, layers: int, mlp_ratio: float = 4.0
) -> None:
    """Add the layers of an open_clip transformer."""
    hidden = int(width * mlp_ratio)
    for number in range(layers):
        block = f"{prefix}.resblocks.{number}"
        tensors.norm(f"{block}.ln_1", width)
        tensors.draw(f"{block}.attn.in_proj_weight", 3 * width, width)
        tensors.draw(f"{block}.attn.in_proj_bias", 3 * width)
        tensors.linear(f"{block}.attn.out_proj", width, width)
        tensors.norm(f"{block}.ln_2", width)
        tensors.linear(f"{block}.mlp.c_fc", hidden, width)
        tensors.linear(f"{block}.mlp.c_proj", width, hidden)


def draw_open_clip_text(
    tensors: RandomTensors, words: int, width: int, layers: int, dim: int, context: int
) -> None:
    """Add an open_clip text tower and the scale of the logits."""
    tensors.draw("token_embedding.weight", words, width, spread=1)
    tensors.draw("positional_embedding", context, width, spread=0.5)
    draw_resblocks(tensors, "transformer", width, layers)
    tensors.norm("ln_final", width)
    tensors.draw("text_projection", width, dim)
    tensors["logit_scale"] = np.array(math.log(100), np.float32)


def write_open_clip_config(
    folder: Path,
    dim: int,
    vision: Mapping[str, object],
    text: Mapping[str, object],
    *,
    quick_gelu: bool,
) -> None:
    """Write open_clip_config.json, with OpenAI's preprocessing."""
    model = {"embed_dim": dim, "quick_gelu": quick_gelu, "vision_cfg": vision, "text_cfg": text}
    picture = {
        "mean": CLIP_MEAN,
        "std": CLIP_STD,
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
    write_json(folder / "open_clip_config.json", {"model_cfg": model, "preprocess_cfg": picture})
