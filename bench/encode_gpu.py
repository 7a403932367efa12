"""The part of `encode.py` that needs an NVIDIA GPU: says so, and ends well, without one."""

import sys
from collections.abc import Callable
from functools import partial
from importlib import util
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from encode_peers import Transformers
from sightline.encode.base import ImageTower
from sightline.encode.device import Compute, choose_device
from sightline.encode.towers import open_pack
from sightline.errors import EncoderError
from sightline.types import Pixels, Vectors
from sightline_models.build import build_pack
from sightline_models.pack import Precision, read_pack
from vit_b32 import GFLOP_PER_IMAGE

__all__ = ["figures"]

_BATCHES = (64, 128, 256, 512)
_REPEATS = 10
_EDGE = 8192


def figures(checkpoint: Path) -> dict[str, Any]:
    """Return figures of the GPU, all beginning with ``gpu``; only ``gpu: None`` without one."""
    try:
        choose_device(Compute("cuda"))
    except EncoderError as error:
        print(f"no GPU here: {error}", file=sys.stderr)
        return {"gpu": None}
    found: dict[str, Any] = {"gpu": _card()}
    pixels = np.random.default_rng(3).integers(0, 256, (max(_BATCHES), 224, 224, 3), np.uint8)
    reference = _tower(checkpoint, "fp32", "cpu").encode(pixels[:64])
    precisions: tuple[Precision, ...] = ("fp32", "fp16")
    for precision in precisions:
        tower = _tower(checkpoint, precision, "cuda")
        vectors = tower.encode(pixels[:64])
        found[f"gpu_{precision}_max_abs_to_cpu"] = float(np.abs(vectors - reference).max())
        found[f"gpu_{precision}_min_cosine_to_cpu"] = float((vectors * reference).sum(1).min())
        rates = _rates(tower.encode, pixels)
        for batch, rate in rates.items():
            found[f"gpu_{precision}_images_per_s_batch_{batch}"] = round(rate, 1)
        if util.find_spec("torch"):
            half = precision == "fp16"
            model = Transformers(checkpoint, device="cuda", half=half)
            theirs = _rates(model.images, pixels)
            best, their_best = max(rates.values()), max(theirs.values())
            found[f"gpu_{precision}_torch_images_per_s"] = round(their_best, 1)
            found[f"gpu_{precision}_vs_torch"] = round(best / their_best, 3)
            peak = _matrix_rate(half=half)
            found[f"gpu_{precision}_of_matrix_rate"] = round(best * GFLOP_PER_IMAGE / peak, 3)
    return found


def _tower(checkpoint: Path, precision: Precision, device: str) -> ImageTower:
    folder = checkpoint.with_name(f"gpu-{precision}")
    if not folder.exists():
        folder.mkdir()
        build_pack(checkpoint, folder, name="bench", precision=precision)
    images, _ = open_pack(folder, read_pack(folder), Compute(device))
    if images is None:
        message = "the bench's own pack lacks its image tower"
        raise RuntimeError(message)
    return images


def _rates(encode: Callable[[Pixels], Vectors], pixels: Pixels) -> dict[int, float]:
    """Pictures a second by batch size."""
    return {size: size / _seconds(partial(encode, pixels[:size])) for size in _BATCHES}


def _seconds(call: Callable[[], object]) -> float:
    call()
    taken = []
    for _ in range(_REPEATS):
        start = perf_counter()
        call()
        taken.append(perf_counter() - start)
    return median(taken)


def _card() -> str:
    if not util.find_spec("torch"):
        return "NVIDIA"
    import torch

    return str(torch.cuda.get_device_name())


def _matrix_rate(*, half: bool) -> float:
    """Return the GFLOP/s of a product of large square matrices on this card."""
    import torch

    dtype = torch.float16 if half else torch.float32
    square = torch.randn(_EDGE, _EDGE, device="cuda", dtype=dtype)

    def product() -> None:
        square @ square
        torch.cuda.synchronize()

    return 2 * _EDGE**3 / 1e9 / _seconds(product)
