"""One world of people who choose by looks, and how well each policy ranks what lost its picture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray
from recommend_data import as_events
from recommend_looks import without_pictures
from recommend_measures import judge, scores_of_ranked
from recommend_ours import Ours
from recommend_taste import World, draw_world, read_products
from sightline import Client
from sightline.types import Mask, Scores

__all__ = [
    "CATALOGUES",
    "POLICIES",
    "REMOVED",
    "Cell",
    "Figures",
    "judge_parts",
    "measure_world",
    "read_catalogue",
]

CATALOGUES = {"titles": ("title", "category", "subcategory"), "kinds": ("category", "subcategory")}
"""What the models know of the products besides their pictures, by the name of the catalogue."""
POLICIES = ("ignore", "text", "category_mean")
REMOVED = {"titles": (0, 20, 60), "kinds": (0, 60)}
"""Percent of the pictures that are taken away, by catalogue."""

Figures: TypeAlias = Mapping[str, NDArray[np.float64]]
"""NDCG@10 of every person judged, by part of the picks."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One model: how the catalogue is described, how many per cent lost their picture, a policy."""

    catalogue: str
    percent: int
    policy: str

    @property
    def split(self) -> str:
        """What it has in common with other policies, as the table names it."""
        return f"{self.catalogue}, {self.percent} % removed"


def read_catalogue(folder: Path) -> pl.DataFrame:
    """Read the products of `recommend_taste`, with what the shop says of them in words.

    Raises
    ------
    DataError
        If there is no such table.
    """
    products = read_products(folder)
    said = pl.read_parquet(folder / "fashion.parquet", columns=["id", "title", "category"])
    return products.join(said.rename({"id": "item_id"}), on="item_id", maintain_order="left")


def measure_world(
    table: pl.DataFrame, client: Client, seed: int, people: int, say: Callable[[str], None]
) -> dict[Cell, Figures]:
    """Draw people from a seed, build a model for every cell, and judge it.

    Where no picture is removed there is nothing to stand in for: all policies are one model.
    """
    world = draw_world(table, seed=seed, people=people)
    picked = world.picks.test.matrix() > 0
    judged: dict[Cell, Figures] = {}
    for catalogue, columns in CATALOGUES.items():
        for percent in REMOVED[catalogue]:
            items = world.products.table.select("item_id", *columns, "image")
            items = without_pictures(items, percent, seed)
            has_picture = items["image"].is_not_null().to_numpy()
            for policy in POLICIES if percent else POLICIES[:1]:
                cell = Cell(catalogue, percent, policy)
                say(f"seed {seed}: {cell.split}, {policy}")
                name = f"{catalogue}-{percent}-{policy}-{seed}"
                scores = _scores(_build(client, name, policy, items, world), world)
                judged[cell] = judge_parts(scores, picked, has_picture)
            if not percent:
                judged |= {Cell(catalogue, 0, policy): judged[cell] for policy in POLICIES[1:]}
    return judged


def judge_parts(scores: Scores, picked: NDArray[np.bool_], has_picture: Mask) -> Figures:
    """Judge one ranking by all picks, and by those with and without a picture apart.

    Parameters
    ----------
    scores
        Shape (users, n), -inf for what was not ranked among the best.
    picked
        The picks of the test, shape (users, n).
    has_picture
        Which products have one, shape (n,).

    Returns
    -------
    figures
        Each over the people who have such a pick, in their order; the lists are those of all. A
        part that nobody picked of is left out.
    """
    parts = {
        "all": picked,
        "without picture": picked & ~has_picture,
        "with picture": picked & has_picture,
    }
    found = {}
    for part, relevant in parts.items():
        people = relevant.any(axis=1)
        if people.any():
            found[part] = judge(scores[people], relevant[people]).ndcg
    return found


def _build(client: Client, name: str, policy: str, items: pl.DataFrame, world: World) -> Ours:
    definition = {
        "model": {"name": name, "image_config": {"missing": policy}},
        "connectors": [{"id": "items", "type": "file"}, {"id": "events", "type": "file"}],
        "fetch": {"items": "SELECT * FROM items", "events": "SELECT * FROM events"},
    }
    events = as_events(world.picks.train, world.user_ids(), items["item_id"])
    report = client.create_model(definition, connections={"items": items, "events": events})
    return Ours(client, name, items["item_id"].to_list(), report)


def _scores(ours: Ours, world: World) -> Scores:
    new = np.flatnonzero(world.products.is_new)
    return scores_of_ranked(ours.ranked(world.user_ids(), new), len(world.products))
