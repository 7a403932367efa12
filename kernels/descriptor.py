"""Pictures into one unit vector each: colour, pattern and form, joined with fixed weights.

No weights are learned. Each block is normalised to length one, so its cosine says how alike two
pictures are in that respect; the cosine of whole descriptors is the mean of these, weighted by
`WEIGHTS`. Histograms are square-rooted first: their inner product is then the Bhattacharyya
coefficient, in which one large bin does not drown the rest (Arandjelovic & Zisserman, "Three
things everyone should know to improve object retrieval", 2012).
"""

import numpy as np
from numpy.typing import NDArray

from .color import oklab
from .edges import EDGES_DIM, edges
from .foreground import Boxes, Masks, foreground
from .layout import LAYOUT_DIM, layout
from .palette import PALETTE_DIM, palette
from .silhouette import GRID, SILHOUETTE_DIM, silhouette
from .texture import CODES, DIRECTIONS, SCALES, texture

WEIGHTS = {
    "palette": 0.22,
    "layout": 0.05,
    "directions": 0.09,
    "codes": 0.09,
    "edges": 0.37,
    "shape": 0.18,
}
"""What each block's cosine counts; chosen once, on product photos and on drawings."""

DESCRIPTOR_DIM = (
    PALETTE_DIM
    + LAYOUT_DIM
    + 1
    + SCALES * (DIRECTIONS + CODES)
    + 1
    + EDGES_DIM
    + SILHOUETTE_DIM
    + 2
)

# What a plain grey subject shows in place of colour, and a plain surface in place of directions:
# two that lack something are alike in that, where normalised noise would set them apart.
NO_COLOR = 0.2
NO_DIRECTION = 0.02

_BATCH = 64  # pictures at a time: in OKLab they take a hundred kilobytes each


def describe(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe what pictures look like.

    Parameters
    ----------
    pixels
        sRGB, shape (n, side, side, 3), uint8, each picture squashed to the square.

    Returns
    -------
    descriptors
        Shape (n, `DESCRIPTOR_DIM`), float32, rows of length one. The cosine of two is near 1 for
        pictures of the same colour, form and pattern, whatever the size and the place of the
        subject on a plain backdrop.
    """
    descriptors = np.empty((len(pixels), DESCRIPTOR_DIM), np.float32)
    for start in range(0, len(pixels), _BATCH):
        part = slice(start, start + _BATCH)
        descriptors[part] = _describe(pixels[part])
    return descriptors


def _describe(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    lab = oklab(pixels)
    masks, boxes = foreground(lab)
    directions, codes = texture(lab, masks)
    blocks = {
        "palette": np.sqrt(palette(lab, masks)),
        "layout": _with_constant(layout(lab, masks, boxes), NO_COLOR),
        "directions": np.sqrt(_with_constant(directions, NO_DIRECTION)),
        "codes": np.sqrt(codes),
        "edges": np.sqrt(edges(lab, boxes)),
        "shape": _shape(masks, boxes),
    }
    weighted = [np.sqrt(WEIGHTS[name]) * _normalised(block) for name, block in blocks.items()]
    # Again, for the pictures in which a block is empty: a blank one has no edge.
    return _normalised(np.concatenate(weighted, axis=1))


def _shape(masks: Masks, boxes: Boxes) -> NDArray[np.float32]:
    """Join the silhouette with the box's proportions and size, in like units."""
    height = (boxes[:, 2] - boxes[:, 0]).astype(np.float32)
    width = (boxes[:, 3] - boxes[:, 1]).astype(np.float32)
    proportions = 0.7 * np.log(height / width)
    size = np.sqrt(height * width) / masks.shape[1] - 0.6
    filled = silhouette(masks, boxes) / GRID
    return np.concatenate([filled, proportions[:, None], size[:, None]], axis=1)


def _with_constant(block: NDArray[np.float32], constant: float) -> NDArray[np.float32]:
    return np.pad(block, ((0, 0), (0, 1)), constant_values=constant)


def _normalised(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to length one; a row of zeros stays."""
    length = np.linalg.norm(block, axis=1, keepdims=True)
    return (block / np.where(length > 0, length, 1)).astype(np.float32)
