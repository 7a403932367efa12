"""Histories into what people pick together: lists of items, and factors of items."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..types import Mask, Rows, Scores, Vectors
from .als import REGULARIZATIONS as ALS_REGULARIZATIONS
from .als import learn_als
from .cooccurrence import picked_together
from .ease import MOST_ITEMS, ease_fits, learn_ease
from .ease import REGULARIZATIONS as EASE_REGULARIZATIONS
from .interactions import Interactions
from .newcomers import fit_newcomers

__all__ = [
    "METHODS",
    "Collaborative",
    "ContentFactors",
    "factors_from_content",
    "learn_collaborative",
    "strengths",
]

METHODS = ("EASE", "ALS", "item-item")
"""What can be asked for by name."""

_FEWEST_USERS, _FEWEST_ITEMS = 10, 10
_FEWEST_KNOWN = 50
_LEAST_R2 = 0.01  # what chance makes of a few hundred items
_DOUBT = 2.0


@dataclass(frozen=True, slots=True)
class Collaborative:
    """What histories say of items, in item-row order.

    `method` fills the lists: ``EASE``, or ``item-item`` (shrunk cosine); ``ALS`` names item-item
    lists whose factors count for more. `neighbours` and `neighbour_scores`, shape (n, c), are best
    first, padded with -1 and 0; EASE's hold negative scores too. With x the `strengths` of a user's
    picks, item j scores the sum of x_i times what item i's list says of j.

    `factors`, shape (n, f), and `gram`, shape (f, f), are those of `Als`, for `fold_in` with the
    same strengths; f is 0 where none are learnt, and `reason` says why. Items that nobody picked
    have empty lists and zero factors. Regularisations are those chosen, 0 where there is none.
    """

    method: str
    neighbours: Rows
    neighbour_scores: Scores
    factors: NDArray[np.float32]
    gram: NDArray[np.float32]
    reason: str = ""
    ease_regularization: float = 0.0
    als_regularization: float = 0.0


@dataclass(frozen=True, slots=True)
class ContentFactors:
    """Factors completed from content.

    `factors`, shape (n, f), float32. `predicted`, shape (n,), says whose are all prediction. `r2`
    is the share of the variance of known factors that content explains of items that are left out,
    from 0: below 0.01, nothing is predicted.
    """

    factors: NDArray[np.float32]
    predicted: Mask
    r2: float


def strengths(weights: Scores) -> Scores:
    """Return what the matrix of all models here holds: the root of a weight, 0 for those below 0.

    A purchase weighs ten times a view; that it says ten times as much of a taste, squared in every
    product of two entries, would leave the views of those who also buy without a voice.
    """
    return np.sqrt(np.maximum(weights, np.float32(0)))


def learn_collaborative(
    interactions: Interactions,
    n_items: int,
    *,
    method: str | None = None,
    like: Collaborative | None = None,
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> Collaborative:
    """Learn lists and factors from the positive entries of histories.

    Parameters
    ----------
    interactions
        The histories. Entries with weights of 0 or less are left out, the others count by their
        `strengths`.
    n_items
        Size of the catalogue.
    method
        One of `METHODS`: ``EASE`` or ``ALS``, with factors either way; ``item-item`` learns lists
        alone. None takes EASE up to MOST_ITEMS picked items, and beyond them ALS.
    like
        What was learned from a part of the histories: its regularisations are taken over, where it
        has such, instead of being tried out again.
    seed
        Of the start of ALS, and of who is judged where regularisation is chosen.
    threads
        Threads to work with; the result does not depend on it.
    progress
        Called with the step (``EASE``, ``item-item``, ``ALS``), how much of it is done, and how
        much there is.

    Raises
    ------
    ConfigError
        If `method` is no method, or is EASE and more items were picked than it can hold.
    """
    picks = interactions.where(interactions.weights > 0)
    picks = replace(picks, weights=strengths(picks.weights))
    n_picked = len(np.unique(picks.rows))
    chosen = _chosen(method, n_picked)
    ease_regularization = 0.0
    if chosen == "EASE":
        ease = learn_ease(
            picks,
            n_items,
            regularization=(like.ease_regularization if like else 0) or EASE_REGULARIZATIONS,
            seed=seed,
            threads=threads,
            progress=lambda done, total: progress("EASE", done, total),
        )
        neighbours, scores = ease.neighbours, ease.scores
        ease_regularization = ease.regularization
    else:
        progress("item-item", 0, 1)
        neighbours, scores = picked_together(picks, n_items, threads=threads)
        progress("item-item", 1, 1)
    reason = _why_no_factors(picks, n_picked, chosen)
    if reason:
        none = np.zeros((n_items, 0), np.float32), np.zeros((0, 0), np.float32)
        return Collaborative(chosen, neighbours, scores, *none, reason, ease_regularization)
    als = learn_als(
        picks,
        n_items,
        regularization=(like.als_regularization if like else 0) or ALS_REGULARIZATIONS,
        seed=seed,
        threads=threads,
        progress=lambda done, total: progress("ALS", done, total),
    )
    return Collaborative(
        chosen,
        neighbours,
        scores,
        als.factors,
        als.gram,
        ease_regularization=ease_regularization,
        als_regularization=als.regularization,
    )


def factors_from_content(
    content: Vectors,
    presence: Mask,
    factors: NDArray[np.float32],
    is_warm: Mask,
    counts: NDArray[np.int64],
) -> ContentFactors:
    """Guess the factors of items that nobody picked, and those of items hardly anyone picked.

    A ridge regression of the factors on the content (Gantner et al., "Learning attribute-to-feature
    mappings for cold-start recommendations", 2010), with the penalty and the R^2 by leaving every
    item out in turn; see `fit_newcomers`. A warm item with k picks moves to

        (k factor + s guess) / (k + s),  s = 2 / (1 - R^2)

    the mean of what was seen and of what was expected, which weighs the more the less it errs.

    Parameters
    ----------
    content
        Shape (n, d); only rows with content are read.
    presence
        Which items have content, shape (n,).
    factors
        Those of ALS, shape (n, f).
    is_warm
        Whose factors were learnt, shape (n,).
    counts
        How many people picked each item, shape (n,).

    Returns
    -------
    ContentFactors
        Cold items without content get zeros, warm ones keep their own. All do where content
        explains less than 1 %, or fewer than 50 warm items have any.
    """
    known, cold = presence & is_warm, presence & ~is_warm
    own = np.where(is_warm[:, None], factors, np.float32(0))
    unchanged = ContentFactors(own, np.zeros(len(factors), np.bool_), 0.0)
    if factors.shape[1] == 0 or np.count_nonzero(known) < _FEWEST_KNOWN:
        return unchanged
    guess = fit_newcomers(content, factors, known)
    if guess.r2 < _LEAST_R2:
        return replace(unchanged, r2=guess.r2)
    own[cold] = guess.predict(content[cold])
    doubt = _DOUBT / max(1 - guess.r2, 1e-6)
    trust = (counts[known] / (counts[known] + doubt)).astype(np.float32)[:, None]
    own[known] = trust * own[known] + (1 - trust) * guess.predict(content[known])
    return ContentFactors(own, cold, guess.r2)


def _chosen(method: str | None, n_picked: int) -> str:
    """Return the method to use, or say why the one asked for cannot be."""
    if method is None:
        return "EASE" if ease_fits(n_picked) else "ALS"
    if method not in METHODS:
        message = f"no collaborative method {method!r}: it is one of {', '.join(METHODS)}"
        raise ConfigError(message)
    if method == "EASE" and not ease_fits(n_picked):
        message = (
            f"EASE holds up to {MOST_ITEMS:,} items that somebody picked, and here are "
            f"{n_picked:,}: name ALS, or leave the choice open"
        )
        raise ConfigError(message)
    return method


def _why_no_factors(picks: Interactions, n_picked: int, method: str) -> str:
    """Say why ALS is not learnt; an empty text if it is."""
    if method == "item-item":
        return "item-item was asked for: lists alone"
    people = int(np.count_nonzero(np.diff(picks.offsets) > 1))
    if people >= _FEWEST_USERS and n_picked >= _FEWEST_ITEMS:
        return ""
    return (
        f"{people:,} people picked two items or more, of {n_picked:,} in all: factors need "
        f"{_FEWEST_USERS} and {_FEWEST_ITEMS}"
    )
