"""OKLab pictures and masks into pattern: the directions and the micro-patterns of the surface.

Only pixels whose eight neighbours lie inside the subject are looked at, so a silhouette is not
taken for a pattern. Two scales, the picture and the picture halved, tell fine from coarse.
"""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .foreground import INSIDE, Masks

SCALES = 2
DIRECTIONS = 8
CODES = 10
# A step under this is shading or noise, not pattern, in OKLab units.
FLAT = 0.02
# The eight neighbours in a circle, ending left.
_ROUND_Y = (-1, -1, -1, 0, 1, 1, 1, 0)
_ROUND_X = (-1, 0, 1, 1, 1, 0, -1, -1)


def texture(
    lab: NDArray[np.float32], masks: Masks
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the strength of each direction and the share of each micro-pattern on the surface.

    Stripes have one direction, checks two, dots all; a plain surface has none. Micro-patterns are
    rotation-invariant uniform local binary patterns (Ojala, Pietikainen & Maenpaa, 2002) of the
    lightness, with a threshold against noise (Heikkila & Pietikainen, 2006).

    Parameters
    ----------
    lab, masks
        Pictures (n, side, side, 3) in OKLab, float32, and their masks from `foreground`.

    Returns
    -------
    directions, codes
        Directions of shape (n, `SCALES` * `DIRECTIONS`): mean gradient magnitude of each, from a
        vertical edge on. Codes of shape (n, `SCALES` * `CODES`): shares of pixels with 0 to 8
        brighter neighbours in one run, then of all others. Both float32, finest scale first, and
        0 where the subject is too thin to have a surface.
    """
    count = lab.shape[0]
    directions = np.zeros((count, SCALES, DIRECTIONS), np.float32)
    codes = np.zeros((count, SCALES, CODES), np.float32)
    surface = masks == INSIDE
    for scale in range(SCALES):
        pictures, inside = readonly(lab, np.float32), readonly(surface, np.bool_)
        _texture(pictures, inside, scale, directions, codes)
        lab, surface = _halved(lab, surface)
    return directions.reshape(count, -1), codes.reshape(count, -1)


def _halved(
    lab: NDArray[np.float32], surface: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Merge two by two pixels; a block is surface if all of it is. An odd last line is dropped."""
    even = lab.shape[1] // 2 * 2
    block = [np.s_[:, top:even:2, left:even:2] for top in (0, 1) for left in (0, 1)]
    mean = np.mean([lab[part] for part in block], axis=0, dtype=np.float32)
    whole = np.all([surface[part] for part in block], axis=0)
    return np.asarray(mean), whole


@kernel
def _texture(
    pictures: NDArray[np.float32],
    surface: NDArray[np.bool_],
    scale: int,
    directions: NDArray[np.float32],
    codes: NDArray[np.float32],
) -> None:
    side = surface.shape[1]
    for picture in range(surface.shape[0]):
        lab, inside = pictures[picture], surface[picture]
        direction, code = directions[picture, scale], codes[picture, scale]
        seen = 0
        for y in range(1, side - 1):
            for x in range(1, side - 1):
                if _surrounded(inside, y, x):
                    seen += 1
                    _add_direction(lab, y, x, direction)
                    code[_code(lab, y, x)] += 1.0
        for i in range(DIRECTIONS):
            direction[i] /= max(seen, 1)
        for i in range(CODES):
            code[i] /= max(seen, 1)


@kernel
def _surrounded(inside: NDArray[np.bool_], y: int, x: int) -> bool:
    for step in range(8):
        if not inside[y + _ROUND_Y[step], x + _ROUND_X[step]]:
            return False
    return bool(inside[y, x])


@kernel
def _add_direction(
    lab: NDArray[np.float32], y: int, x: int, direction: NDArray[np.float32]
) -> None:
    """Divide the steepest channel's gradient between the two directions next to its own."""
    steepest, down, across = FLAT**2, 0.0, 0.0
    for channel in range(3):
        dy = lab[y + 1, x, channel] - lab[y - 1, x, channel]
        dx = lab[y, x + 1, channel] - lab[y, x - 1, channel]
        if dy * dy + dx * dx > steepest:
            steepest, down, across = dy * dy + dx * dx, dy, dx
    if steepest > FLAT**2:
        turn = np.arctan2(down, across) / np.pi
        bearing = (turn - np.floor(turn)) * DIRECTIONS
        first = min(int(bearing), DIRECTIONS - 1)
        magnitude = np.sqrt(steepest)
        direction[first] += magnitude * (first + 1 - bearing)
        direction[(first + 1) % DIRECTIONS] += magnitude * (bearing - first)


@kernel
def _code(lab: NDArray[np.float32], y: int, x: int) -> int:
    """Return how many neighbours are brighter, or `CODES` - 1 if they are not in one run."""
    limit = lab[y, x, 0] + FLAT
    brighter, changes = 0, 0
    previous = lab[y, x - 1, 0] > limit
    for step in range(8):
        around = lab[y + _ROUND_Y[step], x + _ROUND_X[step], 0] > limit
        brighter += around
        changes += around != previous
        previous = around
    return brighter if changes <= 2 else CODES - 1
