"""The path of bulk work makes what Pillow alone makes, written as the encoder reads it."""

import contextlib
import io
import struct
from unittest.mock import MagicMock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from sightline.images import native as native_module
from sightline.images.blocks import Square
from sightline.images.codec import decode
from sightline.images.jpeg import plain_size
from sightline.images.native import NativeDecoder
from sightline.images.outcome import Outcome, PictureError
from sightline.images.throughput import Throughput
from sightline.types import PixelFormat, View

UINT8 = PixelFormat()
CLIP = PixelFormat("nchw", "float32", (0.48, 0.46, 0.41), (0.27, 0.26, 0.28))
VIEWS = [
    View(96, "squash", "bilinear"),
    View(64, "crop"),
    View(64, "pad"),
    View(64, "crop", "lanczos"),
]


def photograph(width, height, seed=0):
    """Draw smooth shading under fine grain."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [np.sin(rows / (30 + 9 * c)) * np.cos(columns / (25 + 7 * c)) for c in range(3)]
    grain = rng.normal(0, 6, (height, width, 1))
    drawn = 128 + 90 * np.stack(waves, axis=-1) + grain
    return Image.fromarray(np.clip(drawn, 0, 255).astype(np.uint8))


def squares_of(data, *squares, max_pixels=100_000_000):
    """Return the squares of a picture, and its size."""
    decoder = NativeDecoder(squares, max_pixels=max_pixels, throughput=Throughput(1))
    outs = [square.format.empty(1, square.view.side)[0] for square in squares]
    size = decoder.decode_into(data, outs)
    return outs, size


def levels_apart(native, pillow):
    return np.abs(native.astype(int) - pillow.astype(int))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [(500, 400), (300, 900), (1200, 1000), (50, 70), (7, 3), (1, 1)])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_pixels_are_those_of_pillow_within_the_tolerance(view, size, name, saved):
    data = saved(photograph(*size), name)
    (native,), told = squares_of(data, Square(view, UINT8))
    pillow = decode(data, views=[view], max_pixels=10**8)
    apart = levels_apart(native, pillow.pixels[0])
    assert told == size == (pillow.width, pillow.height)
    assert apart.mean() <= 0.5
    assert np.quantile(apart, 0.999) <= 3


def test_a_whole_jpeg_scaled_by_its_decoder_is_near_one_decoded_in_full(saved):
    source = photograph(1600, 1200)
    data = saved(source, "JPEG", quality=90)
    (native,), _ = squares_of(data, Square(View(224, "crop"), UINT8))
    whole = Image.open(io.BytesIO(data)).resize((298, 224), Image.Resampling.BICUBIC)
    reference = np.asarray(whole)[:, 37 : 37 + 224]
    apart = levels_apart(native, reference)
    assert apart.mean() <= 0.6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_a_picture_is_turned_upright_as_its_exif_says(orientation, name, fit, saved):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(photograph(90, 60), name, exif=exif)
    view = View(32, fit)
    (native,), size = squares_of(data, Square(view, UINT8))
    pillow = decode(data, views=[view], max_pixels=10**6)
    assert size == (pillow.width, pillow.height)
    assert levels_apart(native, pillow.pixels[0]).mean() <= 0.5


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "1", "CMYK"])
def test_modes_that_need_care_are_as_pillow_makes_them(mode, saved):
    name = "JPEG" if mode == "CMYK" else "PNG"
    data = saved(photograph(90, 60).convert(mode), name)
    view = View(32, "crop")
    (native,), _ = squares_of(data, Square(view, UINT8))
    np.testing.assert_array_equal(native, decode(data, views=[view], max_pixels=10**6).pixels[0])


def test_grey_jpegs_are_decoded_natively_and_stay_grey(saved):
    (native,), _ = squares_of(
        saved(photograph(90, 60).convert("L"), "JPEG"), Square(VIEWS[0], UINT8)
    )
    assert np.ptp(native, axis=2).max() == 0


@pytest.mark.parametrize(
    ("options", "is_plain"),
    [
        ({}, True),
        ({"quality": 90, "subsampling": 0, "comment": b"a remark"}, True),
        ({"keep_rgb": True}, True),
        ({"icc_profile": b"anything"}, True),
        ({"progressive": True}, False),
        ({"exif": Image.Exif()}, False),
        ({"xmp": b"<x:xmpmeta/>"}, False),
    ],
)
def test_only_a_plain_jpeg_is_decoded_without_asking_pillow(options, is_plain, saved, monkeypatch):
    if "exif" in options:
        options["exif"][0x0112] = 6
    data = saved(photograph(90, 60), "JPEG", **options)
    assert (plain_size(data) is not None) is is_plain
    opening = MagicMock(wraps=native_module.open_picture)
    monkeypatch.setattr(native_module, "open_picture", opening)
    (native,), _ = squares_of(data, Square(VIEWS[1], UINT8))
    assert opening.called is not is_plain
    pillow = decode(data, views=[VIEWS[1]], max_pixels=10**6).pixels[0]
    assert levels_apart(native, pillow).mean() <= 0.5


def test_a_jpeg_whose_colours_come_in_scans_of_their_own_is_not_plain(saved):
    """libjpeg goes over such a picture once per scan, however many a stranger has put there."""
    data = bytearray(saved(photograph(90, 60), "JPEG"))
    assert plain_size(bytes(data)) == (90, 60)
    data[data.index(b"\xff\xda") + 4] = 1
    assert plain_size(bytes(data)) is None


@given(cut=st.integers(0, 700), at=st.integers(0, 699), byte=st.integers(0, 255))
def test_the_size_of_a_damaged_header_is_none_or_what_pillow_reads_if_it_does(cut, at, byte):
    file = io.BytesIO()
    photograph(90, 60).save(file, "JPEG")
    whole = file.getvalue()
    data = bytearray(whole)
    data[at] = byte
    for damaged in (bytes(data), whole[:cut]):
        if (size := plain_size(damaged)) is not None:
            with contextlib.suppress(SyntaxError, OSError):
                assert size == JpegImageFile(io.BytesIO(damaged)).size


def test_picked_pixels_are_pillows(saved):
    view = View(16, "crop", "nearest")
    data = saved(photograph(200, 300), "JPEG")
    (native,), _ = squares_of(data, Square(view, UINT8))
    np.testing.assert_array_equal(native, decode(data, views=[view], max_pixels=10**6).pixels[0])


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF"])
def test_every_format_of_an_encoder_holds_the_same_levels(name, saved):
    data = saved(photograph(200, 150), name)
    view = View(32, "pad")
    formats = [
        UINT8,
        PixelFormat("nchw"),
        CLIP,
        PixelFormat("nhwc", "float32", *(CLIP.mean, CLIP.std)),
    ]
    (plain, channels_first, floats, floats_last), _ = squares_of(
        data, *(Square(view, format) for format in formats)
    )
    mean, std = np.array(CLIP.mean), np.array(CLIP.std)
    np.testing.assert_array_equal(channels_first, plain.transpose(2, 0, 1))
    np.testing.assert_allclose(floats_last, (plain / 255 - mean) / std, atol=1e-5)
    np.testing.assert_array_equal(floats, floats_last.transpose(2, 0, 1))


def test_a_border_is_black_in_the_levels_of_the_encoder(saved):
    data = saved(Image.new("RGB", (64, 16), (255, 255, 255)), "PNG")
    (floats,), _ = squares_of(data, Square(View(32, "pad"), CLIP))
    np.testing.assert_allclose(
        floats[:, 0, 0], -np.array(CLIP.mean) / np.array(CLIP.std), atol=1e-5
    )


def with_another_header(data, width, height):
    """Put a second frame header, of another size, in front of a JPEG's first scan."""
    start = data.index(b"\xff\xc0")
    length = int.from_bytes(data[start + 2 : start + 4], "big") + 2
    header = bytearray(data[start : start + length])
    header[5:9] = struct.pack(">HH", height, width)
    scan = data.index(b"\xff\xda")
    return data[:scan] + bytes(header) + data[scan:]


