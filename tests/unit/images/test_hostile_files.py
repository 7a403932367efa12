"""Files made to hurt end in pixels or in a reason why not, in bounded time and memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile_bombs import BOMBS, FLOODS, flood
from hostile_files import damaged, originals, png_of
from PIL import features
from sightline.images.blocks import Square
from sightline.images.codec import decode
from sightline.images.native import NativeDecoder
from sightline.images.outcome import Outcome, PictureError
from sightline.images.throughput import Throughput
from sightline.types import PixelFormat, View

TESTS = Path(__file__).parents[2]
ENDS = {"ok", "truncated", "not_an_image", "too_many_pixels", "unsupported"}
# Of the process that decodes, above what it takes to be awake. Damaged headers promise up to 100
# million pixels, which are made as soon as the data begin well: 16 bytes a pixel in a WebP, the
# most of any format, and one such picture at a time.
MEMORY_CAP_MB = 2000
SECONDS = 10

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
    pytest.mark.skipif(
        not all(map(features.check, ("webp", "avif", "libtiff"))), reason="this Pillow lacks codecs"
    ),
]


def seen_by(*arguments):
    """Decode in a process of its own and return what it saw; if it died, say of which file."""
    done = subprocess.run(
        [sys.executable, "-P", str(TESTS / "hostile_run.py"), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONFAULTHANDLER": "1"},
        capture_output=True,  # what libtiff remarks on, too, and where a crash was
        text=True,
        errors="replace",
        check=False,
    )
    *_, last = done.stdout.splitlines() or ["nothing"]
    assert done.returncode == 0, f"{arguments}: ended by {done.returncode} at {last}: {done.stderr}"
    return json.loads(last)


def assert_unharmed(seen):
    assert seen["faults"] == []
    assert set(seen["ends"]) <= ENDS
    assert seen["slowest"][0] < SECONDS
    assert seen["peak_mb"] < MEMORY_CAP_MB


def assert_both_ways_agree(seen):
    """Both fail for the same kind of reason, or both see the same picture.

    Damaged pixels are wild ones. Of these a JPEG decoded at n eighths of its size, and rounding in
    float32 or in 8 bits between the passes of a resize, are a few levels apart on average.
    """
    assert seen["unlike"] == []
    assert seen["apart"][0][0] <= 4


def test_damaged_files_of_every_format_end_in_pixels_or_an_outcome():
    seen = seen_by(0, 0, 4000)
    assert_unharmed(seen)
    assert_both_ways_agree(seen)
    assert seen["ends"]["ok"] > 400  # the damage reaches the decoders, not only the headers
    assert seen["ends"]["truncated"] > 400


def test_of_large_pictures_one_at_a_time_is_in_memory():
    seen = seen_by("webp", "gif", "avif", "tiff")
    assert_unharmed(seen)
    assert seen["ends"] == {"ok": 5}  # with the small one that wakes Numba


@pytest.mark.hostile
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_thousand_damaged_files_end_in_pixels_or_an_outcome(seed):
    seen = seen_by(seed, 0, 10_000)
    assert_unharmed(seen)
    assert_both_ways_agree(seen)


@pytest.mark.hostile
@pytest.mark.timeout(900)
def test_every_bomb_takes_bounded_time_and_memory_in_several_threads():
    seen = seen_by(*BOMBS)
    assert_unharmed(seen)
    assert_both_ways_agree(seen)
    assert seen["ends"]["ok"] == 9  # they are decoded, not refused: within the limit


@pytest.mark.parametrize("label", FLOODS)
def test_a_file_of_millions_of_parts_is_refused_by_their_number(label):
    with pytest.raises(PictureError, match=r"more than \d+ ") as failure:
        decode(flood(label), views=[View(16)], max_pixels=100_000_000)
    assert failure.value.outcome is Outcome.UNSUPPORTED


@pytest.mark.parametrize("size", [(1, 300_000), (300_000, 1)])
def test_a_picture_longer_than_any_jpeg_is_shrunk_by_pillow(size):
    width, height = size
    data = png_of(width, height, bytes((3 * width + 1) * height))
    view = View(16, "pad")
    out = PixelFormat().empty(1, view.side)[0]
    native = NativeDecoder(
        [Square(view, PixelFormat())], max_pixels=10**6, throughput=Throughput(1)
    )
    assert native.decode_into(data, [out]) == size
    np.testing.assert_array_equal(out, decode(data, views=[view], max_pixels=10**6).pixels[0])


def test_every_original_is_whole():
    for name, data in originals().items():
        picture = decode(data, views=[View(16)], max_pixels=10_000)
        assert picture.pixels[0].std() > 5, name
        assert {picture.width, picture.height} == {50, 70}, name


def test_a_damaged_file_is_told_by_its_seed_and_number():
    wholes = originals()
    assert damaged(wholes, 3, 14) == damaged(wholes, 3, 14) != damaged(wholes, 4, 14)
