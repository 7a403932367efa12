"""Silhouettes of what stands about the house."""

from __future__ import annotations

import math

from numpy.random import Generator

from . import shapes as s
from .parts import Finish, Part
from .shapes import Plane


def mug(canvas: Plane, rng: Generator) -> list[Part]:
    """Drinking cup with a round handle."""
    foot, top = rng.uniform(0.44, 0.56), -0.62
    wall = s.turned(canvas, (top, 0, 0.66), (0.56, 0.56, foot), sag=0.1)
    rim = s.ellipse(canvas, (0, top), (0.56, 0.13))
    handle = s.ring(canvas, (0.6, 0.02), (0.28, rng.uniform(0.3, 0.38)), 0.07)
    return [
        Part(handle, "solid", 0.08),
        Part(wall, roundness=0.3),
        Part(rim, "solid", 0.05),
        Part(rim + 0.035, "inside", 0.06),
    ]


def teapot(canvas: Plane, rng: Generator) -> list[Part]:
    """Round pot with a spout, a lid and a knob."""
    tall = rng.uniform(0.52, 0.62)
    belly = s.ellipse(canvas, (0, 0.22), (0.62, tall))
    belly = s.without(belly, s.under(canvas, 0.72))
    spout = s.polygon(canvas, [(0.4, 0.36), (0.5, 0.1), (0.8, -0.34), (0.94, -0.3)], 0.05)
    handle = s.ring(canvas, (-0.62, 0.16), (0.3, 0.34), 0.055)
    rim = 0.22 - tall * 0.86
    lid = s.ellipse(canvas, (0, rim), (0.34, 0.13))
    knob = s.circle(canvas, (0, rim - 0.2), 0.085)
    return [
        Part(handle, "solid", 0.06),
        Part(s.blend(belly, spout, 0.12), roundness=0.4),
        Part(s.union(s.box(canvas, (0, rim - 0.12), (0.04, 0.08)), knob), "wood", 0.08),
        Part(lid, "solid", 0.1),
        Part(s.common(s.hollow(lid, 0.012), s.under(canvas, rim)), "crease"),
    ]


def bottle(canvas: Plane, rng: Generator) -> list[Part]:
    """Insulated bottle with a cap."""
    wide, shoulder = rng.uniform(0.3, 0.4), rng.uniform(-0.4, -0.2)
    body = s.turned(
        canvas,
        (-0.78, shoulder - 0.16, shoulder + 0.12, 0.5, 0.88),
        (0.17, 0.2, wide, wide, wide * 0.97),
        sag=0.05,
    )
    cap = s.box(canvas, (0, -0.8), (0.19, 0.13), 0.04)
    loop = s.ring(canvas, (0, -0.94), (0.12, 0.1), 0.03)
    return [
        Part(loop, "ink", 0.03),
        Part(body, roundness=0.3),
        Part(cap, "ink" if rng.random() < 0.5 else "wood", 0.15),
    ]


def vase(canvas: Plane, rng: Generator) -> list[Part]:
    """Vase from the lathe; its profile differs from product to product."""
    neck, belly, foot = rng.uniform(0.14, 0.26), rng.uniform(0.42, 0.62), rng.uniform(0.2, 0.34)
    at = rng.uniform(-0.05, 0.4)
    lip = neck + rng.uniform(0.02, 0.1)
    body = s.turned(canvas, (-0.82, -0.58, at, 0.84), (lip, neck, belly, foot), sag=0.05)
    rim = s.ellipse(canvas, (0, -0.82), (lip, 0.06))
    return [
        Part(body, roundness=0.4),
        Part(rim, "solid", 0.03),
        Part(rim + 0.02, "inside", 0.03),
    ]


def lamp(canvas: Plane, rng: Generator) -> list[Part]:
    """Table lamp with a cloth shade."""
    top = rng.uniform(0.26, 0.46)
    shade = s.turned(canvas, (-0.86, -0.06), (top, 0.68))
    bulge = rng.uniform(0.14, 0.3)
    foot = s.turned(canvas, (-0.06, 0.2, 0.55, 0.82), (0.06, 0.08, bulge, 0.12))
    base = s.ellipse(canvas, (0, 0.84), (0.34, 0.07))
    stand: Finish = "wood" if rng.random() < 0.5 else "metal"
    return [
        Part(base, stand, 0.08),
        Part(foot, stand, 0.16),
        Part(shade, roundness=0.3),
        Part(s.hollow(s.box(canvas, (0, -0.08), (0.68, 0.005)), 0.012), "trim", 0.02),
        Part(s.box(canvas, (0, -0.85), (top, 0.015)), "trim", 0.02),
    ]


