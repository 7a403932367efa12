"""The encoder without a model: a fixed descriptor of colour, pattern and form."""

from sightline_kernels import SIDE

from ..types import Pixels, Vectors, View

__all__ = ["AttributesTower"]


class AttributesTower:
    """Describes what pictures look like, without weights, a network or a GPU.

    Nearness means the same colour, form and pattern, not the same meaning: a red mug is near a red
    bowl, and a dog is not near another dog. See `sightline_kernels.descriptor`. Fits `ImageTower`.
    """

    fingerprint = f"attributes-1-{SIDE}"
    dim = 342
    view = View(SIDE)

    def encode(self, pixels: Pixels) -> Vectors:
        """Describe pictures; see `ImageTower.encode`."""
        if pixels.shape[1:] != (SIDE, SIDE, 3):
            message = f"attributes are read off {SIDE} x {SIDE} x 3 pixels, not {pixels.shape[1:]}"
            raise ValueError(message)
        from sightline_kernels.descriptor import describe  # wakes Numba

        return describe(pixels)
