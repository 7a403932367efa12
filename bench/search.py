"""How fast search is at a recall of 0.99, with and without filters, beside its peers.

100,000 drawn vectors of 512 and the bundled encoder's vectors of the development data's pictures,
asked by pictures and by captions (`search_data.py`); filters that let 50, 10, 1 and 0.1 % of the
rows pass, falling anywhere or on what is alike. Every way is one thread and one query at a time
(`search_ways.py`), tuned to the least width that finds the recall, and recall stands beside every
time. Ways are timed in turn, a few queries of each; ratios are of the medians.

    python bench/search.py --json
    python bench/search.py --large          # a million vectors of 256, some half an hour

``p50_vs_hnswlib`` is at equal recall: hnswlib as wide as it has to be to find as much as Sightline
does, ``p50_vs_hnswlib_at_target`` with hnswlib no wider than the recall of 0.99 needs.
``filtered_min_recall`` is the least over all worlds, shares and ways to fall. Figures are of the
drawn vectors, those that end in ``_pictures`` of pictures asked by pictures. The record keeps the
last run of either size; ``open_ms`` and ``resident_gb`` are of a fresh process
(`search_child.py`), the latter of the million where that was measured. ``adds_per_s``,
``deletes_per_s`` and ``recall_live`` are of an index in use (`search_live.py`), with two threads.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
if __name__ == "__main__":
    for variable in THREADS:
        os.environ[variable] = "1"  # before anything reads it
    os.environ.setdefault("LANCE_LOG", "error")

import numpy as np  # noqa: E402
from harness import RESULTS, table, write_record  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from quality import data_folder  # noqa: E402
from quality_data import DataError  # noqa: E402
from search_data import PICTURES, SHARES, World, drawn_world, masks, picture_worlds  # noqa: E402
from search_live import drawn_changes, measure_live  # noqa: E402
from search_ways import HNSWLIB, OURS, K, Way, ours, peer_versions, peers  # noqa: E402
from sightline.types import Mask, Scores, Vectors  # noqa: E402

NAME = "search"
QUESTION = "How fast is search at a recall of 0.99, with and without filters, beside its peers?"
TARGET = 0.99
LARGE_ROWS, LARGE_DIM = 1_000_000, 256
LARGE = f"drawn {LARGE_ROWS} x {LARGE_DIM}"
EQUAL = "hnswlib, as wide as our recall needs"
_ASKED = 500
_ROUNDS, _ROUNDS_FILTERED = 500, 100
_IN_A_ROW = 5
_CHILD = Path(__file__).with_name("search_child.py")

Row = dict[str, Any]


def measure_worlds(
    worlds: Sequence[World], folder: Path, *, alone: bool
) -> tuple[list[Row], dict[str, Any]]:
    """Measure every way on worlds of the same vectors, without and with filters.

    Returns the rows, and the record of our index.
    """
    world = worlds[0]
    filters: dict[str, Mask] = {
        f"{100 * share:g} % {how}": mask
        for share in SHARES
        for how, mask in masks(world.vectors, share).items()
    }
    _say(f"{world.name}: building")
    ways, record = ours(world, folder)
    if not alone:
        for built in peers(world, filters, folder):
            _say(f"{built[0].name}: built in {built[0].build_s:.0f} s")
            ways += built
    rows: list[Row] = []
    for world in worlds:
        for name, allowed in [("none", None), *filters.items()]:
            _say(f"{world.name}, filter {name}")
            compared = _compare(world, ways, allowed)
            rows += [{"world": world.name, "filter": name, **row} for row in compared]
    return rows, record


def _compare(world: World, ways: Sequence[Way], allowed: Mask | None) -> Iterator[Row]:
    queries = world.queries[:_ASKED]
    eligible = np.arange(len(world.vectors)) if allowed is None else np.flatnonzero(allowed)
    bars = _bars(world, queries, eligible)
    asked = {way.name: _ASKED if allowed is None else way.asked_filtered for way in ways}
    tuned = {
        way.name: _tune(
            way, world, queries[: asked[way.name]], allowed, bars[: asked[way.name]], TARGET
        )
        for way in ways
    }
    reference = next((way for way in ways if way.name == HNSWLIB), None)
    if allowed is None and reference is not None:
        tuned[EQUAL] = _tune(reference, world, queries, None, bars, tuned[OURS][1])
        ways = [*ways, replace(reference, name=EQUAL)]
    calls = {
        way.name: _asker(way, queries, allowed, tuned[way.name][0], place)
        for place, way in enumerate(ways)
    }
    rounds = _ROUNDS if allowed is None else _ROUNDS_FILTERED
    seconds = _in_turn(calls, rounds)
    for way in ways:
        taken, (width, recall) = seconds[way.name], tuned[way.name]
        yield {
            "way": way.name,
            "width": width,
            "recall": round(recall, 4),
            "asked": asked.get(way.name, _ASKED),
            "p50_ms": round(1e3 * median(taken), 4),
            "p95_ms": round(1e3 * float(np.percentile(taken, 95)), 4),
            "ours_vs_it": round(median(seconds[OURS]) / median(taken), 4),
            "plan": way.plan(queries[:1], allowed),
            "build_s": round(way.build_s, 1),
        }


def _bars(world: World, queries: Vectors, eligible: NDArray[np.int64]) -> Scores:
    """Return the exact score of the k-th best allowed row of every query."""
    scores = queries @ world.vectors[eligible].T
    k = min(K, len(eligible))
    return np.partition(scores, -k, axis=1)[:, -k]


def _tune(
    way: Way, world: World, queries: Vectors, allowed: Mask | None, bars: Scores, target: float
) -> tuple[int, float]:
    """Return the least width that reaches the recall, or the widest, and its recall."""
    due = K if allowed is None else min(K, int(allowed.sum()))
    recall = 0.0
    for width in way.widths:
        hits = 0
        for query, bar in zip(queries, bars, strict=True):
            rows = np.unique(way.search(query[None], allowed, width))
            hits += int((world.vectors[rows] @ query >= bar - 1e-6).sum())
        recall = min(1.0, hits / (due * len(queries)))
        if recall >= target:
            return width, recall
    return way.widths[-1], recall


def _in_turn(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time each way for some queries in a row, in an order drawn anew, after one for the caches.

    A way that follows another one finds the caches full of that one's data, and its code gone: what
    a process that only searches never sees. In an order that stays, the same one would always
    suffer most.
    """
    rng = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds // _IN_A_ROW):
        for name in rng.permutation(list(calls)).tolist():
            calls[name]()
            for _ in range(_IN_A_ROW):
                start = perf_counter()
                calls[name]()
                seconds[name].append(perf_counter() - start)
    return seconds


