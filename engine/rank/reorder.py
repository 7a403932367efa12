"""The last step of an answer: scored candidates put into the order in which they are shown.

What is asked for is done in this order, each step on what the one before left:

1. boosting changes the scores (and a `value_model`, see there, has before made them);
2. of items whose pictures are copies of one another the best ranked stays;
3. exploration gives some of the places to items little is known of;
4. diversity picks from what then stands first.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..inference import Inference
from ..types import Mask, Rows, Scores, Vectors
from .fuse import Ranked

__all__ = ["reorder"]

_POOL_PER_RESULT = 5
_LEAST_POOL = 100
"""Diversity picks from the best five per result, and from a hundred at least."""
_ALTERNATION = 0.6
"""Strength of `diversity_attributes` where `diversity_factor` is 0: above one half, no relevance
buys a value its second place before the others had their first."""


def reorder(
    ranked: Ranked,
    k: int,
    inference: Inference,
    *,
    vectors: Callable[[Rows], Vectors],
    attributes: Mapping[str, NDArray[np.integer]],
    originals: Callable[[Rows], NDArray[np.integer]],
    uncertainty: Scores | None,
    boost: Scores | None,
    rng: np.random.Generator,
) -> Ranked:
    """Return the k candidates to show, in the order to show them in.

    With everything off that is the order they came in, to the bit. Otherwise
    the scores need not fall from one to the next: except for a boost they remain what they were,
    and so do the parts.

    *Boosting* mixes two scores: (1 - b) of the candidate's own and b of its boost, brought to the
    range of the candidates' scores. At 1 the most boosted come first, the order among equals being
    that of relevance. The boost joins the parts.

    *Near duplicates* are dropped by their group: of the candidates of one, the first in the order
    that boosting left stays, and those of other groups move up.

    *Exploration* is epsilon-greedy (Auer, Cesa-Bianchi and Fischer, "Finite-time Analysis of the
    Multiarmed Bandit Problem", Machine Learning 47, 2002) place by place: each place is, with
    probability e, filled by a draw from all candidates left, in proportion to `uncertainty`, else
    by the best of them. The draws without replacement are those of Efraimidis and Spirakis
    ("Weighted random sampling with a reservoir", Information Processing Letters 97, 2006).

    *Diversity* is maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): greedily, the
    item with the highest (1 - d) * relevance - d * similarity, where relevance is the score scaled
    to 0 to 1 over the candidates considered, the best 5 k or 100, and similarity the highest cosine
    to an item above; an item without a vector counts as similar as the others do in the mean. An
    explored item has the relevance of the place it was given. Each of the `diversity_attributes`
    takes off another d for every item above that has the same value, a missing value being one of
    its own; with d = 0 as if d were 0.6, by which values alternate strictly while there are others.

    Parameters
    ----------
    ranked
        All m candidates, best first.
    k
        How many to return; all there are if fewer.
    inference
        The factors.
    vectors
        Returns unit vectors of rows, shape (p, d), zero where an item has none; asked only where
        `diversity_factor` is above 0.
    attributes
        For each of `inference.diversity_attributes` the value of every item of the catalogue as a
        code, shape (n,), -1 where it is missing.
    originals
        Returns of rows, shape (m,), the code of the picture that each shows or copies, shape (m,);
        asked only where `drop_near_duplicates` is on.
    uncertainty
        How little is known of every item, shape (n,), 0 or more, such as 1 / sqrt(1 + events), the
        width of a confidence interval; None: equally little of all.
    boost
        What is promoted, of every item, shape (n,), 0 to 1; None: nothing is.
    rng
        Where the draws come from; used only to explore. The same state, the same answer.

    Returns
    -------
    Ranked
        Rows, scores and parts of the k shown; no row twice. Candidates scored -inf come last
        whatever is asked for.
    """
    if inference.boosting_factor > 0 and boost is not None:
        ranked = _boosted(ranked, boost[ranked.rows], np.float32(inference.boosting_factor))
    if inference.drop_near_duplicates:
        _, best = np.unique(originals(ranked.rows), return_index=True)
        ranked = ranked.take(np.sort(best))
    order = np.arange(len(ranked.rows))
    pool = max(_POOL_PER_RESULT * k, _LEAST_POOL)
    if inference.exploration_factor > 0:
        weights = np.ones(len(order)) if uncertainty is None else uncertainty[ranked.rows]
        explores = rng.random(min(pool, len(order))) < inference.exploration_factor
        order = _explored(explores, np.where(np.isfinite(ranked.scores), weights, 0), rng)
    if inference.diversity_factor > 0 or inference.diversity_attributes:
        n_scored = int(np.isfinite(ranked.scores[:pool]).sum())
        rows = ranked.rows[order[:n_scored]]
        picks = _diverse(
            _relevance(ranked.scores[:n_scored]),
            min(k, n_scored),
            inference.diversity_factor,
            vectors=vectors(rows) if inference.diversity_factor > 0 else None,
            codes=[attributes[name][rows] for name in inference.diversity_attributes],
        )
        order = np.concatenate([order[picks], order[n_scored:]])
    return ranked.take(order[:k])


def _boosted(ranked: Ranked, boost: Scores, share: np.float32) -> Ranked:
    scored = np.isfinite(ranked.scores)
    known = ranked.scores[scored]
    if len(known) == 0:
        return ranked
    low, spread = known.min(), (known.max() - known.min()) or np.float32(1)
    promoted = share * (low + spread * boost)
    scores = ranked.scores.copy()
    scores[scored] = (1 - share) * known + promoted[scored]
    parts = {name: (1 - share) * part for name, part in ranked.parts.items()}
    boosted = replace(ranked, scores=scores, parts={**parts, "boost": promoted})
    return boosted.take(np.argsort(-scores, kind="stable"))


def _explored(
    explores: NDArray[np.bool_], weights: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Order of the m candidates, best first, after some of the first places went to draws."""
    # Of clocks that ring after exponential times at these rates, the next to ring is a draw in
    # proportion to the rates, whichever were taken away: Efraimidis and Spirakis in logarithms.
    rings = np.full(len(weights), np.inf)
    np.divide(rng.exponential(size=len(weights)), weights, out=rings, where=weights > 0)
    drawn = iter(np.argsort(rings, kind="stable")[: int((weights > 0).sum())].tolist())
    best = iter(range(len(weights)))
    placed = [False] * len(weights)
    order: list[int] = []
    for is_drawn in explores.tolist():
        sources = (drawn, best) if is_drawn else (best,)
        left = (one for source in sources for one in source if not placed[one])
        candidate = next(left)
        placed[candidate] = True
        order.append(candidate)
    return np.array(order + [one for one in best if not placed[one]], np.intp)


