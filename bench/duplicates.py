"""Which edits of a picture are still found to be a copy, how many strangers are, and how fast.

All product shots (fashion) and photos (Flickr8k) of the development data. Of 500 of each, drawn
from a fixed seed, copies are made with Pillow and looked for beside all others. False pairs are
near though their titles (products) or ids (photos) differ: the shop shows some shots under two
titles, so of products this is an upper bound. pHash, 64 signs at a Hamming distance of 4, stands
beside it. The rows for speed are drawn around real signatures: a tenth are copies of others, a
fiftieth one and the same picture.

    python bench/duplicates.py --json

The data is in the folder that `SIGHTLINE_TEST_DATA` names, else in `shared/data` beside the
checkout.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from harness import CHECKOUT, Figures, main, time_calls
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from sightline.features.duplicates import NEAR, near_duplicates, signatures
from sightline.features.visual import SIDE
from sightline.types import Mask, Pixels

EDITED = 500
_DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
_TABLES = {"products": ("fashion", "title"), "photos": ("flickr8k", "id")}
_WAVES = 32
_PHASH_BITS, _PHASH_NEAR = 8, 4

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
    box = (
        round(left * width),
        round(top * height),
        round((1 - right) * width),
        round((1 - bottom) * height),
    )
    return saved(picture.crop(box))


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
    luma = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    cells = luma.reshape(-1, _WAVES, edge, _WAVES, edge).mean(axis=(2, 4))
    steps = np.outer(np.arange(1, _PHASH_BITS + 1), np.arange(_WAVES) + 0.5)
    basis = np.cos(np.pi * steps / _WAVES).astype(np.float32)
    waves = (basis @ cells @ basis.T).reshape(len(pixels), -1)
    return np.where(waves > np.median(waves, axis=1, keepdims=True), 1, -1).astype(np.float32)


def signature_near(one: NDArray[np.float32], other: NDArray[np.float32]) -> Mask:
    """Say which rows are near, those of `one` broadcast against those of `other`."""
    near: Mask = ((one - other) ** 2).sum(axis=-1) <= NEAR**2
    return near


def signs_near(one: NDArray[np.float32], other: NDArray[np.float32]) -> Mask:
    """Say the same by pHash."""
    near: Mask = (one * other).sum(axis=-1) >= _PHASH_BITS**2 - 2 * _PHASH_NEAR
    return near


def false_pairs_per_million(
    rows: NDArray[np.float32],
    near: Callable[[NDArray[np.float32], NDArray[np.float32]], Mask],
    names: NDArray[np.int64],
) -> float:
    """Count the pairs of pictures of different names that are near, of a million such pairs."""
    pairs = false = 0
    for row in range(len(rows) - 1):
        others = names[row + 1 :] != names[row]
        pairs += int(others.sum())
        false += int((near(rows[row + 1 :], rows[row]) & others).sum())
    return false / pairs * 1e6


def quality(kind: str, figures: dict[str, float]) -> NDArray[np.float32]:
    """Measure one table; return its signatures."""
    table, name = _TABLES[kind]
    frame = pl.read_parquet(_DATA / f"{table}.parquet", columns=[name, "image"])
    pictures = [Image.open(io.BytesIO(data)).convert("RGB") for data in frame["image"]]
    names = frame[name].rank("dense").to_numpy().astype(np.int64)
    pixels = np.stack([squashed(picture) for picture in pictures])
    rows, signs = signatures(pixels), phash(pixels)
    edited = np.random.default_rng(0).choice(len(pictures), EDITED, replace=False)
    by_signature, by_signs = [], []
    for edit, make in EDITS.items():
        copies = np.stack([squashed(make(pictures[row])) for row in edited])
        found = float(signature_near(signatures(copies), rows[edited]).mean())
        figures[f"{kind}_found_{edit}"] = round(found, 4)
        by_signature.append(found)
        by_signs.append(float(signs_near(phash(copies), signs[edited]).mean()))
    figures[f"{kind}_found"] = round(float(np.mean(by_signature)), 4)
    figures[f"{kind}_found_by_phash"] = round(float(np.mean(by_signs)), 4)
    figures[f"{kind}_false_per_million_pairs"] = round(
        false_pairs_per_million(rows, signature_near, names), 3
    )
    figures[f"{kind}_false_per_million_pairs_by_phash"] = round(
        false_pairs_per_million(signs, signs_near, names), 3
    )
    figures[f"{kind}_copies"] = int((near_duplicates(rows) != np.arange(len(rows))).sum())
    return rows


def drawn(known: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Draw signatures around known ones: a tenth copies of others, a fiftieth one picture."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((count, known.shape[1]), np.float32) * (0.6 * known.std(axis=0))
    rows: NDArray[np.float32] = known[rng.integers(0, len(known), count)] + noise
    copies = rng.choice(count, count // 10, replace=False)
    change = 0.006 * rng.standard_normal((len(copies), known.shape[1]), np.float32)
    rows[copies] = rows[rng.integers(0, count, len(copies))] + change
    rows[rng.choice(count, count // 50, replace=False)] = rows[0]
    return rows


def measure() -> Figures:
    """Measure both tables, then speed."""
    figures: dict[str, float] = {}
    known = np.concatenate([quality(kind, figures) for kind in _TABLES])
    pixels = np.random.default_rng(0).integers(0, 256, (1000, SIDE, SIDE, 3), np.uint8)
    signed = time_calls(lambda: signatures(pixels), repeats=9)
    figures["signature_us"] = round(signed.median_s * 1e3, 2)
    for count, name in ((100_000, "100k"), (1_000_000, "1m")):
        rows = drawn(known, count)
        figures[f"groups_{name}_s"] = round(
            time_calls(lambda: near_duplicates(rows), repeats=3).median_s,  # noqa: B023
            3,
        )
    return figures


if __name__ == "__main__":
    main(
        "duplicates",
        measure,
        question="Which edits of a picture are found to be copies, how many strangers, how fast?",
    )
