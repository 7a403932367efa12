"""Weights of signals and lists of candidates into the slope of a ranking loss."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly


def lambda_gradient(
    values: NDArray[np.float32],
    offsets: NDArray[np.int64],
    relevant: NDArray[np.bool_],
    ideals: NDArray[np.float64],
    weights: NDArray[np.float64],
    k: int,
) -> NDArray[np.float64]:
    """Return the gradient of LambdaRank's loss for linear scores, one row per list.

    Burges, Ragno & Le, "Learning to rank with nonsmooth cost functions" (2006), with linear scores
    ``values @ weights``. Every pair of a relevant and another candidate pulls apart with
    ``|dNDCG@k| / (1 + exp(difference of scores))``, dNDCG being what exchanging the two would
    change. Ranks are by score, of equal scores the earlier candidate first.

    Parameters
    ----------
    values
        Signals of all candidates, shape (m, s), float32, finite.
    offsets
        Shape (q + 1,), int64: list i is rows ``offsets[i]:offsets[i + 1]``.
    relevant
        Which candidates were picked, shape (m,).
    ideals
        The discounted gain of every list's ideal order at k, shape (q,), above 0.
    weights
        Shape (s,), float64.
    k
        Cut-off, at least 1.

    Returns
    -------
    gradients
        Shape (q, s), float64: the caller adds them up in an order of its own.

    Raises
    ------
    ValueError
        If shapes do not fit or offsets do not rise from 0 to m.
    """
    rows, ends = readonly(values, np.float32), readonly(offsets, np.int64)
    n_lists = len(ends) - 1
    if rows.ndim != 2 or rows.shape != (len(relevant), len(weights)) or len(ideals) != n_lists:
        message = (
            f"{rows.shape} values do not go with {len(relevant)} candidates, {len(weights)} "
            f"weights and {len(ideals)} of {n_lists} lists"
        )
        raise ValueError(message)
    if n_lists < 0 or ends[0] != 0 or ends[-1] != len(rows) or bool((np.diff(ends) < 0).any()):
        message = f"offsets must rise from 0 to {len(rows)}, the number of candidates"
        raise ValueError(message)
    gradients = np.zeros((n_lists, len(weights)))
    _lambda_gradient(
        rows,
        ends,
        readonly(relevant, np.bool_),
        readonly(ideals, np.float64),
        readonly(weights, np.float64),
        k,
        gradients,
    )
    return gradients


@kernel
def _lambda_gradient(
    values: NDArray[np.float32],
    offsets: NDArray[np.int64],
    relevant: NDArray[np.bool_],
    ideals: NDArray[np.float64],
    weights: NDArray[np.float64],
    k: int,
    gradients: NDArray[np.float64],
) -> None:
    for i in range(offsets.size - 1):
        start, stop = offsets[i], offsets[i + 1]
        count = stop - start
        scores = np.zeros(count)
        for j in range(count):
            for s in range(weights.size):
                scores[j] += weights[s] * values[start + j, s]
        order = np.argsort(-scores, kind="mergesort")
        discounts = np.zeros(count)
        for rank in range(min(k, count)):
            discounts[order[rank]] = 1.0 / np.log2(rank + 2.0)
        pull = _pull(scores, discounts, relevant[start:stop], ideals[i])
        for j in range(count):
            if pull[j] != 0.0:
                for s in range(weights.size):
                    gradients[i, s] += pull[j] * values[start + j, s]


@kernel
def _pull(
    scores: NDArray[np.float64],
    discounts: NDArray[np.float64],
    relevant: NDArray[np.bool_],
    ideal: float,
) -> NDArray[np.float64]:
    """How much the loss of one list rises with each of its scores."""
    pull = np.zeros(scores.size)
    for a in range(scores.size):
        if not relevant[a]:
            continue
        for b in range(scores.size):
            change = abs(discounts[a] - discounts[b])
            if relevant[b] or change == 0.0:
                continue
            push = change / ideal / (1.0 + np.exp(scores[a] - scores[b]))
            pull[a] -= push
            pull[b] += push
    return pull
