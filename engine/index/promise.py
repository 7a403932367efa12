"""How many of the true nearest a walk finds, and how wide it has to be to find enough."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sightline_kernels.scan import ByteVectors

from ..half import StoredVectors, blocks
from ..types import Mask, Rows, Scores, Vectors
from .base import VectorIndex
from .building import EF_CONSTRUCTION, GraphBuilder, M
from .exact import Codes, ExactIndex
from .hnsw import Graph, HnswIndex
from .joining import GraphJoiner

__all__ = [
    "TARGET",
    "Built",
    "Questions",
    "build_graph",
    "drawn_questions",
    "keep_promise",
    "recall",
]

TARGET = 0.99
"""Share of the true nearest ten that searches have to find on average."""

_K = 10
_QUERIES = 1_000
_WIDTHS = (24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 384, 512, 768, 1024)
_SHARES = (0.5, 0.1, 0.01)
_MISSES = 0.5
"""Share of the misses that the target allows, which a walk has to keep to. A query in a thousand
finds nothing at all, and these alone make a tenth of them: a sample may hold none, or three."""
_SAME = 1e-6  # scores so near are those of one vector: any of its copies is right
_ROUNDS, _LOST = 2, 1e-3  # a second round finds the nearest of those that have come back
_SEED = 0
_BLOCK_SCORES = 16_000_000  # scores held at a time, 64 MB


@dataclass(frozen=True, slots=True)
class Built:
    """A graph as wide as it has to be, and what was measured of it."""

    graph: Graph
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Questions:
    """What an index is asked, and what it should find."""

    filter: str
    vectors: Vectors
    """Shape (q, d)."""
    allowed: Mask | None
    """Which rows may be found, shape (n,)."""
    nearest: Scores
    """Scores of the true nearest of each query, shape (q, k), best first."""
    decides: bool
    """Whether walks have to be wide enough for it."""


def build_graph(
    vectors: StoredVectors, presence: Mask, codes: Codes, *, target: float = TARGET
) -> Built:
    """Build a graph, and choose the width of walks by what they find for rows it does not hold yet.

    Rows that cannot be found again are joined once more: of a million in clusters hnswlib leaves
    one in thirty with links that all lead far away.

    Some rows are kept out at first and searched with: what is asked for later is not in the graph
    either. Then they are joined. The width is the least by which searches without a filter, and
    with ones that let half of the rows pass, miss half as many of the nearest ten as `target`
    allows; where none does, the largest that was tried.

    Parameters
    ----------
    vectors, presence, codes
        Shapes (n, d) and (n,), at least two rows present, and the vectors in bytes.

    Returns
    -------
    built
        The record holds JSON values: ``ef``, ``m``, ``ef_construction``, ``target``, ``queries``,
        ``recall_at_10`` by filter, of searches as they will be answered, and a ``warning`` where
        one is below the target.
    """
    rng = np.random.default_rng(_SEED)
    rows = np.flatnonzero(presence).astype(np.int32)
    asked = np.sort(rng.choice(rows, min(_QUERIES, len(rows) // 2), replace=False))
    held = presence.copy()
    held[asked] = False
    joiner = _joined(vectors, held, codes)
    exact = ExactIndex(vectors, held, codes, components_before_kernel=0)
    questions = drawn_questions(vectors, held, asked, rng)
    kept = keep_promise(joiner.graph(_WIDTHS[0]), exact, questions, target=target)
    joiner.join(asked)
    return Built(joiner.graph(kept.graph.ef), kept.record)


def _joined(vectors: StoredVectors, held: Mask, codes: Codes) -> GraphJoiner:
    rows = np.flatnonzero(held).astype(np.int32)
    builder = GraphBuilder(vectors, len(rows))
    builder.join(rows)
    links = builder.graph(_WIDTHS[0]).neighbours
    del builder  # has a copy of all vectors
    was = np.where(held, np.arange(len(held)), -1).astype(np.int32)
    joiner = GraphJoiner(vectors, ByteVectors(*codes), links, was)
    for _ in range(_ROUNDS):
        lost = joiner.lost()
        if len(lost) <= _LOST * len(rows):
            break
        joiner.join_again(lost)
    return joiner


def keep_promise(
    graph: Graph, exact: ExactIndex, questions: Sequence[Questions], *, target: float = TARGET
) -> Built:
    """Widen the walks of a graph until they find enough; see `build_graph`.

    They start as wide as the graph has them. That width stays if it finds the share `target`: a
    graph that is carried over again and again would otherwise widen a little each time by luck.
    """
    found: dict[str, float] = {}
    first = graph.ef
    for ef in (first, *(width for width in _WIDTHS if width > first)):
        graph = graph.with_ef(ef)
        index = HnswIndex(graph, exact)
        found = {q.filter: recall(index, q) for q in questions if q.decides}
        misses = 1 if ef == first > _WIDTHS[0] else _MISSES
        if 1 - min(found.values()) <= misses * (1 - target):
            break
    found |= {q.filter: recall(index, q) for q in questions if not q.decides}
    record = {
        "m": M,
        "ef_construction": EF_CONSTRUCTION,
        "ef": graph.ef,
        "target": target,
        "queries": len(questions[0].vectors),
        "recall_at_10": {name: round(share, 4) for name, share in found.items()},
    }
    worst = min(found, key=lambda name: found[name])
    if found[worst] < target:
        record["warning"] = (
            f"searches with {worst} find {found[worst]:.1%} of the nearest {_K}, fewer than the "
            f"{target:.0%} promised, though walks are as wide as they get"
        )
    return Built(graph, record)


def recall(index: VectorIndex, asked: Questions) -> float:
    """Return the share of the nearest ten that `index` finds."""
    found = index.query(asked.vectors, _K, allowed=asked.allowed).scores
    return float((found >= asked.nearest[:, -1:] - _SAME).mean())


def drawn_questions(
    vectors: StoredVectors, held: Mask, asked: Rows, rng: np.random.Generator
) -> list[Questions]:
    """Ask without a filter, and with ones that fall anywhere, or on what is like one row.

    Parameters
    ----------
    vectors, held
        Shape (n, d), and which rows may be found, shape (n,), at least one.
    asked
        The rows whose vectors are asked with, none of them among those.
    rng
        Draws the filters.
    """
    rows, queries = np.flatnonzero(held), vectors[asked]
    with np.errstate(invalid="ignore", over="ignore"):  # rows without a vector: anything
        like = vectors[rng.choice(rows)]
        nearness = np.concatenate([part @ like for _, part in blocks(vectors)])[rows]
    alike = rows[np.argsort(-nearness, kind="stable")]
    filters: list[tuple[str, Mask | None, bool]] = [("no filter", None, True)]
    for share in _SHARES:
        passing = max(1, round(share * len(rows)))
        for how, order in (("anywhere", rng.permutation(rows)), ("alike", alike)):
            allowed = np.zeros(len(vectors), np.bool_)
            allowed[order[:passing]] = True
            name = f"{100 * share:.0f} % {how}"
            filters.append((name, allowed, share == _SHARES[0]))
    passing_rows = [rows if mask is None else np.flatnonzero(mask) for _, mask, _ in filters]
    best = _best_scores(vectors, queries, passing_rows)
    return [
        Questions(name, queries, allowed, nearest, decides)
        for (name, allowed, decides), nearest in zip(filters, best, strict=True)
    ]


def _best_scores(
    vectors: StoredVectors, queries: Vectors, lists: Sequence[NDArray[np.intp]]
) -> list[Scores]:
    """Return the best scores of every query among each list of rows, best first."""
    found: list[list[Scores]] = [[] for _ in lists]
    together = max(1, _BLOCK_SCORES // len(vectors))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(queries), together):
            some = queries[start : start + together]
            scores = np.empty((len(some), len(vectors)), np.float32)
            with np.errstate(invalid="ignore", over="ignore"):  # rows without a vector: anything
                for place, part in blocks(vectors):
                    scores[:, place] = some @ part.T
            for best, most in zip(found, pool.map(partial(_most, scores), lists), strict=True):
                best.append(most)
    return [np.concatenate(best) for best in found]


def _most(scores: Scores, rows: NDArray[np.intp]) -> Scores:
    k = min(_K, len(rows))
    best: Scores = np.partition(scores[:, rows], -k, axis=1)[:, -k:]
    return -np.sort(-best, axis=1)
