"""The shop's colours: the eleven basic colour terms (Berlin and Kay, 1969) and shades of each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Rgb = NDArray[np.float32]
"""One colour, shape (3,), sRGB-coded 0..1."""

SHADES: Mapping[str, tuple[str, ...]] = {
    "black": ("26272b", "1d1f26", "302f33"),
    "white": ("f4f0e6", "eeeade", "f5f5f2"),
    "grey": ("8d9299", "a5a6aa", "70757c"),
    "red": ("c5302b", "ab2430", "d8483a"),
    "orange": ("e6742b", "ee8d3c", "d75f1c"),
    "yellow": ("f1c232", "f4d058", "dfaa1c"),
    "green": ("3f8f5b", "5f8550", "1f6b4c", "83b08b"),
    "blue": ("2f6fb5", "23407a", "68a4d4", "2b52a3"),
    "purple": ("7a4fa3", "9678c0", "5b3272"),
    "pink": ("e78aab", "f2afbf", "d85a8d"),
    "brown": ("7a4f32", "946540", "5c3c28"),
}
"""Shades by basic colour term, as RRGGBB."""

CREAM, INK = "f6efe0", "27304a"

_JITTER = 0.018
"""Standard deviation that keeps two products of one shade from being equal."""


def rgb(code: str) -> Rgb:
    """Parse RRGGBB."""
    return np.frombuffer(bytes.fromhex(code), np.uint8).astype(np.float32) / np.float32(255)


def pick_shade(colour: str, rng: Generator) -> Rgb:
    """Draw one shade of a basic colour, slightly jittered."""
    shade = rgb(str(rng.choice(SHADES[colour])))
    jittered = shade + rng.normal(0, _JITTER, 3).astype(np.float32)
    return np.clip(jittered, 0, 1)


def pick_accent(colour: Rgb, rng: Generator) -> Rgb:
    """Draw a second colour that can be told from `colour` when they share a pattern."""
    light = luminance(colour)
    tint = colour + (1 - colour) * np.float32(0.62)
    shade = colour * np.float32(0.5)
    if light > 0.6:
        options = (shade, rgb(INK), shade)
    elif light > 0.25:
        options = (rgb(CREAM), tint, shade)
    else:
        options = (rgb(CREAM), tint, rgb(CREAM))
    return options[rng.integers(len(options))]


def luminance(colour: Rgb) -> float:
    """Return how light a colour looks, 0..1 (Rec. 601 weights on coded values)."""
    return float(colour @ np.array([0.299, 0.587, 0.114], np.float32))
