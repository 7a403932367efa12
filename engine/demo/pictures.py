"""A product and a fault into the picture file, or the lack of one, that its link leads to."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from ..images.codec import encode
from ..images.outcome import PictureError
from ..types import Pixels
from .draw import Look, draw_product

Fault: TypeAlias = Literal[
    "none",
    "absent",  # the catalogue has no link
    "dead",  # the link leads nowhere
    "truncated",  # the second half of the file is missing
    "html",  # a web page where a picture should be
    "empty",  # 0 bytes
]

_FORMATS = {
    "JPEG": 0.62,
    "PNG": 0.12,
    "WebP": 0.12,
    "GIF": 0.04,
    "BMP": 0.03,
    "TIFF": 0.03,
    "AVIF": 0.04,
}
_SUFFIXES = {"JPEG": "jpg", "TIFF": "tif"}
_SIZES = ((160, 160), (200, 200), (240, 300), (300, 240), (256, 256), (320, 320), (360, 480))
_TURNED_SHARE = 0.1
"""Share of the JPEG files stored on their side, as phones do, with the turn in EXIF."""

# EXIF orientation -> quarter turns against the clock that make the stored picture from the upright.
_STORED_TURNS = {3: 2, 6: 1, 8: 3}

_WEB_PAGE = b"<!doctype html><title>Sorry</title><p>This picture has moved.</p>\n"


def write_picture(folder: Path, stem: str, look: Look, fault: Fault, rng: Generator) -> str:
    """Draw one product and write its file, in a format and size of chance.

    A format that this machine has no codec for becomes a JPEG. A truncated file is a JPEG always:
    it still opens, and fails only when its pixels are read.

    Returns
    -------
    name
        The file's name, `stem` and a suffix; where the fault is that there is no file, the name
        that it would have.
    """
    format_name = str(rng.choice(list(_FORMATS), p=list(_FORMATS.values())))
    width, height = _SIZES[rng.integers(len(_SIZES))]
    if fault == "truncated":
        format_name = "JPEG"
    if fault in ("absent", "dead", "html", "empty"):
        path = folder / f"{stem}.jpg"
        path.unlink(missing_ok=True)  # another shop may have been drawn here
        if fault in ("html", "empty"):
            path.write_bytes(_WEB_PAGE if fault == "html" else b"")
        return path.name
    pixels = draw_product(look, width=width, height=height, rng=rng)
    data, format_name = _encoded(pixels, format_name, rng)
    if fault == "truncated":
        data = data[: len(data) // 2]
    name = f"{stem}.{_SUFFIXES.get(format_name, format_name.lower())}"
    (folder / name).write_bytes(data)
    return name


def _encoded(pixels: Pixels, format_name: str, rng: Generator) -> tuple[bytes, str]:
    """Return the file's bytes and the format they came out in."""
    if format_name == "JPEG" and rng.random() < _TURNED_SHARE:
        return turned_jpeg(pixels, int(rng.choice(list(_STORED_TURNS)))), "JPEG"
    try:
        return encode(pixels, format_name), format_name
    except PictureError:  # Pillow was built without this codec
        return encode(pixels, "JPEG"), "JPEG"


def turned_jpeg(pixels: Pixels, orientation: int) -> bytes:
    """Encode a picture stored on its side or head, with EXIF saying how to put it upright.

    Parameters
    ----------
    pixels
        Upright, shape (height, width, 3).
    orientation
        EXIF's number: 3 upside down, 6 and 8 on either side.
    """
    stored = np.rot90(pixels, _STORED_TURNS[orientation])
    jpeg = encode(np.ascontiguousarray(stored), "JPEG")
    # A TIFF header, then one directory with one entry: tag 0x0112, type SHORT, one value.
    tiff = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    block = b"Exif\0\0" + tiff
    start_of_image, rest = jpeg[:2], jpeg[2:]
    return start_of_image + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + rest
