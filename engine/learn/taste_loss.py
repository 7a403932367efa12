"""How badly a linear map lets what people picked speak for what else they picked, and its slope."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Scores, Vectors

__all__ = ["KERNEL_SHARPNESS", "Batch", "contrasts_loss", "hands_loss"]

KERNEL_SHARPNESS = 5.0
"""How fast a pick's say falls with the cosine: it is exp(KERNEL_SHARPNESS * cosine)."""

_CROWDING_POWER = 0.5
_TINY = 1e-6


class Batch(NamedTuple):
    """Some hands of picks that are held against one another, and against other items.

    Hand h has the entries ``starts[h]:starts[h + 1]`` (the last one: to the end), at least two, of
    one person each; `weights`, shape (b,), above 0, say how strong they are. `inputs`, shape
    (c, d), are the x of the candidates: of the b entries, then of items that need not have been
    picked. `known`, shape (h, c), says which candidates the hand's person picked, here or
    elsewhere: these are no wrong answers.
    """

    starts: NDArray[np.int64]
    weights: Scores
    inputs: Vectors
    known: Mask


def hands_loss(weights: NDArray[np.float32], batch: Batch) -> tuple[float, NDArray[np.float32]]:
    """Judge a map by the score that ranking pools from picks, every pick left out in turn.

    With z = unit(W x), the hand h without its pick p gives item i the score

        sum_{j in h, j != p} w_j exp(KERNEL_SHARPNESS z_j.z_i) / sqrt(crowding_i),

    crowding_i being the mean of exp(KERNEL_SHARPNESS z_j.z_i) over all entries j of the batch. The
    loss is minus the log of the share that p has of the scores of p and of every candidate that is
    no right answer: InfoNCE (van den Oord et al., 2018) with in-batch negatives, in which the
    likeness is the served score, so that what is learnt is what ranks. An item that several people
    picked is a candidate as often: popular items are held against the others by so much more, and
    what is left is taste.

    Parameters
    ----------
    weights
        W, shape (d, d).
    batch
        What to judge by.

    Returns
    -------
    loss, gradient
        The mean over the entries by their weights, and its gradient by W, shape (d, d).
    """
    count = len(batch.weights)
    own = np.arange(count)
    hands = np.repeat(np.arange(len(batch.starts)), np.diff(batch.starts, append=count))
    unit, lengths = _mapped(weights, batch.inputs)

    # From here on a row is an entry and a column a candidate. The exponent is one cosine less,
    # which changes no share.
    kernel = np.exp(np.float32(KERNEL_SHARPNESS) * (unit[:count] @ unit.T - 1))
    crowding = kernel.mean(axis=0)
    weighted = kernel * batch.weights[:, None]
    pooled = np.add.reduceat(weighted, batch.starts, axis=0)[hands] - weighted
    np.maximum(pooled, np.float32(_TINY), out=pooled)
    logits = np.log(pooled) - np.float32(_CROWDING_POWER) * np.log(crowding)
    known = batch.known[hands]
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
    by_kernel *= batch.weights[:, None]
    by_kernel -= np.float32(_CROWDING_POWER / count) * slope.sum(axis=0) / crowding
    by_cosine = np.multiply(by_kernel, kernel, out=by_kernel)
    by_cosine *= np.float32(KERNEL_SHARPNESS)
    by_unit = by_cosine.T @ unit[:count]
    by_unit[:count] += by_cosine @ unit
    return float(losses @ shares), _by_weights(by_unit, unit, lengths, batch.inputs)


def contrasts_loss(
    weights: NDArray[np.float32], same: tuple[Vectors, Vectors], different: tuple[Vectors, Vectors]
) -> tuple[float, NDArray[np.float32]]:
    """Judge a map by whether what is the same is more alike than what is different.

    InfoNCE again, with one negative that somebody chose: with s the cosine of the z of a pair, the
    mean of log(1 + exp(KERNEL_SHARPNESS (s_different - s_same))).

    Parameters
    ----------
    weights
        W, shape (d, d).
    same, different
        The x of both items of pairs, each of shape (t, d), unit rows; of a triplet's two pairs the
        first item is one. Rows of zeros stand for a pair whose cosine is 0 whatever the map.

    Returns
    -------
    loss, gradient
        The mean over the contrasts, and its gradient by W, shape (d, d).
    """
    count = len(same[0])
    inputs = np.concatenate([*same, *different])
    unit, lengths = _mapped(weights, inputs)
    a, b, c, d = (unit[part * count : (part + 1) * count] for part in range(4))
    logits = np.float32(KERNEL_SHARPNESS) * ((c * d).sum(axis=1) - (a * b).sum(axis=1))
    losses = np.logaddexp(0, logits)
    slope = (np.float32(KERNEL_SHARPNESS / count) / (1 + np.exp(-logits)))[:, None]
    by_unit = np.concatenate([-slope * b, -slope * a, slope * d, slope * c])
    return float(losses.mean()), _by_weights(by_unit, unit, lengths, inputs)


def _mapped(weights: NDArray[np.float32], inputs: Vectors) -> tuple[Vectors, NDArray[np.float32]]:
    """Return unit(W x) of every row, zero for zero, and the lengths of W x, shape (n, 1)."""
    moved = inputs @ weights.T
    lengths = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), np.float32(_TINY))
    return moved / lengths, lengths


def _by_weights(
    by_unit: NDArray[np.float32], unit: Vectors, lengths: NDArray[np.float32], inputs: Vectors
) -> NDArray[np.float32]:
    """Lead a gradient by unit(W x) back to W."""
    along = (by_unit * unit).sum(axis=1, keepdims=True)
    gradient: NDArray[np.float32] = ((by_unit - along * unit) / lengths).T @ inputs
    return gradient
