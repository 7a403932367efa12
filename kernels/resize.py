"""Part of a picture, resized with antialiasing, into levels that an encoder reads: in one pass."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compile import kernel

_FILTERS = {"bilinear": (0, 1.0), "bicubic": (1, 2.0), "lanczos": (2, 3.0)}


def resize_into(
    source: NDArray[np.uint8],
    out: NDArray[Any],
    *,
    box: tuple[float, float, float, float],
    resample: str,
    levels: NDArray[Any],
) -> None:
    """Write a part of a picture, resized, as the levels of an encoder.

    The coefficients are those of Pillow (`precompute_coeffs` of its Resample.c) and of torchvision
    with antialiasing: the filter is stretched by the scale of the box, and its taps look beyond the
    box, up to the edges of the picture. Columns are summed first, in float32; each level is rounded
    once, half up.

    Parameters
    ----------
    source
        Shape (h, w, 3), uint8.
    out
        Shape (3, H, W), uint8 or float32, with any strides.
    box
        Left, top, right and bottom of the part, in pixels of `source`, maybe fractional.
    resample
        ``bilinear``, ``bicubic`` (a = -0.5) or ``lanczos`` (of three lobes).
    levels
        What each level of a channel is written as, shape (3, 256), of the type of `out`.

    Raises
    ------
    ValueError
        If the box is empty or outside the picture, or there is no such filter.
    """
    height, width = source.shape[:2]
    left, top, right, bottom = box
    if not (0 <= left < right <= width + 1e-6 and 0 <= top < bottom <= height + 1e-6):
        message = f"the box {box} is no part of a picture of {width} x {height} pixels"
        raise ValueError(message)
    if resample not in _FILTERS:
        message = f"no filter {resample!r}; choose one of {', '.join(_FILTERS)}"
        raise ValueError(message)
    across = _taps(width, left, right, out.shape[2], resample)
    down = _taps(height, top, bottom, out.shape[1], resample)
    _resize(np.ascontiguousarray(source), out, *across, *down, levels)


def _taps(
    length: int, start: float, stop: float, count: int, resample: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return of every output place the first tap, the number of taps, and their weights."""
    kind, support = _FILTERS[resample]
    scale = (stop - start) / count
    stretch = max(scale, 1.0)
    reach = support * stretch
    centers = start + (np.arange(count) + 0.5) * scale
    firsts = np.maximum((centers - reach + 0.5).astype(np.int64), 0)
    ends = np.minimum((centers + reach + 0.5).astype(np.int64), length)
    places = firsts[:, None] + np.arange(math.ceil(reach) * 2 + 1)
    weights = _filter(kind, np.abs((places - centers[:, None] + 0.5) / stretch))
    weights[places >= ends[:, None]] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    return firsts, ends - firsts, weights.astype(np.float32)


def _filter(kind: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    if kind == 0:
        return np.maximum(1.0 - x, 0.0)
    if kind == 1:
        near = (1.5 * x - 2.5) * x * x + 1.0
        far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
        return np.where(x < 1, near, np.where(x < 2, far, 0.0))
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


@kernel
def _resize(
    source: NDArray[np.uint8],
    out: NDArray[Any],
    x_firsts: NDArray[np.int64],
    x_counts: NDArray[np.int64],
    x_weights: NDArray[np.float32],
    y_firsts: NDArray[np.int64],
    y_counts: NDArray[np.int64],
    y_weights: NDArray[np.float32],
    levels: NDArray[Any],
) -> None:
    height, width = out.shape[1], out.shape[2]
    left = x_firsts[0]
    right = x_firsts[width - 1] + x_counts[width - 1]
    rows = source.reshape(source.shape[0], source.shape[1] * 3)
    sums = np.empty((right - left) * 3, np.float32)
    for y in range(height):
        sums[:] = np.float32(0)
        first, count = y_firsts[y], y_counts[y]
        k = 0
        while k + 4 <= count:  # four rows at a time: one load and store of the sums for four taps
            w0, w1, w2, w3 = (
                y_weights[y, k],
                y_weights[y, k + 1],
                y_weights[y, k + 2],
                y_weights[y, k + 3],
            )
            r0 = rows[first + k][left * 3 : right * 3]
            r1 = rows[first + k + 1][left * 3 : right * 3]
            r2 = rows[first + k + 2][left * 3 : right * 3]
            r3 = rows[first + k + 3][left * 3 : right * 3]
            for i in range(sums.size):
                sums[i] += (
                    w0 * np.float32(r0[i])
                    + w1 * np.float32(r1[i])
                    + w2 * np.float32(r2[i])
                    + w3 * np.float32(r3[i])
                )
            k += 4
        while k < count:
            w0 = y_weights[y, k]
            r0 = rows[first + k][left * 3 : right * 3]
            for i in range(sums.size):
                sums[i] += w0 * np.float32(r0[i])
            k += 1
        for x in range(width):
            start = (x_firsts[x] - left) * 3
            part = sums[start : start + 3 * x_counts[x]]
            taps = x_weights[x]
            red, green, blue = np.float32(0.5), np.float32(0.5), np.float32(0.5)
            for k in range(x_counts[x]):
                red += taps[k] * part[3 * k]
                green += taps[k] * part[3 * k + 1]
                blue += taps[k] * part[3 * k + 2]
            out[0, y, x] = levels[0, min(max(int(red), 0), 255)]
            out[1, y, x] = levels[1, min(max(int(green), 0), 255)]
            out[2, y, x] = levels[2, min(max(int(blue), 0), 255)]
