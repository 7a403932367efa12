"""A product as a pile of parts, back to front: each a shape and what it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from numpy.random import Generator

from .shapes import Field, Plane

Finish: TypeAlias = Literal[
    "body",  # the product's colour, pattern and material
    "solid",  # the same without the pattern
    "trim",  # a darker shade of the colour, plain
    "inside",  # the colour in deep shadow: what one sees through an opening
    "accent",  # the pattern's second colour
    "wood",
    "metal",
    "ink",
    "paper",
    "crease",  # a soft shadow line: a seam, a fold
]


@dataclass(frozen=True, slots=True)
class Part:
    """One shape of a product."""

    distance: Field
    """Signed distance to the outline, negative inside."""
    finish: Finish = "body"
    roundness: float = 0.3
    """How far from the outline the surface curves away, in plane units."""


Silhouette: TypeAlias = Callable[[Plane, Generator], list[Part]]
"""Draws a product's parts; the generator varies the cut from product to product."""
