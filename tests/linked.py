"""An index that walks, over vectors of any number."""

import numpy as np
from sightline.index.building import GraphBuilder
from sightline.index.exact import ExactIndex
from sightline.index.hnsw import HnswIndex


def linked_index(vectors, presence, *, ef=64):
    """Return an index with a graph, awake; without rows there is none, and it is exact."""
    exact = ExactIndex(vectors, presence, components_before_kernel=0)
    rows = np.flatnonzero(presence).astype(np.int32)
    if len(rows) == 0:
        return exact
    builder = GraphBuilder(np.asarray(vectors[:]), len(rows))
    builder.join(rows)
    return HnswIndex(builder.graph(ef), exact)