def _asker(
    way: Way, queries: Vectors, allowed: Mask | None, width: int, place: int
) -> Callable[[], object]:
    # Each begins elsewhere: one library in two ways would find what it needs in the caches.
    turn = count(place * 7)
    return lambda: way.search(queries[next(turn) % len(queries)][None], allowed, width)


def fresh_process(folder: Path) -> dict[str, float]:
    """Open the index in a process of its own."""
    run = subprocess.run(
        [sys.executable, str(_CHILD), str(folder)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(run.stdout)
    return found


def flat(rows: Sequence[Row], fresh: Mapping[str, float]) -> dict[str, Any]:
    """Return the figures that sum up the rows."""
    drawn = rows[0]["world"]
    by = {(row["world"], row["filter"], row["way"]): row["ours_vs_it"] for row in rows}
    mine = [row for row in rows if row["way"] == OURS]
    figures: dict[str, Any] = {
        "recall_unfiltered": min(row["recall"] for row in mine if row["filter"] == "none"),
        "filtered_min_recall": min(row["recall"] for row in mine if row["filter"] != "none"),
    }
    named = {
        "p50_vs_hnswlib": ("none", EQUAL),
        "p50_vs_hnswlib_at_target": ("none", HNSWLIB),
        "p50_filter_1pct_vs_hnswlib": ("1 % random", HNSWLIB),
    }
    for figure, (filter_name, way) in named.items():
        for world, suffix in ((drawn, ""), (PICTURES, "_pictures")):
            if (world, filter_name, way) in by:
                figures[figure + suffix] = by[world, filter_name, way]
    exact = [row["ours_vs_it"] for row in rows if row["way"] == "sightline, exact scan"]
    figures["p50_vs_exact_scan_worst"] = max(exact)
    return {**figures, "p50_ms": mine[0]["p50_ms"], **fresh}


def beside(last: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of a run, with what the last record has of the other size."""
    is_large = LARGE in run["indexes"]
    of_other = [row for row in last["table"] if (row["world"] == LARGE) != is_large]
    others = {name: it for name, it in last["indexes"].items() if (name == LARGE) != is_large}
    kept = {
        name: value
        for name, value in last["figures"].items()
        if name.startswith("large_") != is_large
    }
    figures = {**kept, **run["figures"]}
    if "large_resident_gb" in figures:
        figures["resident_gb"] = figures["large_resident_gb"]
    return {
        "figures": figures,
        "table": [*of_other, *run["table"]],
        "indexes": {**others, **run["indexes"]},
    }


def main() -> None:
    """Measure, record, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--data", type=Path, help="folder of the development data")
    parser.add_argument(
        "--large", action="store_true", help="a million vectors instead, beside the last record"
    )
    options = parser.parse_args()
    rows: list[Row] = []
    records: dict[str, Any] = {}
    for place, worlds in enumerate(_worlds(options)):
        with tempfile.TemporaryDirectory(prefix="search-") as folder:
            found, record = measure_worlds(worlds, Path(folder), alone=options.large)
            rows += found
            records |= {world.name: record for world in worlds}
            if place == 0:
                fresh = fresh_process(Path(folder))
    figures = flat(rows, fresh)
    if options.large:
        figures = {f"large_{name}": value for name, value in figures.items()}
    else:
        _say("adding and deleting")
        with tempfile.TemporaryDirectory(prefix="search-live-") as folder:
            changed, live = measure_live(drawn_changes(), Path(folder))
        figures |= live
        rows += changed
    record = beside(_last_record(), {"figures": figures, "table": rows, "indexes": records})
    figures = record["figures"]
    write_record(NAME, QUESTION, peers=peer_versions(), **record)
    print(table(QUESTION, figures))
    if options.json:
        print(json.dumps({**figures, "table": rows}))


def _worlds(options: argparse.Namespace) -> Iterator[list[World]]:
    if options.large:
        yield [drawn_world(LARGE_ROWS, LARGE_DIM)]
        return
    yield [drawn_world(100_000, 512)]
    try:
        yield list(picture_worlds(data_folder(options.data)))
    except DataError as error:
        _say(f"left out: {error}")


def _last_record() -> dict[str, Any]:
    path = RESULTS / f"{NAME}.json"
    if not path.is_file():
        return {"figures": {}, "table": [], "indexes": {}}
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _say(step: str) -> None:
    print(f"... {step}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
