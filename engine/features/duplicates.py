"""Pictures that are copies of one another, and those that stand for no picture at all."""

import math

import numpy as np
from numpy.typing import NDArray
from sightline_kernels import SIDE

from ..types import Mask, Pixels, Rows

__all__ = ["FINGERPRINT", "SIGNATURE_DIM", "near_duplicates", "placeholders", "signatures"]

SIGNATURE_DIM = 74
FINGERPRINT = f"perceptual-1-{SIDE}"
"""Names the way of signing: cached rows under another fingerprint are computed anew."""

_RADIUS = 0.3
_LEAST_ITEMS = 5


def signatures(pixels: Pixels) -> NDArray[np.float32]:
    """Describe pictures, shape (n, `SIDE`, `SIDE`, 3); see `sightline_kernels.perceptual`."""
    from sightline_kernels import perceptual  # wakes Numba

    return perceptual.signatures(pixels)


def near_duplicates(rows: NDArray[np.float32]) -> Rows:
    """Return for every signature, shape (n, `SIGNATURE_DIM`), the first that it is a copy of."""
    from sightline_kernels.near import first_within

    return first_within(rows, _RADIUS)


def placeholders(firsts: Rows, item_rows: Rows, titles: NDArray[np.int32]) -> Mask:
    """Tell the pictures that stand behind many items of different titles.

    Parameters
    ----------
    firsts
        Per cell, the first cell whose picture it is a copy of; -1 where there is no picture.
    item_rows
        Per cell, its item.
    titles
        Per item a number for its title, -1 where it has none.

    Returns
    -------
    is_placeholder
        Per cell: whether its picture is behind at least 5 items, and at least the square root of
        the number of items, that do not all have one title.
    """
    least = max(_LEAST_ITEMS, math.ceil(math.sqrt(len(titles))))
    found = np.zeros(len(firsts), np.bool_)
    groups, counts = np.unique(firsts[firsts >= 0], return_counts=True)
    for group in groups[counts >= least]:
        members = firsts == group
        items = np.unique(item_rows[members])
        distinct = np.unique(titles[items])
        if len(items) >= least and (len(distinct) > 1 or distinct[0] < 0):
            found |= members
    return found
