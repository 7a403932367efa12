"""The first bytes of a file into the name of the picture format they announce."""

_BMP_HEADER_SIZES = {12, 16, 40, 52, 56, 64, 108, 124}
_ISO_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"hevc": "HEIC",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
    b"crx ": "Canon raw",
}
_PREFIXES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
    # Pictures, but none that is decoded here: named, so that the report can say so.
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"8BPS": "Photoshop",
    b"\x00\x00\x01\x00": "icon",
    b"%PDF-": "PDF",
}


def picture_format(data: bytes) -> str | None:
    """Name the format that the content announces, or None if it announces no picture.

    File names and content types are not asked: both lie. A name outside the decodable ones
    (JPEG, PNG, WebP, GIF, AVIF, BMP, TIFF) is a format that was recognised only to be reported.
    """
    for prefix, name in _PREFIXES.items():
        if data.startswith(prefix):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        return _iso_format(data)
    # Two letters are too little: plain text may begin with "BM".
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    return "SVG" if _is_svg(data[:1024]) else None


def _iso_format(data: bytes) -> str | None:
    """Name the format of an ISO media file: by its major brand, else by a compatible one."""
    box_size = int.from_bytes(data[:4], "big")
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, min(box_size, 256), 4))]
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    return next((_ISO_BRANDS[brand] for brand in brands if brand in _ISO_BRANDS), None)


def _is_svg(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<svg") or (
        text.startswith((b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text
    )
