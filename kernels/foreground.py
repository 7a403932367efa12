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
    for picture in range(pictures.shape[0]):
        lab, mask = pictures[picture], masks[picture]
        left = side * side
        share, lightness, a, b = _backdrop(lab, rim)
        if share >= PLAIN_RIM:
            left = _flood(lab, rim, lightness, a, b, side, mask)
        if left < LEAST_SUBJECT * side * side:
            left = side * side
            for i in range(side * side):
                mask[i] = OUTLINE
        _bounds(mask, side, left, boxes[picture])
        for y in range(1, side - 1):
            for i in range(y * side + 1, y * side + side - 1):
                if mask[i] and mask[i - 1] and mask[i + 1] and mask[i - side] and mask[i + side]:
                    mask[i] = INSIDE


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
def _alike(lab: NDArray[np.float32], i: int, lightness: float, a: float, b: float) -> bool:
    distance2: float = (lab[i, 0] - lightness) ** 2 + (lab[i, 1] - a) ** 2 + (lab[i, 2] - b) ** 2
    return distance2 < SAME_COLOR**2


@kernel
def _backdrop(
    lab: NDArray[np.float32], rim: NDArray[np.int32]
) -> tuple[float, float, float, float]:
    """Return the share of the rim that agrees on one colour, and that colour.

    The mode, not the mean: a subject that leaves the picture at the bottom must not tint it.
    """
    most, lightness, green_red, blue_yellow = 0, 0.0, 0.0, 0.0
    for candidate in range(0, rim.size, 3):
        at = rim[candidate]
        alike, sum_l, sum_a, sum_b = 0, 0.0, 0.0, 0.0
        for i in range(rim.size):
            if _alike(lab, rim[i], lab[at, 0], lab[at, 1], lab[at, 2]):
                alike += 1
                sum_l += lab[rim[i], 0]
                sum_a += lab[rim[i], 1]
                sum_b += lab[rim[i], 2]
        if alike > most:
            most = alike
            lightness, green_red, blue_yellow = sum_l / alike, sum_a / alike, sum_b / alike
    return most / rim.size, lightness, green_red, blue_yellow


@kernel
def _flood(
    lab: NDArray[np.float32],
    rim: NDArray[np.int32],
    lightness: float,
    a: float,
    b: float,
    side: int,
    mask: NDArray[np.uint8],
) -> int:
    """Clear the mask from the rim inwards where the colour is; return how many pixels are left."""
    waiting = np.empty(side * side, np.int32)
    size = 0
    for i in range(rim.size):
        if mask[rim[i]] and _alike(lab, rim[i], lightness, a, b):
            mask[rim[i]] = BACKDROP
            waiting[size] = rim[i]
            size += 1
    left = side * side
    while size > 0:
        size -= 1
        left -= 1
        at = waiting[size]
        y, x = at // side, at % side
        for step in range(4):
            down, right = (step == 0) - (step == 1), (step == 2) - (step == 3)
            if not (0 <= y + down < side and 0 <= x + right < side):
                continue
            near = at + down * side + right
            if mask[near] and _alike(lab, near, lightness, a, b):
                mask[near] = BACKDROP
                waiting[size] = near
                size += 1
    return left


@kernel
def _bounds(mask: NDArray[np.uint8], side: int, left: int, box: NDArray[np.int32]) -> None:
    """Fill in the first and one past the last row and column that hold a hundredth of the mask.

    Of more than a hundred lines the least share is that of an even spread, so that one has it.
    """
    for axis in range(2):
        along, across = (side, 1) if axis == 0 else (1, side)
        first, last = side, -1
        for line in range(side):
            filled = 0
            for i in range(side):
                filled += mask[line * along + i * across] != BACKDROP
            if filled * max(100, side) >= left:
                first, last = min(first, line), max(last, line)
        box[axis], box[axis + 2] = first, last + 1
