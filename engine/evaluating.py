"""Joins a generation with learning: how well it foretells, and what each of its parts buys."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from .config import load_config
from .features.facts import ItemFacts
from .features.words import no_words
from .hiding import Hidden, hidden_in_snapshot
from .learn.evaluation import Judgement
from .learn.interactions import Interactions
from .learn.report import Evaluation
from .learn.segments import find_segments, judge_among, judge_segments
from .learn.splits import HELD_OUT, global_time_split, user_time_split
from .learning import Content, Learning
from .rank.policy import Retrieved
from .rank.recommender import Recommender
from .snapshot import Snapshot, share_all
from .store.generation import new_generation, open_active
from .store.home import Home
from .store.lock import model_lock
from .trial import CUT_OFF, Trial, run_trial
from .types import Modality

__all__ = ["evaluate_model"]

Progress: TypeAlias = Callable[[str, int, int], None]

_SPLITS = {"user-time": user_time_split, "global-time": global_time_split}
_MOST_SCORED = 20_000
"""Items up to which all are scored for everyone judged: the AUC needs it, nothing else does."""
_NEW = "new items, among themselves"


def evaluate_model(
    home: Home,
    model_name: str,
    *,
    split: str,
    ablate: bool,
    threads: int,
    progress: Progress,
) -> dict[str, Any]:
    """Judge the active generation, and keep the report in its manifest; see `Client.evaluate`.

    The manifest is sealed with its generation: the report makes another one that shares all files.
    """
    if split not in _SPLITS:
        message = f"split is {split!r}; it must be one of {', '.join(_SPLITS)}"
        raise ValueError(message)
    folder = home.existing_model(model_name)
    with model_lock(home, model_name):
        generation = open_active(folder)
        snapshot = Snapshot(generation)
        config = load_config(generation.manifest["config"])
        learning = Learning(config.policies, config.interaction_half_life_days, threads=threads)
        report = _evaluate(learning, snapshot, split, progress, ablate=ablate)
        with new_generation(folder) as writer:
            share_all(writer, generation)
            written = ("format_version", "generation", "files")  # by the writer
            manifest = {
                key: value for key, value in generation.manifest.items() if key not in written
            }
            writer.commit({**manifest, "evaluation": report})
    return {"model_name": model_name, **report}


def _evaluate(
    learning: Learning, snapshot: Snapshot, split: str, progress: Progress, *, ablate: bool
) -> dict[str, Any]:
    content, interactions = _content(snapshot), snapshot.interactions
    earlier, later = _SPLITS[split](interactions)
    hidden = hidden_in_snapshot(snapshot)
    trial = run_trial(learning, content, earlier, later, progress, hidden=hidden)
    if trial is None:
        note = f"not measured: no user has the events that a held-out part needs{hidden.proviso}"
        return {"split": split, "held_out": HELD_OUT[split], "note": note}
    together = Recommender(trial.lesson.catalogue, Retrieved())
    everything = trial.scores if len(content) <= _MOST_SCORED else None
    methods = {
        "sightline": trial.judge(trial.rank, progress, "ranking", score_all=everything),
        "popularity": trial.judge(trial.popular, progress, "popularity"),
        "trending": trial.judge(trial.trending, progress, "trending"),
        "picked together": trial.judge(
            lambda user, k: together.for_person(earlier[user], k, allowed=trial.allowed(user)).rows[
                :k
            ],
            progress,
            "picked together",
        ),
    }
    segments = find_segments(earlier, pictures=content.has_picture)
    by_method = {
        name: judge_segments(judgement, trial.later, segments)
        for name, judgement in methods.items()
    }
    by_segment = {
        segment: {name: found[segment] for name, found in by_method.items()}
        for segment in by_method["sightline"]
    }
    by_segment[_NEW] = _among_new(trial, segments.items["new items"])
    ablation: dict[str, Judgement] = {}
    for part in ("pictures", "words", "behaviour") if ablate else ():
        without = _without(part, learning, content, earlier, later, progress, hidden)
        ablation[part] = without.judge(without.rank, progress, f"ranking without {part}")
    report = Evaluation(split, methods, by_segment, ablation, learning.seed).to_dict()
    return {**report, "hidden": trial.left_out}


def _among_new(trial: Trial, is_new: Any) -> dict[str, Judgement]:  # noqa: ANN401 - a mask
    rankings = {"sightline": trial.rank, "popularity": trial.popular}
    return {
        name: judge_among(rank, trial.later, is_new & trial.hidden.shown, k=CUT_OFF)
        for name, rank in rankings.items()
    }


def _without(
    part: str,
    learning: Learning,
    content: Content,
    earlier: Interactions,
    later: Interactions,
    progress: Progress,
    hidden: Hidden,
) -> Trial:
    """Learn and judge once more, with a part left out."""

    def named(step: str, done: int, total: int) -> None:
        progress(f"without {part}: {step}", done, total)

    n_items = len(content)
    taught = earlier
    if part == "pictures":
        empty = np.zeros((n_items, 0), np.float32)
        nobody = np.zeros(n_items, np.bool_)
        images = _absent(content.images)
        content = replace(content, images=images, has_picture=nobody, palettes=empty)
    elif part == "words":
        facts = replace(content.facts, categories=np.zeros((n_items, 0), np.int32))
        content = replace(
            content,
            images=_pictures_alone(content),  # stand-ins are of words and categories
            texts=_absent(content.texts),
            words=no_words(n_items),
            facts=facts,
        )
    else:
        taught = earlier.where(np.zeros(len(earlier.rows), np.bool_))
    trial = run_trial(learning, content, earlier, later, named, taught=taught, hidden=hidden)
    if trial is None:
        message = "the same histories were judged a moment ago"
        raise RuntimeError(message)
    return trial


def _absent(modality: Modality) -> Modality:
    n_items = len(modality.presence)
    return Modality(np.zeros((n_items, 0), np.float32), np.zeros(n_items, np.bool_))


def _pictures_alone(content: Content) -> Modality:
    vectors = np.where(content.has_picture[:, None], content.images.vectors, np.float32(0))
    return Modality(vectors, content.has_picture)


def _content(snapshot: Snapshot) -> Content:
    catalogue = snapshot.catalogue
    facts = catalogue.facts
    images, texts = (
        Modality(space.vectors[:], space.presence) for space in (catalogue.images, catalogue.texts)
    )
    return Content(
        images=images,
        has_picture=facts.has_picture,
        texts=texts,
        words=catalogue.words,
        facts=ItemFacts(facts.newness, facts.prices, facts.categories),
        palettes=facts.palettes,
        pairs=snapshot.pairs,
    )
