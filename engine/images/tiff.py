"""A TIFF's directory into what decoding will take, which Pillow does not check."""

import struct
from collections.abc import Iterator

_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_BIG_TIFF = 43
_BYTES_OF_TYPE = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 16: 8, 17: 8}
# Bytes, text and what is left as it is; of all others Pillow makes one number per value.
_NO_NUMBERS = {1, 2, 7}


def tile_size(data: bytes) -> tuple[int, int]:
    """Return the width and height of the first picture's tiles; 0, 0 where it has none.

    libtiff decodes a tile whole, however little of it lies within the picture. A tag should be
    there once; if it is repeated, the largest value counts, because Pillow reads the last one and
    libtiff the first.

    Raises
    ------
    struct.error
        If the directory is cut off.
    """
    is_little = _order(data) == "<"
    sizes = {_TILE_WIDTH: 0, _TILE_HEIGHT: 0}
    for tag, kind, _, value in _entries(data):
        if tag in sizes:
            used = value[: _BYTES_OF_TYPE.get(kind)]
            number = int.from_bytes(used, "little" if is_little else "big")
            sizes[tag] = max(sizes[tag], number)
    return sizes[_TILE_WIDTH], sizes[_TILE_HEIGHT]


def most_numbers(data: bytes) -> int:
    """Return how many numbers the longest entry of the first picture holds.

    It tells how many strips or tiles there are, each of which takes a decoder of its own. Raises
    like `tile_size`.
    """
    counts = (count for _, kind, count, _ in _entries(data) if kind not in _NO_NUMBERS)
    return max(counts, default=0)


def _order(data: bytes) -> str:
    return "<" if data[:2] == b"II" else ">"


def _entries(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Return tag, type, number of values, and the value or its place, of every entry."""
    order = _order(data)
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    offset, count, entry = ("Q", "Q", "HHQ8s") if version == _BIG_TIFF else ("I", "H", "HHI4s")
    # Eight bytes of header before the first directory's offset in a BigTIFF, else four.
    (directory,) = struct.unpack_from(order + offset, data, struct.calcsize(offset))
    (entries,) = struct.unpack_from(order + count, data, directory)
    start = directory + struct.calcsize(count)
    end = start + entries * struct.calcsize(order + entry)
    return struct.iter_unpack(order + entry, data[start:end])
