"""How fast items are added to and deleted from an index in use, and what it finds afterwards.

10,000 of 110,000 drawn vectors of 512 come to an index of the others, and 5,000 of those leave.
Sightline writes the next generation's index and opens it, all on disk; hnswlib marks what left,
adds the rest with two threads, and saves its file. ``adds_per_s`` is of both changes together,
``deletes_per_s`` where 5,000 leave and none come. Recall is asked by further vectors of the same
draw, by those that were added, and by those that stay.

    python bench/search_live.py --json      # alone, some two minutes
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from search_data import World, drawn_world
from sightline.index.carry import Earlier, carry_index
from sightline.index.plan import EXACT_ROWS, build_index, open_index
from sightline.types import Mask, Rows, Vectors

__all__ = ["ADDED", "Changes", "drawn_changes", "measure_live"]

ADDED, DELETED, DIM, ROWS = 10_000, 5_000, 512, 100_000
_K, _ASKED, _THREADS = 10, 500, 2
_M, _EF_CONSTRUCTION, _EF = 16, 128, 64

Find = Callable[[Vectors], Rows]
"""Finds the nearest ten rows of the draw, of queries of shape (q, d): shape (q, 10)."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows of one draw: the first `n_before` are there, others come, some of the first leave."""

    world: World
    n_before: int
    added: Rows
    deleted: Rows

    @property
    def before(self) -> Mask:
        """Which rows of the draw are there at first."""
        return np.arange(len(self.world.vectors)) < self.n_before

    @property
    def after(self) -> Mask:
        """Which rows of the draw are there in the end."""
        present = self.before
        present[self.added] = True
        present[self.deleted] = False
        return present


def drawn_changes(rows: int = ROWS, added: int = ADDED, deleted: int = DELETED) -> Changes:
    """Draw what is there, what comes and what leaves."""
    world = drawn_world(rows + added, DIM, queries=_ASKED)
    left = np.random.default_rng(1).choice(rows, deleted, replace=False)
    new = np.arange(rows, rows + added, dtype=np.int32)
    return Changes(world, rows, new, np.sort(left).astype(np.int32))


def measure_live(changes: Changes, folder: Path) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Change Sightline's index and hnswlib's; return a row of each, and the figures."""
    rows = [*_ours(changes, folder), *_hnswlib(changes, folder)]
    mine = rows[0]
    figures = {name: mine[name] for name in ("adds_per_s", "deletes_per_s")}
    return rows, {**figures, "recall_live": min(mine["recall_after"].values())}


def _ours(changes: Changes, folder: Path) -> Iterator[dict[str, Any]]:
    first = np.ascontiguousarray(changes.world.vectors[changes.before])
    present = np.ones(len(first), np.bool_)
    build_index(first, present, folder / "0", exact_rows=EXACT_ROWS // 2)
    earlier = Earlier(folder / "0", first, present)
    found = _finder(first, np.flatnonzero(changes.before).astype(np.int32), folder / "0")
    before = _recall(changes, changes.before, found)
    carry = _carrier(changes, earlier, folder)
    carry("warm", changes.before)  # loads machine code
    gone = changes.before
    gone[changes.deleted] = False
    delete_s, _, _ = carry("less", gone)
    change_s, record, found = carry("next", changes.after)
    yield {
        **_row("sightline, sync", changes, change_s, delete_s),
        "recall_before": before,
        "recall_after": _recall(changes, changes.after, found),
        "record": record,
    }


def _carrier(
    changes: Changes, earlier: Earlier, folder: Path
) -> Callable[[str, Mask], tuple[float, dict[str, Any], Find]]:
    def carry(name: str, there: Mask) -> tuple[float, dict[str, Any], Find]:
        # Rows come anywhere in the order of the next generation.
        rows = np.random.default_rng(2).permutation(np.flatnonzero(there).astype(np.int32))
        vectors = np.ascontiguousarray(changes.world.vectors[rows])
        was = np.where(rows < changes.n_before, rows, -1).astype(np.int32)
        present = np.ones(len(rows), np.bool_)
        start = perf_counter()
        record = carry_index(
            earlier, was, vectors, present, folder / name, exact_rows=EXACT_ROWS // 2
        )
        open_index(vectors, present, folder / name)
        return perf_counter() - start, record, _finder(vectors, rows, folder / name)

    return carry


def _finder(vectors: Vectors, rows: Rows, folder: Path) -> Find:
    index = open_index(vectors, np.ones(len(vectors), np.bool_), folder)
    for _ in range(20):  # until loops are awake
        index.query(vectors[:10], _K)

    def find(queries: Vectors) -> Rows:
        return np.asarray(rows[index.query(queries, _K).rows], np.int32)

    return find


def _hnswlib(changes: Changes, _: Path) -> Iterator[dict[str, Any]]:
    try:
        import hnswlib
    except ImportError:
        return
    vectors = changes.world.vectors
    index = hnswlib.Index("ip", vectors.shape[1])
    index.init_index(len(vectors), M=_M, ef_construction=_EF_CONSTRUCTION, random_seed=0)
    there = np.flatnonzero(changes.before)
    index.add_items(vectors[there], there)
    index.set_ef(_EF)

    def find(queries: Vectors) -> Rows:
        return np.asarray(index.knn_query(queries, _K)[0]).astype(np.int32)

    before = _recall(changes, changes.before, find)
    with tempfile.TemporaryDirectory() as folder:
        marks = perf_counter()
        for row in changes.deleted:
            index.mark_deleted(int(row))
        mark_s = perf_counter() - marks
        start = perf_counter()
        index.save_index(f"{folder}/index")
        delete_s = mark_s + perf_counter() - start
        start = perf_counter()
        index.add_items(vectors[changes.added], changes.added, num_threads=_THREADS)
        index.save_index(f"{folder}/index")
        change_s = mark_s + perf_counter() - start
    yield {
        **_row("hnswlib, two threads, saved", changes, change_s, delete_s),
        "width": _EF,
        "recall_before": before,
        "recall_after": _recall(changes, changes.after, find),
    }


def _row(way: str, changes: Changes, change_s: float, delete_s: float) -> dict[str, Any]:
    return {
        "world": f"{changes.world.name}, {len(changes.added):,} of them added, "
        f"{len(changes.deleted):,} deleted",
        "filter": "none",
        "way": way,
        "adds_per_s": round(len(changes.added) / change_s),
        "deletes_per_s": round(len(changes.deleted) / delete_s),
        "change_s": round(change_s, 2),
        "delete_s": round(delete_s, 2),
    }


def _recall(changes: Changes, there: Mask, find: Find) -> dict[str, float]:
    """Return the share of the nearest ten that is found, by who asks; nothing else may be found."""
    vectors, rows = changes.world.vectors, np.flatnonzero(there)
    step = max(1, changes.n_before // _ASKED)
    asked = {
        "drawn": changes.world.queries[:_ASKED],
        "added": vectors[changes.added[:_ASKED]],
        "staying": vectors[: changes.n_before : step][there[: changes.n_before : step]],
    }
    shares = {}
    for name, queries in asked.items():
        bars = np.partition(queries @ vectors[rows].T, -_K, axis=1)[:, -_K]
        found = find(queries)
        if not there[found].all():
            message = f"a row that is not there was found for queries that are {name}"
            raise AssertionError(message)
        scores = np.einsum("qd,qkd->qk", queries, vectors[found])
        shares[name] = round(float((scores >= bars[:, None] - 1e-6).mean()), 4)
    return shares


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="search-live-") as folder:
        rows, figures = measure_live(drawn_changes(), Path(folder))
    print(json.dumps({**figures, "table": rows}, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
