"""OKLab pictures into masks: what belongs to the thing shown, and where it lies.

Product photos stand on plain backdrops. The backdrop's colour is read from the picture's rim and
flooded inwards, so a white shirt on white keeps its inside; a picture without a plain rim (a
street scene, a close-up) is subject all over.
"""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly

SAME_COLOR = 0.04
"""OKLab distance under which a pixel may be backdrop: above JPEG noise and soft shadow."""
PLAIN_RIM = 0.4
"""Share of the rim that must be of one colour for it to count as a backdrop."""
LEAST_SUBJECT = 0.004
"""Share of the picture below which what stands out is dirt, and the backdrop is the picture."""
OUTLINE_WEIGHT = 0.05
"""What a pixel of the outline counts: it is mixed with backdrop, but all there is of a thing
thinner than three pixels."""

BACKDROP, OUTLINE, INSIDE = 0, 1, 2

# What a pixel is while the backdrop is looked for: of another colour (0: false), of its colour (1:
# true), or of its colour and joined with the rim.
_OTHER, _SIMILAR, _FLOODED = 0, 1, 2
_SAME_COLOR2 = np.float32(SAME_COLOR**2)

Masks = NDArray[np.uint8]
Boxes = NDArray[np.int32]
Weights = NDArray[np.float64]


def foreground(lab: NDArray[np.float32]) -> tuple[Masks, Boxes]:
    """Separate each picture's subject from a plain backdrop.

    Parameters
    ----------
    lab
        Pictures in OKLab, shape (n, side, side, 3), float32.

    Returns
    -------
    masks, boxes
        Masks of shape (n, side, side), uint8: `BACKDROP`, the subject's `OUTLINE`, or `INSIDE` it
        (its four neighbours belong to the subject too, so no backdrop is mixed into its colour).
        Boxes of shape (n, 4), int32: top, left, bottom, right of the subject, ends excluded.
        Lines that hold under 1 % of it do not widen the box: specks are not shape. A box is never
        empty: what has no subject is subject all over.
    """
    count, side = lab.shape[:2]
    pictures = readonly(lab, np.float32).reshape(count, side * side, 3)
    masks = np.full((count, side * side), OUTLINE, np.uint8)
    boxes = np.empty((count, 4), np.int32)
    _foreground(pictures, side, masks, boxes)
    return masks.reshape(count, side, side), boxes


def pixel_weights(masks: Masks) -> Weights:
    """Return what each pixel counts where the subject's colours are shared out.

    The same shape as `masks`, float64: 0 for backdrop, `OUTLINE_WEIGHT`, 1 inside. Every picture
    has at least one pixel that counts.
    """
    return np.array([0.0, OUTLINE_WEIGHT, 1.0])[masks]


@kernel
def _foreground(
    pictures: NDArray[np.float32], side: int, masks: NDArray[np.uint8], boxes: NDArray[np.int32]
) -> None:
    rim = _rim(side)
    planes = np.empty((3, rim.size), np.float32)
    # One line more on each side stands for what lies outside, which no pixel of a subject touches.
    stride = side + 2
    states = np.full(stride * stride, _FLOODED, np.uint8)
    waiting = np.empty(side * side, np.int32)
    for picture in range(pictures.shape[0]):
        lab, mask = pictures[picture], masks[picture]
        for i in range(rim.size):
            for channel in range(3):
                planes[channel, i] = lab[rim[i], channel]
        share, lightness, a, b = _backdrop(planes)
        left = 0
        if share >= PLAIN_RIM:
            _compare(lab, lightness, a, b, side, states)
            left = side * side - _flood(rim, side, states, waiting)
        if left < LEAST_SUBJECT * side * side:
            left = side * side
            for y in range(side):
                for x in range(side):
                    states[(y + 1) * stride + x + 1] = _OTHER
        _write(states, side, mask)
        _bounds(mask, side, left, boxes[picture])


@kernel
def _rim(side: int) -> NDArray[np.int32]:
    """List the pixels along the picture's four edges."""
    rim = np.empty(4 * (side - 1), np.int32)
    for i in range(side - 1):
        rim[4 * i] = i
        rim[4 * i + 1] = (side - 1) * side + i + 1
        rim[4 * i + 2] = (i + 1) * side
        rim[4 * i + 3] = i * side + side - 1
    return rim


