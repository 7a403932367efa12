"""Joins vectors that the user computed with those of the model's encoder."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .encode.base import Encoder
from .sources.roles import Role
from .sources.vectors import GivenVectors
from .types import Modality

__all__ = ["join_given"]


def join_given(
    given: Mapping[Role, GivenVectors],
    encoder: Encoder,
    images: Modality,
    texts: Modality,
    *,
    is_named: bool,
) -> tuple[Modality, Modality, dict[str, Any]]:
    """Put the given vectors in the place of those that were encoded.

    Given vectors are in the space of the model's encoder if it was named for the model (`is_named`)
    and has their dimensions: then items without a given vector keep the encoded one, and queries
    are encoded as ever. Otherwise the given ones stand alone, because vectors of two spaces do not
    compare.

    Returns
    -------
    images, texts
        With the given vectors in them.
    record
        What the manifest keeps of it, by "images" and "texts" where such were given: the column,
        its dim, and whether it is in the encoder's space.
    """
    record: dict[str, Any] = {}
    if pictures := given.get(Role.IMAGE_VECTOR):
        shared = is_named and pictures.dim == encoder.images.dim
        images = _joined(pictures, images, shared=shared)
        record["images"] = _entry(pictures, shared=shared)
    if words := given.get(Role.TEXT_VECTOR):
        shared = is_named and encoder.texts is not None and words.dim == encoder.texts.dim
        texts = _joined(words, texts, shared=shared)
        record["texts"] = _entry(words, shared=shared)
    return images, texts, record


def _joined(given: GivenVectors, encoded: Modality, *, shared: bool) -> Modality:
    if not shared:
        return Modality(given.matrix, given.presence)
    chosen = given.presence[:, None]
    vectors = np.where(chosen, given.matrix, encoded.vectors)
    return Modality(vectors, given.presence | encoded.presence)


def _entry(given: GivenVectors, *, shared: bool) -> dict[str, Any]:
    return {"column": given.column, "dim": given.dim, "in_encoders_space": shared}
