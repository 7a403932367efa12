"""Pictures that are copies of one another: saved anew, scaled, or one for many items.

Told by a perceptual signature, never by the vectors of an encoder: to those, two red shirts are
near each other because they are red shirts.
"""

import math

import numpy as np
from numpy.typing import NDArray
from sightline_kernels import SIDE

from ..types import Mask, Pixels, Rows

__all__ = [
    "FINGERPRINT",
    "NEAR",
    "SIGNATURE_DIM",
    "near_duplicates",
    "placeholders",
    "signatures",
]

SIGNATURE_DIM = 74
"""Numbers of a signature; `sightline_kernels.perceptual` says which."""

FINGERPRINT = f"perceptual-1-{SIDE}"
"""Names the way of describing: cached rows under another fingerprint are described anew."""

NEAR = 0.16
"""Distance of signatures up to which one picture is a copy of the other."""

_FEWEST = 5  # as many sizes of one shirt share a picture


def signatures(pixels: Pixels) -> NDArray[np.float32]:
    """Describe pictures so that copies of one another, and only they, are near each other.

    Parameters
    ----------
    pixels
        sRGB, shape (n, `SIDE`, `SIDE`, 3), uint8: pictures squashed to the square, the same pixels
        the visual measures read.

    Returns
    -------
    rows
        Shape (n, `SIGNATURE_DIM`), float32, all finite.

    Raises
    ------
    ValueError
        If the pictures are not `SIDE` pixels square.
    """
    if pixels.shape[1:] != (SIDE, SIDE, 3):
        message = f"signatures are of pictures of {SIDE} x {SIDE} x 3, got {pixels.shape[1:]}"
        raise ValueError(message)
    from sightline_kernels import perceptual  # wakes Numba

    return perceptual.signatures(pixels)


def near_duplicates(rows: NDArray[np.float32]) -> Rows:
    """Return for every picture the first one that it is a near copy of, itself if of none.

    Pictures are taken in order, and one that is a copy of no first picture before it is a first
    one. So copies do not chain: each is within the threshold of the one it is said to be of.

    The threshold was chosen by `bench/duplicates.py`. Pictures saved anew, scaled, made lighter or
    darker by 5 %, cut by 1 % on all sides or given a border of 1 % are found in 94 of 100 cases or
    more; cut by 2 % on one side, in six of ten, on all sides, in two of ten. Of a million pairs of
    product shots on white, 3 or 4 of different titles are taken for copies, most of them black
    wallets, belts and shoes; of photos, none. pHash (Zauner, 2010), 64 signs of which 4 may differ,
    finds about as many copies and takes thirty times as many strangers for one. What repeats more
    than four times across a picture is not seen: two shirts of one cut, one in fine checks and one
    in fine stripes of the same colours, are copies to it.

    Parameters
    ----------
    rows
        Signatures, shape (n, `SIGNATURE_DIM`), float32.

    Returns
    -------
    first
        Shape (n,): ``first[i] <= i`` and ``first[first[i]] == first[i]``.
    """
    if len(rows) == 0:
        return np.zeros(0, np.int32)
    from sightline_kernels.near import first_within  # wakes Numba

    return first_within(rows, NEAR)


def placeholders(groups: NDArray[np.integer], items: Rows, titles: NDArray[np.integer]) -> Mask:
    """Say which pictures stand for many items rather than show one, as "image coming soon" does.

    A picture is a placeholder if it, or a copy of it, is behind items of at least
    max(5, sqrt(n)) different titles. Sizes of one shirt share a picture rightly, and mostly their
    title, so items of one title count once; one without a title counts by itself, and so does an
    item that shows the picture twice.

    Parameters
    ----------
    groups
        Of every picture which one it is a copy of, as `near_duplicates` tells, shape (p,); below 0
        where there is none.
    items
        The item that each belongs to, shape (p,), 0 to n - 1.
    titles
        Title of every item as a code, shape (n,); below 0 where it has none.

    Returns
    -------
    mask
        Which pictures are placeholders, shape (p,).
    """
    shown = np.flatnonzero(groups >= 0)
    _, group = np.unique(groups[shown], return_inverse=True)
    n_groups = int(group.max(initial=-1)) + 1
    owner = items[shown].astype(np.int64)
    title = titles[owner].astype(np.int64)
    # Codes go down from -1 for items without a title: each is a title of its own.
    subject = np.where(title >= 0, title, -1 - owner)
    behind = np.unique(np.stack([group, subject]), axis=1)[0]
    counts = np.bincount(behind, minlength=n_groups)
    mask: Mask = np.zeros(len(groups), np.bool_)
    mask[shown] = (counts >= max(_FEWEST, math.sqrt(len(titles))))[group]
    return mask