@kernel
def _alike(
    lightness: np.float32,
    a: np.float32,
    b: np.float32,
    other_lightness: np.float32,
    other_a: np.float32,
    other_b: np.float32,
) -> bool:
    lighter, redder, yellower = lightness - other_lightness, a - other_a, b - other_b
    distance2 = lighter * lighter + redder * redder + yellower * yellower
    return bool(distance2 < _SAME_COLOR2)


@kernel
def _backdrop(planes: NDArray[np.float32]) -> tuple[float, np.float32, np.float32, np.float32]:
    """Return the share of the rim that agrees on one colour, and that colour.

    The mode, not the mean: a subject that leaves the picture at the bottom must not tint it.
    """
    size = planes.shape[1]
    most, mode = 0, 0
    for candidate in range(0, size, 3):
        lightness, a, b = planes[0, candidate], planes[1, candidate], planes[2, candidate]
        alike = 0
        for i in range(size):
            alike += _alike(planes[0, i], planes[1, i], planes[2, i], lightness, a, b)
        if alike > most:
            most, mode = alike, candidate
    lightness, a, b = planes[0, mode], planes[1, mode], planes[2, mode]
    sum_l, sum_a, sum_b = 0.0, 0.0, 0.0
    for i in range(size):
        if _alike(planes[0, i], planes[1, i], planes[2, i], lightness, a, b):
            sum_l += planes[0, i]
            sum_a += planes[1, i]
            sum_b += planes[2, i]
    return most / size, np.float32(sum_l / most), np.float32(sum_a / most), np.float32(sum_b / most)


@kernel
def _compare(
    lab: NDArray[np.float32],
    lightness: np.float32,
    a: np.float32,
    b: np.float32,
    side: int,
    states: NDArray[np.uint8],
) -> None:
    """Mark which pixels have the backdrop's colour."""
    for y in range(side):
        line, at = lab[y * side : (y + 1) * side], (y + 1) * (side + 2) + 1
        state = states[at : at + side]
        for x in range(side):
            near = _alike(line[x, 0], line[x, 1], line[x, 2], lightness, a, b)
            state[x] = np.uint8(near)  # a choice between two states takes ten times as long


@kernel
def _flood(
    rim: NDArray[np.int32], side: int, states: NDArray[np.uint8], waiting: NDArray[np.int32]
) -> int:
    """Flood from the rim inwards where the colour is; return how many pixels that reaches."""
    stride = side + 2
    size, flooded = 0, 0
    for i in range(rim.size):
        at = (rim[i] // side + 1) * stride + rim[i] % side + 1
        if states[at] == _SIMILAR:
            states[at] = _FLOODED
            waiting[size] = at
            size += 1
    while size > 0:
        size -= 1
        flooded += 1
        at = waiting[size]
        for near in (at - stride, at - 1, at + 1, at + stride):
            if states[near] == _SIMILAR:
                states[near] = _FLOODED
                waiting[size] = near
                size += 1
    return flooded


@kernel
def _write(states: NDArray[np.uint8], side: int, mask: NDArray[np.uint8]) -> None:
    """Tell outline from inside where the flood has not come."""
    stride = side + 2
    for y in range(side):
        at = (y + 1) * stride + 1
        above, below = states[at - stride :], states[at + stride :]
        left, here, right = states[at - 1 :], states[at:], states[at + 1 :]
        line = mask[y * side : (y + 1) * side]
        for x in range(side):
            dry = here[x] != _FLOODED
            inner = (
                (above[x] != _FLOODED)
                & (below[x] != _FLOODED)
                & (left[x] != _FLOODED)
                & (right[x] != _FLOODED)
            )
            line[x] = dry * (OUTLINE + inner)


@kernel
def _bounds(mask: NDArray[np.uint8], side: int, left: int, box: NDArray[np.int32]) -> None:
    """Fill in the first and one past the last row and column that hold a hundredth of the mask.

    Of more than a hundred lines the least share is that of an even spread, so that one has it.
    """
    filled = np.zeros((2, side), np.int32)
    for y in range(side):
        line = mask[y * side : (y + 1) * side]
        total = np.int32(0)
        for x in range(side):
            total += np.int32(line[x] != BACKDROP)
        filled[0, y] = total
        for x in range(side):
            filled[1, x] += np.int32(line[x] != BACKDROP)
    for axis in range(2):
        first, last = side, -1
        for i in range(side):
            if filled[axis, i] * max(100, side) >= left:
                first, last = min(first, i), max(last, i)
        box[axis], box[axis + 2] = first, last + 1
