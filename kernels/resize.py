"""Part of a picture, resized with antialiasing, into levels that an encoder reads: in one pass."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly

_FILTERS = {"bilinear": 0, "bicubic": 1, "lanczos": 2}
_REACHES = (1.0, 2.0, 3.0)

# Rows of the result made together. Sums across a picture run along them, channel by channel: with
# the sums down the picture transposed, that loop has no gaps, and vectors of any width divide it.
_TOGETHER = 32
_LANES = 3 * _TOGETHER

# Bits after the point of Pillow's coefficients (PRECISION_BITS of its Resample.c).
_PRECISION = 22

# Of one axis: length of the picture, start and extent of the box, length of the result; the filter.
_Axis = tuple[int, float, float, int, int]


def resize_into(
    source: NDArray[np.uint8],
    out: NDArray[Any],
    *,
    box: tuple[float, float, float, float],
    resample: str,
    levels: NDArray[Any],
    exact: bool = False,
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
        Left, top, right and bottom of the part, in pixels of `source`, maybe fractional; held in
        float32, as Pillow does.
    resample
        ``bilinear``, ``bicubic`` (a = -0.5) or ``lanczos`` (of three lobes).
    levels
        What each level of a channel is written as, shape (3, 256), of the type of `out`.
    exact
        Make the very levels that ``Image.resize(box=)`` of Pillow 13 makes: sums in fixed point,
        rounded to whole levels between its two passes. Slow; for tests against stored vectors.

    Raises
    ------
    ValueError
        If an array has another shape or type, the box is empty or outside the picture, or there is
        no such filter.
    """
    if source.ndim != 3 or source.shape[2] != 3 or source.dtype != np.uint8 or not source.size:
        message = f"a picture is uint8 of (h, w, 3), not {source.dtype} of {source.shape}"
        raise ValueError(message)
    if out.ndim != 3 or out.shape[0] != 3 or out.dtype not in (np.uint8, np.float32):
        message = f"write to uint8 or float32 of (3, H, W), not {out.dtype} of {out.shape}"
        raise ValueError(message)
    if levels.shape != (3, 256) or levels.dtype != out.dtype:
        message = f"levels are {out.dtype} of (3, 256), not {levels.dtype} of {levels.shape}"
        raise ValueError(message)
    if resample not in _FILTERS:
        message = f"no filter {resample!r}; choose one of {', '.join(_FILTERS)}"
        raise ValueError(message)
    height, width = source.shape[:2]
    left, top, right, bottom = (np.float32(edge) for edge in box)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        message = f"the box {box} is no part of a picture of {width} x {height} pixels"
        raise ValueError(message)
    if not out.size:
        return
    kind = _FILTERS[resample]
    across = (width, float(left), float(right - left), out.shape[2], kind)
    down = (height, float(top), float(bottom - top), out.shape[1], kind)
    if exact:
        shown = _as_pillow(source, across, down)
        for channel in range(3):
            out[channel] = levels[channel][shown[..., channel]]
        return
    _resize(readonly(source, np.uint8), out, across, down, readonly(levels, out.dtype))


def _as_pillow(source: NDArray[np.uint8], across: _Axis, down: _Axis) -> NDArray[np.uint8]:
    """Return what Pillow makes of a part, shape (H, W, 3)."""
    # The order of passes of Pillow 13; those before it resize rows first always.
    if down[0] > down[3] and down[0] - down[3] > 2 * (across[0] - across[3]):
        lower = _resized_rows(source.transpose(1, 0, 2), *down)
        return _resized_rows(lower.transpose(1, 0, 2), *across)
    narrower = _resized_rows(source, *across)
    return _resized_rows(narrower.transpose(1, 0, 2), *down).transpose(1, 0, 2)


