"""A TIFF's directory into the size of its tiles, which Pillow does not check."""

import struct

_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_BIG_TIFF = 43
_BYTES_OF_TYPE = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 16: 8, 17: 8}


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
    order = "<" if data[:2] == b"II" else ">"
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    offset, count, entry = ("Q", "Q", "HHQ8s") if version == _BIG_TIFF else ("I", "H", "HHI4s")
    # Eight bytes of header before the first directory's offset in a BigTIFF, else four.
    (directory,) = struct.unpack_from(order + offset, data, struct.calcsize(offset))
    (entries,) = struct.unpack_from(order + count, data, directory)
    start = directory + struct.calcsize(count)
    sizes = {_TILE_WIDTH: 0, _TILE_HEIGHT: 0}
    end = start + entries * struct.calcsize(order + entry)
    for tag, kind, _, value in struct.iter_unpack(order + entry, data[start:end]):
        if tag in sizes:
            used = value[: _BYTES_OF_TYPE.get(kind)]
            number = int.from_bytes(used, "little" if order == "<" else "big")
            sizes[tag] = max(sizes[tag], number)
    return sizes[_TILE_WIDTH], sizes[_TILE_HEIGHT]
