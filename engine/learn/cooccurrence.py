"""Items picked by the same people, as every item's nearest others."""

import numpy as np

from ..types import Rows, Scores
from .interactions import Interactions

__all__ = ["picked_together"]

NEIGHBOURS = 50
"""Others kept per item."""
SHRINKAGE = 5.0
"""Added to the norm product: a pair that few people share is trusted less."""


def picked_together(interactions: Interactions, n_items: int) -> tuple[Rows, Scores]:
    """Return, for every item, the others that the same people picked.

    The score is the cosine of the two items' columns in the user-item matrix of positive weights,
    shrunk (ItemKNN: Sarwar et al., 2001; Deshpande & Karypis, 2004).

    Returns
    -------
    neighbours, scores
        Both of shape (n_items, 50), best first, padded with -1 and 0.
    """
    from sightline_kernels.cooccurrence import cooccurrence  # wakes Numba: building only

    positive = interactions.where(interactions.weights > 0)
    if len(positive.rows) == 0:
        empty = np.zeros((n_items, 0), np.int32)
        return empty, empty.astype(np.float32)
    return cooccurrence(
        positive.offsets,
        positive.rows,
        positive.weights,
        n_items=n_items,
        k=NEIGHBOURS,
        shrinkage=SHRINKAGE,
    )
