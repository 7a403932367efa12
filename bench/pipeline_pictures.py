"""Photograph-like JPEGs for `pipeline.py`, written to a folder; no two are alike in content."""

import io
from pathlib import Path

import numpy as np
from decode import draw
from PIL import Image

__all__ = ["SIZES", "write_large_pictures", "write_pictures"]

SIZES = ((500, 500), (600, 800), (800, 800), (1000, 1000), (1600, 1200))
"""Height and width of the pictures, in turn: a shop's product pictures and their zoom."""
QUALITIES = (75, 85, 90)

_CANVAS = 2400
_LARGE = (3000, 4000)
_LARGE_KINDS = 8
_COMMENT = b"\xff\xfe\x00\x12"


def write_pictures(folder: Path, count: int) -> list[Path]:
    """Write pictures of all `SIZES` and qualities in turn, parts of one canvas in other tints."""
    rng = np.random.default_rng(3)
    canvas = Image.fromarray(draw(_CANVAS, _CANVAS))
    paths = []
    for number in range(count):
        height, width = SIZES[number % len(SIZES)]
        left, top = rng.integers(0, (_CANVAS - width, _CANVAS - height)).tolist()
        part = canvas.crop((left, top, left + width, top + height))
        gains = rng.uniform(0.5, 1.0, 3)
        tint = np.concatenate([np.arange(256) * gain for gain in gains]).astype(int).tolist()
        quality = QUALITIES[number // len(SIZES) % len(QUALITIES)]
        path = folder / f"{number:05}.jpg"
        part.point(tint).save(path, "JPEG", quality=quality)
        paths.append(path)
    return paths


def write_large_pictures(folder: Path, count: int) -> list[Path]:
    """Write pictures of 12 megapixels and 250 kB or so: a few, each again under other comments."""
    rng = np.random.default_rng(4)
    rows, columns = (np.arange(edge, dtype=np.float32) for edge in _LARGE)
    kinds = []
    for _ in range(_LARGE_KINDS):
        lengths = rng.uniform(60, 500, (3, 2))
        waves = [
            128 + 90 * np.outer(np.sin(rows / down), np.cos(columns / across))
            for down, across in lengths
        ]
        file = io.BytesIO()
        Image.fromarray(np.stack(waves, axis=-1).astype(np.uint8)).save(file, "JPEG", quality=75)
        kinds.append(file.getvalue())
    paths = []
    for number in range(count):
        data = kinds[number % len(kinds)]
        path = folder / f"{number:05}.jpg"
        # Behind the start of the image: a comment of 16 digits.
        path.write_bytes(b"%b%b%016d%b" % (data[:2], _COMMENT, number, data[2:]))
        paths.append(path)
    return paths
