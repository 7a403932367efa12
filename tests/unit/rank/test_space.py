import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from rank_cases import rows, space, unit


def drawn(n=20, dim=5, seed=0, center=None):
    return space(unit(np.random.default_rng(seed).standard_normal((n, dim))), center=center)


@given(st.integers(0, 2**32), st.integers(1, 30), st.sampled_from([1, 3, 513]), st.floats(0, 0.9))
def test_cosines_are_products_of_centred_vectors(seed, n, dim, length):
    rng = np.random.default_rng(seed)
    of = drawn(n, dim, seed, center=length * unit(rng.standard_normal(dim)))
    some, others = (rng.integers(0, n, rng.integers(1, 10)).astype(np.int32) for _ in range(2))
    expected = of.centered(some) @ of.centered(others).T
    assert_allclose(of.cosines(some, others), expected, atol=2e-5)


def test_an_item_is_most_like_itself():
    of = drawn(center=[0.3, 0, 0, -0.2, 0])
    everything = np.arange(20, dtype=np.int32)
    cosines = of.cosines(everything, everything)
    assert np.diag(cosines) == pytest.approx(np.ones(20), abs=1e-5)
    assert cosines.argmax(axis=1).tolist() == everything.tolist()


def test_what_lies_where_all_lie_is_like_nothing():
    same = space([[1, 0]] * 3 + [[0, 1]], center=[1, 0])
    assert same.cosines(rows(0, 1), rows(2, 3)).tolist() == [[0, 0], [0, 0]]
    assert np.isfinite(same.centered(rows(0, 3))).all()


@pytest.mark.parametrize(("some", "others"), [([], [1, 2]), ([1, 2], []), ([], [])])
def test_of_no_items_there_are_no_cosines(some, others):
    assert drawn().cosines(rows(*some), rows(*others)).shape == (len(some), len(others))


def test_centred_vectors_have_unit_length():
    lengths = np.linalg.norm(drawn(center=[0.3, 0, 0, -0.2, 0]).centered(rows(0, 4, 7)), axis=1)
    assert lengths == pytest.approx([1, 1, 1], abs=1e-6)


def test_nearest_takes_queries_of_any_length():
    of = drawn()
    query = np.array([[2, 0, 1, 0, -1]], np.float32)
    expected = np.argsort(-(of.vectors @ query[0]), kind="stable")[:4].tolist()
    assert of.nearest(query, 4, None).tolist() == expected
    assert of.nearest(query * 1_000, 4, None).tolist() == expected


def test_nearest_are_of_all_queries_and_of_those_allowed():
    of = drawn()
    allowed = np.arange(20) < 10
    found = of.nearest(of.vectors[[3, 15]], 2, allowed)
    assert found.shape == (4,)
    assert found[0] == 3
    assert (found < 10).all()


def test_standings_of_cosines_of_different_scale_are_of_the_same():
    # As CLIP's are: pictures all lie in one narrow direction away from texts.
    rng = np.random.default_rng(5)
    n = 200
    query = np.eye(1, 16, dtype=np.float32)
    spaces = []
    for low, high in ((0.20, 0.30), (0.5, 0.9)):
        cosine = rng.permutation(np.linspace(low, high, n, dtype=np.float32))
        others = rng.standard_normal((n, 16))
        others[:, 0] = 0
        vectors = unit(others) * np.sqrt(1 - cosine**2)[:, None]
        vectors[:, 0] = cosine
        spaces.append(space(vectors))
    everything = np.arange(n, dtype=np.int32)
    for of in spaces:
        standing = of.standing(query, everything)
        assert standing.mean() == pytest.approx(0, abs=1e-3)
        assert standing.std() == pytest.approx(1, abs=1e-3)


def test_of_no_items_there_is_no_standing():
    of = drawn()
    assert of.standing(of.vectors[:1], rows()).shape == (0,)
