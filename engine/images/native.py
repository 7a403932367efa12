"""Encoded pictures straight into the slots of a batch: decoded scaled, then one kernel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from ..types import Pixels, View
from .blocks import Square
from .fit import fit, stored_shares
from .jpeg import plain_size
from .opened import Opened, least_size, open_picture
from .throughput import Throughput

# EXIF orientation -> which axes of the displayed picture are exchanged and then mirrored (rows,
# columns), so that what is written in the stored order comes to stand upright.
_TURNS = {
    1: (False, 1, 1),
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, -1, 1),
    7: (True, -1, -1),
    8: (True, 1, -1),
}
# What a JPEG may be scaled to. libjpeg-turbo has no vector code for 5, 6 and 7 eighths: decoding to
# them takes longer than decoding in full.
_EIGHTHS = (1, 2, 3, 4, 8)
# The kernel's weights grow with the longer edge, 32 bytes a pixel and more, and it works on a copy:
# what is longer than a JPEG can be, or larger than 75 MB, is left to Pillow, which first shrinks it
# by whole factors where it lies.
_MAX_EDGE = 65_535
_MAX_PIXELS = 25_000_000


class NativeDecoder:
    """Makes squares of encoded pictures; for several threads.

    What `codec.decode` makes with Pillow alone, half a level off on average and three in 999 of
    1,000 cases at most, several times faster. JPEGs are decoded by libjpeg-turbo at 1, 2, 3, 4 or 8
    eighths of their size, the least that keeps twice the wanted one; whatever else Pillow has
    decoded to RGB goes through the same kernel, and modes that need more care (transparency, wide
    grey, CMYK) are left to Pillow. A JPEG that libjpeg-turbo objects to is Pillow's to judge.

    Parameters
    ----------
    squares
        What is made of a picture.
    max_pixels
        Largest width times height, checked before pixels are decoded.
    throughput
        Is told what decoding and preprocessing take.
    """

    def __init__(
        self, squares: Sequence[Square], *, max_pixels: int, throughput: Throughput
    ) -> None:
        self._squares = tuple(squares)
        self._views = tuple(square.view for square in squares)
        self._levels = [square.format.levels() for square in squares]
        self._max_pixels = max_pixels
        self._throughput = throughput
        # It picks pixels, and Pillow's way of picking is the reference.
        self._needs_pillow = any(view.resample == "nearest" for view in self._views)

    def decode_into(self, data: bytes, outs: Sequence[NDArray[Any]]) -> tuple[int, int]:
        """Write the squares of a picture.

        Parameters
        ----------
        data
            The encoded picture.
        outs
            One array per square, in their order, in the format of its square; where two are the
            same memory, it is written once.

        Returns
        -------
        size
            Width and height of the original as displayed, in pixels.

        Raises
        ------
        PictureError
            As of `codec.decode`; then `outs` may hold anything.
        """
        with self._throughput.timed("decode"):
            source = self._plain_jpeg(data) or self._opened(data)
        with self._throughput.timed("preprocess"):
            written: set[int] = set()
            for square, levels, out in zip(self._squares, self._levels, outs, strict=True):
                if out.ctypes.data not in written:
                    source.write(square, levels, out)
                    written.add(out.ctypes.data)
        return source.width, source.height

    def _plain_jpeg(self, data: bytes) -> "_Stored | None":
        """Return a JPEG that needs no second look, without waking Pillow; None for any other.

        Most are plain, and opening one with Pillow takes a tenth of the time of a small picture.
        """
        if self._needs_pillow or (size := plain_size(data)) is None:
            return None
        if size[0] * size[1] > min(self._max_pixels, _MAX_PIXELS):
            return None
        pixels = _jpeg_pixels(data, size, least_size(*size, self._views))
        return None if pixels is None else _Stored(pixels, _scaled(size, pixels.shape), 1, *size)

    def _opened(self, data: bytes) -> "_Stored | _Shown":
        with open_picture(data, self._views, max_pixels=self._max_pixels) as opened:
            return self._source(data, opened)

    def _source(self, data: bytes, opened: Opened) -> "_Stored | _Shown":
        if (
            not self._needs_pillow
            and opened.name == "JPEG"
            and opened.image.mode in {"RGB", "L"}
            and (pixels := _jpeg_pixels(data, opened.size, opened.least_size)) is not None
        ):
            size = _scaled(opened.size, pixels.shape)
            return _Stored(pixels, size, opened.orientation(), *opened.displayed_size())
        loaded = opened.load()
        if not self._needs_pillow and _suits_the_kernel(loaded.image):
            pixels = np.asarray(loaded.image)
            return _Stored(pixels, loaded.size, loaded.orientation, loaded.width, loaded.height)
        shown = {view: loaded.seen_in(view) for view in self._views}
        return _Shown(shown, loaded.width, loaded.height)


@dataclass(frozen=True, slots=True)
class _Stored:
    """Pixels as they are stored, maybe scaled down by the decoder.

    `size` is the width and height of the whole picture in them, fractional where scaling left an
    edge; `width` and `height` are those of the original as displayed.
    """

    pixels: Pixels
    size: tuple[float, float]
    orientation: int
    width: int
    height: int

    def write(self, square: Square, levels: NDArray[Any], out: NDArray[Any]) -> None:
        """Write what a square shows, upright; a border is black."""
        from sightline_kernels.resize import resize_into  # wakes Numba

        placed = fit(self.width, self.height, square.view)
        channels = out if square.format.order == "nchw" else out.transpose(2, 0, 1)
        across, down = placed.across, placed.down
        if placed.size != (square.view.side, square.view.side):
            channels[:] = levels[:, 0, None, None]
        shown = channels[
            :,
            down.offset : down.offset + down.length,
            across.offset : across.offset + across.length,
        ]
        exchanged, rows, columns = _TURNS[self.orientation]
        stored = (shown.transpose(0, 2, 1) if exchanged else shown)[:, ::rows, ::columns]
        left, top, right, bottom = stored_shares(placed, self.orientation)
        width, height = self.size
        resize_into(
            self.pixels,
            stored,
            box=(left * width, top * height, right * width, bottom * height),
            resample=square.view.resample,
            levels=levels,
        )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What every view shows of a picture, as Pillow made it."""

    shown: dict[View, Pixels]
    width: int
    height: int

    def write(self, square: Square, levels: NDArray[Any], out: NDArray[Any]) -> None:
        """Write what a square shows."""
        channels = out if square.format.order == "nchw" else out.transpose(2, 0, 1)
        for channel in range(3):
            channels[channel] = levels[channel][self.shown[square.view][..., channel]]