def _resized_rows(
    pixels: NDArray[np.uint8], length: int, start: float, extent: float, count: int, kind: int
) -> NDArray[np.uint8]:
    """Return rows resized in fixed point and rounded to whole levels, shape (h, `count`, 3)."""
    if length == count and start == 0 and extent == length:
        return pixels
    firsts, counts, weights = _taps(length, start, extent, count, kind)
    scaled = weights * (1 << _PRECISION)
    whole = np.trunc(scaled + np.where(scaled < 0, -0.5, 0.5)).astype(np.int64)
    rows = np.empty((pixels.shape[0], count, 3), np.uint8)
    for place, (first, taps) in enumerate(zip(firsts, counts, strict=True)):
        part = pixels[:, first : first + taps]
        sums = np.einsum("hkc,k->hc", part, whole[place, :taps]) + (1 << (_PRECISION - 1))
        rows[:, place] = np.clip(sums >> _PRECISION, 0, 255)
    return rows


@kernel
def _filter(kind: int, x: float) -> float:
    """Return the weight, not normalised, at a distance of `x` steps of the coarser grid."""
    x = abs(x)
    if x >= kind + 1:
        return 0.0
    if kind == 0:
        return 1.0 - x
    if kind == 1:
        if x < 1.0:
            return (1.5 * x - 2.5) * x * x + 1.0
        return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    if x == 0.0:
        return 1.0
    x *= math.pi
    return math.sin(x) / x * math.sin(x / 3.0) / (x / 3.0)


