"""Patterns and materials: coordinates into where the second colour goes and how light falls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator

from .shapes import Field, Plane, length

Pattern: TypeAlias = Callable[[Plane, float], Field]
"""Plane and period to the share of the accent colour, 0..1."""

Texture: TypeAlias = Callable[[Plane, Generator], Field | np.float32]
"""Plane to a factor on the light, about 1."""


_HALF = np.float32(0.5)
_TURN = 2 * np.pi
_ROOM_X = (-1.0, -0.6, -0.35, -0.2, 0.05, 0.3, 0.55, 1.0)
_ROOM_LIGHT = (0.62, 0.82, 1.36, 0.98, 0.72, 0.9, 1.18, 0.6)
"""What a vertical metal sheet reflects, from left to right."""


def ink(distance: Field, pixel: float) -> Field:
    """Turn signed distances into antialiased coverage, 0..1."""
    coverage: Field = np.clip(_HALF - distance / np.float32(pixel), 0, 1)
    return coverage


def _wrap(values: Field, period: float) -> Field:
    """Fold values into one period around zero."""
    step = np.float32(period)
    turns: Field = np.rint(values / step, dtype=np.float32)
    return values - step * turns


def _bands(across: Field, period: float, pixel: float) -> Field:
    """Ink a little less than half of every period."""
    return ink(np.abs(_wrap(across, period)) - np.float32(0.23 * period), pixel)


def plain(canvas: Plane, period: float) -> Field:
    """No pattern."""
    return np.zeros_like(canvas.x)


def horizontal(canvas: Plane, period: float) -> Field:
    """Stripes across."""
    return _bands(canvas.y, period, canvas.pixel)


def vertical(canvas: Plane, period: float) -> Field:
    """Stripes from top to bottom."""
    return _bands(canvas.x, period, canvas.pixel)


def diagonal(canvas: Plane, period: float) -> Field:
    """Stripes at 45 degrees."""
    return _bands((canvas.x + canvas.y) * np.float32(0.7071), period, canvas.pixel)


def dots(canvas: Plane, period: float) -> Field:
    """Staggered discs."""
    x, y = _staggered(canvas, period)
    return ink(length(x, y) - np.float32(0.27 * period), canvas.pixel)


def checks(canvas: Plane, period: float) -> Field:
    """Gingham: two sets of translucent stripes, strongest where they cross."""
    both = vertical(canvas, period) + horizontal(canvas, period)
    return both * np.float32(0.45)


def zigzag(canvas: Plane, period: float) -> Field:
    """Chevron stripes."""
    return _bands(canvas.y + np.abs(_wrap(canvas.x, 1.4 * period)), period, canvas.pixel)


def gradient(canvas: Plane, period: float) -> Field:
    """One colour running into the other from top to bottom."""
    share: Field = np.clip(canvas.y * np.float32(0.6) + np.float32(0.45), 0, 1)
    return share * share * (3 - 2 * share)


def diamonds(canvas: Plane, period: float) -> Field:
    """Argyle lozenges."""
    x, y = _staggered(canvas, 1.2 * period)
    reach = np.abs(x) * np.float32(1.3) + np.abs(y) - np.float32(0.46 * period)
    return ink(reach * np.float32(0.7), canvas.pixel)


def flowers(canvas: Plane, period: float) -> Field:
    """Staggered five-petalled blossoms with an eye."""
    x, y = _staggered(canvas, 1.5 * period)
    reach = length(x, y)
    petals: Field = np.cos(5 * np.arctan2(y, x))
    edge = np.float32(1.5 * period) * (np.float32(0.26) + np.float32(0.09) * petals)
    eye = np.float32(0.12 * period)
    return ink(reach - edge, canvas.pixel) - ink(reach - eye, canvas.pixel)


def _staggered(canvas: Plane, period: float) -> tuple[Field, Field]:
    """Fold the plane into cells of a lattice whose every other row is shifted by half a cell."""
    height = np.float32(0.75 * period)
    row: Field = np.rint(canvas.y / height)
    shift = np.float32(0.5 * period) * (row % 2)
    return _wrap(canvas.x + shift, period), canvas.y - row * height


PATTERNS: Mapping[str, Pattern] = {
    "plain": plain,
    "horizontal": horizontal,
    "vertical": vertical,
    "diagonal": diagonal,
    "dots": dots,
    "checks": checks,
    "zigzag": zigzag,
    "gradient": gradient,
    "diamonds": diamonds,
    "flowers": flowers,
}


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface takes the light."""

    texture: Texture
    gloss: float = 0.0
    """Strength of the highlight that follows the outline, 0..1."""
    relief: float = 0.16
    """How much lighter and darker the surface gets where it curves away."""


def _smooth(canvas: Plane, rng: Generator) -> np.float32:
    return np.float32(1)


def _knitted(canvas: Plane, rng: Generator) -> Field:
    """Columns of V-shaped stitches."""
    stitch = max(0.075, 4.5 * canvas.pixel)  # never finer than the pixels can show
    lean = canvas.y - np.float32(1.1) * np.abs(_wrap(canvas.x, stitch))
    rows: Field = np.cos(lean * np.float32(_TURN / (0.85 * stitch)))
    columns: Field = np.cos(canvas.x * np.float32(_TURN / stitch))
    return 1 + np.float32(0.075) * rows - np.float32(0.06) * columns


def _woven(canvas: Plane, rng: Generator) -> Field:
    """Over and under of warp and weft, with slubs."""
    thread = np.float32(_TURN / max(0.05, 3.2 * canvas.pixel))
    weave: Field = np.cos(canvas.x * thread) * np.cos(canvas.y * thread)
    slubs = rng.standard_normal((canvas.y.shape[0], 1), np.float32)
    return 1 + np.float32(0.07) * weave + np.float32(0.03) * slubs


def _grained(canvas: Plane, rng: Generator) -> Field:
    """Wood: wavering fibres along y."""
    phase = rng.uniform(0, _TURN, 3).astype(np.float32)
    bend = np.sin(np.float32(2.3) * canvas.y + phase[0])
    bend += np.float32(0.45) * np.sin(np.float32(5.1) * canvas.y + phase[1])
    rings: Field = np.sin(17 * canvas.x + np.float32(1.5) * bend + phase[2])
    fibres: Field = np.sin(61 * canvas.x + bend)
    return 1 + np.float32(0.1) * rings + np.float32(0.05) * fibres


def _brushed(canvas: Plane, rng: Generator) -> Field:
    """Metal: reflections of a bright room, drawn out along y."""
    room = np.interp(canvas.x, _ROOM_X, _ROOM_LIGHT).astype(np.float32)
    scratches = rng.standard_normal((1, canvas.x.shape[1]), np.float32)
    return room + np.float32(0.012) * scratches


def _pebbled(canvas: Plane, rng: Generator) -> Field:
    """Leather, stoneware: a fine irregular grain."""
    grain = rng.standard_normal(canvas.x.shape, np.float32)
    grain = grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1)
    return 1 + np.float32(0.022) * grain


MATERIALS: Mapping[str, Material] = {
    "matte": Material(_smooth, relief=0.14),
    "glossy": Material(_smooth, gloss=0.75, relief=0.2),
    "knitted": Material(_knitted, relief=0.2),
    "woven": Material(_woven, relief=0.14),
    "wooden": Material(_grained, gloss=0.1, relief=0.14),
    "metallic": Material(_brushed, gloss=0.35, relief=0.16),
    "pebbled": Material(_pebbled, gloss=0.3, relief=0.22),
}
