"""A JPEG's markers into the number of its scans, each of which is a pass over the whole picture."""

import re

# What ends a stretch of data: not a stuffed zero, nor one of the markers that stand alone
# (TEM, RST0 to RST7), nor a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_START_OF_SCAN = b"\xff\xda"
_END_OF_IMAGE = b"\xff\xd9"


def has_more_scans(data: bytes, limit: int) -> bool:
    """Whether decoding would go over the picture more than `limit` times.

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
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return scans > limit
