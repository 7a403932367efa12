"""What a missing picture costs, and what a stand-in for it gives back.

People who choose by looks are simulated over product photos, as in `recommend_taste.py`, of whose
rules nothing is changed: they want articles, colours, patterns and a gender. From a share of the
products, old and new alike, the picture is taken away, and a model is built for every policy of
``image_config.missing``. Each ranks the new products for everyone through `Client.rank`, and is
judged by the picks of the test, as a whole and by those of products with and without a picture
apart: each part keeps the ranking of all, and asks only for its own picks.

The models see the catalogue in two ways:

- titles: title, category and subcategory. The titles of this table name article, colour and gender,
  often the pattern too: words tell nearly all of what people choose by.
- kinds: category and subcategory alone, of which 6 and 30 values tell little of looks.

Two worlds of 600 people, a part of what `recommend.py` draws, keep it to some ten minutes.

    python bench/missing.py --json
    python bench/missing.py --people 300 --seeds 1

People of all worlds are averaged, and drawn for the 95 % intervals, together; ratios are paired.
The figures of a full run go to `bench/results/missing.json`, others are printed only.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from harness import write_record
from missing_worlds import POLICIES, Cell, Figures, measure_world, read_catalogue
from quality import data_folder
from quality_data import DataError
from recommend_measures import mean_of, ratio_of
from recommend_report import Row, printed
from sightline import Client
from sightline.errors import SightlineError

NAME = "missing"
QUESTION = "What does a missing picture cost, and what does a stand-in for it give back?"
SEEDS = (1, 2)
PEOPLE = 600
_PART = "missing"
_FIGURES = {
    "all": "ndcg10",
    "without picture": "ndcg10_without_picture",
    "with picture": "ndcg10_with_picture",
}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--data", type=Path, help="folder of the development data")
    parser.add_argument("--people", type=int, default=PEOPLE, help=f"a world (default: {PEOPLE})")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="worlds (default: 1 2)")
    return parser.parse_args(given)


def measure(folder: Path, client: Client, *, seeds: Sequence[int], people: int) -> list[Row]:
    """Measure every world in the home of `client`."""
    table = read_catalogue(folder)
    worlds = [measure_world(table, client, seed, people, _say) for seed in seeds]
    return rows_of(dict(zip(seeds, worlds, strict=True)))


def rows_of(worlds: Mapping[int, Mapping[Cell, Figures]]) -> list[Row]:
    """Return every figure over the people of all worlds, what it is beside `ignore`, and by world.

    Parameters
    ----------
    worlds
        By seed and cell, the NDCG@10 of every person judged, by part of the picks.
    """
    pooled: dict[Cell, Figures] = {
        cell: {
            part: np.concatenate([world[cell][part] for world in worlds.values()])
            for part in judged
        }
        for cell, judged in next(iter(worlds.values())).items()
    }
    rows = []
    for cell, judged in pooled.items():
        usual = pooled[Cell(cell.catalogue, cell.percent, POLICIES[0])]
        for part, ndcg in judged.items():
            figure = _FIGURES[part]
            rows.append(Row(_PART, cell.split, cell.policy, figure, mean_of(ndcg)))
            if cell.policy != POLICIES[0]:
                ratio = ratio_of(ndcg, usual[part])
                method = f"{cell.policy} / {POLICIES[0]}"
                rows.append(Row(_PART, cell.split, method, f"{figure}_ratio", ratio))
    for seed, world in worlds.items():
        for cell, judged in world.items():
            for part, ndcg in judged.items():
                method = f"{cell.policy}, seed {seed}"
                rows.append(Row(_PART, cell.split, method, _FIGURES[part], mean_of(ndcg)))
    return rows


def figures_of(rows: Sequence[Row]) -> dict[str, float]:
    """Return the flat figures: of every catalogue, share and policy, NDCG@10 over all worlds."""
    figures = {}
    for row in rows:
        if row.method in POLICIES:
            cell = row.split.removesuffix(" % removed").replace(", ", "_")
            figures[f"{cell}_{row.method}_{row.figure}"] = round(row.estimate.value, 4)
    return figures


def main() -> None:
    """Measure, record, print."""
    options = arguments()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            client = Client(Path(scratch) / "home", device="cpu")
            folder = data_folder(options.data)
            rows = measure(folder, client, seeds=options.seeds, people=options.people)
    except (DataError, SightlineError) as error:
        sys.exit(f"Error: {error}")
    figures = figures_of(rows)
    more = {
        "people_per_world": options.people,
        "seeds": list(options.seeds),
        "table": [row.to_dict() for row in rows],
    }
    if tuple(options.seeds) == SEEDS and options.people == PEOPLE:
        write_record(NAME, QUESTION, figures, **more)
    print(printed(rows))
    if options.json:
        print(json.dumps(figures))


def _say(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
