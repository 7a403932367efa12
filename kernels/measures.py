"""Pictures and masks into numbers people know: named colours, brightness, contrast, sharpness."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly
from .foreground import BACKDROP, INSIDE, OUTLINE, OUTLINE_WEIGHT, Masks

APPEARANCE = ("brightness", "contrast", "colorfulness", "sharpness", "edge_density")
# Hue names a colour more than its lightness does: light and dark blue are both blue.
CHROMA_STRETCH = 2.0
_STRETCH = np.float32(CHROMA_STRETCH)
# Change of lightness over two pixels from which on an edge is seen rather than guessed.
VISIBLE_EDGE = 0.1
# Pixels named together: what is known of them stays in the first-level cache.
_BLOCK = 1024


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
    stretch = np.array([1, CHROMA_STRETCH, CHROMA_STRETCH], np.float32)
    examples, labels = readonly(prototypes * stretch, np.float32), readonly(names, np.int32)
    _color_shares(readonly(lab, np.float32), readonly(masks, np.uint8), examples, labels, shares)
    return shares


@kernel
def _color_shares(
    pictures: NDArray[np.float32],
    masks: NDArray[np.uint8],
    examples: NDArray[np.float32],
    labels: NDArray[np.int32],
    shares: NDArray[np.float32],
) -> None:
    side = masks.shape[1]
    planes, kinds = np.empty((3, _BLOCK), np.float32), np.empty(_BLOCK, np.uint8)
    nearest, names = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.int32)
    counts = np.empty((3, shares.shape[1]), np.int32)  # of each kind of pixel, by name
    for picture in range(masks.shape[0]):
        counts[:] = 0
        count = 0
        for y in range(side):
            lab, mask = pictures[picture, y], masks[picture, y]
            for x in range(side):
                if mask[x] != BACKDROP:
                    planes[0, count] = lab[x, 0]
                    planes[1, count] = _STRETCH * lab[x, 1]
                    planes[2, count] = _STRETCH * lab[x, 2]
                    kinds[count] = mask[x]
                    count += 1
                if count == _BLOCK or (y == side - 1 and x == side - 1):
                    _name(planes, count, examples, labels, nearest, names)
                    for i in range(count):
                        counts[kinds[i], names[i]] += 1
                    count = 0
        total = counts[INSIDE].sum() + OUTLINE_WEIGHT * counts[OUTLINE].sum()
        for i in range(shares.shape[1]):
            weight = counts[INSIDE, i] + OUTLINE_WEIGHT * counts[OUTLINE, i]
            shares[picture, i] = weight / total


@kernel
def _name(
    planes: NDArray[np.float32],
    count: int,
    examples: NDArray[np.float32],
    labels: NDArray[np.int32],
    nearest: NDArray[np.float32],
    names: NDArray[np.int32],
) -> None:
    """Name the first `count` colours; pixels run innermost, so that LLVM takes many at a time."""
    lightness, a, b = planes[0], planes[1], planes[2]
    nearest[:] = np.inf
    for example in range(labels.size):
        own, own_a, own_b = examples[example, 0], examples[example, 1], examples[example, 2]
        label = labels[example]
        for i in range(count):
            lighter, redder, yellower = lightness[i] - own, a[i] - own_a, b[i] - own_b
            distance = lighter * lighter + redder * redder + yellower * yellower
            names[i] = label if distance < nearest[i] else names[i]
            nearest[i] = min(distance, nearest[i])


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
