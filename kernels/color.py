"""sRGB bytes into OKLab, a space in which equal distances look about equally different."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly


def oklab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert sRGB pixels to OKLab.

    Parameters
    ----------
    pixels
        RGB of any shape (..., 3).

    Returns
    -------
    lab
        The same shape, float32: lightness 0 (black) to 1 (white), then green-red and blue-yellow,
        both about -0.3 to 0.3 and 0 for greys.

    References
    ----------
    B. Ottosson, "A perceptual color space for image processing", 2020,
    https://bottosson.github.io/posts/oklab/
    """
    flat = readonly(pixels, np.uint8).reshape(-1, 3)
    lab = np.empty(flat.shape, np.float32)
    _oklab(flat, _LINEAR_LEVELS, lab)
    return lab.reshape(pixels.shape)


def _linear_levels() -> NDArray[np.float32]:
    """Return the linear light of each of the 256 sRGB levels (IEC 61966-2-1)."""
    level = np.arange(256) / 255.0
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return readonly(linear, np.float32)


_LINEAR_LEVELS = _linear_levels()

# Linear red, green and blue into what the eye's long, medium and short cones take up; the cube
# roots of these into lightness, green-red and blue-yellow.
_CONES = readonly(
    np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    ),
    np.float32,
)
_LAB = readonly(
    np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    ),
    np.float32,
)

# Pixels converted together: their planes stay in the first-level cache.
_BLOCK = 1024
_THIRD, _TWO_NINTHS, _ONE = np.float32(1 / 3), np.float32(2 / 9), np.float32(1)
# Added before the root, whose first guess is out of range for 0: 1e-7 of lightness.
_NEXT_TO_BLACK = np.float32(1e-21)
_GUESS = 1419967116


@kernel
def _oklab(
    pixels: NDArray[np.uint8], linear: NDArray[np.float32], lab: NDArray[np.float32]
) -> None:
    """Convert block by block over planes: only so does LLVM take many pixels at a time."""
    planes = np.empty((3, _BLOCK), np.float32)
    for start in range(0, pixels.shape[0], _BLOCK):
        block, count = pixels[start : start + _BLOCK], min(_BLOCK, pixels.shape[0] - start)
        for i in range(count):
            planes[0, i] = linear[block[i, 0]]
            planes[1, i] = linear[block[i, 1]]
            planes[2, i] = linear[block[i, 2]]
        for i in range(count):
            red, green, blue = planes[0, i], planes[1, i], planes[2, i]
            long = _cube_root(_CONES[0, 0] * red + _CONES[0, 1] * green + _CONES[0, 2] * blue)
            medium = _cube_root(_CONES[1, 0] * red + _CONES[1, 1] * green + _CONES[1, 2] * blue)
            short = _cube_root(_CONES[2, 0] * red + _CONES[2, 1] * green + _CONES[2, 2] * blue)
            planes[0, i] = _LAB[0, 0] * long + _LAB[0, 1] * medium + _LAB[0, 2] * short
            planes[1, i] = _LAB[1, 0] * long + _LAB[1, 1] * medium + _LAB[1, 2] * short
            planes[2, i] = _LAB[2, 0] * long + _LAB[2, 1] * medium + _LAB[2, 2] * short
        for i in range(count):
            for channel in range(3):
                lab[start + i, channel] = planes[channel, i]


@kernel
def _cube_root(light: np.float32) -> np.float32:
    """Return the cube root of 0 to 1, to 3e-7 of it.

    The inverse root by Householder's iteration of third order, whose first guess divides the
    exponent by three in the number's bits (as Moroz et al., "Fast calculation of cube and inverse
    cube roots using a magic constant and its implementation on microcontrollers", 2021, do): it
    has no division, and so nothing that must be checked for zero. With `np.cbrt` the conversion
    takes ten times as long.
    """
    light += _NEXT_TO_BLACK
    third = np.int32(np.float32(np.float32(light).view(np.int32)) * _THIRD)
    inverse = np.int32(_GUESS - third).view(np.float32)
    for _ in range(2):
        miss = _ONE - light * inverse * inverse * inverse
        inverse += inverse * miss * (_THIRD + _TWO_NINTHS * miss)
    return light * inverse * inverse
