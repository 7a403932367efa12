"""Silhouettes of what people wear and carry."""

from __future__ import annotations

from numpy.random import Generator

from . import shapes as s
from .parts import Part
from .shapes import Plane


def tee(canvas: Plane, rng: Generator) -> list[Part]:
    """T-shirt with a round collar, laid flat."""
    half = s.mirrored(canvas)
    hem, sleeve = rng.uniform(0.78, 0.9), rng.uniform(-0.22, -0.08)
    torso = s.polygon(
        half,
        [
            (-0.5, -0.72), (0.2, -0.72), (0.46, -0.64), (0.96, sleeve - 0.08),
            (0.74, sleeve + 0.18), (0.5, sleeve - 0.06), (0.52, hem), (-0.5, hem),
        ],
        0.045,
    )  # fmt: skip
    neck = s.ellipse(canvas, (0, -0.77), (0.235, 0.17))
    back = s.common(s.ellipse(canvas, (0, -0.74), (0.24, 0.09)), torso)
    return [
        Part(s.without(torso, neck), roundness=0.2),
        Part(back, "inside"),
        Part(s.common(s.hollow(neck, 0.035), s.under(canvas, -0.76)), "trim"),
        Part(s.segment(half, (0.46, -0.62), (0.55, sleeve - 0.05), 0.004), "crease"),
        Part(s.segment(half, (0, hem - 0.05), (0.53, hem - 0.05), 0.004), "crease"),
    ]


def sweater(canvas: Plane, rng: Generator) -> list[Part]:
    """Long-sleeved pullover with ribbed cuffs and hem."""
    half = s.mirrored(canvas)
    hem, wrist = 0.74, rng.uniform(0.5, 0.62)
    torso = s.polygon(
        half, [(-0.5, -0.74), (0.24, -0.74), (0.5, -0.6), (0.5, hem), (-0.5, hem)], 0.05
    )
    arm = s.polygon(
        half, [(0.42, -0.66), (0.62, -0.5), (0.93, wrist), (0.72, wrist + 0.05), (0.5, -0.1)], 0.05
    )
    cuff = s.segment(half, (0.755, wrist + 0.1), (0.945, wrist + 0.055), 0.055)
    rib = s.box(canvas, (0, hem + 0.06), (0.5, 0.07), 0.05)
    neck = s.ellipse(canvas, (0, -0.8), (0.25, 0.15))
    collar = s.common(s.hollow(neck, 0.05), s.under(canvas, -0.82))
    back = s.common(
        s.ellipse(canvas, (0, -0.78), (0.24, 0.1)), s.box(canvas, (0, -0.7), (0.3, 0.1))
    )
    return [
        Part(arm, roundness=0.16),
        Part(cuff, "trim", 0.08),
        Part(rib, "trim", 0.1),
        Part(s.without(torso, neck), roundness=0.2),
        Part(s.segment(half, (0.5, -0.5), (0.52, 0.0), 0.006), "crease"),
        Part(back, "inside"),
        Part(collar, "trim", 0.08),
    ]


def dress(canvas: Plane, rng: Generator) -> list[Part]:
    """Sleeveless dress with a belt and a flared skirt."""
    half = s.mirrored(canvas)
    flare, waist = rng.uniform(0.5, 0.72), rng.uniform(-0.2, -0.1)
    cloth = s.turned(
        canvas,
        (-0.92, -0.72, -0.5, waist, waist + 0.15, 0.5, 0.92),
        (0.22, 0.26, 0.33, 0.22, 0.27, 0.27 + flare * 0.6, flare),
    )
    hem = s.below(canvas, (-0.8, -0.4, 0, 0.4, 0.8), (0.74, 0.86, 0.91, 0.86, 0.74))
    neck = s.ellipse(canvas, (0, -0.94), (0.14, rng.uniform(0.22, 0.36)))
    armhole = s.ellipse(half, (0.37, -0.78), (0.14, 0.24))
    folds = [
        Part(s.segment(half, (0.08 + 0.06 * k, waist + 0.2), (foot, 0.72), 0.006), "crease")
        for k, foot in enumerate((0.1, 0.28, 0.43))
        if foot < flare - 0.04
    ]
    return [
        Part(s.without(s.without(s.without(cloth, hem), neck), armhole), roundness=0.2),
        *folds,
        Part(s.common(cloth, s.box(canvas, (0, waist + 0.03), (0.5, 0.045))), "trim", 0.1),
    ]


