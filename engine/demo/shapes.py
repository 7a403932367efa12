"""Coordinates of a picture into signed distances to simple shapes.

Every function takes a `Plane` and returns, per pixel, the distance to the shape's outline in plane
units: negative inside, positive outside, shape (height, width), float32. Distances make
antialiasing one subtraction, and shapes combine by minimum and maximum (Inigo Quilez, "2D distance
functions").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Field: TypeAlias = NDArray[np.float32]
"""One float32 per pixel, shape (height, width)."""

Point: TypeAlias = tuple[float, float]
"""x to the right, y down."""

_TINY = np.float32(1e-6)
_STEEP = np.float32(3)


@dataclass(frozen=True, slots=True)
class Plane:
    """The coordinates of every pixel; a product is drawn inside -1..1 on both axes."""

    x: Field
    y: Field
    pixel: float
    """Side of one pixel in plane units."""


def plane(
    width: int, height: int, *, scale: float = 1.0, angle: float = 0.0, shift: Point = (0.0, 0.0)
) -> Plane:
    """Lay a plane over a picture so that -1..1 takes `scale` of its shorter side.

    Parameters
    ----------
    width, height
        Size of the picture in pixels.
    scale
        Share of the shorter side that the product may fill.
    angle
        Clockwise turn of the product in radians.
    shift
        Where the product's centre lies, in plane units from the picture's centre.
    """
    pixel = 2.0 / (scale * min(width, height))
    across = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) * pixel - shift[0])[None, :]
    down = ((np.arange(height, dtype=np.float32) + 0.5 - height / 2) * pixel - shift[1])[:, None]
    cosine, sine = math.cos(angle), math.sin(angle)
    return Plane(
        (across * cosine + down * sine).astype(np.float32),
        (down * cosine - across * sine).astype(np.float32),
        pixel,
    )


def length(x: Field, y: Field) -> Field:
    """Return the length of (x, y); several times faster than `np.hypot`, which minds overflow."""
    distance: Field = np.sqrt(x * x + y * y)
    return distance


def mirrored(canvas: Plane) -> Plane:
    """Fold the left half onto the right one, for shapes that are the same on both sides."""
    return Plane(np.abs(canvas.x), canvas.y, canvas.pixel)


def circle(canvas: Plane, centre: Point, radius: float) -> Field:
    """Distance to a disc."""
    return length(canvas.x - centre[0], canvas.y - centre[1]) - np.float32(radius)


def ellipse(canvas: Plane, centre: Point, radii: Point) -> Field:
    """Distance to an ellipse with axes along x and y, to first order: exact on the outline."""
    along = (canvas.x - centre[0]) / radii[0]
    down = (canvas.y - centre[1]) / radii[1]
    reach = length(along, down)
    slope = length(along / radii[0], down / radii[1])
    # The floor keeps the centre, where both vanish, inside the ellipse.
    distance: Field = (reach + _TINY) * (reach - 1) / (slope + _TINY)
    return distance


def box(canvas: Plane, centre: Point, half: Point, radius: float = 0.0) -> Field:
    """Distance to a rectangle of half-size `half` whose corners are rounded by `radius`."""
    beyond_x = np.abs(canvas.x - centre[0]) - (half[0] - radius)
    beyond_y = np.abs(canvas.y - centre[1]) - (half[1] - radius)
    outside = length(np.maximum(beyond_x, 0), np.maximum(beyond_y, 0))
    inside: Field = np.minimum(np.maximum(beyond_x, beyond_y), 0)
    return outside + inside - np.float32(radius)


def segment(canvas: Plane, start: Point, end: Point, radius: float) -> Field:
    """Distance to a stroke from `start` to `end` with round ends."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    from_x, from_y = canvas.x - start[0], canvas.y - start[1]
    share: Field = np.clip((from_x * along_x + from_y * along_y) / (along_x**2 + along_y**2), 0, 1)
    return length(from_x - share * along_x, from_y - share * along_y) - np.float32(radius)


def stroke(canvas: Plane, points: Sequence[Point], radius: float) -> Field:
    """Distance to a polyline drawn with a round pen."""
    return union(*(segment(canvas, start, end, radius) for start, end in pairwise(points)))


def polygon(canvas: Plane, corners: Sequence[Point], radius: float = 0.0) -> Field:
    """Distance to a polygon, grown by `radius` so that its corners are round."""
    nearest = np.full_like(canvas.x, np.inf)
    inside = np.zeros(canvas.x.shape, np.bool_)
    for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
        edge_x, edge_y = bx - ax, by - ay
        from_x, from_y = canvas.x - ax, canvas.y - ay
        share = (from_x * edge_x + from_y * edge_y) / (edge_x**2 + edge_y**2)
        share = np.clip(share, 0, 1)
        gap_x, gap_y = from_x - share * edge_x, from_y - share * edge_y
        nearest = np.minimum(nearest, gap_x * gap_x + gap_y * gap_y)
        if edge_y:
            # Even-odd rule: count the edges that a ray towards +x crosses.
            crosses = (from_y >= 0) != (canvas.y >= by)
            inside ^= crosses & (from_x < from_y * (edge_x / edge_y))
    distance = np.sqrt(nearest)
    return np.where(inside, -distance, distance) - np.float32(radius)


