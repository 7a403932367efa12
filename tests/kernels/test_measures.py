import numpy as np
import reference
from numpy.testing import assert_allclose
from sightline_kernels import measures
from sightline_kernels.color import oklab
from sightline_kernels.foreground import foreground
from sightline_kernels.measures import appearance, color_shares


def test_appearance_equals_the_reference(pictures):
    lab = oklab(pictures)
    masks, _ = foreground(lab)
    expected = [
        reference.appearance(*parts, measures) for parts in zip(pictures, lab, masks, strict=True)
    ]
    assert_allclose(appearance(pictures, lab, masks), expected, rtol=1e-4, atol=1e-5)


def test_color_shares_equal_the_reference(pictures):
    lab = oklab(pictures)
    masks, _ = foreground(lab)
    rng = np.random.default_rng(0)
    examples = oklab(rng.integers(0, 256, (9, 3), np.uint8))
    names = rng.integers(0, 4, 9).astype(np.int32)
    expected = [
        reference.color_shares(*pair, examples, names, 4, measures)
        for pair in zip(lab, masks, strict=True)
    ]
    assert_allclose(color_shares(lab, masks, examples, names, 4), expected, atol=1e-5)


def test_more_pixels_than_are_named_together_are_all_named():
    pixels = np.random.default_rng(1).integers(0, 256, (2, 40, 40, 3), np.uint8)
    assert pixels[0, ..., 0].size > measures._BLOCK
    lab = oklab(pixels)
    masks = np.random.default_rng(2).integers(0, 3, (2, 40, 40), np.uint8)
    examples = oklab(np.random.default_rng(3).integers(0, 256, (5, 3), np.uint8))
    names = np.arange(5, dtype=np.int32)
    expected = [
        reference.color_shares(*pair, examples, names, 5, measures)
        for pair in zip(lab, masks, strict=True)
    ]
    assert_allclose(color_shares(lab, masks, examples, names, 5), expected, atol=1e-6)


def test_of_two_equally_near_examples_the_first_names_the_pixel():
    lab = np.zeros((1, 4, 4, 3), np.float32)
    examples = np.array([[0.5, 0, 0], [0.5, 0, 0]], np.float32)
    names = np.array([1, 0], np.int32)
    shares = color_shares(lab, np.ones((1, 4, 4), np.uint8), examples, names, 2)
    assert_allclose(shares, [[0, 1]], atol=1e-6)


def test_a_uniform_picture_has_no_contrast_sharpness_or_edges():
    grey = np.full((1, 8, 8, 3), 128, np.uint8)
    lab = oklab(grey)
    measured = appearance(grey, lab, np.ones((1, 8, 8), np.uint8))
    assert_allclose(measured, [[lab[0, 0, 0, 0], 0, 0, 0, 0]], atol=1e-4)
