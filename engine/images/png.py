"""A PNG's chunks into how many there are, which is what reading them will take."""

# The pixels, of whatever frame, and what is said of each frame: an animation has many.
_FRAMES = {b"IDAT", b"fdAT", b"fcTL"}
_SIGNATURE_LENGTH = 8
# Length, kind and checksum.
_AROUND_BODY = 12


def has_more_chunks(data: bytes, *, frames: int, others: int) -> bool:
    """Whether there are more chunks of frames, or more other ones, than these limits.

    Pillow reads them one by one, and unpacks each colour profile.
    """
    left = {True: frames, False: others}
    position = _SIGNATURE_LENGTH
    while position < len(data) and min(left.values()) >= 0:
        left[data[position + 4 : position + 8] in _FRAMES] -= 1
        position += int.from_bytes(data[position : position + 4], "big") + _AROUND_BODY
    return min(left.values()) < 0
