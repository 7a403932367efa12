"""Tiny open_clip checkpoints of a ModifiedResNet, with random weights."""

from collections.abc import Sequence
from pathlib import Path

from tiny_checkpoints import (
    RandomTensors,
    clip_vocabulary,
    draw_open_clip_text,
    write_clip_tokenizer,
    write_open_clip_config,
    write_safetensors,
)


def write_resnet_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    blocks: Sequence[int] = (1, 1, 1, 1),
    image_size: int = 64,
    width: int = 8,
    head_width: int = 64,
    dim: int = 16,
    text_width: int = 32,
    text_heads: int = 2,
    quick_gelu: bool = True,
    context: int = 77,
) -> Path:
    """Write a folder as open_clip pushes it to the hub, a ModifiedResNet and a text transformer."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = clip_vocabulary()
    tensors = RandomTensors(seed)
    half = width // 2
    for number, outputs, inputs in ((1, half, 3), (2, half, half), (3, width, half)):
        _draw_conv(tensors, f"visual.conv{number}", f"visual.bn{number}", outputs, inputs, 3)
    inputs = width
    for stage, count in enumerate(blocks):
        planes = width * 2**stage
        for place in range(count):
            name = f"visual.layer{stage + 1}.{place}"
            for number, outputs, before, size in (
                (1, planes, inputs, 1),
                (2, planes, planes, 3),
                (3, 4 * planes, planes, 1),
            ):
                _draw_conv(
                    tensors, f"{name}.conv{number}", f"{name}.bn{number}", outputs, before, size
                )
            if place == 0:
                short = f"{name}.downsample"
                _draw_conv(tensors, f"{short}.0", f"{short}.1", 4 * planes, inputs, 1)
            inputs = 4 * planes
    pool = "visual.attnpool"
    tensors.draw(f"{pool}.positional_embedding", (image_size // 32) ** 2 + 1, inputs, spread=0.5)
    for part in ("q", "k", "v"):
        tensors.linear(f"{pool}.{part}_proj", inputs, inputs)
    tensors.linear(f"{pool}.c_proj", dim, inputs)
    draw_open_clip_text(tensors, len(vocabulary), text_width, 2, dim, context)
    vision = {
        "image_size": image_size,
        "layers": list(blocks),
        "width": width,
        "head_width": head_width,
        "patch_size": None,
    }
    text = {
        "context_length": context,
        "vocab_size": len(vocabulary),
        "width": text_width,
        "heads": text_heads,
        "layers": 2,
    }
    write_open_clip_config(folder, dim, vision, text, quick_gelu=quick_gelu)
    write_clip_tokenizer(folder)
    write_safetensors(folder / "open_clip_model.safetensors", tensors)
    return folder


def _draw_conv(
    tensors: RandomTensors, conv: str, norm: str, outputs: int, inputs: int, size: int
) -> None:
    """Add a convolution and the batch norm after it, with the means and variances it has seen."""
    tensors.draw(f"{conv}.weight", outputs, inputs, size, size)
    tensors.norm(norm, outputs)
    tensors.draw(f"{norm}.running_mean", outputs)
    tensors.draw(f"{norm}.running_var", outputs, spread=0.2)
    tensors[f"{norm}.running_var"] = abs(tensors[f"{norm}.running_var"]) + 0.5
