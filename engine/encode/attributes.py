"""The encoder without a model: a fixed descriptor of colour, pattern and form."""

from collections.abc import Sequence

from sightline_kernels import SIDE

from ..errors import EncoderError
from ..types import Pixels, Vectors

__all__ = ["AttributesEncoder"]


class AttributesEncoder:
    """Describes what pictures look like, without weights, a network or a GPU.

    Nearness means the same colour, form and pattern, not the same meaning: a red mug is near a red
    bowl, and a dog is not near another dog. See `sightline_kernels.descriptor`. Fits
    `ImageEncoder`.
    """

    name = "attributes"
    fingerprint = f"attributes-1-{SIDE}"
    dim = 342
    side = SIDE
    has_text = False

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Describe pictures; see `ImageEncoder.encode_images`."""
        if pixels.shape[1:] != (SIDE, SIDE, 3):
            message = f"{self.name} reads pictures of {SIDE} x {SIDE} x 3, got {pixels.shape[1:]}"
            raise ValueError(message)
        from sightline_kernels.descriptor import describe  # wakes Numba

        return describe(pixels)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Refuse: the descriptor has no notion of words.

        Raises
        ------
        EncoderError
            Always.
        """
        message = (
            f"the encoder {self.name!r} reads pictures only, so it cannot encode {len(texts)} "
            "texts; query with an image or an item instead"
        )
        raise EncoderError(message)
