"""The blocks of the descriptor, each against its twin."""

import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose
from sightline_kernels import edges, layout, palette, silhouette, texture
from sightline_kernels.color import oklab
from sightline_kernels.foreground import INSIDE, foreground


@pytest.fixture(scope="module")
def seen(pictures):
    lab = oklab(pictures)
    return lab, *foreground(lab)


def test_palette_equals_the_reference(seen):
    lab, masks, _ = seen
    expected = [reference.palette(*pair, palette) for pair in zip(lab, masks, strict=True)]
    assert_allclose(palette.palette(lab, masks), expected, atol=2e-5)


def test_palette_shares_sum_to_one(seen):
    lab, masks, _ = seen
    assert_allclose(palette.palette(lab, masks).sum(axis=1), 1, atol=1e-5)


def test_layout_equals_the_reference(seen):
    lab, masks, boxes = seen
    expected = [reference.layout(*parts, layout.GRID) for parts in zip(*seen, strict=True)]
    assert_allclose(layout.layout(lab, masks, boxes), expected, atol=2e-6)


def test_edges_equal_the_reference(seen):
    lab, _, boxes = seen
    expected = [reference.edges(*pair, edges) for pair in zip(lab, boxes, strict=True)]
    assert_allclose(edges.edges(lab, boxes), expected, atol=2e-5)


def test_silhouette_equals_the_reference(seen):
    _, masks, boxes = seen
    expected = [
        reference.silhouette(*pair, silhouette.GRID) for pair in zip(masks, boxes, strict=True)
    ]
    assert_allclose(silhouette.silhouette(masks, boxes), expected, atol=1e-6)


def test_texture_equals_the_reference_at_both_scales(seen):
    lab, masks, _ = seen
    directions, codes = texture.texture(lab, masks)
    inside = masks == INSIDE
    for scale in range(texture.SCALES):
        if scale:
            half = lab.shape[1] // 2
            lab = lab[:, : 2 * half, : 2 * half].reshape(-1, half, 2, half, 2, 3).mean((2, 4))
            inside = inside[:, : 2 * half, : 2 * half].reshape(-1, half, 2, half, 2).all((2, 4))
        pairs = [reference.texture(*pair, texture) for pair in zip(lab, inside, strict=True)]
        expected_directions, expected_codes = map(np.array, zip(*pairs, strict=True))
        of_scale = slice(scale * texture.DIRECTIONS, (scale + 1) * texture.DIRECTIONS)
        assert_allclose(directions[:, of_scale], expected_directions, atol=2e-5)
        of_scale = slice(scale * texture.CODES, (scale + 1) * texture.CODES)
        assert_allclose(codes[:, of_scale], expected_codes, atol=1e-6)


def test_read_only_and_strided_inputs_give_the_same(seen):
    lab, masks, boxes = seen
    twice = np.repeat(lab, 2, axis=0)[::2], np.repeat(masks, 2, axis=0)[::2]
    for array in (lab, masks, boxes):
        array.flags.writeable = False
    assert_allclose(palette.palette(*twice), palette.palette(lab, masks))
    assert_allclose(edges.edges(twice[0], boxes), edges.edges(lab, boxes))