def _relevance(scores: Scores) -> Scores:
    """Scale scores, best first, to 0 to 1; equal ones are all 0."""
    if len(scores) == 0 or scores[0] == scores[-1]:
        return np.zeros(len(scores), np.float32)
    scaled: Scores = (scores - scores[-1]) / (scores[0] - scores[-1])
    return scaled


def _diverse(
    relevance: Scores,
    k: int,
    factor: float,
    *,
    vectors: Vectors | None,
    codes: list[NDArray[np.integer]],
) -> NDArray[np.intp]:
    """Return the positions of k of the p candidates, chosen one by one; ties go to the earlier."""
    strength = np.float32(factor if factor > 0 else _ALTERNATION)
    worth = (1 - strength) * relevance
    closest = np.full(len(relevance), -np.inf, np.float32)
    present: Mask = np.zeros(len(relevance), np.bool_)
    if vectors is not None:
        present |= vectors.any(axis=1)
    left = present.copy()
    picks = np.zeros(k, np.intp)
    for place in range(k):
        similar = _similarity(closest, present, left)
        pick = picks[place] = int((worth - strength * similar).argmax())
        for code in codes:
            worth -= strength * (code == code[pick])
        worth[pick] = -np.inf
        left[pick] = False
        if vectors is not None and present[pick]:
            np.maximum(closest, vectors @ vectors[pick], out=closest)
    return picks


def _similarity(closest: Scores, present: Mask, left: Mask) -> Scores | np.float32:
    """Likeness to what is chosen; the mean of those left stands in where there is no vector."""
    others = closest[left]
    if len(others) == 0 or others[0] == -np.inf:
        return np.float32(0)
    return np.where(present, closest, others.mean())
