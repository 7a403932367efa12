"""Histories into a few factors per item, and a history into the factors of its user: ALS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Rows, Scores
from .cooccurrence import in_parts
from .ease import FEWEST_JUDGED, held_out_ndcg
from .evaluation import users_to_judge
from .interactions import Interactions

__all__ = ["REGULARIZATIONS", "UNOBSERVED", "Als", "fold_in", "learn_als"]

UNOBSERVED = 1.0
"""Weight of a pair of user and item without an entry; one with an entry adds its strength. On
MovieLens, with the best regularisation for each, 1 and 3 rank alike, 0.1 and 10 worse."""

REGULARIZATIONS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0, 22.0, 32.0)
"""What is tried where no regularisation is given, from the last down."""

_MOST_FACTORS, _FEWEST_FACTORS = 64, 8
_ROUNDS, _TRIAL_ROUNDS = 10, 4
_ENOUGH_WORSE = 2
_FADED = 0.01


@dataclass(frozen=True, slots=True)
class Als:
    """What the items of a catalogue are in the space that histories span.

    `factors`, shape (n, f), is zero for items that nobody picked; `gram`, shape (f, f), is what
    `fold_in` needs, UNOBSERVED V'V + regularization I. A user's score of an item is the inner
    product of their factors: about 1 for what the user is likely to pick.
    """

    factors: NDArray[np.float32]
    gram: NDArray[np.float32]
    regularization: float


class _Entries(NamedTuple):
    """One side's rows: row i has the entries ``offsets[i]:offsets[i + 1]``."""

    offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    strengths: NDArray[np.float32]


