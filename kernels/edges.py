"""OKLab pictures and boxes into edge directions over the subject's bounding box."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .foreground import Boxes

GRID = 5
DIRECTIONS = 6
EDGES_DIM = GRID * GRID * DIRECTIONS
# A step under this is noise of the camera or the JPEG, in OKLab units over two pixels.
LEAST_STEP = 0.01


def edges(lab: NDArray[np.float32], boxes: Boxes) -> NDArray[np.float32]:
    """Return how strongly edges of each direction run through each cell of the bounding box.

    Histograms of oriented gradients (Dalal & Triggs, 2005): of the three channels the one that
    changes most speaks for a pixel, directions are unsigned and shared out linearly between bins
    and between cells. The grid lies on the subject's box, so size and place do not matter.

    Parameters
    ----------
    lab, boxes
        Pictures (n, side, side, 3) in OKLab, float32, and the subjects' boxes from `foreground`.

    Returns
    -------
    strengths
        Shape (n, `EDGES_DIM`), float32, >= 0: `GRID` x `GRID` cells by rows, in each
        `DIRECTIONS` from a vertical edge on; gradient magnitudes summed over the cell, divided by
        its area.
    """
    strengths = np.zeros((lab.shape[0], GRID * GRID, DIRECTIONS), np.float32)
    _edges(readonly(lab, np.float32), readonly(boxes, np.int32), strengths)
    return strengths.reshape(-1, EDGES_DIM)


@kernel
def _edges(
    pictures: NDArray[np.float32], boxes: NDArray[np.int32], strengths: NDArray[np.float32]
) -> None:
    side = pictures.shape[1]
    for picture in range(pictures.shape[0]):
        lab, strength = pictures[picture], strengths[picture]
        top, left, bottom, right = boxes[picture]
        rows, columns = GRID / (bottom - top), GRID / (right - left)
        # The silhouette's own edge lies half outside the box.
        for y in range(max(top - 1, 1), min(bottom + 1, side - 1)):
            for x in range(max(left - 1, 1), min(right + 1, side - 1)):
                steepest, down, across = LEAST_STEP**2, 0.0, 0.0
                for channel in range(3):
                    dy = lab[y + 1, x, channel] - lab[y - 1, x, channel]
                    dx = lab[y, x + 1, channel] - lab[y, x - 1, channel]
                    if dy * dy + dx * dx > steepest:
                        steepest, down, across = dy * dy + dx * dx, dy, dx
                if steepest > LEAST_STEP**2:
                    row = min(max((y - top + 0.5) * rows - 0.5, 0.0), GRID - 1.0)
                    column = min(max((x - left + 0.5) * columns - 0.5, 0.0), GRID - 1.0)
                    magnitude = np.sqrt(steepest) * rows * columns
                    turn = np.arctan2(down, across) / np.pi
                    _share_out(row, column, turn, magnitude, strength)


@kernel
def _share_out(
    row: float, column: float, turn: float, magnitude: float, strength: NDArray[np.float32]
) -> None:
    """Divide one pixel's gradient among the four cells and two directions around it."""
    bearing = (turn - np.floor(turn)) * DIRECTIONS
    first = min(int(bearing), DIRECTIONS - 1)
    second = (first + 1) % DIRECTIONS
    upper, nearer = min(int(row), GRID - 2), min(int(column), GRID - 2)
    for i in range(2):
        for j in range(2):
            share = row - upper if i else upper + 1 - row
            share *= column - nearer if j else nearer + 1 - column
            cell = (upper + i) * GRID + nearer + j
            strength[cell, first] += magnitude * share * (first + 1 - bearing)
            strength[cell, second] += magnitude * share * (bearing - first)
