"""Small files that promise as many pixels as the limit allows, or consist of millions of parts."""

import struct
import zlib

from hostile_files import originals, png_chunk, png_of, rle_bmp, tiff_of

_SIDE = 10_000
_MAX_BYTES = 30_000_000


def bombs():
    """Return labels and files of up to 100 million pixels, in few bytes."""
    wholes = originals()
    transparent = png_chunk(b"PLTE", bytes(768)) + png_chunk(b"tRNS", bytes(255))
    palette = png_of(_SIDE, _SIDE, bytes((_SIDE + 1) * _SIDE), colour=3)
    return [
        ("png", png_of(_SIDE, _SIDE, bytes((3 * _SIDE + 1) * _SIDE))),
        ("png palette", palette[:33] + transparent + palette[33:]),
        ("png cut off", png_of(_SIDE, _SIDE, bytes(1000))),
        ("png of one column", png_of(1, 20_000_000, bytes(4 * 20_000_000))),
        ("png of one row", png_of(20_000_000, 1, bytes(3 * 20_000_000 + 1))),
        ("webp", _with_size(wholes["webp animated"], b"VP8X", 12, "<I3x", _SIDE - 1)),
        ("gif", wholes["gif"][:6] + struct.pack("<HH", _SIDE, _SIDE) + wholes["gif"][10:]),
        ("avif", _with_size(wholes["avif"], b"ispe", 8, ">I", _SIDE)),
        ("tiff", _tiff_of_one_strip_again_and_again()),
        ("bmp of steps", rle_bmp(_SIDE, _SIDE, b"\0\2\0\xfa" * 40, bits=8)),
        ("bmp of one row", rle_bmp(90_000_000, 1, b"\1\1\0\0\0\1", bits=8)),
    ]


def _with_size(whole, mark, behind, form, side):
    size = b"".join(struct.pack(form[:2], side)[: 3 if "3" in form else 4] for _ in range(2))
    place = whole.index(mark) + behind
    return whole[:place] + size + whole[place + len(size) :]


def _tiff_of_one_strip_again_and_again():
    strip, count = zlib.compress(bytes(_SIDE * 3 * 100), 9), _SIDE // 100
    tags = {259: 8, 278: 100, 273: (0,) * count, 279: (len(strip),) * count}
    tags[273] = (len(tiff_of(_SIDE, _SIDE, tags)),) * count
    return tiff_of(_SIDE, _SIDE, tags, strip)


def floods():
    """Return labels and files of 30 MB whose parts would take from ten seconds to hours to read."""
    wholes = originals()
    jpeg, png = wholes["jpeg"], wholes["png"]
    exif = b"\xff\xe1\xff\xff" + b"Exif\0\0" + bytes(65_527)
    more_exif = b"\xff\xe1\0\x09Exif\0\0\1"
    profile = png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(1_000_000), 9))
    nothing = png_chunk(b"prVt", b"")
    no_pixels = png_chunk(b"IDAT", b"")
    return [
        ("jpeg of segments", _inside(jpeg, 2, b"\xff\xe5\0\2" * (_MAX_BYTES // 4))),
        ("jpeg of fill bytes", _inside(jpeg, 2, b"\xff" * _MAX_BYTES)),
        ("jpeg of markers alone", _inside(jpeg, 2, b"\xff\xd0" * (_MAX_BYTES // 2))),
        ("jpeg of exif", _inside(jpeg, 2, exif * 229 + more_exif * (_MAX_BYTES // 22))),
        ("png of chunks", _inside(png, 33, nothing * (_MAX_BYTES // len(nothing)))),
        ("png of profiles", _inside(png, 33, profile * (_MAX_BYTES // len(profile)))),
        ("png without pixels", _inside(png, 33, no_pixels * (_MAX_BYTES // len(no_pixels)))),
        ("tiff of strips", tiff_of(1, 7_000_000, {278: 1, 273: (8,) * 7_000_000, 277: 1})),
    ]


def _inside(whole, place, parts):
    return whole[:place] + parts + whole[place:]
