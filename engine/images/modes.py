"""Pillow images of any mode into 8-bit RGB, converting after the resize wherever that is right."""

import numpy as np
from PIL import Image

# Converting the few pixels that a resize leaves is nearly free; converting a photograph copies it.
_RESIZES_AS_IT_IS = {"L", "RGB", "CMYK", "YCbCr", "I", "F"}
_WIDE_WHITE = 65535.0


def resizable(image: Image.Image) -> Image.Image:
    """Return the image in a mode whose samples may be averaged.

    Palette indices may not; nor may colours under alpha, unless premultiplied by it (mode RGBa).
    """
    if image.has_transparency_data:
        rgba = image if image.mode in {"RGBA", "RGBa"} else image.convert("RGBA")
        return rgba if rgba.mode == "RGBa" else rgba.convert("RGBa")
    if image.mode in _RESIZES_AS_IT_IS:
        return image
    if image.mode.startswith("I;16"):
        return image.convert("I")
    return image.convert("L" if image.mode == "1" else "RGB")


def to_rgb(image: Image.Image, *, is_wide: bool) -> Image.Image:
    """Convert what `resizable` prepared, transparency over white.

    Parameters
    ----------
    image
        In a mode that `resizable` returns.
    is_wide
        Whether mode I holds 16-bit values. Others of modes I and F have no agreed white: they are
        stretched from their least to their greatest value.
    """
    if image.mode == "RGBa":
        premultiplied = np.asarray(image).astype(np.int16)
        over_white = premultiplied[..., :3] + (255 - premultiplied[..., 3:])
        return Image.fromarray(over_white.clip(0, 255).astype(np.uint8))
    if image.mode in {"I", "F"}:
        return _grey_to_rgb(image, is_wide=is_wide)
    return image if image.mode == "RGB" else image.convert("RGB")


def _grey_to_rgb(image: Image.Image, *, is_wide: bool) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    black, white = (0.0, _WIDE_WHITE) if is_wide else (values.min(), values.max())
    levels = (values - black) * (255.0 / max(white - black, 1e-12))
    return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8)).convert("RGB")
