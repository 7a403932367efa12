"""People without a history: what their features say of them, by those who have one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows, Scores
from .interactions import Interactions

__all__ = ["GroupTaste", "Newcomers", "fit_newcomers", "group_taste"]

_PENALTIES = 4.0 ** np.arange(11)
"""Of the ridge, from 1 to a million: as many people who say that a feature means nothing."""
_MOST_PEOPLE = 50_000
"""People to learn from, evenly spread: hundreds of features need no more."""
_MOST_ITEMS = 200
"""Items kept per group: those it picks more often than others do."""
_PRIOR = 5.0
"""People's worth of doubt in what a group picks more often than others."""


@dataclass(frozen=True, slots=True)
class Newcomers:
    """A linear guess of what a history would have taught.

    `weights`, shape (p + 1, f), float32, has a row for every feature and the intercept last. `r2`
    is the share of the targets' variance that features explain of people who are left out, from 0.
    """

    weights: NDArray[np.float32]
    r2: float

    def predict(self, design: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the guess for features of shape (p,) or (n, p): shape (f,) or (n, f)."""
        guess: NDArray[np.float32] = design @ self.weights[:-1] + self.weights[-1]
        return guess


def fit_newcomers(
    design: NDArray[np.float32], targets: NDArray[np.float32], known: Mask
) -> Newcomers:
    """Learn to guess vectors of people from their features, by ridge regression.

    All targets share the penalty whose leave-one-out error is the least, which the closed form
    gives without leaving anyone out: a residual over one minus its leverage (Allen, 1974; Hastie,
    Tibshirani & Friedman, 2009, section 7.10). Where no penalty beats the plain mean, the mean it
    is, and `r2` is 0: the features say nothing. A linear map from attributes to factors is Gantner
    et al.'s way into a factor model (2010).

    Parameters
    ----------
    design
        Features, shape (u, p), finite; see `features.people.UserDesign`.
    targets
        What to guess, shape (u, f), finite: factors or taste vectors.
    known
        Whose targets to learn from, shape (u,).
    """
    rows = np.flatnonzero(known)
    if len(rows) > _MOST_PEOPLE:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST_PEOPLE).astype(np.int64)]
    x, y = design[rows].astype(np.float64), targets[rows].astype(np.float64)
    people, (features, factors) = len(x), (design.shape[1], targets.shape[1])
    weights = np.zeros((features + 1, factors))
    if people == 0:
        return Newcomers(weights.astype(np.float32), 0.0)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x -= x_mean
    y -= y_mean
    weights[-1] = y_mean
    r2 = 0.0
    if people > 2 and features and (total := float((y**2).sum())) > 0:
        values, axes = np.linalg.eigh(x.T @ x)
        along = x @ axes
        moments = along.T @ y
        errors = [_left_out(y, along, moments, values + penalty) for penalty in _PENALTIES]
        best = int(np.argmin(errors))
        # The mean of the others is people / (people - 1) further from each than the mean of all.
        r2 = max(0.0, 1 - errors[best] / (total * (people / (people - 1)) ** 2))
        if r2 > 0:
            weights[:-1] = axes @ (moments / (values + _PENALTIES[best])[:, None])
            weights[-1] -= x_mean @ weights[:-1]
    return Newcomers(weights.astype(np.float32), r2)


def _left_out(
    y: NDArray[np.float64],
    along: NDArray[np.float64],
    moments: NDArray[np.float64],
    damped: NDArray[np.float64],
) -> float:
    """Return the squared error over all who are left out in turn."""
    leverage = (along**2) @ (1 / damped) + 1 / len(y)
    residuals = y - along @ (moments / damped[:, None])
    residuals /= np.maximum(1 - leverage, 1e-9)[:, None]
    return float((residuals**2).sum())


@dataclass(frozen=True, slots=True)
class GroupTaste:
    """What the members of groups pick more often than others.

    Place g of a design has the items ``rows[offsets[g]:offsets[g + 1]]``, ascending, and `lifts`,
    float32, how much more often its members pick them: a logarithm, above 0.
    """

    offsets: NDArray[np.int64]
    rows: Rows
    lifts: Scores

    def scores(self, vector: NDArray[np.float32], n_items: int) -> Scores:
        """Return how much a person's groups speak for every item, shape (n_items,).

        The sum over the groups that `vector`, shape (p,), is a member of: features are taken as
        independent of one another, as in naive Bayes.
        """
        scores = np.zeros(n_items, np.float32)
        for group in np.flatnonzero(vector[: len(self.offsets) - 1] > 0):
            span = slice(self.offsets[group], self.offsets[group + 1])
            scores[self.rows[span]] += self.lifts[span]
        return scores


def group_taste(
    design: NDArray[np.float32], groups: Mask, interactions: Interactions, n_items: int
) -> GroupTaste:
    """Compare what groups of people pick with what everybody picks.

    The lift of an item is the logarithm of (observed + 5) / (expected + 5), where so many members
    picked it and so many would have if the group picked like all: the mean of a ratio under a gamma
    prior around 1 (DuMouchel, 1999), so that few picks of a rare item say little.

    Parameters
    ----------
    design
        Features in user-row order, shape (u, p).
    groups
        Which features are memberships, shape (p,); see `features.people.UserDesign.groups`.
    interactions
        Histories of the same users.
    n_items
        Size of the catalogue.

    Returns
    -------
    GroupTaste
        Up to 200 items per group, those of the largest lift, ties to the lower row; none for
        features that are no groups.
    """
    users = np.repeat(np.arange(len(interactions)), np.diff(interactions.offsets))
    picked = interactions.weights > 0
    users, rows = users[picked], interactions.rows[picked]
    everybody = np.bincount(rows, minlength=n_items)
    kept, lifts = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    offsets = np.zeros(len(groups) + 1, np.int64)
    for group, is_group in enumerate(groups):
        if is_group:
            mine = rows[design[users, group] > 0]
            observed = np.bincount(mine, minlength=n_items)
            expected = everybody * (len(mine) / max(len(rows), 1))
            lift = np.log((observed + _PRIOR) / (expected + _PRIOR))
            best = np.argsort(-lift, kind="stable")[:_MOST_ITEMS]
            best = np.sort(best[lift[best] > 0])
            kept.append(best.astype(np.int32))
            lifts.append(lift[best].astype(np.float32))
        offsets[group + 1] = offsets[group] + (len(kept[-1]) if is_group else 0)
    return GroupTaste(offsets, np.concatenate(kept), np.concatenate(lifts))
