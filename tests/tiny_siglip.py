"""Tiny SigLIP checkpoints with random weights, of both generations and NaFlex."""

import string
from pathlib import Path

import numpy as np
from tiny_checkpoints import RandomTensors, draw_layers, write_json, write_safetensors

_LETTERS = string.ascii_letters + string.digits + string.punctuation + "éдж猫🐈"
_MERGES = [["c", "a"], ["ca", "t"], ["r", "e"], ["re", "d"], ["▁", "cat"]]
_PREPROCESSOR = {
    "do_resize": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


def write_siglip_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    naflex: bool = False,
    gemma: bool = False,
    image_size: int = 32,
    patch: int = 8,
    width: int = 32,
    layers: int = 2,
    heads: int = 2,
    text_layers: int = 2,
    text_heads: int = 2,
    context: int = 16,
    activation: str = "gelu_pytorch_tanh",
) -> Path:
    """Write a `SiglipModel` folder, or a `Siglip2Model` if `naflex`, and return it.

    `gemma` gives it the words of SigLIP 2. What SigLIP's configs leave to defaults, because it is
    that of the base model, is written here, as nothing tiny is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = gemma_vocabulary() if gemma else t5_vocabulary()
    tensors = RandomTensors(seed)
    patches = (image_size // patch) ** 2
    embeddings = "vision_model.embeddings"
    if naflex:
        tensors.linear(f"{embeddings}.patch_embedding", width, patch * patch * 3)
    else:
        tensors.draw(f"{embeddings}.patch_embedding.weight", width, 3, patch, patch)
        tensors.draw(f"{embeddings}.patch_embedding.bias", width)
    tensors.draw(f"{embeddings}.position_embedding.weight", patches, width, spread=0.5)
    draw_layers(tensors, "vision_model", width, layers)
    tensors.norm("vision_model.post_layernorm", width)
    head = "vision_model.head"
    tensors.draw(f"{head}.probe", 1, 1, width, spread=1)
    tensors.draw(f"{head}.attention.in_proj_weight", 3 * width, width)
    tensors.draw(f"{head}.attention.in_proj_bias", 3 * width, spread=0.5)
    tensors.linear(f"{head}.attention.out_proj", width, width)
    tensors.norm(f"{head}.layernorm", width)
    tensors.linear(f"{head}.mlp.fc1", 4 * width, width)
    tensors.linear(f"{head}.mlp.fc2", width, 4 * width)
    embeddings = "text_model.embeddings"
    tensors.draw(f"{embeddings}.token_embedding.weight", len(vocabulary), width, spread=1)
    tensors.draw(f"{embeddings}.position_embedding.weight", context, width, spread=0.5)
    draw_layers(tensors, "text_model", width, text_layers)
    tensors.norm("text_model.final_layer_norm", width)
    tensors.linear("text_model.head", width, width)
    tensors["logit_scale"] = np.array([np.log(100)], np.float32)
    tensors["logit_bias"] = np.array([-12.5], np.float32)
    shared = {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "hidden_act": activation,
    }
    size = {"num_patches": patches} if naflex else {"image_size": image_size}
    vision = {
        **shared,
        **size,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "patch_size": patch,
    }
    text = {
        **shared,
        "num_hidden_layers": text_layers,
        "num_attention_heads": text_heads,
        "vocab_size": len(vocabulary),
        "max_position_embeddings": context,
    }
    kind = "siglip2" if naflex else "siglip"
    write_json(
        folder / "config.json",
        {"model_type": kind, "vision_config": vision, "text_config": text},
    )
    preprocessor = {"size": {"height": image_size, "width": image_size}, "resample": 3}
    if naflex:
        preprocessor = {"patch_size": patch, "max_num_patches": patches, "resample": 2}
    write_json(folder / "preprocessor_config.json", {**preprocessor, **_PREPROCESSOR})
    write_json(folder / "tokenizer.json", _gemma_tokenizer() if gemma else _t5_tokenizer())
    write_json(folder / "tokenizer_config.json", _tokenizer_config(gemma=gemma))
    write_safetensors(folder / "model.safetensors", tensors)
    return folder


def t5_vocabulary() -> dict[str, int]:
    """Return the words of SigLIP: those of T5, whose end token also pads."""
    return _numbered("<pad>", "</s>", "<unk>", "▁", *_LETTERS, "▁a", "▁cat", "▁red")


def gemma_vocabulary() -> dict[str, int]:
    """Return the words of SigLIP 2: those of Gemma, with a word for every byte."""
    spelled = [f"<0x{byte:02X}>" for byte in range(256)]
    pieces = ["".join(merge) for merge in _MERGES]
    return _numbered("<pad>", "<eos>", "<bos>", "<unk>", *spelled, "▁", *_LETTERS, *pieces)


def _numbered(*words: str) -> dict[str, int]:
    return {word: number for number, word in enumerate(words)}


def _t5_tokenizer() -> dict[str, object]:
    vocabulary = t5_vocabulary()
    end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    first, second = (
        {"Sequence": {"id": name, "type_id": number}} for number, name in enumerate("AB")
    )
    marks = ("<pad>", "</s>", "<unk>")
    return {
        **_common(vocabulary, marks),
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, end],
            "pair": [first, end, second, end],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
        },
        "model": {
            "type": "Unigram",
            "unk_id": vocabulary["<unk>"],
            # Longer pieces are likelier, marks are never found in a text.
            "vocab": [
                [word, -100.0 if word in marks else -10.0 / len(word)] for word in vocabulary
            ],
            "byte_fallback": False,
        },
    }


def _gemma_tokenizer() -> dict[str, object]:
    """Return one that leaves the end token to tokenizer_config.json."""
    vocabulary = gemma_vocabulary()
    return {
        **_common(vocabulary, ("<pad>", "<eos>", "<bos>", "<unk>")),
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": vocabulary,
            "merges": _MERGES,
        },
    }


def _common(vocabulary: dict[str, int], marks: tuple[str, ...]) -> dict[str, object]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [{"id": vocabulary[mark], "content": mark, **flags, "special": True} for mark in marks]
    steps = ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    return {"version": "1.0", **dict.fromkeys(steps), "added_tokens": added}


def _tokenizer_config(*, gemma: bool) -> dict[str, object]:
    if gemma:
        return {
            "tokenizer_class": "GemmaTokenizer",
            "add_bos_token": False,
            "add_eos_token": True,
            "eos_token": "<eos>",
            "pad_token": "<pad>",
            "padding_side": "right",
        }
    return {
        "tokenizer_class": "SiglipTokenizer",
        "do_lower_case": True,
        "eos_token": "</s>",
        "pad_token": {"content": "</s>", "__type": "AddedToken"},
    }
