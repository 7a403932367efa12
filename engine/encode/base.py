"""What every encoder promises: pictures, and where it can texts, as unit vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import PixelFormat, Pixels, Vectors, View

__all__ = ["Encoder", "ImageTower", "TextTower", "prepared"]


class ImageTower(Protocol):
    """Turns pictures into vectors whose cosine says how alike they are; threads may share it."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors do: vectors under another fingerprint are not comparable."""
        ...

    @property
    def dim(self) -> int:
        """Components of a vector."""
        ...

    @property
    def view(self) -> View:
        """How a picture is brought to the square that it reads."""
        ...

    @property
    def format(self) -> PixelFormat:
        """How the levels of a picture are written for it."""
        ...

    def encode_prepared(self, batch: NDArray[Any]) -> Vectors:
        """Encode pictures that are written in `format` already: the path of bulk work.

        Parameters
        ----------
        batch
            Shape (n, side, side, 3) or (n, 3, side, side), as `format` says; it may be reused once
            the call has returned.

        Returns
        -------
        vectors
            As of `encode`.

        Raises
        ------
        ValueError, EncoderError
            As of `encode`.
        """
        ...

    def encode(self, pixels: Pixels) -> Vectors:
        """Encode pictures.

        Parameters
        ----------
        pixels
            sRGB, shape (n, `view.side`, `view.side`, 3), uint8; n may be 0.

        Returns
        -------
        vectors
            Shape (n, `dim`), float32, finite, rows of length one.

        Raises
        ------
        ValueError
            If the pictures have another shape.
        EncoderError
            If the vectors are not finite, or the device gave up.
        """
        ...


class TextTower(Protocol):
    """Turns texts into vectors; threads may share it."""

    @property
    def fingerprint(self) -> str:
        """As of `ImageTower`."""
        ...

    @property
    def dim(self) -> int:
        """Components of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts of any length and script; what exceeds the model's context is cut.

        Returns
        -------
        vectors
            Shape (len(texts), `dim`), float32, finite, rows of length one.

        Raises
        ------
        EncoderError
            If the vectors are not finite, or the device gave up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Encoder:
    """What a name in a model's YAML stands for: a tower for pictures and, maybe, one for texts.

    `is_joint` says that texts and pictures land in one space, as with CLIP. Of an encoder of words
    alone, the pictures are encoded by the default image tower in a space of their own.
    `logit_scale` and `logit_bias` are what cosines between the towers were multiplied by and moved
    by in training, where the encoder knows.
    """

    name: str
    images: ImageTower
    texts: TextTower | None = None
    is_joint: bool = False
    logit_scale: float | None = None
    logit_bias: float | None = None


def prepared(pixels: Pixels, format: PixelFormat) -> NDArray[Any]:
    """Write pictures in the format that a tower reads.

    Parameters
    ----------
    pixels
        Shape (n, side, side, 3), uint8.

    Returns
    -------
    batch
        The same pictures; the very same array where nothing has to be changed.
    """
    ordered = pixels if format.order == "nhwc" else pixels.transpose(0, 3, 1, 2)
    if format.dtype == "uint8":
        return np.ascontiguousarray(ordered)
    batch = np.empty(ordered.shape, format.dtype)
    axis = 3 if format.order == "nhwc" else 1
    read, written = (np.moveaxis(array, axis, 0) for array in (ordered, batch))
    for channel, levels in enumerate(format.levels()):
        written[channel] = levels[read[channel]]
    return batch