def sock(canvas: Plane, rng: Generator) -> list[Part]:
    """Crew sock, seen from the side."""
    top = rng.uniform(-0.9, -0.6)
    leg = s.box(canvas, (-0.22, (top + 0.5) / 2), (0.27, (0.5 - top) / 2 + 0.12), 0.1)
    foot = s.segment(canvas, (-0.18, 0.56), (0.5, 0.66), 0.27)
    whole = s.blend(leg, foot, 0.35)
    cuff = s.box(canvas, (-0.22, top + 0.05), (0.285, 0.14), 0.05)
    return [
        Part(whole, roundness=0.25),
        Part(s.common(whole, s.circle(canvas, (-0.52, 0.82), 0.4)), "trim", 0.25),
        Part(s.common(whole, s.circle(canvas, (0.86, 0.64), 0.36)), "trim", 0.25),
        Part(cuff, "trim", 0.08),
    ]


def beanie(canvas: Plane, rng: Generator) -> list[Part]:
    """Knit cap with a turned-up brim and a pompom."""
    half = s.mirrored(canvas)
    crown = rng.uniform(0.78, 0.98)
    dome = s.ellipse(canvas, (0, 0.42), (0.68, crown))
    dome = s.without(dome, s.under(canvas, 0.44))
    brim = s.box(canvas, (0, 0.5), (0.74, 0.2), 0.12)
    pompom = s.circle(canvas, (0, 0.36 - crown), 0.2)
    ribs = s.union(
        *(s.segment(half, (x, 0.37), (x, 0.63), 0.008) for x in (0.0, 0.15, 0.3, 0.45, 0.6))
    )
    return [
        Part(pompom, "accent" if rng.random() < 0.5 else "trim", 0.2),
        Part(dome, roundness=0.4),
        Part(brim, "trim", 0.14),
        Part(ribs, "crease"),
    ]


def sunhat(canvas: Plane, rng: Generator) -> list[Part]:
    """Wide-brimmed hat with a band."""
    half = s.mirrored(canvas)
    brim = s.ellipse(canvas, (0, 0.36), (0.98, rng.uniform(0.22, 0.3)))
    top = rng.uniform(-0.36, -0.16)
    crown = s.polygon(half, [(-0.5, top), (0.28, top), (0.44, 0.42), (-0.5, 0.42)], 0.12)
    crown = s.without(crown, s.below(canvas, (-0.6, 0, 0.6), (0.32, 0.41, 0.32)))
    band = s.hollow(s.below(canvas, (-0.6, 0, 0.6), (0.22, 0.31, 0.22)), 0.09)
    return [
        Part(brim, roundness=0.2),
        Part(s.common(crown - 0.025, brim), "crease"),
        Part(crown, roundness=0.3),
        Part(s.common(crown, band), "accent", 0.1),
    ]


def sneaker(canvas: Plane, rng: Generator) -> list[Part]:
    """Low shoe, seen from the side, toe to the right."""
    ankle = rng.uniform(-0.46, -0.32)
    upper = s.common(
        s.below(
            canvas,
            (-1.0, -0.84, -0.56, -0.26, -0.08, 0.3, 0.66, 0.86, 0.98),
            (ankle, ankle, ankle + 0.08, ankle - 0.04, ankle + 0.1, 0.0, 0.06, 0.14, 0.34),
        ),
        s.box(canvas, (0, -0.1), (0.93, 0.5), 0.08),
    )
    collar = s.ellipse(canvas, (-0.56, ankle + 0.03), (0.27, 0.07))
    toe = s.common(upper, s.circle(canvas, (0.96, 0.44), 0.42))
    heel = s.common(upper, s.box(canvas, (-0.98, 0), (0.2, 0.6), 0.1))
    laces = [
        Part(s.segment(canvas, (x - 0.09, y + 0.07), (x + 0.1, y - 0.07), 0.024), "paper", 0.02)
        for x, y in ((-0.14, ankle + 0.2), (0.0, ankle + 0.28), (0.14, ankle + 0.35))
    ]
    flash = s.stroke(canvas, [(-0.55, 0.02), (-0.34, 0.2), (0.02, 0.02)], 0.032)
    return [
        Part(collar, "inside", 0.1),
        Part(s.without(upper, collar), roundness=0.25),
        Part(toe, "trim", 0.2),
        Part(heel, "trim", 0.2),
        Part(s.common(upper, flash), "accent", 0.03),
        *laces,
        Part(s.box(canvas, (0.01, 0.4), (0.97, 0.11), 0.09), "paper", 0.1),
        Part(s.segment(canvas, (-0.92, 0.43), (0.94, 0.43), 0.006), "crease"),
    ]


