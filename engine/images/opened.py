"""Encoded pictures opened, checked and decoded by Pillow, or the reason why not."""

import contextlib
import importlib
import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageFile, features

from ..types import Pixels, View
from .fit import fit, scaled_size, stored_shares
from .jpeg import has_more_scans, has_more_segments
from .modes import resizable, to_rgb
from .outcome import Outcome, PictureError
from .png import has_more_chunks
from .signature import picture_format
from .tiff import most_numbers, tile_size

# Format -> Pillow's plugin, and the optional part of Pillow that it needs. Plugins are used
# directly: Image.open would import all of them for an AVIF, and it warns of decompression bombs
# by a limit of its own.
PLUGINS = {
    "JPEG": ("Jpeg", "jpg"),
    "PNG": ("Png", "zlib"),
    "WebP": ("WebP", "webp"),
    "GIF": ("Gif", None),
    "AVIF": ("Avif", "avif"),
    "BMP": ("Bmp", None),
    "TIFF": ("Tiff", None),
}
_UNSUPPORTED = re.compile("not available|cannot import|unsupported|unknown pixel mode", re.I)

# A JPEG is decoded at the smallest of 1/1, 1/2, 1/4, 1/8 that keeps twice the wanted size:
# two to three times faster on photographs, at most 4 of 255 levels off.
_DRAFT_FACTOR = 2
# Others are first shrunk by a whole factor to no less than three times the wanted side: five
# times faster on 12 megapixels, at most 2 levels off.
_REDUCING_GAP = 3.0

# Encoders make about ten. One of 31 bytes costs 5 ms at 16 million pixels: a file within the cap on
# bytes could hold a thread for hours.
_MAX_SCANS = 100

# What plugins do in Python for each part of a file: the largest file that is fetched by default may
# have millions of parts, which take from ten seconds to hours. Honest ones stay far below: 30 MB of
# metadata make 458 segments, and 100 million pixels in strips of one row make 65,535 at most.
_MAX_SEGMENTS = 1000
_MAX_FRAME_CHUNKS, _MAX_OTHER_CHUNKS = 100_000, 1000
_MAX_NUMBERS = 200_000
_MAX_RUN_LENGTH_PIXELS = 25_000_000
# Orientation stands at the beginning; in a PNG, millions of numbers may stand in its place.
_MAX_EXIF_BYTES = 1_000_000

# Decoded pixels take 4 bytes each, and a progressive JPEG as much before it is scaled down; one
# thread at a time may hold more than 100 MB of them.
_LARGE_PIXELS = 25_000_000
_large_picture = threading.Lock()
# Pillow allocates pictures in blocks of 16 MB, which glibc comes to keep in the heap of each thread
# once it has freed them: eight threads that took turns held 4.1 GB instead of 1.7. Blocks of more
# than 32 MB always go back to the system.
_BLOCK_BYTES = 64 * 1024**2
Image.core.set_block_size(_BLOCK_BYTES)  # type: ignore[attr-defined]

