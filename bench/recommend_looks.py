"""Visual taste: what pictures, the learned space and true attributes are worth on new products."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from recommend_data import as_events
from recommend_measures import Judged, judge, mean_of, ratio_of, scores_of_ranked
from recommend_ours import Ours, build
from recommend_report import Part, Row
from recommend_taste import World, draw_world, read_products
from sightline import Client
from sightline.types import Mask, Scores, Vectors

__all__ = [
    "SEEDS",
    "WITHOUT_PICTURE",
    "Asked",
    "measure_looks",
    "raw_rankings",
    "summary",
    "without_pictures",
]

SEEDS = (1, 2, 3)
WITHOUT_PICTURE = (20, 60)
"""Percent of the pictures, of old and new products alike, that are taken away."""
_PART = "taste"
_SPLIT = "new products"
_PICTURES, _NOTHING, _ATTRIBUTES = "with pictures", "without pictures", "with true attributes"


@dataclass(frozen=True, slots=True)
class Asked:
    """The people of a world, and what they are judged by."""

    world: World
    relevant: NDArray[np.bool_]
    """Shape (users, n)."""

    def judge(self, scores: Scores) -> Judged:
        """Judge a ranking of the new products alone."""
        among_new = np.where(self.world.products.is_new, scores, -np.inf)
        return judge(among_new.astype(np.float32), self.relevant)

    def judge_ours(self, ours: Ours) -> Judged:
        """Judge what the product says when asked to rank the new products."""
        new = np.flatnonzero(self.world.products.is_new)
        ranked = ours.ranked(self.world.user_ids(), new)
        return self.judge(scores_of_ranked(ranked, len(self.world.products)))


def measure_looks(
    folder: Path, client: Client, *, seeds: Sequence[int] = SEEDS, say: Callable[[str], None]
) -> Part:
    """Measure all that needs people who choose by looks; see `recommend_taste` for how they do.

    Parameters
    ----------
    folder
        Of the development data.
    client
        Models are built in its home.
    seeds
        One world each; people of all worlds are averaged, and drawn for the intervals, together.
    say
        Told of every step.
    """
    say("taste: measuring patterns")
    table = read_products(folder)
    worlds = [_measure_world(table, client, seed, say) for seed in seeds]
    rows = [
        Row(_PART, _SPLIT, f"{method}, seed {seed}", "ndcg10", mean_of(judged[method].ndcg))
        for seed, judged in zip(seeds, worlds, strict=True)
        for method in judged
    ]
    return summary(_pooled(worlds), rows)


def _measure_world(
    table: pl.DataFrame, client: Client, seed: int, say: Callable[[str], None]
) -> dict[str, Judged]:
    say(f"taste: drawing people, seed {seed}")
    world = draw_world(table, seed=seed)
    asked = Asked(world, world.picks.test.matrix() > 0)
    ids = world.products.table.select("item_id")
    pictures = world.products.table.select("item_id", "image")
    judged = {
        "random": asked.judge(np.zeros_like(world.odds)),
        "everyone's true odds": asked.judge(world.odds),
    }

    def ours(name: str, items: pl.DataFrame, types: Mapping[str, str] | None = None) -> Ours:
        say(f"taste: {name}, seed {seed}")
        events = as_events(world.picks.train, world.user_ids(), ids["item_id"])
        model = build(client, f"taste-{seed}-{len(judged)}", items, events, types=types)
        judged[name] = asked.judge_ours(model)
        return model

    with_pictures = ours(_PICTURES, pictures)
    for method, scores in raw_rankings(world, *with_pictures.picture_vectors()).items():
        judged[method] = asked.judge(scores)
    ours(_NOTHING, ids)
    looks = pl.Series("look", world.products.hidden().tolist(), dtype=pl.List(pl.Float32))
    ours(_ATTRIBUTES, ids.with_columns(looks), {"look": "ImageVector"})
    for percent in WITHOUT_PICTURE:
        ours(_with_fewer(percent), without_pictures(pictures, percent, seed))
    return judged


def raw_rankings(world: World, vectors: Vectors, presence: Mask) -> dict[str, Scores]:
    """Score by nearness to a person's picks in the encoder's own space, with nothing learned.

    Nearness is the cosine, to the mean of the picks or to the nearest of them, of the vectors as
    they are and with the mean of the catalogue taken off: what can be done without behaviour. A
    product without a picture, and everything for someone without picks, scores 0.

    Returns
    -------
    scores
        By method, shape (users, n).
    """
    centred = np.where(presence[:, None], vectors - vectors[presence].mean(axis=0), 0)
    spaces = {"as it is": vectors, "centred": centred}
    rankings = {}
    for space, rows in spaces.items():
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        mean = np.zeros((world.picks.train.n_users, len(unit)), np.float32)
        nearest = np.zeros_like(mean)
        picks = world.picks.train
        for person in range(picks.n_users):
            own = picks.items[picks.users == person]
            own = own[presence[own]]
            if len(own):
                alike = unit[own] @ unit.T
                mean[person], nearest[person] = alike.mean(axis=0), alike.max(axis=0)
        rankings[f"raw space {space}, mean of picks"] = mean
        rankings[f"raw space {space}, nearest pick"] = nearest
    return rankings


def without_pictures(items: pl.DataFrame, percent: int, seed: int) -> pl.DataFrame:
    """Take the pictures of some per cent of the items away, drawn from a seed."""
    rng = np.random.default_rng((seed, percent))
    taken = np.zeros(items.height, np.bool_)
    taken[rng.choice(items.height, items.height * percent // 100, replace=False)] = True
    return items.with_columns(pl.when(pl.Series(~taken)).then(pl.col("image")).alias("image"))


def _with_fewer(percent: int) -> str:
    return f"{percent} % of pictures removed"


def _pooled(worlds: Sequence[Mapping[str, Judged]]) -> dict[str, Judged]:
    return {
        method: Judged(
            np.concatenate([world[method].ndcg for world in worlds]),
            np.concatenate([world[method].recall for world in worlds]),
        )
        for method in worlds[0]
    }


def summary(pooled: Mapping[str, Judged], by_seed: list[Row]) -> Part:
    """Compare over the people of all worlds; the raw space is its best ranking by the test."""
    rows = []
    for method, judged in pooled.items():
        rows.append(Row(_PART, _SPLIT, method, "ndcg10", mean_of(judged.ndcg)))
        rows.append(Row(_PART, _SPLIT, method, "recall10", mean_of(judged.recall)))
    raw_names = [name for name in pooled if name.startswith("raw")]
    raw = max(raw_names, key=lambda name: pooled[name].ndcg.mean())
    compared = {
        "taste_images_ratio": (_PICTURES, _NOTHING),
        "taste_map_ratio": (_PICTURES, raw),
        "taste_vs_oracle": (_PICTURES, _ATTRIBUTES),
    }
    for percent in WITHOUT_PICTURE:
        compared[f"taste_without_{percent}_percent_ratio"] = (_with_fewer(percent), _NOTHING)
    figures = {}
    for figure, (method, other) in compared.items():
        ratio = ratio_of(pooled[method].ndcg, pooled[other].ndcg)
        rows.append(Row(_PART, _SPLIT, f"{method} / {other}", figure, ratio))
        if method == _PICTURES:
            figures[figure] = round(ratio.value, 4)
    return Part(figures, [*rows, *by_seed])
