import numpy as np
import pytest
from sightline.index.neighbours import nearest_others
from sightline.index.plan import fresh_index


def vectors_of(n, absent=()):
    rng = np.random.default_rng(n)
    vectors = rng.normal(size=(n, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[list(absent)] = 0
    return vectors


def twin(vectors, among, count):
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -np.inf)
    cosine[:, ~among] = -np.inf
    others = np.full((len(vectors), count), -1)
    for row in np.flatnonzero(vectors.any(axis=1)):
        order = np.argsort(-cosine[row], kind="stable")
        best = order[np.isfinite(cosine[row, order])][:count]
        others[row, : len(best)] = best
    return others


@pytest.mark.parametrize(("n", "count"), [(1, 3), (2, 3), (4, 5), (5, 5), (6, 5), (60, 5)])
@pytest.mark.parametrize("step", [1, 2])
def test_every_row_has_its_nearest_others(n, count, step):
    vectors = vectors_of(n, absent=[n // 2] if n > 4 else [])
    presence = vectors.any(axis=1)
    among = presence & (np.arange(n) % step == 0)
    found = nearest_others(fresh_index(vectors, presence), vectors, among, count)
    assert found.dtype == np.int32
    assert found.tolist() == twin(vectors, among, count).tolist()


def test_where_nobody_may_be_a_neighbour_there_are_none():
    vectors = vectors_of(5)
    nobody = np.zeros(5, np.bool_)
    found = nearest_others(fresh_index(vectors, ~nobody), vectors, nobody, 3)
    assert (found == -1).all()
