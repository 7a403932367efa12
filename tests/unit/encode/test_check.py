import hashlib

import numpy as np
import pytest
from sightline.encode.attributes import AttributesTower
from sightline.encode.base import Encoder
from sightline.encode.check import agreement, golden_pixels, golden_vectors, speeds


def test_golden_pictures_are_these_pixels_everywhere():
    pixels = golden_pixels(224)
    assert pixels.shape == (6, 224, 224, 3)
    assert pixels.dtype == np.uint8
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    assert digest == "bf3818630522f55bdf629fe1d7bf1b7ad2fda853192de7add11702d88d285f9a"


@pytest.mark.parametrize("side", [1, 7, 384])
def test_golden_pictures_fit_any_side_and_differ_from_each_other(side):
    pixels = golden_pixels(side)
    assert pixels.shape == (6, side, side, 3)
    if side > 1:
        assert len({picture.tobytes() for picture in pixels}) == 6


def test_agreement_is_of_the_row_that_agrees_least():
    one = np.eye(3, dtype=np.float32)
    other = one.copy()
    other[1] = [0.6, 0.8, 0]
    figures = agreement(one, other)
    assert figures["cosine"] == pytest.approx(0.8)
    assert figures["max_abs"] == pytest.approx(0.6)
    assert agreement(one, one) == {"cosine": 1.0, "max_abs": 0.0}


def test_an_encoder_of_pictures_is_checked_and_timed_by_pictures():
    encoder = Encoder("attributes", AttributesTower())
    assert golden_vectors(encoder.images, encoder.texts)["images"].shape == (6, 342)
    figures = speeds(encoder, seconds=0.01)
    assert set(figures) == {"images_per_second"}
    assert figures["images_per_second"] > 0
