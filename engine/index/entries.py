"""The rows that walks through a graph choose their beginning from."""

import numpy as np

from ..half import StoredVectors
from ..types import Rows

__all__ = ["spread_entries"]

_SEED = 0
_ROWS = 256  # for each that is chosen
_MOST = 4  # as many as the root of the number of rows
_DRAWN = 4  # for each that is chosen


def spread_entries(vectors: StoredVectors, rows: Rows) -> Rows:
    """Choose rows that lie far apart, ascending: four thousand of a million.

    From some that are drawn, each time the one that is farthest from all chosen before (Gonzalez,
    "Clustering to minimize the maximum intercluster distance", 1985). Of rows drawn anywhere, most
    would lie in large clusters and none in many small ones, and these are often linked to hardly
    any row but their own: a walk that does not begin there would never come there.

    One of 256 rows is chosen, but no fewer than the root of their number, and no more than four
    times that: all are scored each time, which is to stay a small part of a walk.

    Parameters
    ----------
    vectors
        Shape (n, d).
    rows
        From which to choose. Copies of one that is chosen come last.
    """
    if len(rows) == 0:
        return np.empty(0, np.int32)
    root = len(rows) ** 0.5
    count = round(min(max(len(rows) / _ROWS, root), _MOST * root, len(rows)))
    rng = np.random.default_rng(_SEED)
    drawn = np.sort(rng.choice(rows, min(len(rows), _DRAWN * count), replace=False))
    some = vectors[drawn]
    nearness = np.full(len(drawn), -np.inf, np.float32)
    chosen = [0]
    for _ in range(count - 1):
        with np.errstate(invalid="ignore", over="ignore"):  # OpenBLAS, behind short vectors
            scores = some @ some[chosen[-1]]
        np.maximum(nearness, scores, out=nearness)
        nearness[chosen[-1]] = np.inf
        chosen.append(int(np.argmin(nearness)))
    entries: Rows = np.unique(drawn[chosen]).astype(np.int32)
    return entries
