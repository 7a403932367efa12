"""OKLab pictures, masks and boxes into which colour lies where in the subject."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .foreground import Boxes, Masks

GRID = 4
LAYOUT_DIM = GRID * GRID * 3


def layout(lab: NDArray[np.float32], masks: Masks, boxes: Boxes) -> NDArray[np.float32]:
    """Return the subject's mean colour in each cell of a grid over its bounding box.

    The grid means of the MPEG-7 colour layout descriptor (Kasutani & Yamada, 2001), taken over
    the subject instead of the picture, so that where it stands and how large do not matter.

    Parameters
    ----------
    lab, masks, boxes
        Pictures (n, side, side, 3) in OKLab, float32, their masks and boxes from `foreground`.

    Returns
    -------
    means
        Shape (n, `LAYOUT_DIM`), float32, `GRID` x `GRID` cells by rows, in each: lightness minus
        one half, then the two colour axes doubled, which brings the three to one range. A cell
        counts as far as the subject fills it: an empty one is 0.
    """
    means = np.zeros((lab.shape[0], GRID * GRID, 3), np.float32)
    _layout(readonly(lab, np.float32), readonly(masks, np.uint8), readonly(boxes, np.int32), means)
    return means.reshape(-1, LAYOUT_DIM)


@kernel
def _layout(
    pictures: NDArray[np.float32],
    masks: NDArray[np.uint8],
    boxes: NDArray[np.int32],
    means: NDArray[np.float32],
) -> None:
    area = np.empty(GRID * GRID, np.int64)
    for picture in range(masks.shape[0]):
        lab, mean = pictures[picture], means[picture]
        top, left, bottom, right = boxes[picture]
        area[:] = 0
        for y in range(top, bottom):
            for x in range(left, right):
                row = (y - top) * GRID // (bottom - top)
                cell = row * GRID + (x - left) * GRID // (right - left)
                area[cell] += 1
                if masks[picture, y, x]:
                    mean[cell, 0] += lab[y, x, 0] - 0.5
                    mean[cell, 1] += 2.0 * lab[y, x, 1]
                    mean[cell, 2] += 2.0 * lab[y, x, 2]
        for cell in range(GRID * GRID):
            for channel in range(3):
                mean[cell, channel] /= max(area[cell], 1)
