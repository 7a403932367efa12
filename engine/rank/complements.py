"""What lies in one basket with items; those nobody bought borrow from what looks like them."""

import numpy as np

from ..types import Mask, Rows, Scores
from .catalogue import Catalogue
from .fuse import SparseScores

__all__ = ["in_same_basket"]

_LENDERS = 5
"""Items whose baskets an item without one borrows."""


def in_same_basket(
    catalogue: Catalogue, rows: Rows, weights: Scores, is_bought: Mask
) -> SparseScores:
    """How often every item lies in one basket with `rows`.

    An item that never was in one borrows the baskets of the five that look most like it, or read
    most like it where it has no picture, each by how much it does.

    Parameters
    ----------
    catalogue
        The items.
    rows, weights
        What is in the basket, and how much each counts, shape (m,).
    is_bought
        Which items lie in baskets, shape (n,).
    """
    lenders, shares = [rows[is_bought[rows]]], [weights[is_bought[rows]]]
    lent = is_bought.copy()
    lent[rows] = False
    for row, weight in zip(rows.tolist(), weights.tolist(), strict=True):
        if not is_bought[row] and lent.any():
            alike, likeness = _most_alike(catalogue, row, lent)
            lenders.append(alike)
            shares.append(likeness * np.float32(weight / _LENDERS))
    return catalogue.same_basket(np.concatenate(lenders), np.concatenate(shares))


def _most_alike(catalogue: Catalogue, row: int, among: Mask) -> tuple[Rows, Scores]:
    for space in (catalogue.images, catalogue.texts):
        if space.presence[row]:
            alike = space.nearest(space.vectors[row][None], _LENDERS, among)
            own = np.array([row], np.int32)
            likeness: Scores = np.maximum(space.cosines(alike, own)[:, 0], 0).astype(np.float32)
            return alike, likeness
    return np.zeros(0, np.int32), np.zeros(0, np.float32)
