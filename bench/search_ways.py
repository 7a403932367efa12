"""Ways to find the nearest rows: Sightline's index, its parts, and the libraries beside it.

Every way is one thread, answers one query at a time through its Python interface, and is tuned as
its own documents say: the least width (``ef``) that finds the share asked for of the nearest ten.
Libraries filter as they can: hnswlib by a Python function, also by fetching more and sieving, faiss
by a bitmap, usearch not at all (it fetches more), LanceDB by a column in SQL.
"""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from search_data import World
from sightline.index.base import VectorIndex
from sightline.index.exact import COMPONENTS_BEFORE_KERNEL, ExactIndex
from sightline.index.plan import EXACT_ROWS, build_index, open_index
from sightline.types import Mask, Rows, Vectors

__all__ = ["HNSWLIB", "OURS", "Way", "ours", "peer_versions", "peers", "wake"]

OURS, HNSWLIB = "sightline", "hnswlib, Python filter"

K = 10
M, EF_CONSTRUCTION = 16, 128
WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_PACKAGES = ("hnswlib", "usearch", "faiss-cpu", "lancedb")

Search = Callable[[Vectors, Mask | None, int], Rows]
"""Finds the nearest ten of one query, shape (1, d), among allowed rows, with a width."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to search a world."""

    name: str
    search: Search
    build_s: float
    widths: tuple[int, ...] = WIDTHS
    """That may be tried; (0,) where there is nothing to tune."""
    asked_filtered: int = 50
    """Queries with a filter that recall is measured by: of some, each takes 100 ms."""
    plan: Callable[[Vectors, Mask | None], str] = field(default=lambda *_: "")


def ours(world: World, folder: Path) -> tuple[list[Way], dict[str, Any]]:
    """Build, save and open Sightline's index; return it, its exact part alone, and its record."""
    present = np.ones(len(world.vectors), np.bool_)
    np.save(folder / "vectors.npy", world.vectors)
    np.save(folder / "queries.npy", world.queries)
    start = perf_counter()
    record = build_index(world.vectors, present, folder, exact_rows=EXACT_ROWS)
    build_s = perf_counter() - start
    vectors = np.asarray(np.load(folder / "vectors.npy", mmap_mode="r"))
    index = open_index(vectors, present, folder)
    wake(index, world.queries, vectors.size)
    exact = ExactIndex(vectors, present, components_before_kernel=0)
    return [_way(OURS, index, build_s), _way("sightline, exact scan", exact, 0.0)], record


