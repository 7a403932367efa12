import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose
from sightline_kernels import color
from sightline_kernels.color import oklab


def test_conversion_equals_the_formula():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    assert_allclose(oklab(pixels), reference.oklab(pixels), atol=2e-6)


def test_the_darkest_colours_equal_the_formula():
    levels = np.array([0, 1, 2, 11, 255], np.uint8)  # where the cube root is steepest, and its end
    pixels = np.stack(np.meshgrid(levels, levels, levels), axis=-1)
    assert_allclose(oklab(pixels), reference.oklab(pixels), atol=2e-6)


def test_more_pixels_than_are_converted_together_are_all_converted():
    pixels = np.random.default_rng(2).integers(0, 256, (2 * color._BLOCK + 1, 3), np.uint8)
    assert_allclose(oklab(pixels), reference.oklab(pixels), atol=2e-6)


def test_white_is_lightness_one_and_black_zero():
    assert_allclose(
        oklab(np.array([[255] * 3, [0] * 3], np.uint8)), [[1, 0, 0], [0, 0, 0]], atol=1e-4
    )


def test_greys_have_no_colour():
    greys = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    assert np.abs(oklab(greys)[:, 1:]).max() < 1e-4


def test_published_value_of_pure_red():
    # https://bottosson.github.io/posts/oklab/ and CSS Color 4: oklab(62.8% 0.22486 0.12585)
    assert_allclose(oklab(np.array([255, 0, 0], np.uint8)), [0.62796, 0.22486, 0.12585], atol=1e-4)


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (2, 0, 3), (3,)])
def test_any_shape_of_pixels_is_kept(shape):
    assert oklab(np.zeros(shape, np.uint8)).shape == shape


def test_strided_and_read_only_pixels_are_read():
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    locked = pixels.copy()
    locked.flags.writeable = False
    assert_allclose(oklab(pixels[::2, ::-1]), oklab(pixels)[::2, ::-1])
    assert_allclose(oklab(locked), oklab(pixels))
