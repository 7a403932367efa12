import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.demo import shapes as s

CANVAS = s.plane(96, 80)
TRIANGLE = [(-0.6, 0.5), (0.7, 0.4), (0.1, -0.7)]


def outline_distance(outline):
    """Distance from every pixel to the nearest of many points on an outline."""
    gap = np.hypot(CANVAS.x[..., None] - outline[:, 0], CANVAS.y[..., None] - outline[:, 1])
    return gap.min(axis=-1)


def points_along(corners, count=400):
    share = np.linspace(0, 1, count, endpoint=False)[:, None]
    closed = [*corners, corners[0]]
    return np.concatenate(
        [
            np.array(start) + share * (np.array(end) - np.array(start))
            for start, end in pairwise(closed)
        ]
    )


def test_distance_to_a_polygon_is_that_to_its_outline_signed_by_side():
    distance = s.polygon(CANVAS, TRIANGLE)
    assert np.abs(distance) == pytest.approx(outline_distance(points_along(TRIANGLE)), abs=5e-3)
    assert distance[CANVAS.y > 0.55].min() > 0
    assert distance[np.hypot(CANVAS.x, CANVAS.y) < 0.1].max() < 0


def test_distance_to_a_box_is_that_to_its_outline():
    corners = [(-0.5, -0.3), (0.5, -0.3), (0.5, 0.3), (-0.5, 0.3)]
    expected = outline_distance(points_along(corners))
    assert np.abs(s.box(CANVAS, (0, 0), (0.5, 0.3))) == pytest.approx(expected, abs=5e-3)


def test_an_ellipse_has_the_area_of_an_ellipse():
    inside = (s.ellipse(CANVAS, (0.1, 0), (0.7, 0.4)) < 0).sum() * CANVAS.pixel**2
    assert inside == pytest.approx(math.pi * 0.7 * 0.4, rel=0.02)


def test_an_ellipse_contains_its_centre():
    odd = s.plane(51, 51)
    assert s.ellipse(odd, (0, 0), (0.7, 0.4))[25, 25] < 0


def test_a_segment_of_no_width_is_as_far_as_its_nearest_end():
    distance = s.segment(CANVAS, (-0.5, 0), (0.5, 0), 0.0)
    beyond = CANVAS.x > 0.5
    assert distance[beyond] == pytest.approx(np.hypot(CANVAS.x - 0.5, CANVAS.y)[beyond], abs=1e-6)


def test_a_curve_passes_through_its_knots():
    knots, values = (-0.8, -0.1, 0.3, 0.9), (0.2, 0.5, 0.4, 0.1)
    at = np.array(knots, np.float32)
    assert s.curve(at, knots, values) == pytest.approx(np.array(values), abs=2e-3)


def test_a_turned_shape_is_as_wide_as_its_profile():
    inside = s.turned(CANVAS, (-0.6, 0.6), (0.3, 0.5)) < 0
    widths = inside.sum(axis=1) * CANVAS.pixel / 2
    heights = CANVAS.y[:, 0]
    within = np.abs(heights) < 0.55
    expected = 0.4 + heights[within] / 6
    assert widths[within] == pytest.approx(expected, abs=CANVAS.pixel)
    assert not widths[np.abs(heights) > 0.62].any()


@given(
    angle=st.floats(-1.5, 1.5),
    shift=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)),
    scale=st.floats(0.4, 1.0),
)
def test_turning_and_moving_the_plane_keeps_distances(angle, shift, scale):
    canvas = s.plane(40, 30, scale=scale, angle=angle, shift=shift)
    step = np.hypot(np.diff(canvas.x, axis=1), np.diff(canvas.y, axis=1))
    assert step == pytest.approx(np.full_like(step, canvas.pixel), rel=1e-3)
    down, across = np.unravel_index(np.argmin(np.hypot(canvas.x, canvas.y)), canvas.x.shape)
    centre = np.array([across + 0.5 - 20, down + 0.5 - 15]) * canvas.pixel
    assert centre == pytest.approx(np.array(shift), abs=canvas.pixel)


@given(reach=st.floats(0.01, 0.5))
def test_a_blend_contains_both_of_its_shapes(reach):
    first, second = s.circle(CANVAS, (-0.2, 0), 0.3), s.circle(CANVAS, (0.3, 0), 0.3)
    assert (s.blend(first, second, reach) <= s.union(first, second) + 1e-6).all()
