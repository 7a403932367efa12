"""An index carried over to the next generation, where some rows are new, changed, or gone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..half import StoredVectors, as_stored
from ..types import Mask, Rows
from .exact import Codes, ExactIndex
from .files import open_arrays, read_header, write_files
from .plan import EXACT_ROWS, build_index

__all__ = ["Earlier", "carry_index"]

CHANGED_SHARE = 1 / 3
"""Rows joined or gone since the graph was built, as a share of its rows, from which it is built
anew: each is a little less well linked than if the graph had been built with it."""

_QUESTIONS = 200
_SEED = 0
_SAMPLE = 256


@dataclass(frozen=True, slots=True)
class Earlier:
    """The index of the generation before, and what it was built from."""

    folder: Path
    vectors: StoredVectors
    """Shape (o, d)."""
    presence: Mask
    """Shape (o,)."""


def carry_index(
    earlier: Earlier,
    was: Rows,
    vectors: StoredVectors,
    presence: Mask,
    folder: Path,
    *,
    exact_rows: int | None = None,
) -> dict[str, Any]:
    """Write the index of a generation into `folder`, from that of the generation before.

    The result opens like that of `plan.build_index`, and is of the kind that one would be. Where
    both are graphs, rows that stay keep their links, gaps that others leave are closed, and new
    ones are joined; the width of walks is measured again, with new rows before they join, and with
    rows that stay, taken out to be asked with, where there are fewer than 200 of these. Once a
    third of the rows has changed since a graph was built, it is built anew.

    Parameters
    ----------
    earlier
        The index to start from.
    was
        The earlier row of each row whose vector is the same in every bit, shape (n,), -1 for
        others. No earlier row twice. Whether both had one is read from the presences.
    vectors, presence, folder, exact_rows
        As for `build_index`.

    Returns
    -------
    record
        That of `build_index`, and: ``carried``, ``joined`` and ``left``, vectors that were taken
        over, are new or changed, and are gone or changed; ``rebuilt``, whether the graph was built
        anew. JSON values.

    Raises
    ------
    ValueError
        If `was` names rows that there are not, or one twice, or whose vectors are others; or if a
        new vector is not finite.
    CorruptGenerationError
        If the earlier index is damaged, or was made from other vectors.
    StorageError
        If the files could not be written in full.
    """
    header = read_header(earlier.folder, earlier.vectors, earlier.presence)
    was = _carried(earlier, was, vectors, presence)
    count, carried = int(np.count_nonzero(presence)), int(np.count_nonzero(was >= 0))
    changes = {
        "carried": carried,
        "joined": count - carried,
        "left": int(np.count_nonzero(earlier.presence)) - carried,
    }
    changed = int(header.get("changed", 0)) + changes["joined"] + changes["left"]
    is_graph = count > max(EXACT_ROWS if exact_rows is None else exact_rows, 1)
    if is_graph and (header.get("kind") != "graph" or changed > CHANGED_SHARE * count):
        record = build_index(vectors, presence, folder, exact_rows=exact_rows)
        return {**record, **changes, "rebuilt": True}
    codes = _codes(earlier, header, was, vectors)
    record = {"kind": "exact", "count": count, "dim": int(vectors.shape[1])}
    arrays: dict[str, NDArray[Any]] = dict(zip(("codes", "scales", "errors"), codes, strict=True))
    if is_graph:
        graph, promise = _graph(earlier, header, was, ExactIndex(vectors, presence, codes))
        record |= {"kind": "graph", **promise}
        arrays |= graph
        changes["changed"] = changed
    record |= changes
    write_files(folder, vectors, presence, arrays, record)
    return {**record, "rebuilt": False}


def _carried(earlier: Earlier, was: Rows, vectors: StoredVectors, presence: Mask) -> Rows:
    """Return `was` where both generations have the vector, and -1 elsewhere, checked."""
    n_earlier = len(earlier.presence)
    if was.shape != presence.shape or len(vectors) != len(presence):
        message = f"{was.shape} earlier rows do not go with {presence.shape} rows"
        raise ValueError(message)
    if was.max(initial=-1) >= n_earlier or was.min(initial=-1) < -1:
        message = f"an earlier row is {was.max()} or {was.min()}, of {n_earlier} rows from 0"
        raise ValueError(message)
    kept = (was >= 0) & presence
    kept[kept] = earlier.presence[was[kept]]
    rows = np.flatnonzero(kept)
    if len(np.unique(was[rows])) < len(rows):
        message = "two rows were one earlier row: a row is carried over once"
        raise ValueError(message)
    if len(rows) and vectors.shape[1] != earlier.vectors.shape[1]:
        message = f"vectors of {earlier.vectors.shape[1]} and {vectors.shape[1]} components differ"
        raise ValueError(message)
    sample = rows[:: max(1, len(rows) // _SAMPLE)]
    unlike = (vectors[sample] != earlier.vectors[was[sample]]).any(axis=1)
    if unlike.any():
        row = sample[unlike][0]
        message = f"the vector of row {row} is not that of the earlier row {was[row]}"
        raise ValueError(message)
    joined = np.flatnonzero(presence & ~kept)
    bad = joined[~np.isfinite(vectors[joined]).all(axis=1)]
    if len(bad):
        message = f"{len(bad)} vectors hold NaN or infinity, the first is row {bad[0]}"
        raise ValueError(message)
    return np.where(kept, was, -1).astype(np.int32)


def _codes(earlier: Earlier, header: dict[str, Any], was: Rows, vectors: StoredVectors) -> Codes:
    from sightline_kernels.scan import to_bytes

    n_earlier, dim = earlier.vectors.shape
    shapes = {
        "codes": ((n_earlier, dim), np.int8),
        "scales": ((n_earlier,), np.float32),
        "errors": ((n_earlier,), np.float32),
    }
    before = open_arrays(earlier.folder, header, shapes)
    kept = was >= 0
    rounded = to_bytes(as_stored(vectors)[~kept])
    codes: Codes = (
        np.empty(vectors.shape, np.int8),
        np.empty(len(was), np.float32),
        np.empty(len(was), np.float32),
    )
    arrays: tuple[NDArray[Any], ...] = codes
    for values, old, new in zip(arrays, before, rounded, strict=True):
        values[kept] = old[was[kept]]
        values[~kept] = new
    return codes


def _graph(
    earlier: Earlier, header: dict[str, Any], was: Rows, exact: ExactIndex
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the graph's arrays, and what is said of it."""
    from sightline_kernels.scan import ByteVectors

    from .joining import GraphJoiner
    from .promise import drawn_questions, keep_promise

    shapes = {"neighbours": ((len(earlier.presence), -1), np.int32)}
    (before,) = open_arrays(earlier.folder, header, shapes)
    codes = exact.rounded()
    joiner = GraphJoiner(exact.vectors, ByteVectors(*codes), before, was)
    rng = np.random.default_rng(_SEED)
    joined = np.flatnonzero(exact.presence & (was < 0)).astype(np.int32)
    asked = np.sort(rng.choice(joined, min(len(joined), _QUESTIONS), replace=False))
    joiner.join(np.setdiff1d(joined, asked))
    held = np.flatnonzero(joiner.held).astype(np.int32)
    out = rng.choice(held, min(_QUESTIONS - len(asked), len(held) // 2), replace=False)
    judged = joiner.without(out) if len(out) else joiner
    open_to = ExactIndex(exact.vectors, judged.held, codes, components_before_kernel=0)
    questions = drawn_questions(
        exact.vectors, judged.held, np.union1d(asked, out).astype(np.int32), rng
    )
    kept = keep_promise(judged.graph(header["ef"]), open_to, questions)
    joiner.join(asked)
    graph = joiner.graph(kept.graph.ef)
    arrays = {"neighbours": graph.neighbours, "entries": graph.entries}
    return arrays, dict(kept.record)