def tote(canvas: Plane, rng: Generator) -> list[Part]:
    """Open shopping bag with two long handles."""
    half = s.mirrored(canvas)
    drop, flare = rng.uniform(0.5, 0.68), rng.uniform(-0.06, 0.08)
    body = s.polygon(
        half, [(-0.5, -0.16), (0.58 + flare, -0.16), (0.6 - flare, 0.86), (-0.5, 0.86)], 0.04
    )
    far = s.ring(canvas, (0, -0.16), (0.3, drop), 0.028)
    near = s.ring(canvas, (0, -0.12), (0.34, drop + 0.02), 0.032)
    feet = s.segment(half, (0.34, -0.16), (0.34, 0.06), 0.034)
    return [
        Part(s.without(far, s.under(canvas, 0.04)), "inside", 0.04),
        Part(body, roundness=0.22),
        Part(s.segment(half, (0, -0.1), (0.58 + flare, -0.1), 0.004), "crease"),
        Part(s.union(s.without(near, s.under(canvas, -0.1)), feet), "trim", 0.05),
    ]


def handbag(canvas: Plane, rng: Generator) -> list[Part]:
    """Structured bag with a flap, a clasp and a top handle."""
    half = s.mirrored(canvas)
    top, waist = -0.22, rng.uniform(0.5, 0.66)
    body = s.polygon(half, [(-0.5, top), (waist, top), (0.78, 0.68), (-0.5, 0.68)], 0.08)
    flap = s.common(body, s.ellipse(canvas, (0, top), (waist + 0.22, rng.uniform(0.5, 0.62))))
    handle = s.ring(canvas, (0, top - 0.06), (0.38, 0.46), 0.04)
    handle = s.without(handle, s.under(canvas, top))
    return [
        Part(handle, "trim", 0.05),
        Part(body, roundness=0.26),
        Part(s.common(s.hollow(flap, 0.012), body), "crease"),
        Part(flap, roundness=0.2),
        Part(s.box(canvas, (0, 0.3), (0.1, 0.06), 0.03), "metal", 0.05),
        Part(s.circle(half, (0.38, top - 0.04), 0.045), "metal", 0.04),
    ]


def backpack(canvas: Plane, rng: Generator) -> list[Part]:
    """Rucksack with a front pocket and a loop to hang it by."""
    half = s.mirrored(canvas)
    round_top = rng.uniform(0.25, 0.5)
    body = s.box(canvas, (0, 0.06), (0.62, 0.84), round_top)
    pocket = s.box(canvas, (0, 0.45), (0.47, 0.33), 0.12)
    side = s.box(half, (0.62, 0.5), (0.1, 0.3), 0.09)
    loop = s.ring(canvas, (0, -0.8), (0.16, 0.15), 0.035)
    strap = s.segment(half, (0.26, -0.72), (0.26, 0.12), 0.045)
    return [
        Part(loop, "trim", 0.04),
        Part(side, "trim", 0.1),
        Part(body, roundness=0.3),
        Part(s.common(strap, body), "trim", 0.05),
        Part(pocket - 0.015, "crease"),
        Part(pocket, roundness=0.16),
        Part(s.segment(canvas, (-0.4, 0.24), (0.4, 0.24), 0.014), "metal", 0.02),
        Part(s.box(canvas, (0, -0.4), (0.17, 0.08), 0.03), "accent", 0.04),
    ]


def umbrella(canvas: Plane, rng: Generator) -> list[Part]:
    """Open umbrella with a hooked handle."""
    half = s.mirrored(canvas)
    rim = 0.08
    dome = s.ellipse(canvas, (0, rim), (0.98, rng.uniform(0.84, 0.98)))
    dome = s.without(dome, s.under(canvas, rim))
    scallops = s.union(
        s.ellipse(half, (0, rim), (0.33, 0.11)), s.ellipse(half, (0.655, rim), (0.325, 0.11))
    )
    canopy = s.without(dome, scallops)
    hook = s.ring(canvas, (0.13, 0.78), (0.13, 0.15), 0.035)
    hook = s.common(hook, s.under(canvas, 0.78))
    return [
        Part(s.segment(canvas, (0, -0.9), (0, 0.8), 0.024), "metal", 0.03),
        Part(s.union(hook, s.segment(canvas, (0, 0.55), (0, 0.78), 0.036)), "wood", 0.04),
        Part(canopy, roundness=0.4),
        Part(s.common(s.ring(canvas, (0, rim), (0.33, 0.94), 0.005), canopy), "crease"),
    ]
