"""Small files that promise as many pixels as the limit allows, or consist of millions of parts."""

import struct
import zlib

from hostile_files import originals, png_chunk, png_of, rle_bmp, tiff_of

_SIDE = 10_000
_MAX_BYTES = 30_000_000


def bomb(label):
    """Return a small file of as many pixels as the limit allows, or nearly."""
    return _BOMBS[label](originals())


def _with_size(whole, mark, behind, form, side):
    size = b"".join(struct.pack(form[:2], side)[: 3 if "3" in form else 4] for _ in range(2))
    place = whole.index(mark) + behind
    return whole[:place] + size + whole[place + len(size) :]


def _with_canvas(gif):
    return gif[:6] + struct.pack("<HH", _SIDE, _SIDE) + gif[10:]


def _tiff_of_one_strip_again_and_again():
    strip, count = zlib.compress(bytes(_SIDE * 3 * 100), 9), _SIDE // 100
    tags = {259: 8, 278: 100, 273: (0,) * count, 279: (len(strip),) * count}
    tags[273] = (len(tiff_of(_SIDE, _SIDE, tags)),) * count
    return tiff_of(_SIDE, _SIDE, tags, strip)


def flood(label):
    """Return a file of 30 MB whose parts would take from ten seconds to hours to read."""
    wholes = originals()
    return _FLOODS[label](wholes["jpeg"], wholes["png"])


def _inside(whole, place, parts):
    return whole[:place] + parts + whole[place:]


def _chunks(png, kind, body=b""):
    chunk = png_chunk(kind, body)
    return _inside(png, 33, chunk * (_MAX_BYTES // len(chunk)))


_EXIF = b"\xff\xe1\xff\xff" + b"Exif\0\0" + bytes(65_527)
_MORE_EXIF = b"\xff\xe1\0\x09Exif\0\0\1"
_PROFILE = b"p\0\0" + zlib.compress(bytes(1_000_000), 9)
_FLOODS = {
    "jpeg of segments": lambda jpeg, _: _inside(jpeg, 2, b"\xff\xe5\0\2" * (_MAX_BYTES // 4)),
    "jpeg of fill bytes": lambda jpeg, _: _inside(jpeg, 2, b"\xff" * _MAX_BYTES),
    "jpeg of markers alone": lambda jpeg, _: _inside(jpeg, 2, b"\xff\xd0" * (_MAX_BYTES // 2)),
    "jpeg of exif": lambda jpeg, _: _inside(jpeg, 2, _EXIF * 229 + _MORE_EXIF * 1_300_000),
    "png of chunks": lambda _, png: _chunks(png, b"prVt"),
    "png of profiles": lambda _, png: _chunks(png, b"iCCP", _PROFILE),
    "png without pixels": lambda _, png: _chunks(png, b"IDAT"),
    "tiff of strips": lambda *_: tiff_of(1, 7_000_000, {278: 1, 273: (8,) * 7_000_000, 277: 1}),
}
FLOODS = tuple(_FLOODS)

_TRANSPARENT = png_chunk(b"PLTE", bytes(768)) + png_chunk(b"tRNS", bytes(255))
_BOMBS = {
    "webp": lambda wholes: _with_size(wholes["webp animated"], b"VP8X", 12, "<I3x", _SIDE - 1),
    "gif": lambda wholes: _with_canvas(wholes["gif"]),
    "avif": lambda wholes: _with_size(wholes["avif"], b"ispe", 8, ">I", _SIDE),
    "tiff": lambda _: _tiff_of_one_strip_again_and_again(),
    "bmp of steps": lambda _: rle_bmp(_SIDE, _SIDE, b"\0\2\0\xfa" * 40, bits=8),
    "bmp of one row": lambda _: rle_bmp(90_000_000, 1, b"\1\1\0\0\0\1", bits=8),
    "png": lambda _: png_of(_SIDE, _SIDE, bytes((3 * _SIDE + 1) * _SIDE)),
    "png palette": lambda _: _inside(
        png_of(_SIDE, _SIDE, bytes((_SIDE + 1) * _SIDE), colour=3), 33, _TRANSPARENT
    ),
    "png cut off": lambda _: png_of(_SIDE, _SIDE, bytes(1000)),
    "png of one column": lambda _: png_of(1, 20_000_000, bytes(4 * 20_000_000)),
    "png of one row": lambda _: png_of(20_000_000, 1, bytes(3 * 20_000_000 + 1)),
}
BOMBS = tuple(_BOMBS)
