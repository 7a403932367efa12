"""What every encoder promises: pictures, and where it can texts, as unit vectors of one space."""

from collections.abc import Sequence
from typing import Protocol

from ..types import Pixels, Vectors

__all__ = ["ImageEncoder"]


class ImageEncoder(Protocol):
    """Turns pictures into vectors whose cosine says how alike they are."""

    @property
    def name(self) -> str:
        """The name it is chosen by in a model's YAML."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors do: vectors under another fingerprint are not comparable."""
        ...

    @property
    def dim(self) -> int:
        """Components of a vector."""
        ...

    @property
    def side(self) -> int:
        """Height and width, in pixels, of the pictures it reads."""
        ...

    @property
    def has_text(self) -> bool:
        """Whether `encode_texts` works."""
        ...

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Encode pictures.

        Parameters
        ----------
        pixels
            sRGB, shape (n, `side`, `side`, 3), uint8.

        Returns
        -------
        vectors
            Shape (n, `dim`), float32, finite, rows of length one.

        Raises
        ------
        ValueError
            If the pictures have another shape.
        """
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encode texts into the space of the pictures.

        Returns
        -------
        vectors
            Shape (len(texts), `dim`), float32, finite, rows of length one.

        Raises
        ------
        EncoderError
            If this encoder reads no text.
        """
        ...