@kernel
def _taps(
    length: int, start: float, extent: float, count: int, kind: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return of every output place the first tap, the number of taps, and their weights.

    Places are in order, and so are their taps. The weights go on with zeros to a multiple of three.
    """
    scale = extent / count
    stretch = max(scale, 1.0)
    reach = _REACHES[kind] * stretch
    most = min(math.ceil(reach) * 2 + 1, length)
    firsts = np.empty(count, np.int64)
    counts = np.empty(count, np.int64)
    weights = np.zeros((count, (most + 2) // 3 * 3))
    for place in range(count):
        center = start + (place + 0.5) * scale
        first = max(int(center - reach + 0.5), 0)
        taps = min(int(center + reach + 0.5), length) - first
        total = 0.0
        for k in range(taps):
            weight = _filter(kind, (first + k - center + 0.5) / stretch)
            weights[place, k] = weight
            total += weight
        for k in range(taps):
            weights[place, k] /= total
        firsts[place] = first
        counts[place] = taps
    return firsts, counts, weights


# The loops over rows and pixels are inside these kernels: every slice that is handed to a call is
# counted as a reference, atomically, and thousands of those took a tenth of the time.


@kernel
def _sum_down(
    rows: NDArray[np.uint8],
    left: int,
    ys: tuple[int, int],
    firsts: NDArray[np.int64],
    counts: NDArray[np.int64],
    weights: NDArray[np.float32],
    sums: NDArray[np.float32],
) -> None:
    """Write rows `ys[0]` to `ys[1]`, resized down the picture, from column `left` on."""
    last = rows.shape[0] - 1
    right = left + sums.shape[1]
    for y in range(ys[0], ys[1]):
        line = sums[y - ys[0]]
        first = firsts[y]
        for k in range(0, counts[y], 3):  # one load and store of the sums for three taps
            w0, w1, w2 = weights[y, k], weights[y, k + 1], weights[y, k + 2]
            # Slices first: an index with an offset keeps LLVM from using vectors.
            r0 = rows[first + k][left:right]
            r1 = rows[min(first + k + 1, last)][left:right]
            r2 = rows[min(first + k + 2, last)][left:right]
            if k == 0:
                for i in range(line.size):
                    line[i] = (
                        w0 * np.float32(r0[i]) + w1 * np.float32(r1[i]) + w2 * np.float32(r2[i])
                    )
            else:
                for i in range(line.size):
                    line[i] += (
                        w0 * np.float32(r0[i]) + w1 * np.float32(r1[i]) + w2 * np.float32(r2[i])
                    )


@kernel
def _sum_across(
    pixels: NDArray[np.float32],
    left: int,
    firsts: NDArray[np.int64],
    counts: NDArray[np.int64],
    weights: NDArray[np.float32],
    rounded: NDArray[np.uint8],
) -> None:
    """Write the levels of pixels, each of `_LANES`, resized across the picture."""
    last = pixels.shape[0] - 1
    sums = np.empty(_LANES, np.float32)
    for x in range(firsts.size):
        first = firsts[x] - left
        for k in range(0, counts[x], 3):
            w0, w1, w2 = weights[x, k], weights[x, k + 1], weights[x, k + 2]
            p0 = pixels[first + k]
            p1 = pixels[min(first + k + 1, last)]
            p2 = pixels[min(first + k + 2, last)]
            if k == 0:
                for i in range(_LANES):  # a length that LLVM knows: twice as fast
                    sums[i] = w0 * p0[i] + w1 * p1[i] + w2 * p2[i]
            else:
                for i in range(_LANES):
                    sums[i] += w0 * p0[i] + w1 * p1[i] + w2 * p2[i]
        levels = rounded[x]
        for i in range(_LANES):
            level = min(max(sums[i] + np.float32(0.5), np.float32(0)), np.float32(255))
            levels[i] = np.uint8(np.int32(level))


@kernel
def _transpose(rows: NDArray[np.float32], columns: NDArray[np.float32], lane: int) -> None:
    """Write eight rows as columns, from `lane` on."""
    r0, r1, r2, r3 = rows[0], rows[1], rows[2], rows[3]
    r4, r5, r6, r7 = rows[4], rows[5], rows[6], rows[7]
    for i in range(rows.shape[1]):
        column = columns[i][lane : lane + 8]
        column[0], column[1], column[2], column[3] = r0[i], r1[i], r2[i], r3[i]
        column[4], column[5], column[6], column[7] = r4[i], r5[i], r6[i], r7[i]


@kernel
def _write(
    rounded: NDArray[np.uint8], levels: NDArray[Any], ys: tuple[int, int], out: NDArray[Any]
) -> None:
    """Write what the levels of rows `ys[0]` to `ys[1]` are written as."""
    for channel in range(3):
        table = levels[channel]
        for y in range(ys[0], ys[1]):
            lane = channel * _TOGETHER + y - ys[0]
            line = out[channel, y]
            for x in range(line.size):
                line[x] = table[rounded[x, lane]]


@kernel
def _resize(
    source: NDArray[np.uint8],
    out: NDArray[Any],
    across: _Axis,
    down: _Axis,
    levels: NDArray[Any],
) -> None:
    height, width = out.shape[1], out.shape[2]
    x_firsts, x_counts, x_exact = _taps(*across)
    y_firsts, y_counts, y_exact = _taps(*down)
    x_weights, y_weights = x_exact.astype(np.float32), y_exact.astype(np.float32)
    left = x_firsts[0]
    extent = x_firsts[width - 1] + x_counts[width - 1] - left
    rows = source.reshape(source.shape[0], source.shape[1] * 3)
    # Zeros: past the last row of the result the lanes hold what was there, and it must be finite.
    sums = np.zeros((8, extent * 3), np.float32)
    columns = np.zeros((extent * 3, _TOGETHER), np.float32)
    rounded = np.empty((width, _LANES), np.uint8)
    for top in range(0, height, _TOGETHER):
        bottom = min(top + _TOGETHER, height)
        for y in range(top, bottom, 8):
            ys = (y, min(y + 8, bottom))
            _sum_down(rows, left * 3, ys, y_firsts, y_counts, y_weights, sums)
            _transpose(sums, columns, y - top)
        pixels = columns.reshape(extent, _LANES)
        _sum_across(pixels, left, x_firsts, x_counts, x_weights, rounded)
        _write(rounded, levels, (top, bottom), out)
