"""How long until a live model has what changed: 100,000 items with vectors, 10,000 of them new.

Items are drawn from a fixed seed, with vectors of 512 of their own, so that no encoder is timed,
and 100,000 events. The model is built once. Then its table changes, and `Client.sync` is timed in
an open client from reading the table to the generation being active: nothing changed, 10,000 items
added, 5,000 deleted, one replaced. After each, new items have to be found by `similar_items`, and
deleted ones must not be. Not every item is among the nearest of its own nearest one: of all 110,000
built at once, the share is 0.74 as well.

    python bench/sync.py --json
"""

import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl
from harness import Figures, main
from numpy.typing import NDArray
from sightline import Client

ITEMS, ADDED, DELETED, DIM, CLUSTERS, EVENTS, PEOPLE = (
    100_000,
    10_000,
    5_000,
    512,
    400,
    100_000,
    4_000,
)

YAML = """\
model:
  name: bench
  schema_override:
    item: {id: item_id, features: [{name: look, type: ImageVector}]}
connectors:
  - {id: items_source, type: file, path: items.parquet}
  - {id: events_source, type: file, path: events.parquet}
fetch:
  items: SELECT * FROM items_source
  events: SELECT * FROM events_source
"""


def drawn_items() -> pl.DataFrame:
    """Draw the items, those that are added later behind the others."""
    rng = np.random.default_rng(0)
    count = ITEMS + ADDED
    centres = rng.standard_normal((CLUSTERS, DIM)).astype(np.float32)
    group = rng.integers(0, CLUSTERS, count)
    looks: NDArray[np.float32] = centres[group] + 0.7 * rng.standard_normal(
        (count, DIM), np.float32
    )
    return pl.DataFrame(
        {
            "item_id": [f"item-{item}" for item in range(count)],
            "title": [f"Thing {a} of {b}" for a, b in rng.integers(0, 1_000, (count, 2)).tolist()],
            "category": [f"category {kind}" for kind in (group % 20).tolist()],
            "price": rng.gamma(2, 20, count).round(2),
            "look": pl.Series(looks, dtype=pl.Array(pl.Float32, DIM)),
        }
    )


def write_events(folder: Path) -> None:
    """Draw events about the items that are there from the beginning."""
    rng = np.random.default_rng(1)
    pl.DataFrame(
        {
            "user_id": [f"user-{person}" for person in rng.integers(0, PEOPLE, EVENTS).tolist()],
            "item_id": [f"item-{item}" for item in rng.integers(0, ITEMS, EVENTS).tolist()],
            "event_type": rng.choice(["view", "click", "purchase"], EVENTS),
            "event_timestamp": 1_780_000_000 + rng.integers(0, 90 * 86_400, EVENTS),
        }
    ).write_parquet(folder / "events.parquet")


def measure() -> Figures:
    """Build once, and sync after every change."""
    items = drawn_items()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_events(folder)
        (folder / "model.yaml").write_text(YAML, encoding="utf-8")
        client = Client(folder / "home")

        def timed(table: pl.DataFrame) -> tuple[float, dict[str, int]]:
            table.write_parquet(folder / "items.parquet")
            started = perf_counter()
            report = client.sync("bench")
            return perf_counter() - started, report

        items[:ITEMS].write_parquet(folder / "items.parquet")
        started = perf_counter()
        client.create_model(folder / "model.yaml", encoder="attributes")
        build = perf_counter() - started
        nothing, _ = timed(items[:ITEMS])
        added, report = timed(items)
        assert report["added"] == ADDED, report
        found = [
            f"item-{item}" in client.similar_items("bench", near, limit=10).ids
            for item in range(ITEMS, ITEMS + 50)
            for near in client.similar_items("bench", f"item-{item}", limit=1).ids
        ]
        deleted, report = timed(items[DELETED:])
        assert report["deleted"] == DELETED, report
        ids = client.similar_items("bench", f"item-{DELETED}", limit=1_000).ids
        assert all(int(name.removeprefix("item-")) >= DELETED for name in ids)
        price = pl.when(pl.col("item_id") == f"item-{ITEMS}").then(1.0).otherwise("price")
        one, report = timed(items[DELETED:].with_columns(price=price))
        assert report["replaced"] == 1, report
    return {
        "items": ITEMS,
        "dim": DIM,
        "build_s": round(build, 1),
        "nothing_s": round(nothing, 2),
        "added": ADDED,
        "add_s": round(added, 2),
        "adds_per_s": round(ADDED / added),
        "deleted": DELETED,
        "delete_s": round(deleted, 2),
        "one_replaced_s": round(one, 2),
        "new_ones_among_the_nearest_of_their_nearest": round(float(np.mean(found)), 3),
    }


if __name__ == "__main__":
    main("sync", measure, question="How long until a live model has what changed?")