def wake(index: VectorIndex, queries: Vectors, components: int) -> None:
    """Ask until compiled loops answer, and a few times more."""
    for place in range(COMPONENTS_BEFORE_KERNEL // components + 20):
        index.query(queries[place % len(queries)][None], K)


def _way(name: str, index: VectorIndex, build_s: float) -> Way:
    def search(query: Vectors, allowed: Mask | None, _: int) -> Rows:
        rows: Rows = index.query(query, K, allowed=allowed).rows[0]
        return rows

    def plan(query: Vectors, allowed: Mask | None) -> str:
        return index.query(query, K, allowed=allowed).plan

    return Way(name, search, build_s, widths=(0,), asked_filtered=500, plan=plan)


def peers(world: World, masks: dict[str, Mask], folder: Path) -> Iterator[list[Way]]:
    """Build every library that this interpreter has, one after the other."""
    for package, build in (
        ("hnswlib", _hnswlib),
        ("usearch", _usearch),
        ("faiss", _faiss),
        ("lancedb", _lancedb),
    ):
        if importlib.util.find_spec(package) is not None:
            yield build(world, masks, folder)


def peer_versions() -> dict[str, str]:
    """Return the libraries' versions; those that are not there are left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _hnswlib(world: World, *_: object) -> list[Way]:
    import hnswlib

    start = perf_counter()
    index = hnswlib.Index("ip", world.vectors.shape[1])
    index.init_index(len(world.vectors), M=M, ef_construction=EF_CONSTRUCTION, random_seed=0)
    index.add_items(world.vectors)
    build_s = perf_counter() - start
    index.set_num_threads(1)

    def by_function(query: Vectors, allowed: Mask | None, width: int) -> Rows:
        index.set_ef(width)
        if allowed is None:
            return _rows(index.knn_query(query, K)[0][0])
        try:
            return _rows(index.knn_query(query, K, filter=lambda row: bool(allowed[row]))[0][0])
        except RuntimeError:  # fewer than ten were met
            return np.empty(0, np.int32)

    def sieved(query: Vectors, allowed: Mask | None, width: int) -> Rows:
        if allowed is None:
            return by_function(query, None, width)
        fetched = min(len(allowed), round(2 * K / allowed.mean()) + 16)
        while True:
            index.set_ef(max(width, fetched))
            rows = _rows(index.knn_query(query, fetched)[0][0])
            kept = rows[allowed[rows]]
            if len(kept) >= K or fetched == len(allowed):
                return kept[:K]
            fetched = min(2 * fetched, len(allowed))

    return [
        Way(HNSWLIB, by_function, build_s),
        Way("hnswlib, fetch more and sieve", sieved, build_s),
    ]


def _usearch(world: World, *_: object) -> list[Way]:
    from usearch.index import Index

    start = perf_counter()
    index = Index(
        ndim=world.vectors.shape[1],
        metric="ip",
        dtype="f32",
        connectivity=M,
        expansion_add=EF_CONSTRUCTION,
    )
    index.add(np.arange(len(world.vectors)), world.vectors, threads=2)
    build_s = perf_counter() - start

    def sieved(query: Vectors, allowed: Mask | None, width: int) -> Rows:
        index.expansion_search = width
        if allowed is None:
            return _rows(index.search(query[0], K, threads=1).keys)
        fetched = min(len(allowed), round(2 * K / allowed.mean()) + 16)
        index.expansion_search = max(width, fetched)
        rows = _rows(index.search(query[0], fetched, threads=1).keys)
        return rows[allowed[rows]][:K]

    return [Way("usearch, fetch more and sieve", sieved, build_s)]


def _faiss(world: World, *_: object) -> list[Way]:
    import faiss

    start = perf_counter()
    index = faiss.IndexHNSWFlat(world.vectors.shape[1], M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.add(world.vectors)
    build_s = perf_counter() - start
    faiss.omp_set_num_threads(1)
    packed: dict[int, Any] = {}

    def search(query: Vectors, allowed: Mask | None, width: int) -> Rows:
        selector = None
        if allowed is not None:
            if id(allowed) not in packed:
                bits = np.packbits(allowed, bitorder="little")
                packed[id(allowed)] = faiss.IDSelectorBitmap(bits)
            selector = packed[id(allowed)]
        parameters = faiss.SearchParametersHNSW(efSearch=width, sel=selector)
        rows = _rows(index.search(query, K, params=parameters)[1][0])
        return rows[rows >= 0]

    return [Way("faiss, bitmap", search, build_s)]


def _lancedb(world: World, masks: dict[str, Mask], folder: Path) -> list[Way]:
    import lancedb
    import pyarrow

    start = perf_counter()
    dim = world.vectors.shape[1]
    flat = pyarrow.array(world.vectors.ravel())
    columns = {
        "row": pyarrow.array(np.arange(len(world.vectors))),
        "vector": pyarrow.FixedSizeListArray.from_arrays(flat, dim),
        **{f"m{place}": pyarrow.array(mask) for place, mask in enumerate(masks.values())},
    }
    table = lancedb.connect(folder / "lancedb").create_table("items", pyarrow.table(columns))
    table.create_index(
        metric="dot",
        vector_column_name="vector",
        index_type="IVF_HNSW_SQ",
        num_partitions=1,
        m=M,
        ef_construction=EF_CONSTRUCTION,
    )
    build_s = perf_counter() - start
    names = {id(mask): f"m{place}" for place, mask in enumerate(masks.values())}

    def search(query: Vectors, allowed: Mask | None, width: int) -> Rows:
        asked = table.search(query[0]).distance_type("dot").limit(K).ef(width).refine_factor(3)
        if allowed is not None:
            asked = asked.where(names[id(allowed)], prefilter=True)
        return _rows(asked.select(["row", "_distance"]).to_arrow()["row"].to_numpy())

    return [Way("LanceDB, SQL filter", search, build_s, widths=(64, 128, 256))]


def _rows(found: ArrayLike) -> Rows:
    return np.asarray(found).astype(np.int32)
