"""Pictures and masks into numbers people know: named colours, brightness, contrast, sharpness."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .foreground import BACKDROP, Masks, Weights, pixel_weights

APPEARANCE = ("brightness", "contrast", "colorfulness", "sharpness", "edge_density")
# Hue names a colour more than its lightness does: light and dark blue are both blue.
CHROMA_STRETCH = 2.0
# Change of lightness over two pixels from which on an edge is seen rather than guessed.
VISIBLE_EDGE = 0.1


def color_shares(
    lab: NDArray[np.float32],
    masks: Masks,
    prototypes: NDArray[np.float32],
    names: NDArray[np.int32],
    count: int,
) -> NDArray[np.float32]:
    """Return how much of the subject each named colour covers.

    Parameters
    ----------
    lab, masks
        Pictures (n, side, side, 3) in OKLab, float32, and their masks from `foreground`.
    prototypes, names
        Example colours in OKLab, shape (p, 3), and the name, 0 to `count` - 1, each stands for,
        shape (p,). A pixel has the name of the nearest example, with both colour axes stretched
        by `CHROMA_STRETCH`; of two equally near, the first.
    count
        How many names there are.

    Returns
    -------
    shares
        Shape (n, `count`), float32, rows sum to 1.
    """
    shares = np.zeros((lab.shape[0], count), np.float32)
    examples, labels = readonly(prototypes, np.float32), readonly(names, np.int32)
    weights = readonly(pixel_weights(masks), np.float64)
    _color_shares(readonly(lab, np.float32), weights, examples, labels, shares)
    return shares


@kernel
def _color_shares(
    pictures: NDArray[np.float32],
    weights: Weights,
    examples: NDArray[np.float32],
    labels: NDArray[np.int32],
    shares: NDArray[np.float32],
) -> None:
    side = weights.shape[1]
    for picture in range(weights.shape[0]):
        lab, share = pictures[picture], shares[picture]
        total = 0.0
        for y in range(side):
            for x in range(side):
                weight = weights[picture, y, x]
                if weight == 0.0:
                    continue
                nearest, name = np.inf, 0
                for i in range(examples.shape[0]):
                    lightness = lab[y, x, 0] - examples[i, 0]
                    a = CHROMA_STRETCH * (lab[y, x, 1] - examples[i, 1])
                    b = CHROMA_STRETCH * (lab[y, x, 2] - examples[i, 2])
                    distance = lightness * lightness + a * a + b * b
                    if distance < nearest:
                        nearest, name = distance, labels[i]
                share[name] += weight
                total += weight
        for i in range(share.size):
            share[i] /= total


def appearance(
    pixels: NDArray[np.uint8], lab: NDArray[np.float32], masks: Masks
) -> NDArray[np.float32]:
    """Measure pictures in the terms of photography.

    Parameters
    ----------
    pixels, lab, masks
        Pictures (n, side, side, 3) as sRGB bytes and in OKLab, and their masks from `foreground`.

    Returns
    -------
    measures
        Shape (n, 5), float32, columns as in `APPEARANCE`. Of the subject: mean lightness, 0 to 1;
        the standard deviation of lightness; colourfulness after Hasler & Suesstrunk, "Measuring
        colourfulness in natural images", 2003, 0 for greys, about 110 and more for pictures that
        glare. Of the whole picture but its rim: the variance of the Laplacian of lightness
        (Pech-Pacheco et al., 2000), and the share of pixels on an edge.
    """
    measures = np.empty((pixels.shape[0], len(APPEARANCE)), np.float32)
    colors, pictures = readonly(pixels, np.uint8), readonly(lab, np.float32)
    _appearance(colors, pictures, readonly(masks, np.uint8), measures)
    return measures


@kernel
def _appearance(
    pixels: NDArray[np.uint8],
    pictures: NDArray[np.float32],
    masks: NDArray[np.uint8],
    measures: NDArray[np.float32],
) -> None:
    for picture in range(masks.shape[0]):
        _measure_subject(pixels[picture], pictures[picture], masks[picture], measures[picture])
        _measure_focus(pictures[picture], measures[picture])


@kernel
def _measure_subject(
    pixels: NDArray[np.uint8],
    lab: NDArray[np.float32],
    mask: NDArray[np.uint8],
    measure: NDArray[np.float32],
) -> None:
    """Fill in brightness, contrast and colourfulness."""
    side = mask.shape[0]
    seen, light, light2 = 0, 0.0, 0.0
    red_green, red_green2, yellow_blue, yellow_blue2 = 0.0, 0.0, 0.0, 0.0
    for y in range(side):
        for x in range(side):
            if mask[y, x] == BACKDROP:
                continue
            seen += 1
            lightness = np.float64(lab[y, x, 0])  # its square is subtracted from squares below
            light += lightness
            light2 += lightness * lightness
            red, green = float(pixels[y, x, 0]), float(pixels[y, x, 1])
            opponent = red - green
            red_green += opponent
            red_green2 += opponent * opponent
            opponent = 0.5 * (red + green) - float(pixels[y, x, 2])
            yellow_blue += opponent
            yellow_blue2 += opponent * opponent
    light, red_green, yellow_blue = light / seen, red_green / seen, yellow_blue / seen
    spread2 = red_green2 / seen - red_green**2 + yellow_blue2 / seen - yellow_blue**2
    measure[0] = light
    measure[1] = np.sqrt(max(light2 / seen - light**2, 0.0))
    measure[2] = np.sqrt(max(spread2, 0.0)) + 0.3 * np.sqrt(red_green**2 + yellow_blue**2)


@kernel
def _measure_focus(lab: NDArray[np.float32], measure: NDArray[np.float32]) -> None:
    """Fill in sharpness and edge density, both over all pixels with four neighbours."""
    side = lab.shape[0]
    total, total2, edges = 0.0, 0.0, 0
    for y in range(1, side - 1):
        for x in range(1, side - 1):
            up, down = lab[y - 1, x, 0], lab[y + 1, x, 0]
            left, right = lab[y, x - 1, 0], lab[y, x + 1, 0]
            laplacian = up + down + left + right - 4.0 * lab[y, x, 0]
            total += laplacian
            total2 += laplacian * laplacian
            edges += (down - up) ** 2 + (right - left) ** 2 > VISIBLE_EDGE**2
    inner = (side - 2) ** 2
    measure[3] = max(total2 / inner - (total / inner) ** 2, 0.0)
    measure[4] = edges / inner
