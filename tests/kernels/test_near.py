import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal
from sightline_kernels import near
from sightline_kernels.near import first_within


def naive_first_within(points, radius):
    """Every point beside every first one before it, in order; distances in float64."""
    points = np.asarray(points, np.float64)
    firsts, first = [], []
    for row, point in enumerate(points):
        gaps = ((points[firsts] - point) ** 2).sum(axis=1)
        close = [one for one, gap in zip(firsts, gaps, strict=True) if gap <= radius * radius]
        if not close:
            firsts.append(row)
        first.append(close[0] if close else row)
    return np.array(first, np.int32)


def clustered(n, dim, *, seed=0, spread=0.05):
    """Points of which most are near one of a few others, unit variance between those."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((max(1, n // 6), dim))
    noise = spread * rng.standard_normal((n, dim))
    return (centers[rng.integers(0, len(centers), n)] + noise).astype(np.float32)


# Corners and middles of cells, whole radii apart or not: on a grid, many distances are ties.
quarters = st.integers(-12, 12).map(lambda quarter: quarter / 4)
grids = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 14), st.integers(1, 8)), elements=quarters
)


@pytest.mark.parametrize("dim", [1, 3, 6, 7, 74])
def test_firsts_equal_the_reference(dim):
    points = clustered(150, dim)
    for radius in (0.02, 0.3, 0.8, 5.0):
        assert_array_equal(first_within(points, radius), naive_first_within(points, radius))


@settings(deadline=None)
@given(grids, st.sampled_from([0.25, 0.5, 0.75, 1.0, 2.0]))
def test_points_on_a_grid_equal_the_reference(points, radius):
    assert_array_equal(first_within(points, radius), naive_first_within(points, radius))


@settings(deadline=None)
@given(grids, st.floats(0.05, 4))
def test_each_is_near_its_first_and_no_two_firsts_are_near(points, radius):
    first = first_within(points, radius)
    assert (first <= np.arange(len(points))).all()
    assert_array_equal(first[first], first)
    whole = points.astype(np.float64)
    assert (((whole - whole[first]) ** 2).sum(axis=1) <= radius**2).all()
    firsts = whole[np.unique(first)]
    gaps = ((firsts[:, None] - firsts[None]) ** 2).sum(axis=-1)
    assert (gaps[~np.eye(len(firsts), dtype=bool)] > radius**2).all()


@settings(deadline=None)
@given(grids, st.integers(0, 2**32))
def test_points_that_come_later_change_nothing(points, seed):
    more = np.random.default_rng(seed).uniform(-3, 3, (5, points.shape[1])).astype(np.float32)
    together = first_within(np.concatenate([points, more]), 0.75)
    assert_array_equal(together[: len(points)], first_within(points, 0.75))


def test_no_points_have_no_firsts():
    first = first_within(np.zeros((0, 4), np.float32), 1.0)
    assert first.dtype == np.int32
    assert first.shape == (0,)


def test_one_point_stands_for_itself():
    assert first_within(np.ones((1, 4), np.float32), 1.0).tolist() == [0]


def test_just_as_far_as_the_radius_is_near_and_the_next_number_is_not():
    above = np.nextafter(np.float32(1), np.float32(2))
    for far, expected in ((np.float32(1), [0, 0]), (above, [0, 1])):
        assert first_within(np.array([[0], [far]], np.float32), 1.0).tolist() == expected


def test_nearness_does_not_chain():
    line = np.array([[0], [0.9], [1.8], [2.7]], np.float32)
    assert first_within(line, 1.0).tolist() == [0, 0, 2, 2]


def test_of_two_firsts_that_are_near_it_is_the_earlier_however_far():
    points = np.array([[0, 0], [1.5, 0], [0.9, 0]], np.float32)
    assert first_within(points, 1.0).tolist() == [0, 1, 0]


def test_copies_of_one_point_all_belong_to_the_first():
    points = np.repeat(clustered(3, 74, spread=1), [40, 1, 40], axis=0)
    assert first_within(points, 0.16).tolist() == [0] * 40 + [40] + [41] * 40


def test_points_that_differ_nowhere_but_beyond_the_grid_s_directions_are_told_apart():
    # Wide in the directions of the grid by the first rows; two more in the same cell.
    wide = 9 * np.eye(8, dtype=np.float32)[: near._AXES]
    pair = np.zeros((2, 8), np.float32)
    pair[1, 7] = 2
    assert first_within(np.concatenate([wide, pair]), 1.0).tolist() == list(range(8))


def test_points_may_be_of_another_type_read_only_and_not_contiguous():
    points = clustered(40, 6)
    expected = first_within(points, 0.3)
    apart = np.asfortranarray(np.repeat(points, 2, axis=1))[:, ::2]
    apart.flags.writeable = False
    assert_array_equal(first_within(apart, 0.3), expected)


def test_far_from_the_origin_distances_are_still_exact():
    points = clustered(80, 4) + np.float32(500)
    assert_array_equal(first_within(points, 0.3), naive_first_within(points, 0.3))
