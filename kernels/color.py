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


@kernel
def _oklab(
    pixels: NDArray[np.uint8], linear: NDArray[np.float32], lab: NDArray[np.float32]
) -> None:
    for i in range(pixels.shape[0]):
        red = linear[pixels[i, 0]]
        green = linear[pixels[i, 1]]
        blue = linear[pixels[i, 2]]
        long = np.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
        medium = np.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
        short = np.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
        lab[i, 0] = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
        lab[i, 1] = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
        lab[i, 2] = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
