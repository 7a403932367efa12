"""Random unit vectors, and their nearest rows by sorting every score."""

import numpy as np


def unit_rows(n, dim=8, seed=0):
    """Return `n` random directions, shape (n, dim), float32."""
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def best_rows(vectors, eligible, query, k):
    """Return the best `k` eligible rows, best first, equal scores by lower row."""
    scores = (vectors.astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
    return sorted(np.flatnonzero(eligible).tolist(), key=lambda row: (-scores[row], row))[:k]
