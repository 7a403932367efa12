"""How well people's next picks are found, beside the best known methods, and at what cost.

Every method runs on the same splits, in one go; none is tuned on what it is judged by. Three parts:

- movielens: films with posters, ratings of 4 and above as likes. By `user-time` the last fifth of
  everyone's likes is held out, by `global-time` all likes from one moment on. Baselines are tuned
  by a grid on a validation slice cut from the training likes by the same rule, then fitted to all
  of them. Films new to all are also ranked among themselves, beside a random order.
- taste: people, simulated, who choose product photos by looks that no column tells, see
  `recommend_taste.py`. A fifth of the products is new to the test.
- scale, with `--scale` alone: see `recommend_scale.py`.

    python bench/recommend.py --json
    python bench/recommend.py --json --scale
    python bench/recommend.py --only taste --seeds 1
    python bench/recommend.py --ratings ratings.csv --items movies.csv --images posters

Baselines whose packages are not installed are left out and named: `absent_peers`. The README of
this folder says how to install them. The figures of full runs go to `bench/results/recommend.json`;
those of parts, and of tables of your own, are printed only.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness import write_record
from quality import data_folder
from quality_data import DataError
from recommend_data import movielens, read_ratings
from recommend_looks import SEEDS, measure_looks
from recommend_peers import Settings, absent_packages, peer_versions
from recommend_protocol import measure_ratings
from recommend_report import Part, printed
from recommend_scale import measure_scale
from sightline import Client
from sightline.errors import SightlineError

NAME = "recommend"
QUESTION = "How well are people's next picks found, beside the best known methods, and how fast?"
PARTS = ("movielens", "taste", "scale")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--data", type=Path, help="folder of the development data")
    parser.add_argument("--scale", action="store_true", help="measure a million events as well")
    parser.add_argument("--only", choices=PARTS, help="measure one part; nothing is recorded")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=SEEDS, help="worlds of taste (default: 1 2 3)"
    )
    parser.add_argument(
        "--tuned",
        type=Path,
        metavar="FILE",
        help="take the settings of baselines from this record; nothing is recorded",
    )
    parser.add_argument("--ratings", type=Path, metavar="FILE", help="CSV or Parquet of your own")
    parser.add_argument("--items", type=Path, metavar="FILE", help="its catalogue")
    parser.add_argument("--images", type=Path, metavar="DIR", help="pictures named by item id")
    options = parser.parse_args(given)
    if (options.ratings is None) != (options.items is None):
        parser.error("--ratings and --items go together")
    if options.images is not None and options.ratings is None:
        parser.error("--images shows the items of --ratings")
    if options.ratings is not None and (
        options.only or options.scale or options.data or options.tuned
    ):
        parser.error("--ratings goes without --only, --scale, --data and --tuned")
    return options


def measure(options: argparse.Namespace, scratch: Path) -> list[Part]:
    """Measure the parts that the options ask for, in a home of their own."""
    client = Client(scratch / "home", device="cpu")
    tuned = {} if options.tuned is None else read_tuned(options.tuned)
    if options.ratings is not None:
        ratings = read_ratings(options.ratings, options.items, options.images)
        return [measure_ratings("ratings", ratings, client, tuned={}, say=_say)]
    parts = []
    if options.only in (None, "movielens"):
        ratings = movielens(data_folder(options.data))
        parts.append(measure_ratings("movielens", ratings, client, tuned=tuned, say=_say))
    if options.only in (None, "taste"):
        folder = data_folder(options.data)
        parts.append(measure_looks(folder, client, seeds=options.seeds, say=_say))
    if options.scale or options.only == "scale":
        tables = scratch / "scale"
        tables.mkdir()
        parts.append(measure_scale(tables, say=_say))
    return parts


def read_tuned(record: Path) -> Mapping[tuple[str, str], Settings]:
    """Read the settings of baselines from what a run recorded or printed, by split and name."""
    if not record.is_file():
        message = f"there is no {record} to take the settings of baselines from"
        raise DataError(message)
    table = json.loads(record.read_text(encoding="utf-8"))["table"]
    rows = [row for row in table if row["part"] == "movielens" and "settings" in row]
    return {(row["split"], row["method"]): _numbers(row["settings"]) for row in rows}


def _numbers(settings: Mapping[str, float | str]) -> Settings:
    """Return settings as the baselines take them: JSON has no infinity but as text."""
    return {
        name: float(value) if isinstance(value, str) else value for name, value in settings.items()
    }


def main() -> None:
    """Measure, record, print."""
    options = arguments()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            parts = measure(options, Path(scratch))
    except (DataError, SightlineError) as error:
        sys.exit(f"Error: {error}")
    figures = {name: value for part in parts for name, value in part.figures.items()}
    rows = [row for part in parts for row in part.rows]
    more = {
        "table": [row.to_dict() for row in rows],
        "peers": peer_versions(),
        "absent_peers": absent_packages(),
        "notes": [note for part in parts for note in part.notes],
    }
    is_full = options.only is None and options.ratings is None and options.tuned is None
    if is_full and tuple(options.seeds) == SEEDS:
        write_record(NAME, QUESTION, figures, **more)
    print(printed(rows))
    for name, value in figures.items():
        print(f"{name}: {value}")
    for said in [*more["notes"], *(f"absent: {name}" for name in more["absent_peers"])]:
        print(said)
    if options.json:
        print(json.dumps({**figures, **more}))


def _say(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
