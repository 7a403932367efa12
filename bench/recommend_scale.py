"""How training and ranking hold up at 1,000,000 events, 100,000 items and 50,000 people.

Drawn from a seed: items in 500 clusters with vectors of 256 numbers (given to the model as they
are), a category, a price and a popularity by Zipf's law; people with one to four clusters they pick
from four times in five, and else from everything; a year of events, people's number of which is
lognormal. The smaller size is a tenth of everything: events, items and people.

Every build is a process of its own, after one that is not counted, which compiles. `train_minutes`
is the wall time of the process, `train_gb` the most memory it held at a time (VmHWM), and
`growth_exponent` the logarithm to base 10 of how many times as long a tenfold size takes to build.
Queries are timed in one process with one thread: `rank` with a filter, seen items left out and no
metadata. The batch has as many threads as there are cores.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import log10
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from recommend_report import Part

__all__ = ["LARGE", "SMALL", "Size", "draw_tables", "growth_exponent", "measure_scale"]

_DIM, _CLUSTERS, _CATEGORIES = 256, 500, 20
_SPREAD = 0.8
"""Length of the noise beside a centre of length 1."""
_ZIPF = 0.8
_MOST_INTERESTS = 4
_OWN = 0.8
_YEAR = 365 * 86_400
_START = 1_750_000_000
_SEED = 0
_CHILD = Path(__file__).with_name("recommend_scale_child.py")
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "SIGHTLINE_THREADS",
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    events: int
    items: int
    people: int


LARGE = Size(1_000_000, 100_000, 50_000)
SMALL = Size(100_000, 10_000, 5_000)
_WARM_UP = Size(5_000, 1_000, 500)


def measure_scale(folder: Path, *, say: Callable[[str], None]) -> Part:
    """Build both sizes and ask the larger one.

    Parameters
    ----------
    folder
        Empty; tables and homes are made in it.
    say
        Told of every step.
    """
    built = {}
    for name, size in (("warm-up", _WARM_UP), ("small", SMALL), ("large", LARGE)):
        say(f"scale: {size.events:,} events, {size.items:,} items, {size.people:,} people")
        tables = folder / name
        tables.mkdir()
        draw_tables(tables, size, seed=_SEED)
        built[name] = _child("build", tables)
    large = built["large"]
    figures = {
        "train_minutes": round(large["process_s"] / 60, 3),
        "train_gb": round(large["peak_bytes"] / 1e9, 3),
        "growth_exponent": growth_exponent(built["small"]["build_s"], large["build_s"]),
    }
    notes = []
    for question, threads in (("rank", 1), ("batch", None), ("event", 1)):
        say(f"scale: {question}")
        answer = _child(question, folder / "large", threads=threads)
        notes += answer.pop("notes", [])
        figures |= {name: value for name, value in answer.items() if name != "process_s"}
    notes += [f"built in {name}: {built[name]['stages']}" for name in ("small", "large")]
    return Part(figures, notes=notes)


def growth_exponent(small_s: float, large_s: float) -> float:
    """Return the power of its size that a build takes, from two sizes a factor of 10 apart."""
    return round(log10(large_s / small_s), 4)


def draw_tables(folder: Path, size: Size, *, seed: int) -> None:
    """Write items.parquet and events.parquet; see the module."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, _CLUSTERS, size.items)
    popularity = (1.0 + rng.permutation(size.items)) ** -_ZIPF
    _items(cluster, rng).write_parquet(folder / "items.parquet")
    people = _active_people(size, rng)
    picked = _picks(people, cluster, popularity, size, rng)
    times = _START + np.sort(rng.integers(0, _YEAR, size.events))
    events = pl.DataFrame(
        {
            "user_id": _names("user", people),
            "item_id": _names("item", picked),
            "event_type": rng.choice(["view", "click", "purchase"], size.events, p=(0.6, 0.3, 0.1)),
            "event_timestamp": times,
        }
    )
    events.write_parquet(folder / "events.parquet")


def _items(cluster: NDArray[np.int64], rng: np.random.Generator) -> pl.DataFrame:
    centres = rng.normal(size=(_CLUSTERS, _DIM)) / np.sqrt(_DIM)
    noise = rng.normal(size=(len(cluster), _DIM)) * (_SPREAD / np.sqrt(_DIM))
    vectors = (centres[cluster] + noise).astype(np.float32)
    return pl.DataFrame(
        {
            "item_id": _names("item", np.arange(len(cluster))),
            "look": pl.Series(vectors).arr.to_list(),
            "category": [f"category {number % _CATEGORIES}" for number in cluster],
            "price": np.round(rng.gamma(2, 20, len(cluster)), 2),
        }
    )


def _active_people(size: Size, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return whose every event is, shape (events,); everyone has at least one."""
    activity = rng.lognormal(0, 1, size.people)
    more = rng.choice(size.people, size.events - size.people, p=activity / activity.sum())
    return rng.permutation(np.concatenate([np.arange(size.people), more]))


def _picks(
    people: NDArray[np.int64],
    cluster: NDArray[np.int64],
    popularity: NDArray[np.floating],
    size: Size,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the item of every event, drawn by popularity within a cluster or among all items."""
    interests = rng.choice(np.unique(cluster), (size.people, _MOST_INTERESTS))
    count = rng.integers(1, _MOST_INTERESTS + 1, size.people)
    wanted = interests[people, (rng.random(len(people)) * count[people]).astype(np.int64)]
    by_cluster = np.argsort(cluster, kind="stable")
    reached = np.cumsum(popularity[by_cluster])
    ends = np.searchsorted(cluster[by_cluster], np.arange(_CLUSTERS), side="right")
    starts = np.concatenate([[0], ends[:-1]])
    below = np.concatenate([[0.0], reached])
    is_own = rng.random(len(people)) < _OWN
    low = np.where(is_own, below[starts[wanted]], 0.0)
    high = np.where(is_own, below[ends[wanted]], reached[-1])
    drawn = low + rng.random(len(people)) * (high - low)
    place = np.minimum(np.searchsorted(reached, drawn, side="right"), size.items - 1)
    picked: NDArray[np.int64] = by_cluster[place]
    return picked


def _names(kind: str, rows: NDArray[np.int64]) -> pl.Series:
    return pl.Series(rows).cast(pl.String).str.zfill(6).str.replace("^", f"{kind}-")


def _child(task: str, tables: Path, *, threads: int | None = None) -> dict[str, Any]:
    """Do a task in a process of its own; return what it found, and its wall seconds."""
    limits = {} if threads is None else dict.fromkeys(_ONE_THREAD, str(threads))
    started = perf_counter()
    done = subprocess.run(
        [sys.executable, str(_CHILD), task, str(tables)],
        env={**os.environ, **limits},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**answer, "process_s": perf_counter() - started}
