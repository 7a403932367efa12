"""What stands in for a missing picture: a place among the pictures from words or from a category.

A missing picture is a state. A stand-in gives the item a place in the space of the pictures, so
that it is a candidate there and has a taste; that it has no picture stays known, see
`rank.facts.Facts.has_picture`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError
from .image_config import ImageConfig
from .probes import spaces_reached
from .types import Mask, Modality, Vectors

__all__ = ["refuse_unfit_stand_ins", "stand_ins"]

_FEWEST = 3
"""Pictures of a category whose mean says what its members look like."""
_ROWS_AT_ONCE = 8_192
_TINY = 1e-6
"""Length below which a sum of unit vectors has no direction."""


def refuse_unfit_stand_ins(images: ImageConfig, record: Mapping[str, Any]) -> None:
    """Refuse words in place of pictures where the two do not lie in one space.

    Parameters
    ----------
    images
        What stands in.
    record
        What the manifest says of the encoder, and of vectors that were given, if that is known.

    Raises
    ------
    ConfigError
        With what to choose instead.
    """
    if images.missing != "text" or {"images", "texts"} <= set(spaces_reached(record, "texts")):
        return
    why = f"encoder {record['name']!r} has none of words and pictures"
    if given := record.get("given", {}):
        columns = " and ".join(repr(entry["column"]) for entry in given.values())
        why = f"the vectors of this model were given (column {columns}), in a space of their own"
    message = (
        "model.image_config.missing is 'text', which needs words and pictures in one space, but "
        f"{why}. Say category_mean or ignore, or build with an encoder of both: `--encoder "
        "sightline-mini`, or a CLIP such as openai/clip-vit-base-patch32"
    )
    raise ConfigError(message)


def stand_ins(
    missing: str, images: Modality, texts: Modality, categories: NDArray[np.int32]
) -> Modality:
    """Return the places of all items among the pictures, those of stand-ins with them.

    Parameters
    ----------
    missing
        ``ignore``: nothing stands in.

        ``text``: the item's text vector, moved by the mean of the pictures minus the mean of the
        texts, both over the items that have both. In an encoder of words and pictures the two lie
        apart by about that much (Liang et al., "Mind the gap", NeurIPS 2022); where no item has
        both, nothing is moved. It is not refused by `refuse_unfit_stand_ins`.

        ``category_mean``: the mean direction of the pictures of a category that the item is in and
        at least three pictures are of. Of several, the one whose pictures are most alike, by the
        mean cosine of two different ones, because that is what the stand-in can be expected to be
        like; of equal ones the one of the earlier column. An item in none gets nothing.
    images, texts
        The vectors of the same n items.
    categories
        Codes from 0, shape (n, g), -1 where there is none; read for ``category_mean``.

    Returns
    -------
    places
        The rows of `images` as they are, stand-ins as unit rows, zero rows where there is neither.
        It is `images` itself where nothing stands in.
    """
    rows = np.flatnonzero(~images.presence)
    if missing == "ignore" or len(rows) == 0:
        return images
    if missing == "text":
        found = _moved_texts(images, texts, rows)
    else:
        found = _category_means(images, categories, rows)
    lengths = np.linalg.norm(found, axis=1)
    stands_in = lengths > _TINY
    rows = rows[stands_in]
    places = Modality(images.vectors.copy(), images.presence.copy())
    places.vectors[rows] = found[stands_in] / lengths[stands_in, None]
    places.presence[rows] = True
    return places


def _moved_texts(images: Modality, texts: Modality, rows: NDArray[np.int64]) -> Vectors:
    """Return the texts of `rows`, shape (m, d), across the gap; zeros for those without one."""
    if not texts.presence.any():  # then they may have no dimensions either
        return np.zeros((len(rows), images.vectors.shape[1]), np.float32)
    both = images.presence & texts.presence
    gap = np.zeros(images.vectors.shape[1], np.float32)
    if both.any():
        pictures, words = (_mean(each.vectors, both) for each in (images, texts))
        gap = pictures - words
    moved: Vectors = texts.vectors[rows] + gap
    moved[~texts.presence[rows]] = 0
    return moved


def _mean(vectors: Vectors, rows: Mask) -> NDArray[np.float32]:
    mean: NDArray[np.float64] = vectors.mean(axis=0, dtype=np.float64, where=rows[:, None])
    return mean.astype(np.float32)


def _category_means(
    images: Modality, categories: NDArray[np.int32], rows: NDArray[np.int64]
) -> Vectors:
    """Return the sums of the pictures of the best category of each of `rows`, shape (m, d)."""
    found = np.zeros((len(rows), images.vectors.shape[1]), np.float32)
    best = np.full(len(rows), -np.inf)
    for codes in categories.T:
        sums, counts = _sums(images, codes)
        # Of k unit vectors the squared length of the sum is k and twice the cosines of all pairs.
        pairs = np.maximum(counts * (counts - 1), 1)
        alike = (np.einsum("cd,cd->c", sums, sums) - counts) / pairs
        alike[counts < _FEWEST] = -np.inf
        own = codes[rows]  # -1 finds the last, which is nobody's
        better = alike[own] > best
        found[better], best[better] = sums[own[better]], alike[own[better]]
    return found


def _sums(images: Modality, codes: NDArray[np.int32]) -> tuple[Vectors, NDArray[np.int64]]:
    """Return the sum and number of the pictures of every code, and, last, nothing."""
    pictured = np.flatnonzero(images.presence & (codes >= 0))
    n_codes = int(codes.max(initial=-1)) + 1
    sums = np.zeros((n_codes + 1, images.vectors.shape[1]), np.float32)
    for first in range(0, len(pictured), _ROWS_AT_ONCE):  # a copy of all could be too large
        rows = pictured[first : first + _ROWS_AT_ONCE]
        rows = rows[np.argsort(codes[rows], kind="stable")]
        present, starts = np.unique(codes[rows], return_index=True)
        sums[present] += np.add.reduceat(images.vectors[rows], starts, axis=0)
    return sums, np.bincount(codes[pictured], minlength=n_codes + 1)
