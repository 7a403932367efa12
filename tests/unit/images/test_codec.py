"""Whatever a file claims to be, it becomes the right pixels or a reason why not."""

import struct
import zlib
from unittest.mock import MagicMock

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features
from sightline.images import opened
from sightline.images.codec import decode, encode, thumbnail
from sightline.images.jpeg import has_more_scans
from sightline.images.outcome import Outcome, PictureError
from sightline.types import View

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 210), (255, 255, 255)
# A Pillow built from source (pillow-simd is one) may lack codecs.
OPTIONAL = {"WebP": "webp", "AVIF": "avif"}
FORMATS = [
    name
    for name in ("JPEG", "PNG", "WebP", "GIF", "AVIF", "BMP", "TIFF")
    if name not in OPTIONAL or features.check(OPTIONAL[name])
]
ANIMATED = [name for name in FORMATS if name in {"GIF", "WebP", "AVIF", "PNG"}]
WITH_EXIF = [name for name in FORMATS if name not in {"GIF", "BMP"}]


def decoded(data, side=16, max_pixels=100_000_000):
    return decode(data, views=[View(side)], max_pixels=max_pixels)


def corners(pixels):
    """Return the colours in the middle of the four quarters, row by row."""
    quarter = len(pixels) // 4
    return [tuple(map(int, pixels[y, x])) for y in (quarter, -quarter) for x in (quarter, -quarter)]


def assert_corners(pixels, expected, within=12):
    np.testing.assert_allclose(corners(pixels), expected, atol=within)


