"""One task of `recommend_scale.py` in a process of its own; prints one JSON object."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sightline import Client

MODEL = "scale"
FILTER = "price < 60 AND category != 'category 3'"
_RANKS, _WARM_UPS, _EVENTS, _BATCH = 1_000, 50, 300, 20_000
_LIMIT = 10
_SEED = 1


def build(client: Client, tables: Path) -> dict[str, Any]:
    """Build the model; how long it took, and the most memory this process held."""
    definition = {
        "model": {
            "name": MODEL,
            "schema_override": {"item": {"features": [{"name": "look", "type": "ImageVector"}]}},
        },
        "connectors": [
            {"id": name, "type": "file", "path": str(tables / f"{name}.parquet")}
            for name in ("items", "events")
        ],
        "fetch": {"items": "SELECT * FROM items", "events": "SELECT * FROM events"},
    }
    started = perf_counter()
    report = client.create_model(definition)
    seconds = perf_counter() - started
    return {"build_s": seconds, "stages": report.get("seconds"), "peak_bytes": _peak_bytes()}


def rank(client: Client, tables: Path) -> dict[str, Any]:
    """Time `rank` for one person after the other."""
    people = _people(tables, _RANKS + _WARM_UPS)

    def ask(person: str) -> float:
        return _seconds(
            lambda: client.rank(
                MODEL, person, limit=_LIMIT, filter_predicate=FILTER, return_metadata=False
            )
        )

    times = np.array([ask(person) for person in people])[_WARM_UPS:] * 1e3
    median, last = np.percentile(times, (50, 99))
    return {"rank_p50_ms": round(float(median), 3), "rank_p99_ms": round(float(last), 3)}


def batch(client: Client, tables: Path) -> dict[str, Any]:
    """Time one call for many people."""
    if not hasattr(client, "rank_batch"):
        return {"notes": ["batch_users_per_s: this version has no Client.rank_batch"]}
    people = _people(tables, _BATCH)
    client.rank_batch(MODEL, people[:_WARM_UPS], limit=_LIMIT)
    seconds = _seconds(lambda: client.rank_batch(MODEL, people, limit=_LIMIT))
    return {"batch_users_per_s": round(len(people) / seconds, 1)}


def event(client: Client, tables: Path) -> dict[str, Any]:
    """Time one new event, and see that the next `rank` of its person is another."""
    if not hasattr(client, "insert_events"):
        return {"notes": ["event_ms: this version has no Client.insert_events"]}

    def insert(row: Mapping[str, str]) -> float:
        return _seconds(lambda: client.insert_events(MODEL, [row]))

    inserts, changed = [], 0
    for person in _people(tables, _EVENTS + _WARM_UPS):
        before = _ranked(client, person)
        happened = {"user_id": person, "item_id": next(iter(before)), "event_type": "click"}
        inserts.append(insert(happened))
        after = _ranked(client, person)
        changed += moved(before, after, happened["item_id"])
    median, last = np.percentile(np.array(inserts[_WARM_UPS:]) * 1e3, (50, 99))
    share = changed / (_EVENTS + _WARM_UPS)
    said = f"event: p99 {last:.3f} ms; other items moved in the next rank of {share:.1%} of people"
    return {"event_ms": round(float(median), 3), "notes": [said]}


def _ranked(client: Client, person: str) -> dict[str, float]:
    answer = client.rank(MODEL, person, limit=_LIMIT, return_metadata=False)
    return dict(zip(answer.ids, answer.scores, strict=True))


def moved(before: Mapping[str, float], after: Mapping[str, float], picked: str) -> bool:
    """Tell whether more happened than that the picked item, now seen, is gone."""
    stayed = [item for item in before if item != picked]
    return stayed != list(after)[: len(stayed)]


def _people(tables: Path, count: int) -> list[str]:
    """Draw people who have events, in a random order."""
    import polars as pl

    known = pl.read_parquet(tables / "events.parquet", columns=["user_id"])["user_id"]
    names = known.unique().sort().to_numpy()
    order = np.random.default_rng(_SEED).permutation(len(names))
    people: list[str] = names[order[:count]].tolist()
    return people


def _peak_bytes() -> int:
    """Return VmHWM: unlike ru_maxrss it knows nothing of the process that this one came from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _seconds(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


TASKS = {"build": build, "rank": rank, "batch": batch, "event": event}


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    found = TASKS[sys.argv[1]](Client(folder / "home", device="cpu"), folder)
    print(json.dumps(found))
