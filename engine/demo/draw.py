"""What a product looks like, into its picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ..types import Pixels
from . import household, wardrobe
from .palette import CREAM, Rgb, pick_accent, pick_shade, rgb
from .parts import Finish, Part, Silhouette
from .shapes import Field, Plane, plane
from .surface import MATERIALS, PATTERNS, Material, ink

SILHOUETTES: Mapping[str, Silhouette] = {
    "tee": wardrobe.tee,
    "sweater": wardrobe.sweater,
    "dress": wardrobe.dress,
    "sock": wardrobe.sock,
    "beanie": wardrobe.beanie,
    "sunhat": wardrobe.sunhat,
    "sneaker": wardrobe.sneaker,
    "tote": wardrobe.tote,
    "handbag": wardrobe.handbag,
    "backpack": wardrobe.backpack,
    "umbrella": wardrobe.umbrella,
    "mug": household.mug,
    "teapot": household.teapot,
    "bottle": household.bottle,
    "vase": household.vase,
    "lamp": household.lamp,
    "cushion": household.cushion,
    "armchair": household.armchair,
    "chair": household.chair,
    "clock": household.clock,
}

_WALLS = ("f7f5f2", "f3f5f7", "f8f4ed", "f2f4f0", "f7f3f5")
_LIGHT = np.array([-0.5, -0.866], np.float32)
"""Where the light comes from: above, a little to the left."""

_MATTE = MATERIALS["matte"]
_FIXED: Mapping[Finish, tuple[str, Material]] = {
    "wood": ("b98d5f", MATERIALS["wooden"]),
    "metal": ("b9bcc2", MATERIALS["metallic"]),
    "ink": ("2b2c31", _MATTE),
    "paper": (CREAM, _MATTE),
}
"""Colour and material of the parts that are alike on every product."""


@dataclass(frozen=True, slots=True)
class Look:
    """The visible attributes of a product."""

    kind: str
    """A key of `SILHOUETTES`."""
    colour: str
    """A key of `palette.SHADES`."""
    pattern: str
    """A key of `surface.PATTERNS`."""
    material: str
    """A key of `surface.MATERIALS`."""


@dataclass(frozen=True, slots=True)
class _Paint:
    """The colours and the cloth one product is made of."""

    base: Rgb
    accent: Rgb
    pattern: Field
    material: Material


def draw_product(look: Look, *, width: int, height: int, rng: Generator) -> Pixels:
    """Draw one product on a light background.

    Parameters
    ----------
    look
        What is drawn. Shade, second colour, cut, size, turn and background come from `rng`.
    width, height
        Size of the picture in pixels.
    rng
        The only source of chance: an equal generator draws an equal picture.

    Returns
    -------
    pixels
        RGB, shape (height, width, 3), uint8.
    """
    canvas = plane(
        width,
        height,
        scale=float(rng.uniform(0.76, 0.88)),
        angle=float(rng.normal(0, 0.045)),
        shift=(float(rng.normal(0, 0.03)), float(rng.normal(0, 0.03))),
    )
    base = pick_shade(look.colour, rng)
    paint = _Paint(
        base,
        pick_accent(base, rng),
        PATTERNS[look.pattern](canvas, float(rng.uniform(0.2, 0.3))),
        MATERIALS[look.material],
    )
    parts = SILHOUETTES[look.kind](canvas, rng)
    picture = _background(canvas, rng)
    _cast_shadow(picture, parts, canvas)
    for part in parts:
        _lay(picture, part, paint, canvas, rng)
    levels = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def _background(canvas: Plane, rng: Generator) -> Field:
    """Paint a light wall that darkens towards the corners.

    Pictures are kept as three planes, shape (3, height, width), until they are done: numpy is
    several times faster along rows than along the three values of a pixel.
    """
    wall = rgb(str(rng.choice(_WALLS)))
    dim = 1 - np.float32(0.02) * (canvas.x * canvas.x + canvas.y * canvas.y)
    return wall[:, None, None] * dim


def _cast_shadow(picture: Field, parts: list[Part], canvas: Plane) -> None:
    """Darken the wall behind the product, down and to the right of it, in place."""
    outline = parts[0].distance
    for part in parts[1:]:
        if part.finish != "crease":
            outline = np.minimum(outline, part.distance)
    down, right = round(0.07 / canvas.pixel), round(0.035 / canvas.pixel)
    moved = np.pad(outline, ((down, 0), (right, 0)), mode="edge")
    reach = np.clip(np.float32(0.5) - moved[: outline.shape[0], : outline.shape[1]] / 0.3, 0, 1)
    picture *= 1 - np.float32(0.26) * reach * reach


def _lay(picture: Field, part: Part, paint: _Paint, canvas: Plane, rng: Generator) -> None:
    """Paint one part over the picture, in place, touching only the box it lies in."""
    inside = part.distance < canvas.pixel
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return
    # One pixel more on every side, so that there is a slope to take even where a part is a line.
    box = (
        slice(max(rows[0] - 1, 0), rows[-1] + 2),
        slice(max(columns[0] - 1, 0), columns[-1] + 2),
    )
    distance = part.distance[box]
    coverage = ink(distance, canvas.pixel)
    here = picture[:, *box]
    if part.finish == "crease":
        here *= 1 - np.float32(0.22) * coverage
        return
    colour, material = _surface(part.finish, paint, box)
    patch = Plane(canvas.x[box], canvas.y[box], canvas.pixel)
    light, shine = _light(distance, part.roundness, material, patch)
    lit = colour * (light * material.texture(patch, rng))
    lit += (1 - lit) * shine
    here += coverage * (lit - here)


def _surface(finish: Finish, paint: _Paint, box: tuple[slice, slice]) -> tuple[Field, Material]:
    """Return the colour, shape (3, 1, 1) or (3, rows, columns), and the material of a part."""
    base = paint.base[:, None, None]
    match finish:
        case "body":
            return base + paint.pattern[box] * (paint.accent[:, None, None] - base), paint.material
        case "solid":
            return base, paint.material
        case "trim":
            return base * np.float32(0.78), paint.material
        case "inside":
            return base * np.float32(0.5), _MATTE
        case "accent":
            return paint.accent[:, None, None], paint.material
        case _:
            code, material = _FIXED[finish]
            return rgb(code)[:, None, None], material


def _light(
    distance: Field, roundness: float, material: Material, canvas: Plane
) -> tuple[Field, Field]:
    """Return the light that falls on a part, about 1, and the highlight on top, 0..1."""
    down, across = np.gradient(distance, canvas.pixel)
    facing = across * _LIGHT[0] + down * _LIGHT[1]
    turned = 1 - np.clip(-distance / np.float32(roundness), 0, 1)
    light = np.float32(1.02) - np.float32(0.05) * canvas.y
    light += np.float32(material.relief) * facing * turned * turned
    if not material.gloss:
        return light, np.zeros_like(distance)
    band = (-distance - np.float32(0.42 * roundness)) / np.float32(0.14 * roundness)
    shine = np.exp(-band * band) * np.clip(facing, 0, 1) ** 3 * np.float32(material.gloss)
    return light, shine
