"""The ways that `preprocess.py` compares: JPEG bytes into a (3, 224, 224) slot of float32."""

import io
from collections.abc import Callable
from importlib import import_module, util
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from sightline.images.blocks import Square
from sightline.images.fit import scaled_size
from sightline.images.native import NativeDecoder
from sightline.images.throughput import Throughput
from sightline.types import PixelFormat, View

__all__ = ["SIDE", "STD", "Ours", "Slot", "Way", "naive", "peers", "pillow_draft"]

SIDE = 224
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
MAX_PIXELS = 100_000_000

_MEAN = np.array(MEAN, np.float32).reshape(3, 1, 1)
_STD = np.array(STD, np.float32).reshape(3, 1, 1)

Slot = NDArray[np.float32]
Way = Callable[[bytes, Slot], object]


class Ours:
    """The native path of bulk work, and its decoder alone."""

    def __init__(self) -> None:
        square = Square(View(SIDE, "crop"), PixelFormat("nchw", "float32", MEAN, STD))
        self._native = NativeDecoder([square], max_pixels=MAX_PIXELS, throughput=Throughput(1))
        self._view = square.view

    def write(self, data: bytes, out: Slot) -> None:
        """Write the square."""
        self._native.decode_into(data, [out])

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Decode at the size that the native path decodes at, and do nothing else."""
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        least_width, least_height = (2 * side for side in scaled_size(width, height, self._view))
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGB", min_width=min(least_width, width), min_height=min(least_height, height)
        )
        return pixels


def naive(data: bytes, out: Slot) -> None:
    """Decode and resize everything, as fastembed and transformers do."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    small = image.resize(_short_edge(image.size, SIDE), Image.Resampling.BICUBIC)
    _normalise(small.crop(_centre(small.size)), out)


def pillow_draft(data: bytes, out: Slot) -> None:
    """Decode at twice the size or more, and resize what is shown only."""
    image = Image.open(io.BytesIO(data))
    width, height = image.size
    image.draft("RGB", _short_edge(image.size, 2 * SIDE))
    shown = min(width, height)
    across, down = image.width / width, image.height / height
    left, top = (width - shown) / 2, (height - shown) / 2
    box = (left * across, top * down, (left + shown) * across, (top + shown) * down)
    square = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
    _normalise(square, out)


def peers() -> dict[str, Way]:
    """Return the peers that are installed, each with one thread."""
    ways: dict[str, Way] = {}
    if util.find_spec("torchvision"):
        import_module("torch").set_num_threads(1)
        ways["torchvision"] = _torchvision
        ways["torchvision_io"] = _torchvision_io
    if util.find_spec("cv2"):
        import_module("cv2").setNumThreads(1)
        ways["opencv"] = _opencv
    return ways


def _short_edge(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the size whose shorter edge is `side`, the longer one cut to whole pixels."""
    short = min(size)
    return size[0] * side // short, size[1] * side // short


def _centre(size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    return left, top, left + SIDE, top + SIDE


def _normalise(image: Image.Image, out: Slot) -> None:
    channels_first = np.array(image).transpose(2, 0, 1)
    out[:] = ((channels_first * (1 / 255)).astype(np.float32) - _MEAN) / _STD


def _torchvision(data: bytes, out: Slot) -> None:
    transforms: Any = import_module("torchvision.transforms")
    prepare = transforms.Compose(
        [
            transforms.Resize(SIDE, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(SIDE),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    out[:] = prepare(Image.open(io.BytesIO(data)).convert("RGB")).numpy()


def _torchvision_io(data: bytes, out: Slot) -> None:
    torch, io_, v2 = (
        import_module(name) for name in ("torch", "torchvision.io", "torchvision.transforms.v2")
    )
    functional = v2.functional
    encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    pixels = io_.decode_jpeg(encoded, mode=io_.ImageReadMode.RGB)
    bicubic = v2.InterpolationMode.BICUBIC
    small = functional.resize(pixels, [SIDE], interpolation=bicubic, antialias=True)
    square = functional.center_crop(small, [SIDE, SIDE])
    numbers = functional.to_dtype(square, torch.float32, scale=True)
    out[:] = functional.normalize(numbers, MEAN, STD).numpy()


def _opencv(data: bytes, out: Slot) -> None:
    cv2: Any = import_module("cv2")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, _short_edge((width, height), SIDE), interpolation=cv2.INTER_AREA)
    left, top, right, bottom = _centre((small.shape[1], small.shape[0]))
    channels_first = small[top:bottom, left:right].transpose(2, 0, 1)
    out[:] = ((channels_first * (1 / 255)).astype(np.float32) - _MEAN) / _STD
