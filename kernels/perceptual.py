"""Pictures into signatures that hardly change when a picture is saved, scaled or lit anew."""

import numpy as np
from numpy.typing import NDArray

from . import SIDE
from .compile import kernel, readonly

# What lies at the rim is left out: a thin border, and what a slight crop takes away.
RIM = 6
BLOCK = 3
CELLS = (SIDE - 2 * RIM) // BLOCK
# Frequencies, in half waves a picture, below which lightness and colour are told.
LIGHT_REACH, COLOR_REACH = 8, 3
# Contrast and lightness, in levels, below which a picture is so flat or so dark that the noise of
# compression would be blown up to its size.
FLAT, DARK = 2.0, 64.0
COLOR_WEIGHT, CONTRAST_WEIGHT = 16.0, 1.5


def _frequencies(reach: int) -> NDArray[np.int32]:
    """Pairs (vertical, horizontal) nearer to (0, 0) than `reach`, by rows."""
    pairs = np.argwhere(np.hypot(*np.indices((reach, reach))) < reach)
    return pairs.astype(np.int32)


LIGHT = _frequencies(LIGHT_REACH)[1:]
COLOR = _frequencies(COLOR_REACH)
SIGNATURE_DIM = len(LIGHT) + 2 * len(COLOR) + 1


def signatures(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe pictures so that two are near each other only if one is a copy of the other.

    The low frequencies of the discrete cosine transform, of which pHash keeps the signs (Zauner,
    "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). On the white ground
    of a shop most of those signs are the same, so here the numbers themselves are kept, and colour
    with them.

    Parameters
    ----------
    pixels
        sRGB, shape (n, `SIDE`, `SIDE`, 3), uint8: pictures squashed to the square.

    Returns
    -------
    rows
        Shape (n, `SIGNATURE_DIM`), float32, all finite. First the coefficients of luma (Rec. 601)
        but the mean, times the square root of their frequency, brought to unit length; then those
        of Cb and of Cr, divided by the picture's mean luma and the more the higher their frequency;
        then the logarithm of contrast by mean luma. Equal light falls out of all three, so how
        bright a picture is as a whole does not matter.
    """
    rows = np.empty((pixels.shape[0], SIGNATURE_DIM), np.float32)
    basis = readonly(_basis(), np.float32)
    light, color = readonly(LIGHT, np.int32), readonly(COLOR, np.int32)
    _signatures(readonly(pixels, np.uint8), basis, light, color, rows)
    return rows


def _basis() -> NDArray[np.float64]:
    """Waves over the cells, shape (`LIGHT_REACH`, `CELLS`); the first, of 0 waves, is the mean."""
    waves = np.cos(np.pi * np.outer(np.arange(LIGHT_REACH), np.arange(CELLS) + 0.5) / CELLS)
    waves[1:] *= np.sqrt(2)
    return waves / CELLS


@kernel
def _signatures(
    pictures: NDArray[np.uint8],
    basis: NDArray[np.float32],
    light: NDArray[np.int32],
    color: NDArray[np.int32],
    rows: NDArray[np.float32],
) -> None:
    planes = np.empty((3, CELLS, CELLS), np.float32)
    waves = np.empty((3, LIGHT_REACH, LIGHT_REACH), np.float32)
    for picture in range(pictures.shape[0]):
        _planes(pictures[picture], planes)
        for channel in range(3):
            _transform(planes[channel], basis, waves[channel])
        _describe(waves, light, color, rows[picture])


@kernel
def _planes(picture: NDArray[np.uint8], planes: NDArray[np.float32]) -> None:
    """Fill in the mean luma, Cb and Cr of every cell."""
    for y in range(CELLS):
        for x in range(CELLS):
            red = green = blue = np.int32(0)
            for i in range(RIM + y * BLOCK, RIM + (y + 1) * BLOCK):
                for j in range(RIM + x * BLOCK, RIM + (x + 1) * BLOCK):
                    red += np.int32(picture[i, j, 0])
                    green += np.int32(picture[i, j, 1])
                    blue += np.int32(picture[i, j, 2])
            luma = (0.299 * red + 0.587 * green + 0.114 * blue) / (BLOCK * BLOCK)
            planes[0, y, x] = luma
            planes[1, y, x] = 0.564 * (blue / (BLOCK * BLOCK) - luma)
            planes[2, y, x] = 0.713 * (red / (BLOCK * BLOCK) - luma)


@kernel
def _transform(
    plane: NDArray[np.float32], basis: NDArray[np.float32], waves: NDArray[np.float32]
) -> None:
    """Fill in the coefficients, vertical by horizontal, of one plane."""
    across = np.empty(CELLS, np.float32)
    for v in range(LIGHT_REACH):
        across[:] = 0.0
        for y in range(CELLS):
            for x in range(CELLS):
                across[x] += basis[v, y] * plane[y, x]
        for u in range(LIGHT_REACH):
            total = np.float32(0.0)
            for x in range(CELLS):
                total += basis[u, x] * across[x]
            waves[v, u] = total


@kernel
def _describe(
    waves: NDArray[np.float32],
    light: NDArray[np.int32],
    color: NDArray[np.int32],
    row: NDArray[np.float32],
) -> None:
    """Turn coefficients into one signature."""
    n_light, n_color = light.shape[0], color.shape[0]
    square = 0.0
    for i in range(n_light):
        v, u = light[i]
        row[i] = waves[0, v, u] * np.sqrt(np.sqrt(float(v * v + u * u)))
        square += row[i] * row[i]
    contrast = np.sqrt(square) + FLAT
    for i in range(n_light):
        row[i] /= contrast
    bright = max(waves[0, 0, 0], DARK)
    for i in range(n_color):
        v, u = color[i]
        weight = COLOR_WEIGHT / (bright * np.sqrt(np.sqrt(max(float(v * v + u * u), 1.0))))
        row[n_light + i] = weight * waves[1, v, u]
        row[n_light + n_color + i] = weight * waves[2, v, u]
    row[n_light + 2 * n_color] = CONTRAST_WEIGHT * np.log(contrast / bright)