def turned(
    canvas: Plane, heights: Sequence[float], half_widths: Sequence[float], *, sag: float = 0.0
) -> Field:
    """Distance to a shape turned on a lathe: `half_widths` at `heights`, joined smoothly.

    Its ends hang down by `sag` in the middle, as they do when one looks at it from above. They are
    made steep: the light, which follows the distance, should see the wall and not its ends.
    """
    width = curve(canvas.y, heights, half_widths)
    slope = _slopes(canvas.y, heights, half_widths)
    sides = (np.abs(canvas.x) - width) / np.sqrt(1 + slope * slope)
    level = canvas.y - np.float32(sag) * np.sqrt(np.maximum(1 - (canvas.x / width) ** 2, 0))
    middle, half = (heights[0] + heights[-1]) / 2, (heights[-1] - heights[0]) / 2
    ends = np.abs(level - np.float32(middle)) - np.float32(half)
    distance: Field = np.maximum(sides, ends * _STEEP)
    return distance


def below(canvas: Plane, across: Sequence[float], heights: Sequence[float]) -> Field:
    """Distance to everything under a smooth curve through (`across`, `heights`)."""
    slope = _slopes(canvas.x, across, heights)
    line = curve(canvas.x, across, heights)
    distance: Field = np.divide(line - canvas.y, np.sqrt(1 + slope * slope), dtype=np.float32)
    return distance


def under(canvas: Plane, height: float) -> Field:
    """Distance to everything under a level line."""
    return np.float32(height) - canvas.y


def ring(canvas: Plane, centre: Point, radii: Point, radius: float) -> Field:
    """Distance to an ellipse's outline drawn with a round pen."""
    return hollow(ellipse(canvas, centre, radii), radius)


def union(*shapes: Field) -> Field:
    """Distance to all the shapes together."""
    joined = shapes[0]
    for shape in shapes[1:]:
        joined = np.minimum(joined, shape)
    return joined


def blend(first: Field, second: Field, reach: float) -> Field:
    """Distance to two shapes that melt into each other within `reach`."""
    overlap = np.maximum(reach - np.abs(first - second), 0) / reach
    melted: Field = np.multiply(overlap * overlap, reach / 4, dtype=np.float32)
    return np.minimum(first, second) - melted


def common(*shapes: Field) -> Field:
    """Distance to what lies inside every shape."""
    shared = shapes[0]
    for shape in shapes[1:]:
        shared = np.maximum(shared, shape)
    return shared


def without(shape: Field, hole: Field) -> Field:
    """Distance to `shape` with `hole` cut out."""
    return np.maximum(shape, -hole)


def hollow(shape: Field, radius: float) -> Field:
    """Distance to the outline of `shape` drawn with a round pen."""
    return np.abs(shape) - np.float32(radius)


def curve(at: Field, knots: Sequence[float], values: Sequence[float]) -> Field:
    """Return a Catmull-Rom spline through `values` at `knots`, held flat beyond its ends."""
    positions, heights = _spline(tuple(knots), tuple(values))
    return np.interp(at, positions, heights).astype(np.float32)


def _slopes(at: Field, knots: Sequence[float], values: Sequence[float]) -> Field:
    """Return the spline's slope at every pixel, bounded so that a ledge stays a shape."""
    positions, heights = _spline(tuple(knots), tuple(values))
    slopes = np.clip(np.gradient(heights, positions), -3.0, 3.0)
    return np.interp(at, positions, slopes).astype(np.float32)


def _spline(
    knots: tuple[float, ...], values: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sample the cubic Hermite spline whose slopes are central differences of its knots."""
    x, y = np.asarray(knots, np.float64), np.asarray(values, np.float64)
    slopes = np.gradient(y, x) if len(x) > 2 else np.full(len(x), (y[-1] - y[0]) / (x[-1] - x[0]))
    at = np.linspace(x[0], x[-1], 65)
    left = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    span = x[left + 1] - x[left]
    t = (at - x[left]) / span
    start, end = y[left], y[left + 1]
    pull_start, pull_end = slopes[left] * span, slopes[left + 1] * span
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * pull_start
        + (3 * t**2 - 2 * t**3) * end
        + (t**3 - t**2) * pull_end
    )
    return at, spline