def outcome_of(data, **options):
    with pytest.raises(PictureError) as failure:
        decoded(data, **options)
    return failure.value.outcome


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width, height):
    """Return a PNG whose header promises far more than its data hold."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_keeps_its_picture(name, quadrants, saved):
    picture = decoded(saved(quadrants, name))
    assert (picture.width, picture.height) == (48, 32)
    assert picture.pixels[0].shape == (16, 16, 3)
    assert picture.pixels[0].dtype == np.uint8
    assert_corners(picture.pixels[0], [RED, GREEN, BLUE, WHITE], within=25)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_encoded_decodes_again(name, quadrants):
    picture = decoded(encode(np.asarray(quadrants), name.lower()))
    assert_corners(picture.pixels[0], [RED, GREEN, BLUE, WHITE], within=25)


def test_a_format_that_cannot_be_encoded_is_a_programmer_mistake():
    with pytest.raises(ValueError, match="choose one of JPEG"):
        encode(np.zeros((2, 2, 3), np.uint8), "XCF")


def needs(feature, *values):
    reason = f"this Pillow lacks {feature}"
    return pytest.param(
        *values, marks=pytest.mark.skipif(not features.check(feature), reason=reason)
    )


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("P", "PNG"),
        ("P", "GIF"),
        ("PA", "TIFF"),
        ("RGBA", "PNG"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        pytest.param(
            "YCbCr",
            "TIFF",
            marks=pytest.mark.skipif(
                PIL.__version__ < "12.3", reason="this Pillow cannot read the YCbCr TIFF it writes"
            ),
        ),
        needs("littlecms2", "LAB", "TIFF"),
    ],
)
def test_colour_modes_become_rgb(mode, name, quadrants, saved):
    source = quadrants.convert("P") if mode == "PA" else quadrants
    picture = decoded(saved(source.convert(mode), name))
    assert_corners(picture.pixels[0], [RED, GREEN, BLUE, WHITE], within=30)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("L", "JPEG"), ("L", "PNG"), ("LA", "PNG"), ("1", "PNG"), ("1", "TIFF")],
)
def test_grey_modes_become_rgb(mode, name, saved):
    halves = Image.fromarray(np.repeat(np.uint8([[0, 255]]), 16, axis=1).repeat(32, axis=0))
    pixels = decoded(saved(halves.convert(mode), name)).pixels[0]
    assert_corners(pixels, [(0, 0, 0), (255, 255, 255)] * 2, within=3)


def test_sixteen_bit_grey_keeps_its_full_range(saved):
    ramp = Image.fromarray(np.repeat(np.uint16([[0x4000, 0xC000]]), 16, axis=1).repeat(32, axis=0))
    for name in ("PNG", "TIFF"):
        pixels = decoded(saved(ramp, name)).pixels[0]
        assert_corners(pixels, [(64, 64, 64), (191, 191, 191)] * 2, within=1)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_wide_grey_without_an_agreed_white_is_stretched(dtype, saved):
    values = np.repeat(np.array([[-50, 1000]], dtype), 16, axis=1).repeat(32, axis=0)
    pixels = decoded(saved(Image.fromarray(values), "TIFF")).pixels[0]
    assert_corners(pixels, [(0, 0, 0), (255, 255, 255)] * 2, within=3)


def test_floats_that_are_not_numbers_do_no_harm(saved):
    values = np.full((32, 32), np.nan, np.float32)
    assert decoded(saved(Image.fromarray(values), "TIFF")).pixels[0].shape == (16, 16, 3)


def test_transparency_lies_over_white(saved):
    black = np.zeros((32, 32, 4), np.uint8)
    black[:16, :, 3] = 255
    black[16:, :, 3] = 128
    pixels = decoded(saved(Image.fromarray(black), "PNG")).pixels[0]
    assert_corners(pixels, [(0, 0, 0)] * 2 + [(127, 127, 127)] * 2, within=1)


def test_colour_under_full_transparency_does_not_bleed(saved):
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[:, ::2] = (255, 0, 0, 0)
    pixels[:, 1::2] = (0, 0, 255, 255)
    red, green, blue = decoded(saved(Image.fromarray(pixels), "PNG"), side=4).pixels[0][2, 2]
    assert blue == 255
    assert abs(int(red) - int(green)) <= 1


def test_transparent_palette_entry_is_white(saved):
    image = Image.new("P", (32, 32), 1)
    image.putpalette([0, 0, 0, 250, 0, 0])
    image.paste(0, (0, 0, 32, 16))
    for name, transparency in (("GIF", 0), ("PNG", b"\x00\xff")):
        pixels = decoded(saved(image, name, transparency=transparency)).pixels[0]
        assert_corners(pixels, [WHITE, WHITE, (250, 0, 0), (250, 0, 0)])


@pytest.mark.parametrize("name", ANIMATED)
def test_first_frame_of_an_animation_is_taken(name, quadrants, saved):
    black = Image.new("RGB", quadrants.size)
    frames = saved(quadrants, name, save_all=True, append_images=[black])
    assert_corners(decoded(frames).pixels[0], [RED, GREEN, BLUE, WHITE], within=30)


@pytest.mark.parametrize("name", WITH_EXIF)
@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
    ],
)
def test_picture_is_turned_upright_as_its_exif_says(name, orientation, upright, quadrants, saved):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decoded(saved(quadrants, name, exif=exif))
    assert (picture.width, picture.height) == ((32, 48) if orientation >= 5 else (48, 32))
    assert_corners(picture.pixels[0], upright, within=25)


def test_damaged_exif_is_no_reason_to_lose_the_picture(quadrants, saved):
    for exif in (b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 40, b"Exif\0\0garbage"):
        picture = decoded(saved(quadrants, "JPEG", exif=exif))
        assert_corners(picture.pixels[0], [RED, GREEN, BLUE, WHITE], within=25)


def test_a_large_jpeg_decoded_at_reduced_scale_looks_the_same(saved):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
    large = coarse.resize((1203, 907), Image.Resampling.BICUBIC)
    data = saved(large, "JPEG", quality=95)
    fair = np.asarray(large.resize((64, 64), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(decoded(data, side=64).pixels[0] - fair).max() <= 8


@pytest.mark.parametrize("name", FORMATS)
def test_truncated_picture_is_refused(name, quadrants, saved):
    data = saved(quadrants, name)
    for length in (len(data) // 2, len(data) * 3 // 4):
        assert outcome_of(data[:length]) is Outcome.TRUNCATED


def test_bomb_is_refused_by_its_header():
    with pytest.raises(PictureError, match="20000 x 20000 pixels > 100 million") as failure:
        decoded(png_of(20_000, 20_000))
    assert failure.value.outcome is Outcome.TOO_MANY_PIXELS


def tiff_of(width, height, tiles, *, order, big):
    """Return a grey TIFF that is all header, with an entry of either tile tag per tile."""
    values = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1, 324: 8, 325: 1}
    entries = list(values.items())
    entries += [pair for tile in tiles for pair in zip((322, 323), tile, strict=True)]
    form, value_bytes = (f"{order}HHQI", 8) if big else (f"{order}HHII", 4)
    directory = b"".join(
        struct.pack(form, tag, 4, 1, value) + bytes(value_bytes - 4) for tag, value in entries
    )
    mark = b"II" if order == "<" else b"MM"
    if big:
        return mark + struct.pack(f"{order}HHHQQ", 43, 8, 0, 16, len(entries)) + directory
    return mark + struct.pack(f"{order}HIH", 42, 8, len(entries)) + directory + bytes(4)


# Pillow reads no BigTIFF that begins with its most significant byte.
@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("tiles", [[(20_000, 20_000)], [(20_000, 20_000), (16, 16)]])
def test_a_small_tiff_of_vast_tiles_is_refused(order, big, tiles):
    with pytest.raises(PictureError, match="20000 x 20000 pixels > 100 million") as failure:
        decoded(tiff_of(100, 100, tiles, order=order, big=big))
    assert failure.value.outcome is Outcome.TOO_MANY_PIXELS


def with_scans_repeated(jpeg, times, between=b""):
    last_scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + (between + last_scan) * times + jpeg[-2:]


@pytest.mark.parametrize(
    "between", [b"", b"\xff\xfe\0\4\xff\xd9", b"\xff\x01", b"\xff\xd0", b"\xff" * 9]
)
def test_a_jpeg_of_endless_scans_is_refused(between, quadrants, saved):
    jpeg = saved(quadrants, "JPEG", progressive=True)
    assert decoded(with_scans_repeated(jpeg, 50, between)).width == 48
    with pytest.raises(PictureError, match="more than 100 scans") as failure:
        decoded(with_scans_repeated(jpeg, 100, between))
    assert failure.value.outcome is Outcome.UNSUPPORTED


@pytest.mark.parametrize("shift", [0, 1])
def test_scans_are_counted_at_odd_places_and_at_even_ones(shift):
    scans = b"\xff\xda\0\2" * 101
    assert has_more_scans(b"\xff\xd8" + b"\xff" * shift + scans, 100)
    assert not has_more_scans(b"\xff\xd8" + b"\xff" * shift + scans[4:], 100)


def test_scans_in_a_comment_and_after_the_end_are_none(quadrants, saved):
    jpeg = saved(quadrants, "JPEG")
    comment = b"\xff\xfe" + struct.pack(">H", 402) + b"\xff\xda" * 200
    video = b"\xff\xda" * 200
    assert decoded(jpeg[:2] + comment + jpeg[2:] + video).width == 48


@pytest.mark.parametrize("progressive", [True, False])
def test_large_jpegs_take_turns_if_they_are_progressive(progressive, saved, monkeypatch):
    turn = MagicMock()
    monkeypatch.setattr(opened, "_large_picture", turn)
    monkeypatch.setattr(opened, "_LARGE_PIXELS", 100 * 100)
    decoded(saved(Image.new("RGB", (400, 400)), "JPEG", progressive=progressive))
    assert turn.__enter__.called is progressive


def test_picture_at_the_pixel_limit_passes_and_above_it_does_not(png):
    assert decoded(png, max_pixels=48 * 32).width == 48
    assert outcome_of(png, max_pixels=48 * 32 - 1) is Outcome.TOO_MANY_PIXELS


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow lacks webp")
def test_a_bomb_in_webp_is_refused_before_its_canvas_is_made():
    canvas = b"\0\0\0\0" + b"\xfe\x3f\0" * 2
    webp = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas + bytes(60)
    assert outcome_of(b"RIFF" + struct.pack("<I", len(webp)) + webp) in {
        Outcome.TOO_MANY_PIXELS,
        Outcome.TRUNCATED,
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"<!DOCTYPE html><html><body>Not found</body></html>",
        b'{"error": "no such picture"}',
        b"BMW and other plain text that begins with two letters of a bitmap",
        bytes(1000),
    ],
)
def test_what_begins_like_no_picture_is_not_an_image(data):
    assert outcome_of(data) is Outcome.NOT_AN_IMAGE


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50), "HEIC"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(50), "JPEG 2000"),
        (b"%PDF-1.7 ...", "PDF"),
    ],
)
def test_pictures_in_other_formats_are_unsupported_by_name(data, name):
    with pytest.raises(PictureError, match=name) as failure:
        decoded(data)
    assert failure.value.outcome is Outcome.UNSUPPORTED


def test_codec_that_this_pillow_lacks_is_unsupported(quadrants, monkeypatch):
    webp = b"RIFF\x64\0\0\0WEBPVP8 " + bytes(90)
    has = features.check
    monkeypatch.setattr(features, "check", lambda feature: feature != "webp" and has(feature))
    assert outcome_of(webp) is Outcome.UNSUPPORTED
    with pytest.raises(PictureError, match="built without it"):
        encode(np.asarray(quadrants), "webp")


def test_thumbnail_keeps_the_aspect_and_turns_upright(quadrants, saved):
    exif = Image.Exif()
    exif[0x0112] = 6
    small = decoded(thumbnail(saved(quadrants, "JPEG", exif=exif), 24))
    assert (small.width, small.height) == (16, 24)
    assert_corners(small.pixels[0], [BLUE, RED, WHITE, GREEN], within=40)


def test_thumbnail_does_not_enlarge(png):
    small = decoded(thumbnail(png, 500))
    assert (small.width, small.height) == (48, 32)


HOSTILE_ENDS = {
    Outcome.OK,
    Outcome.TRUNCATED,
    Outcome.NOT_AN_IMAGE,
    Outcome.TOO_MANY_PIXELS,
    Outcome.UNSUPPORTED,
}


def end_of(data):
    try:
        decoded(data, max_pixels=10_000)
    except PictureError as failure:
        return failure.outcome
    return Outcome.OK


@pytest.mark.parametrize("name", FORMATS)
def test_mutated_files_end_in_pixels_or_an_outcome(name, quadrants, saved):
    whole = saved(quadrants, name)
    rng = np.random.default_rng(len(name))
    for _ in range(60):
        data = bytearray(whole)
        for position in rng.integers(0, len(data), rng.integers(1, 12)):
            data[position] = rng.integers(256)
        cut = rng.integers(len(data) // 4, len(data) + 1)
        assert end_of(bytes(data[:cut])) in HOSTILE_ENDS


@settings(max_examples=60, deadline=None)
@given(
    data=st.sampled_from(["ff d8 ff", "89504e470d0a1a0a", "474946383961", "49492a00"])
    .map(bytes.fromhex)
    .flatmap(lambda head: st.binary(max_size=300).map(head.__add__))
)
def test_noise_after_a_signature_ends_in_an_outcome(data):
    assert end_of(data) in HOSTILE_ENDS