def learn_als(
    picks: Interactions,
    n_items: int,
    *,
    n_factors: int | None = None,
    regularization: float | Sequence[float] = REGULARIZATIONS,
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Als:
    """Factorise the user-item matrix by alternating least squares over all its cells.

    Minimises, over the factors x of users and v of items,

        sum_entries c (1 - x.v)^2 + UNOBSERVED sum_cells (x.v)^2 + regularization (|X|^2 + |V|^2)

    with c the weight of an entry (Hu, Koren & Volinsky, "Collaborative filtering for implicit
    feedback datasets", 2008, in the form of Rendle et al., "Revisiting the performance of iALS",
    2022). Rows are solved exactly. That regularisation is not scaled by frequency, as Rendle et al.
    do, is measured: with each at its best it makes no difference on MovieLens, and without it a
    history folds in without knowing more than `Als.gram`.

    Parameters
    ----------
    picks
        The histories; all weights above 0.
    n_items
        Size of the catalogue.
    n_factors
        None takes 64, fewer where fewer than 256 people or items were picked.
    regularization
        Above 0. Of several the one is taken that best ranks the last fifth of people's histories
        after a few rounds over the rest (`held_out_ndcg`), trying from the largest down until two
        in a row do worse; the middle one, where fewer than 20 people can be judged.
    seed
        Of the start, and of who is judged where there are many.
    threads
        Threads that share the rows; the result does not depend on it.
    progress
        Called with how many rounds are done, and how many there are.
    """
    size = n_factors or _enough_factors(picks)
    values = [regularization] if isinstance(regularization, int | float) else list(regularization)
    trials = len(values) if len(values) > 1 else 0
    steps = trials * _TRIAL_ROUNDS + _ROUNDS

    def told(before: int) -> Callable[[int], None]:
        return lambda done: progress(before + done, steps)

    progress(0, steps)
    if trials:
        chosen = _best(picks, n_items, size, values, seed, threads, told(0))
    else:
        chosen = float(values[0])
    rounds = told(trials * _TRIAL_ROUNDS)
    factors = _fit(_sides(picks, n_items), size, chosen, _ROUNDS, seed, threads, rounds)
    factors, _ = _turned(factors, least=_FADED * chosen)
    gram = UNOBSERVED * (factors.T @ factors) + chosen * np.eye(size, dtype=np.float32)
    return Als(factors, gram.astype(np.float32), chosen)


def fold_in(
    factors: NDArray[np.float32],
    gram: NDArray[np.float32],
    rows: Rows,
    strengths: Scores,
) -> NDArray[np.float32]:
    """Return the factors of a user from a history, new or changed: one more row step of ALS.

    Parameters
    ----------
    factors
        Of the items, shape (n, f): those of `Als`, or the same with the gaps filled in.
    gram
        Shape (f, f): that of `Als`.
    rows, strengths
        Items picked, shape (h,), and the weights that `learn_als` would have seen, above 0.

    Returns
    -------
    user
        Shape (f,), float32; zero without picks.
    """
    picked = factors[rows]
    weighted = (picked * strengths[:, None]).T
    user: NDArray[np.float32] = np.linalg.solve(gram + weighted @ picked, weighted.sum(axis=1))
    return user


def _best(
    picks: Interactions,
    n_items: int,
    size: int,
    values: list[float],
    seed: int,
    threads: int,
    progress: Callable[[int], None],
) -> float:
    """Try regularisations on people's earlier histories, and return the best.

    From the largest down, the ranking turns from popularity to taste and then, slowly, to noise.
    """
    earlier, later = picks.split_by_time()
    judged = np.array(users_to_judge(later, n_items=n_items, seed=seed), np.int64)
    values = sorted(values, reverse=True)
    if len(judged) < FEWEST_JUDGED:
        return float(values[len(values) // 2])
    sides, figures, best = _sides(earlier, n_items), list[float](), 0
    for place, value in enumerate(values):

        def told(done: int, before: int = place * _TRIAL_ROUNDS) -> None:
            progress(before + done)

        items = _fit(sides, size, value, _TRIAL_ROUNDS, seed, threads, told)
        items, spectrum = _turned(items, least=_FADED * value)
        users = _solved(sides[0], items, spectrum, value, threads)
        figures.append(held_out_ndcg(partial(_scores, users, items), earlier, later, judged))
        if figures[-1] >= figures[best]:  # of equal ones the last: where all faded, all are equal
            best = place
        elif place - best >= _ENOUGH_WORSE:
            break
    return float(values[best])


def _scores(
    users: NDArray[np.float32], items: NDArray[np.float32], some: NDArray[np.int64]
) -> Scores:
    return users[some] @ items.T


def _fit(
    sides: tuple[_Entries, _Entries],
    size: int,
    regularization: float,
    rounds: int,
    seed: int,
    threads: int,
    progress: Callable[[int], None],
) -> NDArray[np.float32]:
    """Return the factors of the items after some rounds from a random start."""
    by_user, by_item = sides
    counts = np.diff(by_item.offsets)
    # Axes start as long as the regularisation: none has to grow for many rounds to count.
    scale = np.sqrt(regularization / max(1, int(np.count_nonzero(counts))))
    items = np.random.default_rng(seed).normal(0, scale, (len(counts), size)).astype(np.float32)
    items[counts == 0] = 0
    for done in range(rounds):
        users = _solved(by_user, *_turned(items), regularization, threads)
        items = _solved(by_item, *_turned(users), regularization, threads)
        progress(done + 1)
    return items


def _solved(
    entries: _Entries,
    others: NDArray[np.float32],
    spectrum: NDArray[np.float32],
    regularization: float,
    threads: int,
) -> NDArray[np.float32]:
    """Return the factors of one side given the other's, which are turned to their axes."""
    from sightline_kernels.als import solve_rows  # wakes Numba: building only

    base = np.float32(UNOBSERVED) * spectrum + np.float32(regularization)

    def solve(start: int, stop: int) -> NDArray[np.float32]:
        offsets = entries.offsets[start : stop + 1]
        span = slice(offsets[0], offsets[-1])
        columns, strengths = entries.columns[span], entries.strengths[span]
        return solve_rows(offsets - offsets[0], columns, strengths, others, base)

    counts, size = np.diff(entries.offsets).astype(np.float64), others.shape[1]
    unknowns = np.minimum(counts, size)
    costs = 1.0 + (counts * size + unknowns**2 / 3) * unknowns
    return np.concatenate(in_parts(solve, costs, threads=threads))


def _turned(
    factors: NDArray[np.float32], *, least: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn factors to the axes of their Gram matrix; return them and its diagonal there.

    Axes shorter than `least` become zero. Regularisation makes what it suppresses fade from round
    to round, but a ranking by scores of 1e-20 may still be a good one: what fades must not count.
    """
    spectrum, axes = np.linalg.eigh((factors.T @ factors).astype(np.float64))
    axes[:, spectrum < least] = 0
    return factors @ axes.astype(np.float32), np.maximum(spectrum, 0).astype(np.float32)


def _sides(picks: Interactions, n_items: int) -> tuple[_Entries, _Entries]:
    """Return the entries by user, and by item."""
    users = np.repeat(np.arange(len(picks), dtype=np.int32), np.diff(picks.offsets))
    order = np.argsort(picks.rows, kind="stable")
    offsets = np.zeros(n_items + 1, np.int64)
    np.cumsum(np.bincount(picks.rows, minlength=n_items), out=offsets[1:])
    by_item = _Entries(offsets, users[order], picks.weights[order])
    return _Entries(picks.offsets, picks.rows, picks.weights), by_item


def _enough_factors(picks: Interactions) -> int:
    """Return 64 factors, or a quarter of the people or items where they are few, in eights."""
    users, items = int(np.count_nonzero(np.diff(picks.offsets))), len(np.unique(picks.rows))
    return max(_FEWEST_FACTORS, min(_MOST_FACTORS, min(users, items) // 32 * 8))
