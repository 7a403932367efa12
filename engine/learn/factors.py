"""Factors of items turned into how much someone likes each of a few candidates."""

import numpy as np
from numpy.typing import NDArray

from ..types import Rows, Scores
from .als import fold_in

__all__ = ["Factors"]


class Factors:
    """Scores items by factors, for a history that may be newer than they are.

    Parameters
    ----------
    factors
        Of the items, shape (n, f); of those that nobody picked, foretold by their content.
    gram
        Shape (f, f); see `als.Als`.
    """

    def __init__(self, factors: NDArray[np.float32], gram: NDArray[np.float32]) -> None:
        self.factors = factors
        self.gram = gram

    def likings(self, rows: Rows, weights: Scores, pool: Rows) -> Scores:
        """Return how much someone who picked `rows` likes the items of `pool`, shape (m,).

        Parameters
        ----------
        rows, weights
            The picks and how much each counts, above 0, shape (h,).
        pool
            Items, shape (m,).
        """
        user = fold_in(self.factors, self.gram, rows, weights)
        likings: Scores = self.factors[pool] @ user
        return likings
