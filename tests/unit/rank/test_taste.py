import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import profile, rows, taste_space, unit
from sightline.rank.taste import SHARPNESS, TasteSpace

AXES = np.eye(4, dtype=np.float32)


def drawn(n, dim=4, seed=0, **known):
    vectors = unit(np.random.default_rng(seed).standard_normal((n, dim)))
    return taste_space(vectors, **known)


def nearest_others(of, among, count):
    """Tables of the nearest others as `TasteSpace` keeps them, by sorting everything."""
    cosines = of.vectors @ of.vectors.T
    np.fill_diagonal(cosines, -np.inf)
    cosines[:, ~among] = -np.inf
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    found = np.take_along_axis(cosines, order, axis=1) > -np.inf
    return np.where(found, order, -1).astype(np.int32)


def one_by_one(of, item, person):
    """The likeness of one item, as its formula is written."""
    kernels = [
        weight * np.exp(SHARPNESS * float(of.vectors[item] @ of.vectors[pick]))
        for pick, weight in zip(person.rows, person.weights, strict=True)
    ]
    return sum(kernels) / float(of.crowding[item]) ** 0.5


# --- likeness


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_likeness_is_a_kernel_density_of_the_picks_over_the_root_of_the_crowding(seed, picked):
    rng = np.random.default_rng(seed)
    of = drawn(20, seed=seed, crowding=rng.uniform(0.1, 50, 20))
    person = profile(*rng.permutation(20)[:picked], weights=rng.uniform(0.1, 2, picked))
    pool = np.arange(20, dtype=np.int32)
    expected = [one_by_one(of, item, person) for item in pool]
    assert of.likeness(pool, person) == pytest.approx(expected, rel=1e-4)


def test_being_near_to_one_of_two_unlike_picks_is_enough():
    between = unit([1, 1, 0, 0])
    of = taste_space([AXES[0], AXES[1], unit([9, 1, 0, 0]), between])
    near_one, midway = of.likeness(rows(2, 3), profile(0, 1))
    assert near_one > 1.5 * midway


def test_an_item_that_is_near_to_everything_is_near_to_no_one_in_particular():
    of = taste_space(AXES[[0, 0, 0]], crowding=[1, 1, 4])
    alone, hub = of.likeness(rows(1, 2), profile(0))
    assert hub == pytest.approx(alone / 2)


def test_what_is_like_the_pick_that_counts_most_is_liked_most():
    of = taste_space(AXES[[0, 1, 0, 1]])
    like_first, like_second = of.likeness(rows(2, 3), profile(0, 1, weights=[0.5, 1]))
    assert like_second > like_first


def test_only_the_latest_thirty_picks_are_compared_with():
    of = taste_space(AXES[[0] + [1] * 30 + [0, 1]])
    like_oldest, like_others = of.likeness(rows(31, 32), profile(*range(31)))
    assert like_oldest == pytest.approx(30)
    assert like_others == pytest.approx(30 * np.exp(SHARPNESS))


def test_a_pick_without_a_place_changes_nothing():
    of = taste_space(AXES, presence=[True, True, True, False])
    alone, with_it = (of.likeness(rows(1, 2), profile(*picks)) for picks in ([0], [0, 3]))
    assert alone.tolist() == with_it.tolist()


@pytest.mark.parametrize("picks", [[], [1], [1, 2]])
def test_without_a_pick_that_has_a_place_nothing_is_near(picks):
    of = taste_space(AXES, presence=[True, False, False, True])
    everything = np.ones(4, np.bool_)
    assert of.likeness(rows(0, 3), profile(*picks)) is None
    assert of.near_picks(profile(*picks), 5, everything).rows.tolist() == []
    assert of.cold_near_picks(profile(*picks), 5, everything).rows.tolist() == []


def test_no_candidates_have_no_likeness():
    assert drawn(3).likeness(rows(), profile(0)).shape == (0,)


