"""Baselines that need no library: a log of likes into scores of every person and item."""

import numpy as np
from numpy.typing import NDArray
from recommend_splits import Log
from sightline.types import Scores

__all__ = ["ease", "item_knn", "popularity", "trend"]

_SECONDS_PER_DAY = 86_400
_BLOCK = 512
"""Items whose neighbours are found at a time."""


def popularity(log: Log) -> Scores:
    """Score every item by how many like it, the same for everyone, shape (users, items)."""
    return _same_for_all(log, log.by_item().astype(np.float32))


def trend(log: Log, *, half_life_days: float) -> Scores:
    """Score every item by its likes, each worth half as much for every half-life before the last.

    An infinite half-life makes it `popularity`.
    """
    ages = (log.times.max() - log.times) / _SECONDS_PER_DAY
    weights = 0.5 ** (ages / half_life_days)
    return _same_for_all(log, np.bincount(log.items, weights, minlength=log.n_items))


def item_knn(log: Log, *, neighbours: int, shrink: float) -> Scores:
    """Score by the likeness of an item to those a person likes, over its nearest neighbours.

    Likeness is the cosine of two columns of the matrix, with `shrink` added to the product of their
    norms; an item's score is the sum over those of its `neighbours` most alike that the person
    likes (Sarwar et al., 2001; shrunk as in Ferrari Dacrema et al., 2019).
    """
    matrix, liked = _liked_columns(log)
    norms = np.sqrt(matrix.sum(axis=0))  # of ones and zeros
    scores = np.zeros((log.n_users, log.n_items), np.float32)
    for start in range(0, len(liked), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(liked)))
        together = matrix.T @ matrix[:, block]
        alike = together / (norms[:, None] * norms[block] + shrink)
        alike[np.arange(block.start, block.stop), np.arange(alike.shape[1])] = 0
        if len(liked) > neighbours:
            edge = np.partition(alike, len(liked) - neighbours, axis=0)[len(liked) - neighbours]
            alike[alike < edge] = 0
        scores[:, liked[block]] = matrix @ alike
    return scores


def ease(log: Log, *, regularisation: float) -> Scores:
    """Score by EASE (Steck, 2019, "Embarrassingly shallow autoencoders for sparse data").

    Its closed form inverts an items x items matrix. Where there are fewer people than items the
    same weights come from a people x people one, by the Woodbury identity.
    """
    matrix, liked = _liked_columns(log)
    exact = matrix.astype(np.float64)
    users, items = exact.shape
    if users < items:
        inverse = np.linalg.inv(exact @ exact.T + regularisation * np.eye(users))
        reached = inverse @ exact
        diagonal = (1 - np.einsum("ui,ui->i", exact, reached)) / regularisation
    else:
        inverse = np.linalg.inv(exact.T @ exact + regularisation * np.eye(items))
        reached = exact @ inverse
        diagonal = np.diag(inverse)
    scores = np.zeros((log.n_users, log.n_items), np.float32)
    scores[:, liked] = exact - reached / diagonal
    return scores


def _same_for_all(log: Log, worth: NDArray[np.number]) -> Scores:
    return np.broadcast_to(worth.astype(np.float32), (log.n_users, log.n_items))


def _liked_columns(log: Log) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the matrix of the items that anyone likes, and their rows: the others score 0."""
    liked = np.flatnonzero(log.by_item())
    return log.matrix()[:, liked], liked
