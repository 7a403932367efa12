"""How long from tables to an active generation: 10,000 items and 100,000 events, no pictures.

The tables are drawn from a fixed seed: items belong to 40 groups, people to two of them each, and
three of four picks come from a person's own groups. The build is timed as a whole process, from
CSV files to ACTIVE, with an empty home every time; queries are timed in one open client.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl
from harness import Figures, main, time_calls
from sightline import Client

ITEMS, EVENTS, PEOPLE, GROUPS = 10_000, 100_000, 4_000, 40
BUILDS = 3

YAML = """\
model: {name: bench}
connectors:
  - {id: items_source, type: file, path: items.csv}
  - {id: events_source, type: file, path: events.csv}
fetch:
  items: SELECT * FROM items_source
  events: SELECT * FROM events_source
"""


def write_tables(folder: Path) -> None:
    """Write items.csv, events.csv and model.yaml."""
    rng = np.random.default_rng(0)
    group_of_item = rng.integers(0, GROUPS, ITEMS)
    items = [
        {
            "item_id": f"item-{item}",
            "title": f"Thing {rng.integers(1_000)} of {rng.integers(1_000)}",
            "category": f"category {rng.integers(20)}",
            "price": round(float(rng.gamma(2, 20)), 2),
        }
        for item in range(ITEMS)
    ]
    pl.DataFrame(items).write_csv(folder / "items.csv")
    tastes = rng.integers(0, GROUPS, (PEOPLE, 2))
    members = [np.flatnonzero(group_of_item == group) for group in range(GROUPS)]
    people = rng.integers(0, PEOPLE, EVENTS)
    own = rng.random(EVENTS) < 0.75
    picks = [
        rng.choice(members[tastes[person, rng.integers(2)]]) if is_own else rng.integers(ITEMS)
        for person, is_own in zip(people, own, strict=True)
    ]
    pl.DataFrame(
        {
            "user_id": [f"user-{person}" for person in people],
            "item_id": [f"item-{item}" for item in picks],
            "event_type": rng.choice(["view", "click", "purchase"], EVENTS),
            "event_timestamp": 1_780_000_000 + rng.integers(0, 90 * 86_400, EVENTS),
        }
    ).write_csv(folder / "events.csv")
    (folder / "model.yaml").write_text(YAML, encoding="utf-8")


def build(folder: Path, home: Path) -> tuple[float, dict[str, float]]:
    """Build in a process of its own; return its wall seconds and those of every stage."""
    started = perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sightline", "create-model", "--file", "model.yaml", "--json"],
        cwd=folder,
        env={**os.environ, "SIGHTLINE_HOME": str(home)},
        capture_output=True,
        check=True,
    )
    return perf_counter() - started, json.loads(done.stdout)["seconds"]


def measure() -> Figures:
    """Build three times, then ask the last model."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_tables(folder)
        build(folder, folder / "warm-up")  # Numba's cache on disk is a matter of installing
        runs = [build(folder, folder / f"home-{number}") for number in range(BUILDS)]
        seconds, stages = sorted(runs, key=lambda run: run[0])[BUILDS // 2]
        client = Client(folder / f"home-{BUILDS - 1}")
        metrics = client.view_model("bench")["metrics"]
        users = iter(range(PEOPLE))
        rank = time_calls(lambda: client.rank("bench", f"user-{next(users)}"), repeats=300)
        some = iter(range(ITEMS))
        similar = time_calls(
            lambda: client.similar_items("bench", f"item-{next(some)}"), repeats=300
        )
    return {
        "items": ITEMS,
        "events": EVENTS,
        "build_s": round(seconds, 2),
        **{f"{stage.lower()}_s": value for stage, value in stages.items()},
        "rank_ms": round(rank.median_s * 1e3, 2),
        "rank_p95_ms": round(rank.p95_s * 1e3, 2),
        "similar_ms": round(similar.median_s * 1e3, 2),
        "ndcg_at_10": metrics["personal"]["ndcg"],
        "popularity_ndcg_at_10": metrics["popularity"]["ndcg"],
    }


if __name__ == "__main__":
    main("build", measure, question="How long from tables to an active generation?")
