"""The names that a model's YAML may choose, turned into encoders."""

from ..errors import EncoderError
from .attributes import AttributesEncoder
from .base import ImageEncoder

__all__ = ["open_encoder"]


def open_encoder(name: str) -> ImageEncoder:
    """Open the encoder of this name.

    Raises
    ------
    EncoderError
        If this version has none of that name.
    """
    if name == AttributesEncoder.name:
        return AttributesEncoder()
    message = (
        f"there is no encoder {name!r} in this version, which carries {AttributesEncoder.name!r} "
        "only; ONNX packs for CLIP come with the next. Leave `language_model_name` out, or set it "
        f"to {AttributesEncoder.name}"
    )
    raise EncoderError(message)
