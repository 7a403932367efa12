import numpy as np
import pytest
from drawn_pictures import BLUE, RED, draw
from numpy.testing import assert_allclose
from sightline_kernels.descriptor import DESCRIPTOR_DIM, WEIGHTS, describe

SIDE = 32


def likeness(one, other):
    first, second = describe(np.stack([one, other]))
    return float(first @ second)


def test_every_descriptor_is_finite_and_of_length_one(pictures):
    descriptors = describe(pictures)
    assert descriptors.shape == (len(pictures), DESCRIPTOR_DIM)
    assert descriptors.dtype == np.float32
    assert_allclose(np.linalg.norm(descriptors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("side", [8, 16])
def test_a_blank_picture_has_a_descriptor(level, side):
    blank = np.full((1, side, side, 3), level, np.uint8)
    assert_allclose(np.linalg.norm(describe(blank), axis=1), 1, atol=1e-6)


def test_no_pictures_give_no_descriptors():
    assert describe(np.empty((0, SIDE, SIDE, 3), np.uint8)).shape == (0, DESCRIPTOR_DIM)


def test_a_descriptor_does_not_depend_on_its_batch(pictures, monkeypatch):
    together = describe(pictures)
    monkeypatch.setattr("sightline_kernels.descriptor._BATCH", 3)
    assert_allclose(describe(pictures), together, atol=1e-6)


def test_weights_sum_to_one():
    assert sum(WEIGHTS.values()) == pytest.approx(1)


def test_the_same_thing_smaller_and_elsewhere_looks_alike():
    moved = draw("disc", RED, side=SIDE, center=(0.4, 0.6), radius=0.25)
    assert likeness(draw("disc", RED, side=SIDE), moved) > 0.9


@pytest.mark.parametrize(
    "other",
    [
        {"color": BLUE},
        {"shape": "bar"},
        {"pattern": "stripes"},
        {"pattern": "checks"},
    ],
    ids=str,
)
def test_another_colour_form_or_pattern_looks_less_alike_than_another_place(other):
    thing = {"shape": "box", "color": RED, "pattern": "plain", "side": SIDE}
    moved = likeness(draw(**thing), draw(**thing, center=(0.45, 0.55), radius=0.3))
    assert likeness(draw(**thing), draw(**{**thing, **other})) < moved - 0.02


def test_the_more_is_shared_the_more_alike():
    thing = draw("box", RED, "stripes", side=SIDE)
    one_off = draw("box", BLUE, "stripes", side=SIDE)
    all_off = draw("disc", BLUE, "plain", side=SIDE)
    assert likeness(thing, one_off) > likeness(thing, all_off) + 0.1
