"""Tiny SigLIP checkpoints with random weights, of both generations and NaFlex."""

import string
from pathlib import Path

import numpy as np
from tiny_checkpoints import RandomTensors, draw_layers, write_json, write_safetensors

_LETTERS = string.ascii_letters + string.digits + string.punctuation + "éдж猫🐈"


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
    write_json(
        folder / "preprocessor_config.json", _preprocessor(image_size, patch, patches, naflex)
    )
    write_json(folder / "tokenizer.json", _tokenizer(vocabulary, gemma=gemma))
    write_json(folder / "tokenizer_config.json", _tokenizer_config(gemma=gemma))
    write_safetensors(folder / "model.safetensors", tensors)
    return folder


def t5_vocabulary() -> dict[str, int]:
    """Return the words of SigLIP: those of T5, whose end token also pads."""
    return _vocabulary("<pad>", "</s>", "<unk>")


def gemma_vocabulary() -> dict[str, int]:
    """Return the words of SigLIP 2: those of Gemma."""
    return _vocabulary("<pad>", "<eos>", "<bos>", "<unk>")


def _vocabulary(*marks: str) -> dict[str, int]:
    words = (*marks, "▁", *_LETTERS, "▁a", "▁cat", "▁red")
    return {word: number for number, word in enumerate(words)}


def _tokenizer(vocabulary: dict[str, int], *, gemma: bool) -> dict[str, object]:
    """Return a tokenizer.json as they are published: Gemma's knows of no end token by itself."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    marks = [word for word in vocabulary if word.startswith("<") and len(word) > 1]
    end = {"id": "</s>", "type_id": 0}
    ending = {
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": end}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
    }
    unigram = {
        "type": "Unigram",
        "unk_id": vocabulary["<unk>"],
        "vocab": [
            # Longer pieces are likelier, marks are never found in a text.
            [word, -100.0 if word in marks else -10.0 / len(word)]
            for word in vocabulary
        ],
        "byte_fallback": False,
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": vocabulary[mark], "content": mark, **flags, "special": True} for mark in marks
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
        "post_processor": None if gemma else ending,
        "decoder": None,
        "model": unigram,
    }


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


def _preprocessor(side: int, patch: int, patches: int, naflex: bool) -> dict[str, object]:  # noqa: FBT001
    size = (
        {"patch_size": patch, "max_num_patches": patches}
        if naflex
        else {"size": {"height": side, "width": side}}
    )
    return {
        "do_resize": True,
        **size,
        "resample": 2 if naflex else 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
