"""A JPEG's markers into what reading it will take: of its header, and of its scans."""

import re

import numpy as np

# What ends a stretch of data: not a stuffed zero, nor one of the markers that stand alone
# (TEM, RST0 to RST7), nor a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_START_OF_SCAN = b"\xff\xda"
_END_OF_IMAGE = b"\xff\xd9"
_MAX_FILL = 65_536

# Segments whose content changes nothing of what is seen, or is libjpeg's alone: tables, restart
# intervals, comments, and all APPn but APP1, which may say how to turn the picture.
_OTHER_SEGMENTS = {0xC4, 0xDB, 0xDD, 0xE0, *range(0xE2, 0xF0), 0xFE}
_SEQUENTIAL_FRAMES = {0xC0, 0xC1}  # baseline and extended, with Huffman codes
_FEW_SEGMENTS = 64


def plain_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG of which nothing else needs to be known to decode it.

    That is one of 8 bits in grey or three colours, without EXIF, whose few segments follow each
    other without a gap and whose first scan, sequential and of all colours, is the only one that
    is decoded. It is None for all others, and for what is no JPEG.
    """
    if not data.startswith(b"\xff\xd8"):
        return None
    size, colours, position = None, 0, 2
    for _ in range(_FEW_SEGMENTS):
        head = data[position : position + 10]
        if len(head) < 10 or head[0] != 0xFF:
            return None
        if head.startswith(_START_OF_SCAN):
            return size if head[4] == colours else None
        if head[1] in _SEQUENTIAL_FRAMES and size is None:
            height, width = int.from_bytes(head[5:7], "big"), int.from_bytes(head[7:9], "big")
            size, colours = (width, height), head[9]
            if head[4] != 8 or colours not in (1, 3) or not (width and height):
                return None
        elif head[1] not in _OTHER_SEGMENTS:
            return None
        position += 2 + int.from_bytes(head[2:4], "big")
    return None


def has_more_segments(data: bytes, limit: int) -> bool:
    """Whether more than `limit` segments, or 64 KiB of fill bytes, come before the first scan.

    Pillow reads them one by one, and some it appends to all that came before.
    """
    fill, position = 0, 2
    for _ in range(limit + 1):
        marker = _MARKER.search(data, position)
        fill += (marker.start() if marker else len(data)) - position
        if fill > _MAX_FILL:
            return True
        if marker is None or marker[0] == _START_OF_SCAN:
            return False
        position = _segment_end(data, marker)
    return True


def has_more_scans(data: bytes, limit: int) -> bool:
    """Whether decoding would go over the whole picture more than `limit` times.

    Markers inside other segments (a thumbnail, say) and after the picture's end (a video, say)
    are not its scans.
    """
    if _count(data, _START_OF_SCAN) <= limit:
        return False  # most files: far faster than looking at the markers one by one
    scans, position = 0, 2
    while scans <= limit and (marker := _MARKER.search(data, position)):
        if marker[0] == _END_OF_IMAGE:
            return False
        scans += marker[0] == _START_OF_SCAN
        position = _segment_end(data, marker)
    return scans > limit


def _count(data: bytes, pair: bytes) -> int:
    """Count a pair of different bytes: `bytes.count` takes eight times as long, 1 ms for 1 MB."""
    number = int.from_bytes(pair, "little")
    shifts = (np.frombuffer(data, "<u2", (len(data) - start) // 2, start) for start in (0, 1))
    return sum(int(np.count_nonzero(shift == number)) for shift in shifts)


def _segment_end(data: bytes, marker: re.Match[bytes]) -> int:
    return marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
