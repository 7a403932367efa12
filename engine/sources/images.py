"""Columns of pictures recognised by their name and by what is in them."""

import re

import polars as pl

from .columns import name_words

__all__ = ["holds_images"]

_IMAGE_WORDS = {
    "artwork",
    "avatar",
    "cover",
    "headshot",
    "image",
    "imagery",
    "img",
    "logo",
    "photo",
    "photograph",
    "pic",
    "picture",
    "poster",
    "preview",
    "screenshot",
    "swatch",
    "thumb",
    "thumbnail",
}
_PLACE_WORDS = r"(?:ur[il]|path|file|filename|link|src|href)"

_IMAGE_FILE = r"(?i)\.(?:jpe?g|jfif|png|webp|gif|avif|heic|bmp|tiff?)(?:[?#]\S*)?$"
_ADDRESS = r"(?i)^(?:https?://|file://|data:image/)\S+$"
_PATH = r"^\S*[/\\]\S+$"

# Most cells have to look the part; some products have no picture, or say so in words.
_ENOUGH = 0.5
_ENOUGH_WITHOUT_NAME = 0.8


def holds_images(name: str, values: pl.Series) -> bool:
    """Say whether a column holds pictures: URLs, paths or bytes.

    A column called like one (``product_image_url``, ``posterPath``, ``img2``) needs half of its
    cells to look like an address or a path; any other column needs four fifths of them to end in
    a picture's extension. Bytes are judged by themselves: half of them must begin like a picture.
    A column called like one with nothing in it counts, as one whose pictures are all missing.

    Parameters
    ----------
    name
        The column's name.
    values
        String or Binary, without nulls.
    """
    if values.is_empty():
        return _named_like_images(name)
    if values.dtype == pl.Binary:
        return _share(_are_picture_bytes(values)) >= _ENOUGH
    text = values.str.strip_chars()
    files = text.str.contains(_IMAGE_FILE)
    if not _named_like_images(name):
        return _share(files) >= _ENOUGH_WITHOUT_NAME
    places = files | text.str.contains(_ADDRESS) | text.str.contains(_PATH)
    return _share(places) >= _ENOUGH


def _named_like_images(name: str) -> bool:
    stems = (re.sub(rf"(?<=..){_PLACE_WORDS}s?$", "", word) for word in name_words(name))
    return any(stem in _IMAGE_WORDS or stem.removesuffix("s") in _IMAGE_WORDS for stem in stems)


def _are_picture_bytes(values: pl.Series) -> pl.Series:
    """Compare the first bytes with the signatures of the formats that are decoded."""
    known = values.bin.starts_with(b"\xff\xd8\xff")
    for signature in (b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\x00", b"MM\x00*"):
        known |= values.bin.starts_with(signature)
    inner = values.bin.slice(4, 8)
    known |= values.bin.starts_with(b"RIFF") & inner.bin.ends_with(b"WEBP")
    return known | inner.bin.starts_with(b"ftypavif") | inner.bin.starts_with(b"ftyphei")


def _share(flags: pl.Series) -> float:
    return float(flags.sum()) / len(flags)
