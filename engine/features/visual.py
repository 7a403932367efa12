"""Pictures into the visual attributes every item gets, whichever encoder is chosen.

Colours are named with the eleven basic terms of Berlin & Kay ("Basic Color Terms", 1969), which
languages with as many terms share. Each term owns a few example colours, and a pixel has the term
of the nearest example in OKLab, where distance is perceived difference. One example a term would
not do: terms are uneven regions (brown is dark orange, pink is light red, navy is still blue), and
the nearest focus alone gets their borders wrong.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sightline_kernels import SIDE

from ..types import Mask, Pixels, View

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COLORS", "FINGERPRINT", "MEASURES", "SIDE", "VIEW", "measure", "visual_columns"]

_EXAMPLES = {
    "black": "000000 1a1a1a 303030 3a3a3a",
    "white": "ffffff f0f0f0 dedede",
    "grey": "606060 7c7c7c 989898 b4b4b4",
    "red": "e01b24 b3131b 8a1420 5e1018 d8403a",
    "orange": "f28c1e e0661c ffa64d d9771f",
    "yellow": "ffe11a f2d24a f7eb8a d8b81f b59f1c",
    "green": "1f8f3a 0f5a28 6fbf4a a9d18e 5f6b2a 3a4a2a 1fae8a 8a9a5b",
    "blue": "1f4fd0 16256b 1a2238 3f87d8 8ec1ea 4a6a94 2fb6d6 1f7f96 7a8ca6 3c4658",
    "purple": "7a2fa0 4b1f6b a57cc8 9a3fa8 5f4a78 c9b3e0 6a5068",
    "pink": "ef7fb0 f6b8cc e0408a d86a80 f2d0d4",
    "brown": "7a4a26 4a2c18 9c6b3f c49a6c d9c3a0 6b4f3a a8896a 3a261c 5c5044 8c7a68",
}

COLORS = tuple(_EXAMPLES)
"""The basic colour terms, in the order of their columns."""

_NUMBERS = ("brightness", "contrast", "colorfulness", "sharpness", "edge_density", "aspect")
MEASURES = (*(f"share_{color}" for color in COLORS), *_NUMBERS)
"""The columns of the matrix that `measure` returns."""

VIEW = View(SIDE, "squash", "bilinear")
"""How pictures are brought to the pixels that are measured: as the bundled encoder wants them too,
so that both read one array."""

FINGERPRINT = f"visual-2-{SIDE}"
"""Names the way of measuring: cached rows under another fingerprint are measured anew."""

_NOTABLE_SHARE = 0.15
_BATCH = 16  # pictures at a time: in OKLab they fit the second-level cache, and more do not


def measure(
    pixels: Pixels, widths: NDArray[np.integer], heights: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Measure what a person would say of each picture.

    Parameters
    ----------
    pixels
        sRGB, shape (n, `SIDE`, `SIDE`, 3), uint8: pictures brought to `VIEW`.
    widths, heights
        The pictures' own sizes before squashing, shape (n,), at least 1.

    Returns
    -------
    matrix
        Shape (n, len(`MEASURES`)), float32, all finite, columns as in `MEASURES`: the share of the
        subject in each of `COLORS`; brightness, 0 to 1, contrast and colourfulness of the subject;
        sharpness (variance of the Laplacian) and edge density of the picture as squashed; width
        divided by height. `sightline_kernels.measures` defines and cites each.

    Raises
    ------
    ValueError
        If the pictures are not `SIDE` pixels square, or the sizes are not one per picture.
    """
    if pixels.shape[1:] != (SIDE, SIDE, 3):
        message = f"visual measures read pictures of {SIDE} x {SIDE} x 3, got {pixels.shape[1:]}"
        raise ValueError(message)
    if not len(pixels) == len(widths) == len(heights):
        message = f"{len(pixels)} pictures, but {len(widths)} widths and {len(heights)} heights"
        raise ValueError(message)
    matrix = np.empty((len(pixels), len(MEASURES)), np.float32)
    for start in range(0, len(pixels), _BATCH):
        part = slice(start, start + _BATCH)
        matrix[part, :-1] = _measure_pixels(pixels[part])
    matrix[:, -1] = np.asarray(widths) / np.asarray(heights)
    return matrix


def _measure_pixels(pixels: Pixels) -> NDArray[np.float32]:
    from sightline_kernels.color import oklab  # wakes Numba
    from sightline_kernels.foreground import foreground
    from sightline_kernels.measures import appearance, color_shares

    lab = oklab(pixels)
    masks, _ = foreground(lab)
    shares = color_shares(lab, masks, *_examples(), len(COLORS))
    return np.hstack([shares, appearance(pixels, lab, masks)])


@cache
def _examples() -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the example colours in OKLab, shape (p, 3), and which of `COLORS` each stands for."""
    from sightline_kernels.color import oklab

    codes = [code for codes in _EXAMPLES.values() for code in codes.split()]
    terms = np.repeat(np.arange(len(COLORS)), [len(codes.split()) for codes in _EXAMPLES.values()])
    examples = oklab(np.array([list(bytes.fromhex(code)) for code in codes], np.uint8))
    return examples, terms.astype(np.int32)


def visual_columns(matrix: NDArray[np.float32], presence: Mask) -> "pl.DataFrame":
    """Turn measures into the columns that filters and rankings name.

    Parameters
    ----------
    matrix
        What `measure` returned, one row per item, shape (n, len(`MEASURES`)). Rows of items
        without a picture may hold anything.
    presence
        Which items have a picture, shape (n,).

    Returns
    -------
    columns
        One row per item, null where it has no picture: ``dominant_color``, the term that covers
        most of the subject (of two equal, the first of `COLORS`); ``colors``, it and every other
        that covers 15 % or more, largest first; then ``brightness``, ``contrast``,
        ``colorfulness``, ``sharpness``, ``edge_density`` and ``aspect``.
    """
    import polars as pl

    shares = np.where(presence[:, None], matrix[:, : len(COLORS)], 0)
    order = np.argsort(-shares, axis=1, kind="stable")
    ranked = pl.Series(COLORS).gather(order.ravel()).reshape(order.shape).arr.to_list()
    notable = np.maximum((shares >= _NOTABLE_SHARE).sum(axis=1), 1)
    numbers = {name: matrix[:, MEASURES.index(name)] for name in _NUMBERS}
    columns = pl.DataFrame({"ranked": ranked, "notable": notable, **numbers}).select(
        pl.col("ranked").list.first().alias("dominant_color"),
        pl.col("ranked").list.head(pl.col("notable")).alias("colors"),
        *_NUMBERS,
    )
    absent = ~pl.Series(presence, dtype=pl.Boolean)
    return columns.select(pl.when(absent).then(None).otherwise(pl.all()).name.keep())
