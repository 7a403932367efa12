"""Spaces of float16 vectors say what spaces of the same values in float32 do."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from rank_cases import history, random_catalogue, unit
from sightline.half import halved
from sightline.index.neighbours import nearest_others
from sightline.index.plan import fresh_index
from sightline.rank.batch import rank_many
from sightline.rank.labels import judge
from sightline.rank.policy import PRIOR
from sightline.rank.space import Space
from sightline.rank.taste import TasteSpace
from sightline.types import Places


def both(n, dim, seed):
    """The same rounded vectors, of most of n items, as float16 and as float32."""
    rng = np.random.default_rng(seed)
    presence = rng.random(n) < 0.8
    kept = halved(np.where(presence[:, None], unit(rng.standard_normal((n, dim))), 0))
    center = (0.4 * unit(rng.standard_normal(dim))).astype(np.float32)
    return (
        Space(vectors, presence, center, fresh_index(vectors, presence))
        for vectors in (kept, kept[:])
    )


@given(st.integers(2, 60), st.sampled_from([1, 5, 65]), st.integers(0, 2**20))
def test_every_comparison_is_that_of_the_stored_values(n, dim, seed):
    half, whole = both(n, dim, seed)
    rng = np.random.default_rng(seed)
    some, others = (rng.integers(0, n, 7).astype(np.int32) for _ in range(2))
    queries = unit(rng.standard_normal((2, dim)))
    weights = np.array([1, -0.4], np.float32)
    assert half.dim == dim
    assert_array_equal(half.centered(some), whole.centered(some))
    assert_array_equal(half.cosines(some, others), whole.cosines(some, others))
    assert_array_equal(half.nearest(queries, 5, None), whole.nearest(queries, 5, None))
    assert_array_equal(half.toward(queries, weights), whole.toward(queries, weights))
    if half.presence.any():
        assert_array_equal(half.standing(queries, some), whole.standing(queries, some))


@pytest.mark.parametrize("n", [40, 9_000])
def test_labels_are_judged_by_the_stored_values(n):
    half, whole = both(n, 8, seed=1)
    labels = unit(np.random.default_rng(2).standard_normal((3, 8)))
    nothing = Places(np.zeros((n, 0), np.float32), np.zeros(n, np.bool_))
    found, expected = (
        judge(Places(of.vectors, of.presence), nothing, labels).probabilities
        for of in (half, whole)
    )
    assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def complete(built):
    """The same catalogue with lists of what is near, so that people are ranked together."""
    vectors, presence = built.taste.vectors, built.taste.presence
    index = fresh_index(vectors, presence)
    lists = [
        nearest_others(index, vectors, among, 10)
        for among in (presence, presence & built.facts.is_cold)
    ]
    taste = TasteSpace(vectors, presence, built.taste.crowding, index, *lists)
    return replace(built, taste=taste, factors=None)


def in_halves(space):
    vectors = halved(space.vectors)
    index = fresh_index(vectors, space.presence)
    return Space(vectors, space.presence, space.center, index)


def test_many_people_are_ranked_as_with_float32():
    built = complete(random_catalogue(900, 6, seed=4, present=0.7, texts=0.5, text_dim=4))
    half = replace(built, images=in_halves(built.images), texts=in_halves(built.texts))
    rng = np.random.default_rng(3)
    histories = [history(), *(history(*rng.permutation(900)[:count]) for count in (1, 5, 70))]
    asked = {"allowed": rng.random(900) < 0.8, "threads": 2}
    for found, expected in zip(
        rank_many(half, PRIOR, histories, 20, **asked),
        rank_many(built, PRIOR, histories, 20, **asked),
        strict=True,
    ):
        assert_allclose(found.scores, expected.scores, atol=2e-3)
        assert len(set(found.rows.tolist()) & set(expected.rows.tolist())) >= 18
