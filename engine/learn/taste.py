"""Behaviour turned into a space of tastes: a map of the items' pictures and words.

The encoder's space says what looks alike; people pick alike by other rules. A linear map over the
vectors of pictures and words is learnt from histories, and from pairs that somebody judged, so that
what one person picks comes close together. An item that nobody has picked yet gets its place from
its picture and its words alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Mask, Modality, Pairs, Rows, Scores, Vectors
from .cooccurrence import newest
from .interactions import Interactions
from .taste_exam import (
    Exam,
    Grade,
    crowd_of,
    crowding,
    hold_out_pairs,
    hold_out_picks,
    pairs_at,
)
from .taste_loss import KERNEL_SHARPNESS
from .taste_map import Evidence, training
from .taste_space import JointSpace, Projection, join_modalities, unit_rows

__all__ = ["KERNEL_SHARPNESS", "Taste", "carry_taste", "learn_taste"]

_LATEST = 50
"""Picks of one person that are learnt from."""
_STRONGEST = 3.0
"""Most that a pick counts for, with a usual one at 1."""
_MIXES = ((1.0, 0.1), (1.0, 0.3), (1.0, 0.6), (1.0, 1.0), (0.6, 1.0), (0.3, 1.0), (0.1, 1.0))
"""Weights of pictures and words that are tried; with a 0, what has the other alone had no place."""
_CHECKS = (8, 16, 32, 64, 96, 128, 192, 256, 384)
"""Steps after which the map is judged."""
_PATIENCE = 3
_TO_BE_LEARNT = 2.0
"""Standard errors by which a map must beat the identity: the best of a dozen beats it by chance."""
_TO_BE_BETTER = 1.0
"""Standard errors by which more steps must beat fewer (Breiman et al., 1984, section 3.4.3)."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Taste:
    """The items in the space of tastes, in item-row order.

    `vectors`, shape (n, d) with d up to 128, are unit rows where `presence`, shape (n,), is true,
    which is where an item has a picture or words, and zero elsewhere. `crowding`, shape (n,), above
    0, is the mean of exp(KERNEL_SHARPNESS cosine) to a sample of the picked items, and 1 elsewhere.
    A person's picks j score item i by

        sum_j w_j exp(KERNEL_SHARPNESS vectors[j].vectors[i]) / sqrt(crowding[i]).

    `projection` is how they came there, and how others do; `report` says what was learnt and what
    it was worth on what was held out; it goes into JSON.
    """

    vectors: Vectors
    presence: Mask
    crowding: Scores
    projection: Projection
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the exams say: steps that are best, 0 for the identity, and the grades around them."""

    steps: int
    without: Sequence[Grade]
    learnt: Sequence[Grade]


def learn_taste(
    images: Modality,
    texts: Modality,
    interactions: Interactions,
    *,
    pairs: Pairs | None = None,
    like: Taste | None = None,
    seed: int,
    threads: int = 1,
    progress: Progress = lambda done, total: None,
) -> Taste:
    """Learn where items lie by taste.

    Both modalities are centred, turned to at most 128 main axes and laid side by side, pictures and
    words each counting by a weight (see `JointSpace`), and the whole again turned to at most 128
    axes. A square map W takes that to the space of tastes, z = unit(W x). It starts at the identity
    and is trained by the very score that ranks (see `taste_map.training` and `hands_loss`).

    How much it may leave the identity is told by exams: people's later picks, ranked among up to
    5,000 items by their earlier ones, and a fifth of the pairs. They choose the weights of the
    modalities, with the identity as map, out of seven mixes from 10:1 to 1:10; then the steps,
    after training on the rest; then the map is trained anew on everything, for as many passes.
    Where no steps are better than none by two standard errors, or nobody can be judged, the
    identity stays: behaviour has taught nothing. Stopping early is what holds the map near the
    identity; a penalty on the way there as well was measured, and only lost.

    Parameters
    ----------
    images, texts
        Of the same n items.
    interactions
        Histories. Entries with weights above 0 are picks and count by the root of the weight; of
        one person the latest fifty are learnt from, and nothing of who has only one.
    pairs
        Items that somebody said are the same, or different, to learn from as well; or None.
    like
        What was learned of the same items from a part of the histories: its weights and steps are
        taken over instead of being examined again; None examines.
    seed
        Of everything that is drawn: the same input and seed give the same bytes.
    threads
        Threads that judge and measure; the result does not depend on it. Products of matrices run
        on the threads of NumPy's BLAS, of which a different number may round differently; the
        products are small, and one thread is the quickest.
    progress
        Called with how many steps are done, and how many there are at most.
    """
    space = join_modalities(images, texts, seed=seed)
    if not space.names:
        return _nowhere(len(images.presence))
    evidence = _evidence(interactions, pairs, space.presence)
    most = 2 * _CHECKS[-1]
    if like is None:
        part, exams = _held_out(evidence, space.presence, seed)
        space = _best_mix(space, exams, threads)
        verdict = _examined(space, part, exams, seed, threads, lambda done: progress(done, most))
        report = _report(space, evidence, part, exams, verdict)
    else:
        space = space.weighted([like.report["weights"][name] for name in space.names])
        report = dict(like.report)
    learnt = _learnt(space, evidence, report, seed, lambda done: progress(most // 2 + done, most))
    vectors = space.vectors if learnt is None else unit_rows(space.vectors @ learnt.T)
    progress(most, most)
    present = space.presence
    crowded = _crowded(vectors, present, evidence, seed, threads)
    return Taste(vectors, present, crowded, space.projection(learnt), report)


def carry_taste(
    images: Modality,
    texts: Modality,
    interactions: Interactions,
    *,
    like: Taste,
    was: Rows,
    seed: int,
    threads: int = 1,
) -> Taste:
    """Give items their places in a space of tastes that was learnt before they were there.

    Parameters
    ----------
    images, texts, interactions, seed, threads
        As for `learn_taste`; only how crowded it is is told from the histories.
    like
        What was learned.
    was
        The row in `like` of every item whose pictures and words are the same, shape (n,), -1 for
        others: those keep their vectors.
    """
    vectors = np.zeros((len(was), like.vectors.shape[1]), np.float32)
    kept = was >= 0
    vectors[kept] = like.vectors[was[kept]]
    others = np.flatnonzero(~kept)
    vectors[others] = like.projection.of(
        *(Modality(each.vectors[others], each.presence[others]) for each in (images, texts))
    )
    present = np.asarray(vectors.any(axis=1), np.bool_)
    evidence = _evidence(interactions, None, present)
    crowded = _crowded(vectors, present, evidence, seed, threads)
    return Taste(vectors, present, crowded, like.projection, like.report)


def _crowded(
    vectors: Vectors, present: Mask, evidence: Evidence, seed: int, threads: int
) -> Scores:
    crowded = np.ones(len(present), np.float32)
    if present.any():
        crowd = crowd_of(evidence.picks, present, seed=seed)
        crowded[present] = crowding(vectors[present], vectors[crowd], threads=threads)
    return crowded


def _nowhere(n_items: int) -> Taste:
    """Return the taste of a catalogue without pictures and words."""
    nothing = np.zeros((n_items, 0), np.float32)
    return Taste(
        nothing,
        np.zeros(n_items, np.bool_),
        np.ones(n_items, np.float32),
        JointSpace((), (), (), (), 0).projection(None),
        {
            "components": 0,
            "weights": {},
            "people": 0,
            "picks": 0,
            "pairs": 0,
            "steps": 0,
            "learnt_from": 0,
            "why": "there are no pictures and no words",
            "held_out": [],
        },
    )


def _evidence(interactions: Interactions, pairs: Pairs | None, present: Mask) -> Evidence:
    """Take what is about items that have a place."""
    is_pick = (interactions.weights > 0) & present[interactions.rows]
    picks = newest(interactions.where(is_pick), _LATEST)
    if len(picks.rows):
        strengths = np.sqrt(picks.weights)
        usual = np.median(strengths)
        picks = replace(picks, weights=np.minimum(strengths / usual, np.float32(_STRONGEST)))
    if pairs is None:
        return Evidence(picks, None)
    gone = pairs.group[~(present[pairs.first] & present[pairs.second])]
    kept = ~np.isin(pairs.group, gone)
    return Evidence(picks, pairs_at(pairs, kept) if kept.any() else None)


def _held_out(evidence: Evidence, present: Mask, seed: int) -> tuple[Evidence, list[Exam]]:
    """Split the evidence into what is learnt from for a trial, and exams; none if it cannot be."""
    picks, of_picks = hold_out_picks(evidence.picks, present, seed=seed)
    pairs, of_pairs = evidence.pairs, None
    if pairs is not None:
        pairs, of_pairs = hold_out_pairs(pairs, present, seed=seed)
    part = Evidence(picks, pairs)
    return part, [exam for exam in (of_picks, of_pairs) if exam and part.teaches]


def _best_mix(space: JointSpace, exams: Sequence[Exam], threads: int) -> JointSpace:
    """Weigh the modalities as does best without a map; alike where that cannot be told."""
    if len(space.names) < 2 or not exams:
        return space
    mixed = [space.weighted(mix) for mix in _MIXES]
    totals = [
        sum(grade.values.mean() for grade in _grades(each.vectors, exams, threads))
        for each in mixed
    ]
    return mixed[int(np.argmax(totals))]


def _grades(vectors: Vectors, exams: Sequence[Exam], threads: int) -> list[Grade]:
    return [exam.grade(vectors, threads=threads) for exam in exams]


def _examined(
    space: JointSpace,
    part: Evidence,
    exams: Sequence[Exam],
    seed: int,
    threads: int,
    progress: Callable[[int], None],
) -> _Verdict:
    """Train on a part of the evidence, and find the steps after which the exams are passed best."""
    progress(0)
    judged = {0: _grades(space.vectors, exams, threads)}
    best, since = 0, 0
    for step, weights in enumerate(training(space, part, seed=seed), 1) if exams else ():
        progress(step)
        if step not in _CHECKS:
            continue
        judged[step] = _grades(unit_rows(space.vectors @ weights.T), exams, threads)
        since += 1
        if _gain(judged[step], judged[best])[0] > 0:
            best, since = step, 0
        if since == _PATIENCE or step == _CHECKS[-1]:
            break
    gain, error = _gain(judged[best], judged[0])
    if gain <= _TO_BE_LEARNT * error:
        return _Verdict(0, judged[0], judged[0])
    steps = next(step for step, grades in judged.items() if _is_as_good(grades, judged[best]))
    return _Verdict(steps, judged[0], judged[steps])


def _is_as_good(grades: Sequence[Grade], best: Sequence[Grade]) -> bool:
    gain, error = _gain(best, grades)
    return gain <= _TO_BE_BETTER * error


def _learnt(
    space: JointSpace,
    evidence: Evidence,
    report: Mapping[str, Any],
    seed: int,
    progress: Callable[[int], None],
) -> NDArray[np.float32] | None:
    """Train W on all the evidence, for as many passes as did best on a part; None: the identity."""
    passes = report["steps"] / max(report["learnt_from"], 1)
    steps = min(_CHECKS[-1], round(passes * len(evidence)))
    if steps and evidence.teaches:
        for done, weights in enumerate(training(space, evidence, seed=seed), 1):
            progress(done)
            if done == steps:
                return weights
    return None


def _gain(grades: Sequence[Grade], without: Sequence[Grade]) -> tuple[float, float]:
    """Return by how much the exams are passed better, and the standard error of that."""
    gains = [grade.values - before.values for grade, before in zip(grades, without, strict=True)]
    variance = sum(float(gain.var(ddof=1)) / len(gain) for gain in gains)
    return sum(float(gain.mean()) for gain in gains), variance**0.5


def _report(
    space: JointSpace,
    evidence: Evidence,
    part: Evidence,
    exams: Sequence[Exam],
    verdict: _Verdict,
) -> dict[str, Any]:
    held_out = []
    for exam, before, learnt in zip(exams, verdict.without, verdict.learnt, strict=True):
        gain, error = _gain([learnt], [before])
        held_out.append(
            {
                "figure": exam.figure,
                "cases": len(learnt.values),
                "without_map": round(before.figure, 5),
                "with_map": round(learnt.figure, 5),
                "standard_errors": round(gain / error, 1) if error else 0.0,
            }
        )
    counts = np.diff(evidence.picks.offsets)
    return {
        "components": int(space.vectors.shape[1]),
        "weights": dict(zip(space.names, space.weights, strict=True)),
        "people": int(np.count_nonzero(counts > 1)),
        "picks": int(counts[counts > 1].sum()),
        "pairs": len(evidence.pairs) if evidence.pairs is not None else 0,
        "steps": verdict.steps,
        "learnt_from": len(part),
        "why": _why(exams, verdict),
        "held_out": held_out,
    }


def _why(exams: Sequence[Exam], verdict: _Verdict) -> str:
    if not exams:
        return "too little is known to judge a map, so there is none"
    if verdict.steps == 0:
        return "no map was better than none: behaviour taught nothing beyond looks and words"
    return "the map did best on what was held out"
