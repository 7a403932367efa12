"""The encoder without a model: a fixed descriptor of colour, pattern and form."""

from collections.abc import Mapping
from typing import Any

from sightline_kernels import SIDE

from ..errors import EncoderError
from ..types import PixelFormat, Pixels, Vectors, View
from .base import Encoder
from .names import ATTRIBUTES, EncoderName

__all__ = ["ABOUT", "AttributesTower", "attributes", "is_attributes"]


class AttributesTower:
    """Describes what pictures look like, without weights, a network or a GPU.

    Nearness means the same colour, form and pattern, not the same meaning: a red mug is near a red
    bowl, and a dog is not near another dog. See `sightline_kernels.descriptor`. Fits `ImageTower`.
    """

    fingerprint = f"attributes-2-{SIDE}"
    dim = 342
    view = View(SIDE)
    format = PixelFormat()

    def encode(self, pixels: Pixels) -> Vectors:
        """Describe pictures; see `ImageTower.encode`."""
        if pixels.shape[1:] != (SIDE, SIDE, 3):
            message = f"attributes are read off {SIDE} x {SIDE} x 3 pixels, not {pixels.shape[1:]}"
            raise ValueError(message)
        from sightline_kernels.descriptor import describe  # wakes Numba

        return describe(pixels)

    def encode_prepared(self, batch: Pixels) -> Vectors:
        """Describe pictures; see `ImageTower.encode_prepared`."""
        return self.encode(batch)


ABOUT: Mapping[str, Any] = {
    "name": ATTRIBUTES,
    "precision": None,
    "dim": AttributesTower.dim,
    "reads": "pictures",
}
"""What a list of encoders says of it."""


def attributes() -> Encoder:
    """Return the encoder."""
    return Encoder(ATTRIBUTES, AttributesTower())


def is_attributes(wanted: EncoderName) -> bool:
    """Whether a name means this encoder.

    Raises
    ------
    EncoderError
        If it asks for a precision of it.
    """
    if wanted.text == ATTRIBUTES and wanted.precision is not None:
        message = f"{ATTRIBUTES!r} has no precisions: leave ':{wanted.precision}' out"
        raise EncoderError(message)
    return wanted.text == ATTRIBUTES
