"""A view is what resizing the whole picture with plain Pillow, then cutting, would have shown."""

import functools
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from sightline.images.codec import decode, thumbnail
from sightline.images.fit import scaled_size
from sightline.types import View

FITS = ["squash", "crop", "pad"]
RESAMPLINGS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


def seen(data, *views):
    return decode(data, views=views, max_pixels=100_000_000).pixels


def in_two_steps(image, view):
    """Resize the whole picture, then cut its middle or lay it on black."""
    width, height = image.size
    side, resampling = view.side, RESAMPLINGS[view.resample]
    if view.fit == "squash":
        return np.asarray(image.resize((side, side), resampling))
    if view.fit == "crop":
        edge = min(width, height)
        scaled = image.resize((int(side * width / edge), int(side * height / edge)), resampling)
        left, top = (scaled.width - side) // 2, (scaled.height - side) // 2
        return np.asarray(scaled.crop((left, top, left + side, top + side)))
    edge = max(width, height)
    size = max(1, round(side * width / edge)), max(1, round(side * height / edge))
    square = Image.new("RGB", (side, side))
    square.paste(image.resize(size, resampling), ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(square)


def noise(width, height):
    """Draw noise that no filter drives beyond black or white.

    Pillow resizes the axis first that is cheaper, and rounds and clips in between: for a box that
    may be another one than for the whole. Away from black and white a level is all it makes.
    """
    rng = np.random.default_rng(width * 1000 + height)
    return Image.fromarray(rng.integers(90, 166, (height, width, 3), np.uint8))


@functools.cache
def photograph(width, height):
    """Draw shading, outlines and grain."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    shading = np.stack([np.sin(x / (30 + 9 * c)) * np.cos(y / (40 + 7 * c)) for c in range(3)], 2)
    outlines = 40 * ((x // 37 + y // 53) % 2)[..., None]
    levels = 110 + 60 * shading + outlines + rng.normal(0, 5, (height, width, 3))
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def difference(pixels, expected):
    return np.abs(pixels.astype(int) - expected)


@settings(max_examples=100, deadline=None)
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    view=st.builds(
        View,
        side=st.integers(16, 40),
        fit=st.sampled_from(FITS),
        resample=st.sampled_from(["bicubic", "bilinear", "lanczos"]),
    ),
)
@example(width=1, height=1, view=View(16, "crop"))
@example(width=1, height=90, view=View(16, "crop"))
@example(width=90, height=1, view=View(16, "pad"))
@example(width=29, height=31, view=View(30, "crop"))
def test_a_view_is_the_resized_picture_cut_or_laid_on_black(width, height, view, saved):
    image = noise(width, height)
    (pixels,) = seen(saved(image, "PNG"), view)
    assert pixels.shape == (view.side, view.side, 3)
    assert pixels.dtype == np.uint8
    off = difference(pixels, in_two_steps(image, view))
    assert off.max() <= 2
    assert off.mean() < 0.5


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(1203, 907), (500, 1100)])
def test_a_photograph_that_is_scaled_down_in_stages_differs_by_less_than_half_a_level(
    size, name, fit, saved
):
    data = saved(photograph(*size), name)
    view = View(64, fit)
    with Image.open(io.BytesIO(data)) as image:
        off = difference(seen(data, view)[0], in_two_steps(image, view))
    assert off.mean() < 0.5
    assert off.max() <= 8


@pytest.mark.parametrize("size", [(2000, 200), (200, 2000)])
def test_the_shorter_edge_decides_how_far_a_jpeg_is_scaled_down_for_a_crop(size, saved):
    image = photograph(*size)
    view = View(100, "crop")
    (pixels,) = seen(saved(image, "JPEG", quality=100, subsampling=0), view)
    assert difference(pixels, in_two_steps(image, view)).mean() < 1


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(643, 481), (21, 20)])
def test_nearest_picks_pixels_of_the_whole_jpeg(size, fit, saved):
    data = saved(noise(*size), "JPEG", quality=95)
    view = View(32, fit, "nearest")
    with Image.open(io.BytesIO(data)) as image:
        expected = in_two_steps(image, view)
    np.testing.assert_array_equal(seen(data, view)[0], expected)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(40, 63), (64, 41)])
def test_a_turned_picture_is_cut_as_if_it_were_stored_upright(size, fit, orientation, saved):
    stored = noise(*size)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, "PNG", exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image)
    view = View(24, fit)
    # Of the two axes another one is resized first: a level of rounding each.
    assert difference(seen(data, view)[0], in_two_steps(upright, view)).max() <= 2


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (3, 300), (1, 1)])
def test_however_narrow_a_picture_some_of_it_is_seen(size, fit, saved):
    (pixels,) = seen(saved(Image.new("RGB", size, (200, 100, 50)), "PNG"), View(32, fit))
    shown = pixels[pixels.any(axis=2)]
    assert len(shown) >= 32
    assert (shown == (200, 100, 50)).all()


def test_a_border_is_black_and_even(saved):
    (pixels,) = seen(saved(Image.new("RGB", (60, 30), (255, 255, 255)), "PNG"), View(20, "pad"))
    assert (pixels[:5] == 0).all()
    assert (pixels[5:15] == 255).all()
    assert (pixels[15:] == 0).all()


def test_transparency_lies_over_white_and_on_a_black_border(saved):
    clear = Image.new("RGBA", (60, 30), (255, 0, 0, 0))
    (pixels,) = seen(saved(clear, "PNG"), View(20, "pad"))
    assert (pixels[5:15] == 255).all()
    assert (pixels[:5] == 0).all()


def test_views_of_one_decode_are_those_of_a_decode_each(saved):
    data = saved(photograph(150, 100), "PNG")
    views = [View(48, "crop"), View(32), View(40, "pad", "bilinear")]
    for pixels, view in zip(seen(data, *views), views, strict=True):
        np.testing.assert_array_equal(pixels, seen(data, view)[0])


def test_a_view_that_is_asked_for_twice_is_made_once(png):
    first, other, second = seen(png, View(16), View(16, "crop"), View(16))
    assert first is second
    assert other is not first


def test_pixels_of_a_view_may_be_written_to(png):
    for pixels in seen(png, View(16), View(16, "crop"), View(16, "pad")):
        pixels[:] = 0


def test_the_longer_edge_of_a_crop_is_cut_to_a_whole_pixel_as_torchvision_does():
    assert scaled_size(640, 427, View(224, "crop")) == (335, 224)  # 335.73
    assert scaled_size(427, 640, View(224, "crop")) == (224, 335)


def test_a_thumbnail_of_a_narrow_picture_keeps_a_pixel(saved):
    data = thumbnail(saved(Image.new("RGB", (3000, 4)), "PNG"), 100)
    assert decode(data, views=[View(8)], max_pixels=1000).height == 1
