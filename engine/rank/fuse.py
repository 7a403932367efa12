"""Several signals about the same candidates made into one score, with its parts kept apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Rows, Scores

__all__ = ["LEAST", "Ranked", "Signal", "SparseScores", "best_first", "fuse", "scaled", "top_rows"]

LEAST = float(np.finfo(np.float32).tiny)
"""A signal that nowhere reaches it is zero: what is less has lost its digits."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One opinion about the candidates.

    `values`, shape (m,), 0 or more; `present`, shape (m,), says for which candidates there is an
    opinion at all (None: for all). The others get the median of those, or 0 where
    `unknown_is_nothing`.
    """

    values: Scores
    present: Mask | None = None
    unknown_is_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """Item (or user) rows, best first, with scores and the parts they are the sum of."""

    rows: Rows
    scores: Scores
    parts: dict[str, Scores]
    plans: Mapping[str, str] = field(default_factory=dict)
    """How the nearest were found, by the name of the space: see `pool.Pool`."""

    def take(self, places: NDArray[np.intp]) -> "Ranked":
        """Return what stands in these places, in their order."""
        parts = {name: part[places] for name, part in self.parts.items()}
        return replace(self, rows=self.rows[places], scores=self.scores[places], parts=parts)


@dataclass(frozen=True, slots=True)
class SparseScores:
    """Scores of all items that are 0 but for a few: `rows`, ascending, with their `values`."""

    rows: Rows
    values: Scores

    def __getitem__(self, rows: Rows | Sequence[int]) -> Scores:
        """Return the scores of `rows`, shape (m,)."""
        if len(self.rows) == 0:
            return np.zeros(len(rows), np.float32)
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        scores: Scores = np.where(self.rows[places] == rows, self.values[places], np.float32(0))
        return scores

    def best(self, k: int, allowed: Mask | None) -> Rows:
        """Return the rows of the k highest scores above 0, as `top_rows` does of all scores."""
        kept = self.values > 0 if allowed is None else (self.values > 0) & allowed[self.rows]
        return self.rows[top_rows(self.values, k, kept)]


def fuse(rows: Rows, signals: Mapping[str, Signal], weights: Mapping[str, float]) -> Ranked:
    """Add up the signals of every candidate by fixed weights, in the order of `rows`.

    Each signal is scaled to have its best candidate at 1, so that weights compare. A candidate
    that a signal knows nothing of gets the median of those it knows, unless the signal says
    otherwise: an item without a picture is neither punished nor rewarded for it. Scores are divided
    by the sum of the weights: 0 to 1.

    Parameters
    ----------
    rows
        Candidates, shape (m,).
    signals
        By name; a signal that is zero everywhere takes no part.
    weights
        By the same names.
    """
    told = scaled(signals)
    total = sum(weights[name] for name in told) or 1.0
    parts = {name: values * np.float32(weights[name] / total) for name, values in told.items()}
    scores = np.zeros(len(rows), np.float32)
    for part in parts.values():
        scores += part
    return Ranked(rows, scores, parts)


def scaled(signals: Mapping[str, Signal]) -> dict[str, Scores]:
    """Bring signals to a scale on which their best candidate has 1, as `fuse` adds them up.

    Those that are zero everywhere are left out.
    """
    values = {name: _scale(signal) for name, signal in signals.items()}
    return {name: column for name, column in values.items() if column is not None}


def best_first(ranked: Ranked, k: int) -> Ranked:
    """Return the k best of `ranked`, best first; of equal scores the lower row comes first."""
    return ranked.take(np.lexsort((ranked.rows, -ranked.scores))[:k])


def top_rows(scores: Scores, k: int, allowed: Mask | None = None) -> Rows:
    """Return the rows of the k highest of `scores`, best first; of equal ones the lower row first.

    Parameters
    ----------
    scores
        Of every row, shape (n,).
    k
        How many; all there are if fewer are allowed.
    allowed
        Rows that may be returned, shape (n,); None allows all.
    """
    rows = np.arange(len(scores)) if allowed is None else np.flatnonzero(allowed)
    values = scores[rows]
    if 0 < k < len(rows):
        cut = np.partition(values, len(rows) - k)[len(rows) - k]
        above, equal = np.flatnonzero(values > cut), np.flatnonzero(values == cut)
        kept = np.concatenate([above, equal[: k - len(above)]])
        rows, values = rows[kept], values[kept]
    return rows[np.lexsort((rows, -values))][:k].astype(np.int32)


def _scale(signal: Signal) -> Scores | None:
    values = np.maximum(signal.values, 0).astype(np.float32, copy=False)
    is_partial = signal.present is not None and not signal.present.all()
    known = values[signal.present] if is_partial else values
    top = float(known.max(initial=0))
    if top < LEAST:
        return None
    if not is_partial:
        return values / np.float32(top)
    unknown = 0 if signal.unknown_is_nothing else _median(known) / top
    scaled: Scores = np.full(len(values), unknown, np.float32)
    return np.divide(values, np.float32(top), out=scaled, where=signal.present)


def _median(values: Scores) -> float:
    """Return what np.median does, in a fifth of the time where values are a few hundred."""
    upper, lower = len(values) // 2, (len(values) - 1) // 2
    ordered = np.partition(values, (lower, upper))
    return (float(ordered[lower]) + float(ordered[upper])) / 2
