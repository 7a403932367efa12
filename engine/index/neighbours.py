"""An index asked for every one of its own rows: the nearest others of each, as one table."""

import numpy as np

from ..types import Mask, Rows, Vectors
from .base import VectorIndex

__all__ = ["nearest_others"]

_AT_ONCE = 1_024


def nearest_others(index: VectorIndex, vectors: Vectors, among: Mask, count: int) -> Rows:
    """Return the nearest others of every row.

    Parameters
    ----------
    index
        Over `vectors`.
    vectors
        Shape (n, d); rows without a vector are zeros.
    among
        Which rows may be others, shape (n,).
    count
        Others of each row.

    Returns
    -------
    others
        Shape (n, count), int32, best first, padded with -1. Rows without a vector have none.
    """
    others = np.full((len(vectors), count), -1, np.int32)
    asked = np.flatnonzero(vectors.any(axis=1))
    for start in range(0, len(asked), _AT_ONCE):
        rows = asked[start : start + _AT_ONCE]
        found = index.query(vectors[rows], count + 1, allowed=among).rows
        if found.shape[1] == 0:
            break
        # Of count + 1 nearest at most one is the row itself: it, or else the last one, goes.
        kept = found != rows[:, None]
        kept[:, -1] &= ~kept.all(axis=1) if found.shape[1] > count else True
        width = np.minimum(kept.sum(axis=1), count)
        place = np.arange(count) < width[:, None]
        others[np.repeat(rows, width), np.nonzero(place)[1]] = found[kept]
    return others
