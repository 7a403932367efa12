"""Golden inputs, the vectors an encoder makes of them, and how fast it is on this machine."""

import statistics
import time
from collections.abc import Callable

import numpy as np

from ..types import Pixels, Vectors
from .base import Encoder, ImageTower, TextTower

__all__ = ["GOLDEN_TEXTS", "agreement", "golden_pixels", "golden_vectors", "speeds"]

GOLDEN_TEXTS = (
    "a red shoe",
    "A photo of two dogs running on a beach, with the sea behind them!",
    "",
    "naïve café; £12.50",
    "красная туфля",
    "赤い靴",
    "حذاء أحمر",
    "👟❤️",
    " ".join(["a long description of a patchwork quilt in nine colours"] * 12),
)
"""Short and long, empty, of several scripts."""

_SECONDS = 0.3
_WARM_UP_RUNS = 7  # an encoder opens leanly at first, and in full once that pays
_IMAGE_BATCH, _TEXT_BATCH = 8, 32
_QUERY = "red leather running shoes, size nine"


def golden_pixels(side: int) -> Pixels:
    """Draw pictures that are the same on every machine.

    Returns
    -------
    pixels
        Shape (6, side, side, 3): a gradient, stripes, a disc, a checkerboard, noise, plain grey.
    """
    rows, columns = np.indices((side, side), dtype=np.int64) * 256 // side
    grey = np.full_like(rows, 128)
    disc = (rows - 128) ** 2 + (columns - 128) ** 2 < 80**2
    checks = (rows // 32 + columns // 32) % 2
    noise = (rows * 73_856_093) ^ (columns * 19_349_663)
    stripes = columns // 16 % 2
    pictures = (
        (columns, rows, 255 - columns),
        (stripes * 220, stripes * 40, grey),
        (np.where(disc, 200, 30), np.where(disc, 20, 60), np.where(disc, 30, 160)),
        (checks * 255, checks * 255, checks * 200),
        (noise >> 3, noise >> 7, noise >> 11),
        (grey, grey, grey),
    )
    drawn = np.stack([np.stack(channels, axis=-1) & 255 for channels in pictures])
    return drawn.astype(np.uint8)


def golden_vectors(images: ImageTower | None, texts: TextTower | None) -> dict[str, Vectors]:
    """Encode the golden inputs, under the names ``images`` and ``texts``."""
    vectors = {}
    if images is not None:
        vectors["images"] = images.encode(golden_pixels(images.view.side))
    if texts is not None:
        vectors["texts"] = texts.encode(GOLDEN_TEXTS)
    return vectors


def agreement(vectors: Vectors, reference: Vectors) -> dict[str, float]:
    """Compare unit vectors, shape (n, d), with those they should be.

    Returns
    -------
    figures
        ``cosine``, the least of all rows, and ``max_abs``, the largest difference of a component.
    """
    cosines = np.einsum("ij,ij->i", vectors, reference, dtype=np.float64)
    difference = np.abs(vectors - reference).max()
    return {"cosine": float(cosines.min()), "max_abs": float(difference)}


def speeds(encoder: Encoder, seconds: float = _SECONDS) -> dict[str, float]:
    """Measure, for so many seconds each, pictures and short texts in batches and a lone query.

    Returns
    -------
    figures
        ``images_per_second``, and of an encoder of texts ``texts_per_second`` and ``query_ms``.
    """
    side = encoder.images.view.side
    pixels = np.resize(golden_pixels(side), (_IMAGE_BATCH, side, side, 3))
    spent = _median_seconds(lambda: encoder.images.encode(pixels), seconds)
    found = {"images_per_second": _IMAGE_BATCH / spent}
    if (texts := encoder.texts) is not None:
        batch = [_QUERY] * _TEXT_BATCH
        spent = _median_seconds(lambda: texts.encode(batch), seconds)
        found["texts_per_second"] = _TEXT_BATCH / spent
        found["query_ms"] = 1000 * _median_seconds(lambda: texts.encode([_QUERY]), seconds)
    return found


def _median_seconds(run: Callable[[], object], seconds: float) -> float:
    for _ in range(_WARM_UP_RUNS):
        run()
    taken: list[float] = []
    while sum(taken) < seconds or len(taken) < 3:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
