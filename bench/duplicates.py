"""Which edits of a picture are still found to be a copy, how many strangers are, and how fast.

All product shots (fashion) and photos (Flickr8k) of the development data. Of 500 of each, drawn
from a fixed seed, copies are made with Pillow and looked for beside all others. False pairs are
those of different titles, products, or simply of different photos: shops do show one shot under two
titles, so of products this is an upper bound. pHash, 64 signs at a Hamming distance of 6, is told
beside it. The million for speed is drawn around real signatures: a tenth are near copies of others,
a fiftieth one and the same picture.

    python bench/duplicates.py --json

The data is in the folder that `SIGHTLINE_TEST_DATA` names, else in `shared/data` beside the
checkout.
"""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from harness import CHECKOUT, Figures, main, time_calls
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from sightline.features.duplicates import (
    SIGNATURE_DIM,
    near_duplicates,
    placeholders,
    signatures,
)
from sightline.features.visual import SIDE
from sightline.types import Pixels, Rows

EDITED = 500
_DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
_TABLES = {"products": ("fashion", "title"), "photos": ("flickr8k", "id")}
_WAVES = 32
_PHASH_BITS, _PHASH_NEAR = 8, 6

Edit = Callable[[Image.Image], Image.Image]


def saved(picture: Image.Image, picture_format: str = "JPEG", quality: int = 90) -> Image.Image:
    """Write a picture and read it again."""
    file = io.BytesIO()
    picture.save(file, picture_format, quality=quality)
    return Image.open(file).convert("RGB")


def scaled(picture: Image.Image, factor: float) -> Image.Image:
    """Scale a picture and save it."""
    size = (round(picture.width * factor), round(picture.height * factor))
    return saved(picture.resize(size, Image.Resampling.LANCZOS), quality=85)


def cut(picture: Image.Image, *shares: float) -> Image.Image:
    """Cut shares of the edges off: left, top, right, bottom."""
    left, top, right, bottom = shares
    width, height = picture.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return saved(picture.crop(tuple(round(edge) for edge in box)))


def lit(picture: Image.Image, factor: float) -> Image.Image:
    """Make a picture lighter or darker."""
    return saved(ImageEnhance.Brightness(picture).enhance(factor))


def framed(picture: Image.Image, color: str, share: float) -> Image.Image:
    """Put a border around a picture."""
    return saved(ImageOps.expand(picture, max(1, round(share * max(picture.size))), color))


EDITS: dict[str, Edit] = {
    "jpeg_50": lambda picture: saved(picture, quality=50),
    "jpeg_75": lambda picture: saved(picture, quality=75),
    "jpeg_95": lambda picture: saved(picture, quality=95),
    "webp_75": lambda picture: saved(picture, "WEBP", 75),
    "resized_40": lambda picture: scaled(picture, 0.4),
    "resized_60": lambda picture: scaled(picture, 0.6),
    "resized_300": lambda picture: scaled(picture, 3.0),
    "darker_5": lambda picture: lit(picture, 0.95),
    "lighter_5": lambda picture: lit(picture, 1.05),
    "cut_1_all_sides": lambda picture: cut(picture, 0.01, 0.01, 0.01, 0.01),
    "cut_2_one_side": lambda picture: cut(picture, 0.02, 0, 0, 0),
    "cut_2_all_sides": lambda picture: cut(picture, 0.02, 0.02, 0.02, 0.02),
    "white_border_1": lambda picture: framed(picture, "white", 0.01),
    "black_border_1": lambda picture: framed(picture, "black", 0.01),
    "black_border_2": lambda picture: framed(picture, "black", 0.02),
}


def squashed(picture: Image.Image) -> Pixels:
    """Return the square that measures and signatures are taken of."""
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def phash(pixels: Pixels) -> NDArray[np.float32]:
    """Return the signs of pHash as -1 and 1, shape (n, 64)."""
    edge = SIDE // _WAVES
    luma = pixels.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
    cells = luma.reshape(-1, _WAVES, edge, _WAVES, edge).mean(axis=(2, 4))
    steps = np.outer(np.arange(1, _PHASH_BITS + 1), np.arange(_WAVES) + 0.5)
    basis = np.cos(np.pi * steps / _WAVES).astype(np.float32)
    waves = (basis @ cells @ basis.T).reshape(len(pixels), -1)
    return np.where(waves > np.median(waves, axis=1, keepdims=True), 1, -1).astype(np.float32)


def copies_found(originals: NDArray[np.float32], edited: NDArray[np.float32]) -> float:
    """Return the share of edited pictures that are told to be copies of their originals."""
    found = 0
    for pair in zip(originals, edited, strict=True):
        found += near_duplicates(np.stack(pair))[1] == 0
    return found / len(edited)


def signs_found(originals: NDArray[np.float32], edited: NDArray[np.float32]) -> float:
    """Return the same by pHash."""
    differing = (_PHASH_BITS**2 - (originals * edited).sum(axis=1)) / 2
    return float((differing <= _PHASH_NEAR).mean())


def false_pairs_per_million(near: Iterator[NDArray[np.bool_]], names: NDArray[np.int64]) -> float:
    """Count pairs of different names that are near; `near` has the later ones of each in turn."""
    pairs = sum(
        int((later & (names[row + 1 :] != names[row])).sum()) for row, later in enumerate(near)
    )
    return pairs / (len(names) * (len(names) - 1) / 2) * 1e6


def near_by_signature(rows: NDArray[np.float32], distance: float) -> Iterator[NDArray[np.bool_]]:
    """For every picture, which of the later ones are within the distance."""
    squares = (rows**2).sum(axis=1)
    for row in range(len(rows)):
        products = rows[row + 1 :] @ rows[row]
        yield squares[row + 1 :] + squares[row] - 2 * products <= distance**2


def near_by_signs(signs: NDArray[np.float32]) -> Iterator[NDArray[np.bool_]]:
    """For every picture, which of the later ones differ in few signs."""
    for row in range(len(signs)):
        yield signs[row + 1 :] @ signs[row] >= _PHASH_BITS**2 - 2 * _PHASH_NEAR
