"""How sure a figure is: intervals of means over users, and of what two methods differ by.

The percentile bootstrap of Efron (1979; Efron & Tibshirani, 1993, chapter 13): as many users as
there are, drawn with replacement, thousands of times; the interval holds the middle of the means
found. Users are the unit that is drawn, not their picks: what one person picks hangs together. Two
methods are compared on the same users in every draw, so that what makes a user easy or hard for
both cancels out. Of a few users such intervals are too narrow: `verdict` asks for ten.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .evaluation import Values

__all__ = [
    "Interval",
    "comparison",
    "interval",
    "intervals",
    "paired_difference",
    "paired_ratio",
    "verdict",
]

LEVEL = 0.95
RESAMPLES = 2_000
_ENOUGH_USERS = 10
_TOO_FEW = "too few users to tell"
_WHOLE_PERCENT = 0.1
"""Shares from here on are told in whole percent."""
_DRAWN_AT_ONCE = 2_000_000
"""Users drawn before they are summed up, so that memory does not grow with users."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure of `users` users, with the ends that most draws lie between."""

    value: float
    low: float
    high: float
    users: int

    def to_dict(self) -> dict[str, float | None]:
        """Return value and ends, rounded to five places; None for an end without bound."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {name: round(end, 5) if math.isfinite(end) else None for name, end in ends.items()}


def interval(
    values: Values, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """Return the mean of one figure per user, shape (u,), with its interval.

    Parameters
    ----------
    values
        One per user; one user or more.
    seed
        Of the draws: the same one draws the same users for any figure of as many users.
    resamples
        How often users are drawn.
    level
        How much of the draws the interval holds, 0 to 1.

    Raises
    ------
    ValueError
        If there are no users.
    """
    means = _resampled_means(values[:, None], seed, resamples)[:, 0]
    return _between(float(values.mean()), means, len(values), level)


def intervals(
    per_user: Mapping[str, Values], *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Return `interval` of several figures of the same users, all from the same draws."""
    means = _resampled_means(np.column_stack(list(per_user.values())), seed, resamples)
    return {
        name: _between(float(values.mean()), means[:, column], len(values), LEVEL)
        for column, (name, values) in enumerate(per_user.items())
    }


def paired_difference(
    a: Values, b: Values, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """Return by how much the mean of `a` is above that of `b`: the same users, shape (u,), each."""
    _refuse_unpaired(a, b)
    return interval(a - b, seed=seed, resamples=resamples, level=level)


def paired_ratio(
    a: Values, b: Values, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """Return how many times the mean of `b` that of `a` is: the same users, shape (u,), each.

    Figures are 0 or more. Where all of `b` is 0 the ratio has no bound; nothing over nothing is 1.
    """
    _refuse_unpaired(a, b)
    means = _resampled_means(np.column_stack([a, b]), seed, resamples)
    value = _ratio(np.array([a.mean()]), np.array([b.mean()]))
    return _between(float(value[0]), _ratio(means[:, 0], means[:, 1]), len(a), level)


def verdict(part: str, difference: Interval, ratio: Interval) -> str:
    """Say in a sentence what a part of a model buys.

    Parameters
    ----------
    part
        Its name: ``pictures``, ``behaviour``.
    difference, ratio
        `paired_difference` and `paired_ratio` of the whole model and the model without the part.

    Returns
    -------
    sentence
        ``no measurable effect`` where the interval of the difference holds 0, ``too few users to
        tell`` where there are fewer than ten; otherwise what the part buys or costs, in percent
        of what there is without it, or in the figure itself where that may be nothing.
    """
    if difference.users < _ENOUGH_USERS:
        return _TOO_FEW
    if difference.low <= 0 <= difference.high:
        return "no measurable effect"
    if math.isfinite(ratio.high):
        shares = (ratio.value - 1, ratio.low - 1, ratio.high - 1)
        value, low, high = (_percent(share) for share in shares)
    else:
        value, low, high = (f"{end:+.3f}" for end in _three(difference))
    verb = "buy" if difference.low > 0 else "cost"
    if verb == "cost":  # a loss is told without a sign, the smaller end first
        value, high, low = (figure.removeprefix("-") for figure in (value, low, high))
    third_person = "" if part.endswith("s") else "s"
    return f"{part} {verb}{third_person} {value} ({low} to {high})"


def comparison(baseline: str, difference: Interval, ratio: Interval) -> str:
    """Say in a few words how a method does beside a baseline.

    Takes what `verdict` takes, of the method and the baseline: ``1.28 times popularity (1.10
    to 1.52)``, ``no measurable difference`` or ``too few users to tell``.
    """
    if difference.users < _ENOUGH_USERS:
        return _TOO_FEW
    if difference.low <= 0 <= difference.high:
        return "no measurable difference"
    if math.isfinite(ratio.high):
        value, low, high = (f"{end:.2f}" for end in _three(ratio))
        return f"{value} times {baseline} ({low} to {high})"
    value, low, high = (f"{end:+.3f}" for end in _three(difference))
    return f"{value} beside {baseline} ({low} to {high})"


def _percent(share: float) -> str:
    digits = 0 if abs(share) >= _WHOLE_PERCENT else 1
    return f"{100 * share:+,.{digits}f} %"


def _three(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def _resampled_means(figures: Values, seed: int, resamples: int) -> NDArray[np.float64]:
    """Means of `figures`, shape (u, m), over users drawn anew each time; shape (resamples, m)."""
    n_users = len(figures)
    if n_users == 0:
        message = "there is no interval of a figure of no users"
        raise ValueError(message)
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, figures.shape[1]))
    step = max(1, _DRAWN_AT_ONCE // n_users)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = rng.integers(n_users, size=(count, n_users)) + n_users * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * n_users).reshape(count, n_users)
        # Not a matrix product: what BLAS adds up in which order depends on its threads.
        means[start : start + count] = np.einsum("cu,um->cm", times.astype(np.float64), figures)
    return means / n_users


def _between(value: float, draws: Values, users: int, level: float) -> Interval:
    # By hand, because np.quantile makes NaN of two infinite neighbours.
    ordered = np.sort(draws)
    last = len(ordered) - 1
    low = ordered[math.floor(last * (1 - level) / 2)]
    high = ordered[math.ceil(last * (1 + level) / 2)]
    return Interval(value, float(low), float(high), users)


def _refuse_unpaired(a: Values, b: Values) -> None:
    if len(a) != len(b):
        message = f"figures of {len(a)} and of {len(b)} users cannot be of the same users"
        raise ValueError(message)


def _ratio(above: Values, below: Values) -> Values:
    ratio = np.where(above > 0, np.inf, 1.0)
    with np.errstate(over="ignore"):  # beyond all bounds is infinite
        return np.divide(above, below, out=ratio, where=below > 0)
