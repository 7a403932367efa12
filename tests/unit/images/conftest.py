"""Pictures to decode, and web servers on loopback."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from loopback_site import Site, serving
from PIL import Image


def _saved(image, format_name, **options):
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def saved():
    """Encode with Pillow itself, and any of its options."""
    return _saved


@pytest.fixture(scope="session")
def quadrants():
    """48 x 32 pixels: red, green / blue, white quarters."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24] = (220, 30, 30)
    pixels[:16, 24:] = (30, 200, 30)
    pixels[16:, :24] = (30, 30, 210)
    pixels[16:, 24:] = (255, 255, 255)
    return Image.fromarray(pixels)


@pytest.fixture(scope="session")
def jpeg(quadrants):
    return _saved(quadrants, "JPEG", quality=92)


@pytest.fixture(scope="session")
def png(quadrants):
    return _saved(quadrants, "PNG")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as opened:
        yield opened


@pytest.fixture
def other_site() -> Iterator[Site]:
    with serving() as opened:
        yield opened
