"""A JPEG's markers into what reading it will take: of its header, and of its scans."""

import re

# What ends a stretch of data: not a stuffed zero, nor one of the markers that stand alone
# (TEM, RST0 to RST7), nor a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_START_OF_SCAN = b"\xff\xda"
_END_OF_IMAGE = b"\xff\xd9"
_MAX_FILL = 65_536


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
    if data.count(_START_OF_SCAN) <= limit:
        return False  # most files: far faster than looking at the markers one by one
    scans, position = 0, 2
    while scans <= limit and (marker := _MARKER.search(data, position)):
        if marker[0] == _END_OF_IMAGE:
            return False
        scans += marker[0] == _START_OF_SCAN
        position = _segment_end(data, marker)
    return scans > limit


def _segment_end(data: bytes, marker: re.Match[bytes]) -> int:
    return marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
