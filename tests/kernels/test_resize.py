import numpy as np
import pytest
import reference
from drawn_pictures import BLUE, draw
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image
from sightline_kernels.resize import resize_into

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
SAME = np.tile(np.arange(256, dtype=np.uint8), (3, 1))
OWN = np.stack([SAME[0], 255 - SAME[0], SAME[0] // 2])  # every channel written in its own way

# (height, width) of the picture, (width, height) of the result, box
CASES = [
    ((20, 20), (9, 9), None),
    ((20, 20), (20, 20), None),
    ((23, 31), (8, 10), (4.25, 0.0, 27.25, 23.0)),
    ((23, 31), (10, 8), (0.6, 7.7, 30.9, 8.1)),  # much of the height is between two pixels
    ((7, 5), (12, 33), None),  # larger, and one row more than are made together
    ((7, 5), (3, 33), (1.5, 1.5, 4.5, 6.25)),
    ((1, 1), (4, 3), None),
    ((9, 14), (1, 1), None),
    ((1, 90), (6, 2), None),
    ((90, 1), (6, 2), None),
    ((60, 12), (11, 5), None),  # so much lower that Pillow resizes columns first
    ((12, 9), (9, 4), None),  # no pass across
]


def noise(height, width):
    return np.random.default_rng(height * 1000 + width).integers(
        0, 256, (height, width, 3), np.uint8
    )


def resize(pixels, size, box=None, resample="bicubic", *, levels=SAME, exact=False):
    width, height = size
    out = np.empty((3, height, width), levels.dtype)
    box = box or (0, 0, pixels.shape[1], pixels.shape[0])
    resize_into(pixels, out, box=box, resample=resample, levels=levels, exact=exact)
    return out


def by_pillow(pixels, size, box=None, resample="bicubic"):
    resized = Image.fromarray(pixels).resize(size, FILTERS[resample], box=box)
    return np.asarray(resized).transpose(2, 0, 1)


@pytest.mark.parametrize("resample", FILTERS)
@pytest.mark.parametrize(("shape", "size", "box"), CASES, ids=str)
def test_levels_equal_the_reference(shape, size, box, resample):
    pixels = noise(*shape)
    whole = (0, 0, shape[1], shape[0])
    expected = reference.resized(pixels, size, box or whole, resample)
    levels = resize(pixels, size, box, resample)
    assert np.abs(levels - expected).max() <= 0.501
    sure = np.abs(expected % 1 - 0.5) > 1e-3  # elsewhere float32 may round the other way
    assert_array_equal(levels[sure], np.floor(expected + 0.5)[sure])


@pytest.mark.parametrize("resample", FILTERS)
@pytest.mark.parametrize(("shape", "size", "box"), CASES, ids=str)
def test_exact_levels_are_those_of_pillow(shape, size, box, resample):
    for pixels in (noise(*shape), noise(*shape) // 128 * 255):
        levels = resize(pixels, size, box, resample, exact=True)
        assert_array_equal(levels, by_pillow(pixels, size, box, resample))


@pytest.mark.parametrize("resample", FILTERS)
def test_levels_of_a_picture_made_smaller_are_near_those_of_pillow(resample):
    pixels = draw("box", BLUE, "checks", side=48, center=(0.45, 0.6))
    levels = resize(pixels, (20, 20), (3.5, 1.25, 47.5, 45.25), resample)
    expected = by_pillow(pixels, (20, 20), (3.5, 1.25, 47.5, 45.25), resample)
    apart = np.abs(levels.astype(int) - expected)
    assert apart.mean() <= 0.5
    assert np.quantile(apart, 0.999) <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("exact", [False, True])
def test_any_strides_of_the_result_are_written(dtype, exact):
    pixels, box, levels = noise(13, 17), (2, 1, 15, 12), OWN.astype(dtype)
    plain = resize(pixels, (6, 5), box, levels=levels, exact=exact)
    batch = np.full((2, 5, 6, 3), 7, dtype)
    square = np.full((3, 9, 9), 7, dtype)
    flipped, turned = np.empty((3, 5, 6), dtype), np.empty((3, 6, 5), dtype)
    targets = {
        "channels last": batch[1].transpose(2, 0, 1),
        "middle of a square": square[:, 2:7, 1:7],
        "flipped": flipped[:, ::-1, ::-1],
        "transposed": turned.transpose(0, 2, 1),
    }
    for name, target in targets.items():
        resize_into(pixels, target, box=box, resample="bicubic", levels=levels, exact=exact)
        assert_array_equal(target, plain, err_msg=name)
    assert (batch[0] == 7).all()
    assert square.astype(int).sum() == plain.astype(int).sum() + 7 * (square.size - plain.size)


def test_levels_of_a_table_are_looked_up_by_the_rounded_level():
    pixels = noise(15, 11)
    table = np.random.default_rng(0).normal(size=(3, 256)).astype(np.float32)
    rounded = resize(pixels, (7, 6))
    expected = np.stack([table[channel][rounded[channel]] for channel in range(3)])
    assert_array_equal(resize(pixels, (7, 6), levels=table), expected)


def test_strided_and_read_only_pixels_are_read():
    pixels = noise(16, 12)
    locked = pixels.copy()
    locked.flags.writeable = False
    assert_array_equal(resize(locked, (5, 5)), resize(pixels, (5, 5)))
    for view in (pixels[::2, ::-1], pixels.transpose(1, 0, 2)):
        assert_array_equal(resize(view, (5, 5)), resize(view.copy(), (5, 5)))


def test_a_result_without_pixels_is_left_alone():
    assert resize(noise(4, 4), (0, 3)).shape == (3, 3, 0)


sides = st.integers(1, 12)


@st.composite
def parts(draw):
    """Height, width, and a box that lies within them."""
    height, width = draw(sides), draw(sides)
    edges = st.floats(0, 1, width=32)
    left, right = sorted(draw(st.tuples(edges, edges).filter(lambda two: two[0] < two[1])))
    top, bottom = sorted(draw(st.tuples(edges, edges).filter(lambda two: two[0] < two[1])))
    box = np.array([left * width, top * height, right * width, bottom * height], np.float32)
    if not (box[0] < box[2] and box[1] < box[3]):  # closer than floats of this size are
        box = np.array([0, 0, width, height], np.float32)
    return height, width, tuple(box.tolist())


@settings(max_examples=60)
@given(parts(), sides, sides, st.sampled_from(sorted(FILTERS)), st.integers(0, 255))
def test_any_part_is_pillows_in_exact_mode_and_a_flat_one_stays_flat(
    part, width, height, resample, level
):
    rows, columns, box = part
    pixels = noise(rows, columns)
    exact = resize(pixels, (width, height), box, resample, exact=True).astype(int)
    assert np.abs(exact - by_pillow(pixels, (width, height), box, resample)).max() <= 1
    flat = np.full((rows, columns, 3), level, np.uint8)
    assert (resize(flat, (width, height), box, resample) == level).all()


@pytest.mark.parametrize(
    "box",
    [
        (-1, 0, 8, 8),
        (0, 0, 8.5, 8),
        (0, 0, 8, 9),
        (3, 0, 3, 8),
        (0, 5, 8, 4),
        (0, 0, float("nan"), 8),
    ],
    ids=str,
)
def test_a_box_that_is_no_part_of_the_picture_is_refused(box):
    with pytest.raises(ValueError, match="no part of a picture of 8 x 8 pixels"):
        resize(noise(8, 8), (2, 2), box)


def test_a_box_may_end_a_rounding_error_past_the_edge():
    box = (0, 0, np.nextafter(8.0, 9.0), 8)
    assert_array_equal(resize(noise(8, 8), (3, 3), box), resize(noise(8, 8), (3, 3)))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"resample": "nearest"}, "no filter 'nearest'; choose one of bilinear, bicubic, lanczos"),
        ({"source": np.zeros((8, 8), np.uint8)}, r"a picture is uint8 of \(h, w, 3\)"),
        ({"source": np.zeros((8, 8, 3))}, "not float64"),
        ({"source": np.zeros((0, 8, 3), np.uint8)}, r"not uint8 of \(0, 8, 3\)"),
        ({"out": np.zeros((2, 2, 3), np.uint8)}, r"not uint8 of \(2, 2, 3\)"),
        ({"out": np.zeros((3, 2, 2))}, "write to uint8 or float32"),
        ({"levels": SAME.astype(np.float32)}, "levels are uint8 of"),
        ({"levels": SAME[:, :255]}, r"not uint8 of \(3, 255\)"),
    ],
)
def test_what_cannot_be_resized_is_refused_with_its_shape_and_type(changed, says):
    given_ = {"source": noise(8, 8), "out": np.zeros((3, 2, 2), np.uint8), "levels": SAME}
    named = {"resample": "bicubic", "box": (0, 0, 8, 8), **given_, **changed}
    with pytest.raises(ValueError, match=says):
        resize_into(named.pop("source"), named.pop("out"), **named)