# warnings.catch_warnings swaps a process-wide list, so it is not for threads. A filter that names
# nothing but the plugins' remarks on metadata can stay (bomb warnings are not among them).
_PLUGIN_MODULES = r"PIL\.(Jpeg|Png|Tiff)ImagePlugin$"
_METADATA_REMARKS = ("ignore", None, UserWarning, re.compile(_PLUGIN_MODULES), 0)

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_RESAMPLINGS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture whose header has been read and is within the limits; no pixel is decoded yet."""

    name: str
    """Of the format, as in `PLUGINS`."""
    image: ImageFile.ImageFile
    size: tuple[int, int]
    """Width and height as stored."""
    least_size: tuple[int, int]
    """Width and height that a decoder may scale it down to, and no further."""
    drafted: tuple[float, float] | None
    """Width and height, fractional at the edges, that Pillow will scale it down to."""

    def orientation(self) -> int:
        """Return the EXIF orientation; of formats but JPEG, once it is decoded."""
        return _orientation(self.image)

    def displayed_size(self) -> tuple[int, int]:
        """Return width and height of the whole picture once it is turned upright."""
        width, height = self.size
        return (height, width) if self.orientation() >= 5 else (width, height)

    def load(self) -> "Loaded":
        """Decode it with Pillow."""
        image = self.image
        image.load()
        size = image.size if self.drafted is None else self.drafted
        is_wide = image.mode.startswith("I;16")
        width, height = self.displayed_size()
        return Loaded(resizable(image), size, is_wide, self.orientation(), width, height)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A decoded picture, maybe scaled down by its decoder and not yet turned upright."""

    image: Image.Image  # in a mode whose samples may be averaged
    size: tuple[float, float]  # as stored; fractional where the decoder's scaling left an edge
    is_wide: bool  # grey of 16 bits
    orientation: int  # EXIF, 1..8
    width: int  # as displayed, before any scaling
    height: int

    def seen_in(self, view: View) -> Pixels:
        """Return the square of a view, shape (side, side, 3)."""
        shown = np.asarray(self.resized(view))
        placed = fit(self.width, self.height, view)
        left, top = placed.across.offset, placed.down.offset
        height, width, _ = shown.shape
        square = np.zeros((view.side, view.side, 3), np.uint8)
        square[top : top + height, left : left + width] = shown
        return square

    def resized(self, view: View) -> Image.Image:
        """Return what a view shows of it, upright, in RGB, without a border."""
        placed = fit(self.width, self.height, view)
        left, top, right, bottom = stored_shares(placed, self.orientation)
        width, height = self.size
        # Pillow's filters look beyond the box: on photographs this is within a level what a resize
        # of the whole and a cut would give, without ever making what is cut off.
        small = self.image.resize(
            placed.size[::-1] if self.orientation >= 5 else placed.size,
            _RESAMPLINGS[view.resample],
            box=(left * width, top * height, right * width, bottom * height),
            reducing_gap=_REDUCING_GAP,
        )
        rgb = to_rgb(small, is_wide=self.is_wide)
        turn = _TRANSPOSITIONS.get(self.orientation)
        return rgb if turn is None else rgb.transpose(turn)


@contextlib.contextmanager
def open_picture(data: bytes, views: Sequence[View], *, max_pixels: int) -> Iterator[Opened]:
    """Open and check a picture; whatever goes wrong meanwhile is a `PictureError`.

    Decode it within the context: of large pictures, one at a time is in there.

    Parameters
    ----------
    data
        The encoded picture; its format is told by its content.
    views
        What it will be seen in: what is larger than they need may be scaled down by the decoder.
    max_pixels
        Largest width times height.
    """
    name = picture_format(data)
    if name is None:
        raise PictureError(Outcome.NOT_AN_IMAGE, _beginning(data))
    plugin = plugin_of(name)
    if _METADATA_REMARKS not in warnings.filters:
        warnings.filterwarnings("ignore", category=UserWarning, module=_PLUGIN_MODULES)
    with _damage_as_outcome(name):
        _check_parts(name, data)
        image = plugin(io.BytesIO(data))
        width, height = image.size
        _check_pixels(width, height, max_pixels)
        if image.tile and image.tile[0].codec_name == "bmp_rle":  # a loop in Python
            _check_pixels(width, height, _MAX_RUN_LENGTH_PIXELS)
        if name == "JPEG" and has_more_scans(data, _MAX_SCANS):
            raise PictureError(Outcome.UNSUPPORTED, f"JPEG: more than {_MAX_SCANS} scans")
        tile_width, tile_height = tile_size(data) if name == "TIFF" else (0, 0)
        _check_pixels(tile_width, tile_height, max_pixels)
        least = least_size(width, height, views)
        drafted = image.draft("RGB", least)
        at_once = width * height if "progressive" in image.info else image.width * image.height
        # An AVIF's frames may be larger than its box says, up to what libavif allows: 1 GB.
        is_large = name == "AVIF" or max(at_once, tile_width * tile_height) > _LARGE_PIXELS
        with _large_picture if is_large else contextlib.nullcontext():
            scaled = drafted[1][2:] if drafted else None
            yield Opened(name, image, (width, height), least, scaled)