def cushion(canvas: Plane, rng: Generator) -> list[Part]:
    """Square or long cushion with piped edges."""
    width, height = 0.84, float(rng.choice([0.84, 0.56]))
    pinch = rng.uniform(0.05, 0.1)
    across = s.turned(
        canvas, (-1, -height, 0, height, 1), (width + 0.02, width, width - pinch, width, width)
    )
    x, y = canvas.x, canvas.y
    down = s.turned(
        Plane(y, x, canvas.pixel),
        (-1, -width, 0, width, 1),
        (height + 0.02, height, height - pinch, height, height),
    )
    body = s.common(across, down) - 0.03
    return [
        Part(body, "trim", 0.05),
        Part(body + 0.035, roundness=0.5),
    ]


def armchair(canvas: Plane, rng: Generator) -> list[Part]:
    """Upholstered easy chair, from the front."""
    half = s.mirrored(canvas)
    back = s.box(canvas, (0, -0.22), (0.62, 0.6), rng.uniform(0.16, 0.42))
    seat = s.box(canvas, (0, 0.3), (0.56, 0.17), 0.1)
    arm = s.box(half, (0.66, 0.24), (0.17, 0.36), 0.15)
    apron = s.box(canvas, (0, 0.52), (0.7, 0.14), 0.06)
    leg = s.polygon(half, [(0.56, 0.62), (0.68, 0.62), (0.72, 0.94), (0.68, 0.94)], 0.02)
    return [
        Part(leg, "wood", 0.05),
        Part(back, roundness=0.25),
        Part(apron, roundness=0.12),
        Part(seat - 0.02, "crease"),
        Part(seat, roundness=0.14),
        Part(arm - 0.02, "crease"),
        Part(arm, roundness=0.16),
    ]


def chair(canvas: Plane, rng: Generator) -> list[Part]:
    """Dining chair with a shell back and turned legs."""
    half = s.mirrored(canvas)
    wide = rng.uniform(0.42, 0.5)
    shell = s.polygon(
        half, [(-0.5, -0.84), (wide - 0.08, -0.84), (wide, -0.34), (-0.5, -0.34)], 0.09
    )
    seat = s.polygon(half, [(-0.5, 0.04), (0.42, 0.04), (0.54, 0.2), (-0.5, 0.2)], 0.06)
    edge = s.common(seat, s.under(canvas, 0.19))
    post = s.segment(half, (0.28, -0.3), (0.3, 0.1), 0.034)
    front = s.segment(half, (0.46, 0.26), (0.54, 0.92), 0.042)
    hind = s.segment(half, (0.32, 0.26), (0.36, 0.78), 0.034)
    rung = s.segment(half, (0, 0.56), (0.34, 0.56), 0.02)
    return [
        Part(s.union(hind, rung), "wood", 0.04),
        Part(front, "wood", 0.05),
        Part(post, "wood", 0.04),
        Part(shell, roundness=0.22),
        Part(seat, roundness=0.12),
        Part(edge, "trim", 0.1),
    ]


def clock(canvas: Plane, rng: Generator) -> list[Part]:
    """Wall clock with hands at some hour."""
    face = s.circle(canvas, (0, 0), 0.78)
    if rng.random() < 0.35:
        face = s.box(canvas, (0, 0), (0.76, 0.76), 0.2)
    marks = s.union(
        *(
            s.segment(
                canvas,
                (0.6 * math.sin(turn), 0.6 * math.cos(turn)),
                (0.68 * math.sin(turn), 0.68 * math.cos(turn)),
                0.02,
            )
            for turn in (math.pi / 2 * k for k in range(4))
        )
    )
    hour, minute = rng.uniform(0, 2 * math.pi, 2)
    hands = s.union(
        s.segment(canvas, (0, 0), (0.36 * math.sin(hour), -0.36 * math.cos(hour)), 0.035),
        s.segment(canvas, (0, 0), (0.56 * math.sin(minute), -0.56 * math.cos(minute)), 0.024),
    )
    return [
        Part(face - 0.1, "wood" if rng.random() < 0.5 else "metal", 0.08),
        Part(face - 0.01, "crease"),
        Part(face, roundness=0.08),
        Part(marks, "paper", 0.01),
        Part(hands - 0.012, "paper", 0.01),
        Part(hands, "ink", 0.02),
        Part(s.circle(canvas, (0, 0), 0.06), "metal", 0.05),
    ]