def test_a_jpeg_of_two_headers_is_held_to_the_one_that_pillow_reads(saved):
    data = with_another_header(saved(photograph(64, 48), "JPEG"), 16, 12)
    with pytest.raises(PictureError) as native:
        squares_of(data, Square(VIEWS[0], UINT8))
    with pytest.raises(PictureError) as pillow:
        decode(data, views=[VIEWS[0]], max_pixels=64 * 48)
    assert native.value.outcome is pillow.value.outcome is Outcome.TRUNCATED


def test_a_jpeg_that_libjpeg_has_remarks_on_is_what_pillow_makes_of_it(saved):
    whole = saved(photograph(300, 200), "JPEG")
    scan = whole.index(b"\xff\xda")
    data = whole[:scan] + b"\x00\x01\x02\x03" + whole[scan:]  # bytes that belong to nothing
    view = View(32, "crop")
    (native,), _ = squares_of(data, Square(view, UINT8))
    pillow = decode(data, views=[view], max_pixels=10**6).pixels[0]
    assert levels_apart(native, pillow).mean() <= 0.5


def test_a_truncated_jpeg_is_truncated(saved):
    data = saved(photograph(300, 200), "JPEG")
    with pytest.raises(PictureError) as failure:
        squares_of(data[: len(data) // 2], Square(VIEWS[0], UINT8))
    assert failure.value.outcome is Outcome.TRUNCATED


def test_too_many_pixels_are_refused_before_decoding(saved):
    data = saved(photograph(300, 200), "JPEG")
    with pytest.raises(PictureError) as failure:
        squares_of(data, Square(VIEWS[0], UINT8), max_pixels=1000)
    assert failure.value.outcome is Outcome.TOO_MANY_PIXELS
