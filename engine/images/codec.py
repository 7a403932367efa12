"""Encoded pictures into RGB pixels and back, one at a time: by Pillow alone, at once awake."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import PIL
from PIL import Image, features

from ..types import Pixels, View
from .limits import MAX_PIXELS
from .opened import PLUGINS, open_picture, plugin_of


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as this stage hands it on.

    Parameters
    ----------
    pixels
        One array per view that was asked for, in that order, each of shape (side, side, 3) for the
        side of its view; transparency lies over white.
    width, height
        Of the original, as displayed (after EXIF orientation), in pixels.
    """

    pixels: tuple[Pixels, ...]
    width: int
    height: int


def decode(data: bytes, *, views: Sequence[View], max_pixels: int) -> Decoded:
    """Decode a picture of any supported format and mode, once, into several views.

    All resizing but ``nearest`` is antialiased. Grey values wider than 8 bits are scaled down:
    16-bit ones by their full range, 32-bit integers and floats, which have no agreed white, from
    the least to the greatest value that the view shows. Of an animation the first frame is taken.

    Parameters
    ----------
    data
        The encoded picture; its format is told by its content.
    views
        What squares to make of it, at least one; equal views share one array.
    max_pixels
        Largest width times height, checked before pixels are decoded.

    Raises
    ------
    PictureError
        With outcome not_an_image, unsupported, truncated or too_many_pixels.
    """
    with open_picture(data, views, max_pixels=max_pixels) as opened:
        picture = opened.load()
        seen = {view: picture.seen_in(view) for view in views}
        return Decoded(tuple(seen[view] for view in views), picture.width, picture.height)


def thumbnail(data: bytes, side: int, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """Shrink a picture to JPEG bytes no larger than `side` either way, keeping its aspect.

    A smaller picture keeps its size. Raises `PictureError` like `decode`.
    """
    with open_picture(data, [View(side, "pad")], max_pixels=max_pixels) as opened:
        picture = opened.load()
        view = View(min(side, max(picture.width, picture.height)), "pad")
        return _saved(picture.resized(view), "JPEG", quality=85)


def encode(pixels: Pixels, format: str, *, quality: int = 90) -> bytes:
    """Encode pixels, shape (height, width, 3) or with alpha (height, width, 4).

    Parameters
    ----------
    format
        One of JPEG, PNG, WebP, GIF, AVIF, BMP, TIFF, in any case.
    quality
        1..100, for the lossy formats JPEG, WebP and AVIF.

    Raises
    ------
    PictureError
        With outcome unsupported, if this Pillow lacks the format's codec.
    """
    name = next((known for known in PLUGINS if known.upper() == format.upper()), None)
    if name is None:
        message = f"no picture format {format!r}; choose one of {', '.join(PLUGINS)}"
        raise ValueError(message)
    plugin_of(name)
    return _saved(Image.fromarray(pixels), name, quality=quality)


def pillow_version() -> str:
    """Return the version of Pillow, or of what stands in its place, as its code says."""
    return str(PIL.__version__)


def lacking_formats() -> list[str]:
    """List the picture formats that this Pillow was built without."""
    parts = {name: feature for name, (_, feature) in PLUGINS.items() if feature is not None}
    parts["compressed TIFF"] = "libtiff"
    return [name for name, feature in parts.items() if not features.check(feature)]


def _saved(image: Image.Image, format_name: str, *, quality: int) -> bytes:
    buffer = io.BytesIO()
    options = {"quality": quality} if format_name in {"JPEG", "WebP", "AVIF"} else {}
    image.save(buffer, format_name, **options)
    return buffer.getvalue()
