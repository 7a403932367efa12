"""Masks and boxes into the subject's shape: which cells of its bounding box it fills."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .foreground import Boxes, Masks

GRID = 6
SILHOUETTE_DIM = GRID * GRID


def silhouette(masks: Masks, boxes: Boxes) -> NDArray[np.float32]:
    """Return how full each cell of a grid over the bounding box is.

    Parameters
    ----------
    masks, boxes
        Masks (n, side, side) and boxes (n, 4) from `foreground`.

    Returns
    -------
    filled
        Shape (n, `SILHOUETTE_DIM`), float32, `GRID` x `GRID` cells by rows, -1 empty to 1 full
        (centred: otherwise any two things that fill most of their boxes would look alike). A cell
        without a pixel, in a box smaller than the grid, is 0.
    """
    filled = np.zeros((masks.shape[0], SILHOUETTE_DIM), np.float32)
    _silhouette(readonly(masks, np.uint8), readonly(boxes, np.int32), filled)
    return filled


@kernel
def _silhouette(
    masks: NDArray[np.uint8], boxes: NDArray[np.int32], filled: NDArray[np.float32]
) -> None:
    area = np.empty(SILHOUETTE_DIM, np.int64)
    for picture in range(masks.shape[0]):
        top, left, bottom, right = boxes[picture]
        area[:] = 0
        for y in range(top, bottom):
            for x in range(left, right):
                row = (y - top) * GRID // (bottom - top)
                cell = row * GRID + (x - left) * GRID // (right - left)
                area[cell] += 1
                filled[picture, cell] += 1.0 if masks[picture, y, x] else -1.0
        for cell in range(SILHOUETTE_DIM):
            filled[picture, cell] /= max(area[cell], 1)
