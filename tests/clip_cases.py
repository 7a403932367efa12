"""Tiny CLIPs of many shapes, their inputs, and what reference libraries make of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tiny_checkpoints import (
    CLIP_MEAN,
    CLIP_STD,
    END,
    START,
    clip_vocabulary,
    write_clip_checkpoint,
    write_open_clip_checkpoint,
)
from tower_runs import seeded_pixels

LENGTHS = (2, 4, 9, 12)
"""Tokens of the texts, the marks at both ends included; they are padded to the longest."""


class Case(NamedTuple):
    """One checkpoint: who writes it, and how."""

    library: str
    options: Mapping[str, object]

    @property
    def side(self) -> int:
        """Height and width of its pictures."""
        return self.options.get("image_size", 32)

    @property
    def towers(self) -> tuple[str, ...]:
        """Which of the two towers it has."""
        return self.options.get("towers", ("visual", "textual"))


CASES = {
    "as OpenAI's": Case("transformers", {"seed": 1, "eos_token_id": 2}),
    "as LAION's": Case(
        "transformers",
        {
            "seed": 2,
            "activation": "gelu",
            "image_size": 48,
            "patch": 16,
            "width": 48,
            "heads": 3,
            "layers": 3,
            "dim": 24,
        },
    ),
    "a side of no whole patches": Case(
        "transformers", {"seed": 3, "image_size": 30, "patch": 7, "context": 16}
    ),
    "one layer, bfloat16": Case(
        "transformers", {"seed": 4, "layers": 1, "text_layers": 1, "dtype": "BF16"}
    ),
    "wide texts, tanh": Case(
        "transformers",
        {"seed": 5, "activation": "gelu_new", "text_width": 64, "text_heads": 4, "text_layers": 3},
    ),
    "pictures alone": Case("transformers", {"seed": 6, "towers": ("visual",)}),
    "texts alone": Case("transformers", {"seed": 7, "towers": ("textual",)}),
    "open_clip": Case("open_clip", {"seed": 8}),
    "open_clip, narrow heads": Case(
        "open_clip",
        {
            "seed": 9,
            "quick_gelu": True,
            "width": 40,
            "head_width": 10,
            "mlp_ratio": 4.3637,
            "layers": 3,
        },
    ),
}


def write_case(folder: Path, case: Case, **changes: object) -> Path:
    """Write the checkpoint of a case."""
    write = write_open_clip_checkpoint if case.library == "open_clip" else write_clip_checkpoint
    return write(folder, **{**case.options, **changes})


def token_ids() -> np.ndarray:
    """Return texts of `LENGTHS` tokens, padded with zeros: int64 (texts, longest)."""
    vocabulary, random = clip_vocabulary(), np.random.default_rng(11)
    ids = np.zeros((len(LENGTHS), max(LENGTHS)), np.int64)
    for row, length in zip(ids, LENGTHS, strict=True):
        row[0], row[length - 1] = vocabulary[START], vocabulary[END]
        row[1 : length - 1] = random.integers(1, vocabulary[START], length - 2)
    return ids


def reference_vectors(folder: Path, case: Case) -> dict[str, np.ndarray]:
    """Return the vectors by tower, of `seeded_pixels` and `token_ids`; needs torch."""
    import torch

    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    pixels = torch.from_numpy(seeded_pixels(case.side)).permute(0, 3, 1, 2) / 255
    pixels, ids = (pixels - mean) / std, torch.from_numpy(token_ids())
    with torch.no_grad():
        if case.library == "open_clip":
            found = _open_clip(folder, pixels, ids)
        else:
            found = _transformers(folder, case, pixels, ids)
    return {
        tower: (vectors / vectors.norm(dim=1, keepdim=True)).numpy()
        for tower, vectors in found.items()
    }


def _open_clip(folder, pixels, ids):
    import open_clip
    import torch

    model = open_clip.create_model(f"local-dir:{folder}").eval()
    padded = torch.zeros((len(ids), model.context_length), dtype=torch.int64)
    padded[:, : ids.shape[1]] = ids
    return {"visual": model.encode_image(pixels), "textual": model.encode_text(padded)}


def _transformers(folder, case, pixels, ids):
    import torch
    import transformers

    if case.towers == ("visual",):
        model = transformers.CLIPVisionModelWithProjection.from_pretrained(folder)
        return {"visual": model.eval()(pixel_values=pixels).image_embeds}
    if case.towers == ("textual",):
        model = transformers.CLIPTextModelWithProjection.from_pretrained(folder)
        return {"textual": model.eval()(input_ids=ids).text_embeds}
    model = transformers.CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    found = model(input_ids=ids, pixel_values=pixels)
    return {"visual": found.image_embeds, "textual": found.text_embeds}