def _suits_the_kernel(image: Image.Image) -> bool:
    pixels = image.width * image.height
    return image.mode == "RGB" and pixels <= _MAX_PIXELS and max(image.size) <= _MAX_EDGE


def _jpeg_pixels(data: bytes, size: tuple[int, int], least: tuple[int, int]) -> Pixels | None:
    """Return the pixels of a JPEG as stored, shape (h, w, 3), no smaller than `least`.

    None if it is left to Pillow.
    """
    width, height = size
    try:
        # The reading of the header that the caps were held to must be libjpeg-turbo's as well.
        if simplejpeg.decode_jpeg_header(data)[:2] != (height, width):
            return None
        eighths = _least_eighths(size, least)
        pixels: Pixels = simplejpeg.decode_jpeg(
            data,
            "RGB",
            min_width=-(-width * eighths // 8),
            min_height=-(-height * eighths // 8),
        )
    except ValueError:
        return None
    return pixels


def _least_eighths(size: tuple[int, int], least: tuple[int, int]) -> int:
    """Return the least of `_EIGHTHS` at which a JPEG is still as large as it has to be."""
    (width, height), (least_width, least_height) = size, least
    return next(
        eighths
        for eighths in _EIGHTHS
        if eighths == 8
        or (width * eighths >= 8 * least_width and height * eighths >= 8 * least_height)
    )


def _scaled(size: tuple[int, int], shape: tuple[int, ...]) -> tuple[float, float]:
    """Return the exact width and height that a JPEG of `size` was scaled to, by n eighths."""
    width, height = size
    for eighths in reversed(_EIGHTHS):
        if (-(-height * eighths // 8), -(-width * eighths // 8)) == shape[:2]:
            return width * eighths / 8, height * eighths / 8
    return float(shape[1]), float(shape[0])