# --- what is near


def test_nearest_are_the_allowed_items_with_a_place_for_each_query():
    of = drawn(50, presence=np.arange(50) % 5 > 0)
    allowed = np.arange(50) % 2 == 0
    queries = unit(np.random.default_rng(9).standard_normal((2, 4)))
    cosines = np.where(allowed & of.presence, queries @ of.vectors.T, -2)
    expected = np.argsort(-cosines, axis=1, kind="stable")[:, :3]
    assert of.nearest(queries, 3, allowed).rows.tolist() == expected.ravel().tolist()


@pytest.mark.parametrize("is_listed", [False, True], ids=["by the index", "by lists"])
def test_half_of_what_is_brought_is_near_to_each_of_two_unlike_picks(is_listed):
    of = drawn(200, seed=3)
    of.vectors[:2] = AXES[0], -AXES[0]
    everything = np.ones(200, np.bool_)
    of = taste_space(of.vectors)
    if is_listed:
        of.neighbours = nearest_others(of, everything, 8)
    everything[:2] = False
    found = of.near_picks(profile(0, 1), 10, everything).rows
    order = np.argsort(of.vectors[:, 0], kind="stable")
    assert sorted(found) == sorted([*order[1:6], *order[-6:-1]])


@pytest.mark.parametrize("is_listed", [False, True], ids=["by the index", "by lists"])
def test_nothing_that_is_not_allowed_is_near(is_listed):
    of = drawn(60)
    if is_listed:
        of.neighbours = nearest_others(of, np.ones(60, np.bool_), 20)
    for share in (0.9, 0.5, 0.1, 0):
        allowed = np.random.default_rng(5).random(60) < share
        found = of.near_picks(profile(*range(5)), 40, allowed).rows
        assert allowed[found].all()


def test_a_narrow_filter_still_finds_the_nearest_that_pass():
    of = drawn(100)
    of.neighbours = nearest_others(of, np.ones(100, np.bool_), 10)
    cosines = of.vectors @ of.vectors[0]
    far = np.argsort(cosines, kind="stable")[:8]
    allowed = np.zeros(100, np.bool_)
    allowed[far] = True
    assert of.near_picks(profile(0), 3, allowed).rows.tolist() == far[::-1][:3].tolist()


def test_cold_items_are_brought_from_lists_of_their_own():
    of = drawn(100)
    is_cold = np.arange(100) % 7 == 3
    of.neighbours = nearest_others(of, ~is_cold, 10)
    of.cold_neighbours = nearest_others(of, is_cold, 10)
    expected = [row for row in np.argsort(-(of.vectors @ of.vectors[0])) if is_cold[row]][:5]
    assert of.cold_near_picks(profile(0), 5, is_cold).rows.tolist() == expected


class Silent:
    """An index that must not be asked."""

    def query(self, vectors, k, *, allowed=None):
        pytest.fail("the index was asked")


def test_where_lists_are_prepared_the_index_is_not_asked():
    of = drawn(100)
    is_cold = np.arange(100) % 7 == 3
    lists = nearest_others(of, ~is_cold, 10), nearest_others(of, is_cold, 10)
    of = TasteSpace(of.vectors, of.presence, of.crowding, Silent(), *lists)
    near = of.near_picks(profile(0), 5, np.ones(100, np.bool_))
    cold = of.cold_near_picks(profile(0), 5, is_cold)
    assert near.rows.tolist() == lists[0][0, :5].tolist()
    assert cold.rows.tolist() == lists[1][0, :5].tolist()
    assert (near.plan, cold.plan) == ("lists", "lists")


def test_lists_with_fewer_than_were_asked_for_bring_what_they_have():
    of = drawn(3)
    of.neighbours = nearest_others(of, np.ones(3, np.bool_), 10)
    assert set(of.near_picks(profile(0), 10, np.ones(3, np.bool_)).rows.tolist()) == {1, 2}