def least_size(width: int, height: int, views: Sequence[View]) -> tuple[int, int]:
    """Return the size that a decoder may scale this picture down to, and no further."""
    if any(view.resample == "nearest" for view in views):
        return width, height  # it picks pixels, which scaling down would have blended
    widths, heights = zip(*(scaled_size(width, height, view) for view in views), strict=True)
    return _DRAFT_FACTOR * max(widths), _DRAFT_FACTOR * max(heights)


@contextlib.contextmanager
def _damage_as_outcome(name: str) -> Iterator[None]:
    try:
        yield
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise PictureError(Outcome.TOO_MANY_PIXELS, _reason(name, error)) from error
    # Damaged data makes the plugins raise almost anything: KeyError, struct.error, zlib.error...
    except Exception as error:
        reason = _reason(name, error)
        outcome = Outcome.UNSUPPORTED if _UNSUPPORTED.search(reason) else Outcome.TRUNCATED
        raise PictureError(outcome, reason) from error


def _check_parts(name: str, data: bytes) -> None:
    """Raise if a file consists of so many parts that merely reading them would take too long."""
    if name == "JPEG" and has_more_segments(data, _MAX_SEGMENTS):
        parts = f"{_MAX_SEGMENTS} segments before its first scan"
    elif name == "PNG" and has_more_chunks(
        data, frames=_MAX_FRAME_CHUNKS, others=_MAX_OTHER_CHUNKS
    ):
        parts = f"{_MAX_OTHER_CHUNKS} chunks beside {_MAX_FRAME_CHUNKS} of pixels"
    elif name == "TIFF" and most_numbers(data) > _MAX_NUMBERS:
        parts = f"{_MAX_NUMBERS} numbers in a tag"
    else:
        return
    raise PictureError(Outcome.UNSUPPORTED, f"{name}: more than {parts}")


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        detail = f"{width} x {height} pixels > {max_pixels / 1e6:.3g} million"
        raise PictureError(Outcome.TOO_MANY_PIXELS, detail)


def plugin_of(name: str) -> Callable[[io.BytesIO], ImageFile.ImageFile]:
    """Return the class that reads a format, or raise that it cannot be had."""
    if name not in PLUGINS:
        raise PictureError(Outcome.UNSUPPORTED, name)
    prefix, feature = PLUGINS[name]
    if feature is not None and not features.check(feature):
        raise PictureError(Outcome.UNSUPPORTED, f"{name}: this Pillow was built without it")
    module = importlib.import_module(f"PIL.{prefix}ImagePlugin")
    plugin: Callable[[io.BytesIO], ImageFile.ImageFile] = getattr(module, f"{prefix}ImageFile")
    return plugin


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) where there is none or EXIF is damaged."""
    try:
        if len(image.info.get("exif", b"")) > _MAX_EXIF_BYTES:
            image.info["exif"] = image.info["exif"][:_MAX_EXIF_BYTES]
        orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as for damaged pixels; but a picture does not need its EXIF
        orientation = 1
    return orientation if orientation in _TRANSPOSITIONS else 1


def _reason(name: str, error: BaseException) -> str:
    first_line = str(error).partition("\n")[0] or type(error).__name__
    return f"{name}: {first_line[:120]}"


def _beginning(data: bytes) -> str:
    if not data:
        return "0 bytes"
    head = data[:256].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "HTML"
    # Not what it begins with: a path in a stranger's catalogue may name any file of this machine.
    return "no picture format"
