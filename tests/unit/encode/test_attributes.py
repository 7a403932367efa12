import subprocess
import sys

import numpy as np
import pytest
from drawn_pictures import BLUE, RED, draw
from numpy.testing import assert_allclose
from sightline.encode.attributes import AttributesTower
from sightline_kernels.descriptor import DESCRIPTOR_DIM

TOWER = AttributesTower()


def test_vectors_have_the_length_that_is_announced():
    vectors = TOWER.encode(np.zeros((2, TOWER.view.side, TOWER.view.side, 3), np.uint8))
    assert vectors.shape == (2, TOWER.dim) == (2, DESCRIPTOR_DIM)
    assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_pictures_give_no_vectors():
    empty = np.empty((0, TOWER.view.side, TOWER.view.side, 3), np.uint8)
    assert TOWER.encode(empty).shape == (0, TOWER.dim)


@pytest.mark.parametrize("shape", [(1, 32, 32, 3), (96, 96, 3), (1, 96, 96, 4)])
def test_pictures_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="96 x 96 x 3"):
        TOWER.encode(np.zeros(shape, np.uint8))


def test_the_nearest_drawing_shares_colour_form_and_pattern():
    looks = [
        {"shape": shape, "color": color, "pattern": pattern}
        for shape in ("disc", "bar")
        for color in (RED, BLUE)
        for pattern in ("plain", "stripes", "dots")
    ]
    large = TOWER.encode(np.stack([draw(**look) for look in looks]))
    small = np.stack([draw(**look, radius=0.28, center=(0.45, 0.55)) for look in looks])
    nearest = (TOWER.encode(small) @ large.T).argmax(axis=1)
    assert nearest.tolist() == list(range(len(looks)))


def test_vectors_are_those_that_the_fingerprint_stands_for():
    # Where this fails the vectors have changed: write down the new values with a new fingerprint.
    vector = TOWER.encode(draw("disc", BLUE, "dots")[None])[0]
    assert TOWER.fingerprint == "attributes-2-96"
    components = [15, 44, 45, 48, 127, 134, 153]
    expected = [0.1156, 0.2077, 0.2657, 0.2124, 0.1083, 0.1679, 0.1394]
    assert_allclose(vector[components], expected, atol=1e-3)


def test_opening_the_encoder_does_not_wake_numba():
    script = """
import sys
from sightline.encoders import Encoders
from sightline.store.home import Home
Encoders(Home()).open("attributes")
print("numba" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
