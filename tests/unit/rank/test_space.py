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


# --- several parts


@given(st.integers(0, 2**32), st.lists(st.floats(-3, 3).filter(lambda w: abs(w) > 0.1), min_size=2))
def test_a_direction_is_the_sum_of_the_parts_by_weight_and_root_of_their_spread(seed, weights):
    rng = np.random.default_rng(seed)
    of = drawn(60, 8, seed)
    parts = unit(rng.standard_normal((len(weights), 8)))
    weights = np.array(weights, np.float32)
    cosines = of.vectors @ parts.T
    expected = cosines @ (weights / np.sqrt(cosines.std(axis=0)))
    direction = of.toward(parts, weights)
    assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-5)
    found = (of.vectors @ direction.T).ravel()
    scale = np.abs(expected).max() / np.abs(found).max()
    assert_allclose(found * scale, expected, atol=1e-3 * np.abs(expected).max())


def test_a_part_whose_cosines_are_close_together_is_not_drowned():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((400, 8))
    vectors[:, 0] *= 4
    vectors[:, 1] = 8 + 0.4 * rng.standard_normal(400)  # far from all others, hardly spread
    of = space(unit(vectors))
    parts = np.eye(2, 8, dtype=np.float32)
    direction = of.toward(parts, np.ones(2, np.float32))[0]
    assert direction[1] > 1.3 * direction[0]


def test_a_part_alone_is_the_direction_and_taken_away_its_opposite():
    of = drawn()
    part = of.vectors[3:4]
    assert of.toward(part, np.ones(1, np.float32)) is part
    assert_allclose(of.toward(part, np.array([-2], np.float32)), -part, atol=1e-6)


def test_parts_that_cancel_each_other_out_have_no_direction():
    of = drawn()
    same = of.vectors[[3, 3]]
    assert of.toward(same, np.array([2, -2], np.float32)) is None
    assert of.toward(same, np.array([2, -1.9], np.float32)) is not None


def test_parts_have_a_direction_where_no_item_has_a_vector():
    nothing = space(np.zeros((4, 2)), np.zeros(4, np.bool_))
    direction = nothing.toward(np.eye(2, dtype=np.float32), np.ones(2, np.float32))
    assert direction == pytest.approx(np.full((1, 2), 0.5**0.5))
