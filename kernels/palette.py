"""OKLab pictures and masks into shares of colour: how much of which, wherever it lies."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .foreground import Masks, Weights, pixel_weights

GREYS = 8
HUES = 10
SHADES = 3
PALETTE_DIM = GREYS + 2 * HUES * SHADES

# Chroma of a neutral, a muted and a vivid colour: what lies between belongs to both neighbours.
# Clothes and crockery are duller than screens: with wider steps navy, olive and wine are all grey.
NEUTRAL, MUTED, VIVID = 0.01, 0.04, 0.12
# Lightness of the darkest and the lightest shade of a hue.
DARK, LIGHT = 0.35, 0.80


def palette(lab: NDArray[np.float32], masks: Masks) -> NDArray[np.float32]:
    """Return how the subject's area is shared out among colours.

    A soft histogram: a pixel is divided linearly between neighbouring bins, so two shades that
    hardly differ cannot land in bins that have nothing in common (Swain & Ballard, "Color
    Indexing", 1991, with the bins in a perceptual space).

    Parameters
    ----------
    lab, masks
        Pictures (n, side, side, 3) in OKLab, float32, and their masks from `foreground`.

    Returns
    -------
    shares
        Shape (n, `PALETTE_DIM`), float32, rows sum to 1: `GREYS` neutrals from black to white,
        then for muted and again for vivid colours `HUES` x `SHADES`, each hue dark to light.
    """
    shares = np.zeros((lab.shape[0], PALETTE_DIM), np.float32)
    _palette(readonly(lab, np.float32), readonly(pixel_weights(masks), np.float64), shares)
    return shares


@kernel
def _palette(pictures: NDArray[np.float32], weights: Weights, shares: NDArray[np.float32]) -> None:
    side = weights.shape[1]
    for picture in range(weights.shape[0]):
        lab, share = pictures[picture], shares[picture]
        total = 0.0
        for y in range(side):
            for x in range(side):
                weight = weights[picture, y, x]
                if weight > 0.0:
                    total += weight
                    _share_out(lab[y, x, 0], lab[y, x, 1], lab[y, x, 2], weight, share)
        for i in range(PALETTE_DIM):
            share[i] /= total


@kernel
def _share_out(
    lightness: float, a: float, b: float, weight: float, share: NDArray[np.float32]
) -> None:
    """Divide one pixel among the bins around it."""
    lightness = min(max(lightness, 0.0), 1.0)
    chroma = np.sqrt(a * a + b * b)
    tinted = min(max((chroma - NEUTRAL) / (MUTED - NEUTRAL), 0.0), 1.0)
    vivid = min(max((chroma - MUTED) / (VIVID - MUTED), 0.0), 1.0)

    at = lightness * (GREYS - 1)
    low = min(int(at), GREYS - 2)
    share[low] += weight * (1.0 - tinted) * (low + 1 - at)
    share[low + 1] += weight * (1.0 - tinted) * (at - low)
    if tinted == 0.0:
        return

    hue = (np.arctan2(b, a) / (2 * np.pi) + 0.5) * HUES
    first = min(int(hue), HUES - 1)
    at = min(max((lightness - DARK) / (LIGHT - DARK), 0.0), 1.0) * (SHADES - 1)
    low = min(int(at), SHADES - 2)
    for step in range(2):
        part = weight * tinted * (hue - first if step else first + 1 - hue)
        muted_bin = GREYS + ((first + step) % HUES) * SHADES + low
        vivid_bin = muted_bin + HUES * SHADES
        share[muted_bin] += part * (1.0 - vivid) * (low + 1 - at)
        share[muted_bin + 1] += part * (1.0 - vivid) * (at - low)
        share[vivid_bin] += part * vivid * (low + 1 - at)
        share[vivid_bin + 1] += part * vivid * (at - low)
