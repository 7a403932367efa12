"""How badly a linear map lets what people picked speak for what else they picked, and its slope."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows, Scores, Vectors

__all__ = ["KERNEL_SHARPNESS", "Batch", "loss_and_gradient", "mapped"]

KERNEL_SHARPNESS = 5.0
"""How fast a pick's say falls with the cosine: it is exp(KERNEL_SHARPNESS * cosine)."""

_CROWDING_POWER = 0.5
_TINY = 1e-6


class Batch(NamedTuple):
    """Some hands of picks that are held against one another.

    Hand h has the entries ``starts[h]:starts[h + 1]`` (the last one: to the end) of `rows` and
    `weights`, at least two of them, all of one person. `known_rows` are items that are no wrong
    answers for the hands `known_hands`, which run parallel: all that the person picked. `others`
    are item rows that nobody in the batch need have picked.
    """

    starts: NDArray[np.int64]
    rows: Rows
    weights: Scores
    known_hands: NDArray[np.int64]
    known_rows: Rows
    others: Rows


def mapped(inputs: Vectors, weights: NDArray[np.float32]) -> Vectors:
    """Return unit(W x) of every row, shape (n, d); a row of zeros stays one."""
    moved = inputs @ weights.T
    moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), np.float32(_TINY))
    return moved


def loss_and_gradient(
    weights: NDArray[np.float32], inputs: Vectors, batch: Batch
) -> tuple[float, NDArray[np.float32]]:
    """Judge a map by the score that ranking pools from picks, every pick left out in turn.

    With z = unit(W x), the hand h without its pick p gives item i the score

        sum_{j in h, j != p} w_j exp(KERNEL_SHARPNESS z_j.z_i) / sqrt(crowding_i),

    crowding_i being the mean of exp(KERNEL_SHARPNESS z_j.z_i) over all entries j of the batch. The
    loss is minus the log of the share that p has of the scores of p and of every item that is not
    known to be right: InfoNCE (van den Oord et al., 2018) with in-batch negatives, in which the
    similarity is the served score, so that what is learnt is what ranks. Of an item that is in the
    batch several times each one counts, as in sampling by popularity.

    Parameters
    ----------
    weights
        W, shape (d, d).
    inputs
        x of every item, shape (n, d), unit rows.
    batch
        What to judge by.

    Returns
    -------
    loss, gradient
        The mean over the entries by their weights, and its gradient by W, shape (d, d), float32.
    """
    count = len(batch.rows)
    own = np.arange(count)
    hands = np.repeat(np.arange(len(batch.starts)), np.diff(batch.starts, append=count))
    candidates = inputs[np.concatenate([batch.rows, batch.others])]
    moved = candidates @ weights.T
    lengths = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), np.float32(_TINY))
    unit = moved / lengths

    # Everything below has a row per entry and a column per candidate. One less in the exponent
    # changes no share.
    kernel = np.exp(np.float32(KERNEL_SHARPNESS) * (unit[:count] @ unit.T - 1))
    crowding = kernel.mean(axis=0)
    share = batch.weights[:, None]
    weighted = kernel * share
    pooled = np.add.reduceat(weighted, batch.starts, axis=0)[hands] - weighted
    np.maximum(pooled, np.float32(_TINY), out=pooled)
    logits = np.log(pooled) - np.float32(_CROWDING_POWER) * np.log(crowding)
    known = _known(batch, len(inputs))[hands]
    known[own, own] = False
    logits[known] = -np.inf

    logits -= logits.max(axis=1, keepdims=True)
    losses = -logits[own, own]
    slope = np.exp(logits, out=logits)
    totals = slope.sum(axis=1, keepdims=True)
    losses += np.log(totals[:, 0])
    slope /= totals
    slope[own, own] -= 1
    shares = batch.weights / batch.weights.sum()
    slope *= shares[:, None]

    by_pooled = slope / pooled
    by_kernel = np.add.reduceat(by_pooled, batch.starts, axis=0)[hands] - by_pooled
    by_kernel *= share
    by_kernel -= np.float32(_CROWDING_POWER / count) * slope.sum(axis=0) / crowding
    by_cosine = np.multiply(by_kernel, kernel, out=by_kernel)
    by_cosine *= np.float32(KERNEL_SHARPNESS)
    by_unit = by_cosine.T @ unit[:count]
    by_unit[:count] += by_cosine @ unit
    along = (by_unit * unit).sum(axis=1, keepdims=True)
    by_moved = (by_unit - along * unit) / lengths
    return float(losses @ shares), by_moved.T @ candidates


def _known(batch: Batch, n_items: int) -> Mask:
    """Say which candidates are no wrong answers, a row per hand."""
    candidates = np.concatenate([batch.rows, batch.others])
    place = np.full(n_items, -1, np.int64)
    place[candidates] = np.arange(len(candidates))  # of an item that comes again: one of its places
    found = place[batch.known_rows]
    known = np.zeros((len(batch.starts), len(candidates)), np.bool_)
    known[batch.known_hands[found >= 0], found[found >= 0]] = True
    return known[:, place[candidates]]
