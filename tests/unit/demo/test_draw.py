import itertools

import numpy as np
import pytest
from sightline.demo.assortment import KINDS
from sightline.demo.draw import SILHOUETTES, Look, draw_product
from sightline.demo.palette import SHADES, rgb
from sightline.demo.surface import MATERIALS, PATTERNS

CUSHION = Look("cushion", "blue", "plain", "matte")


def draw(kind="cushion", colour="blue", pattern="plain", material="matte", *, seed=3):
    look = Look(kind, colour, pattern, material)
    return draw_product(look, width=120, height=120, rng=np.random.default_rng(seed))


def difference(first, second):
    return float(np.abs(first.astype(float) - second.astype(float)).mean())


def test_a_picture_is_rgb_bytes_of_the_size_asked_for():
    picture = draw_product(CUSHION, width=90, height=140, rng=np.random.default_rng(0))
    assert picture.shape == (140, 90, 3)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous


def test_an_equal_generator_draws_an_equal_picture():
    assert np.array_equal(draw(seed=5), draw(seed=5))


def test_two_products_of_one_look_are_not_one_picture():
    assert difference(draw(seed=5), draw(seed=6)) > 1


@pytest.mark.parametrize("kind", SILHOUETTES)
def test_a_product_fills_the_middle_and_leaves_the_frame_light(kind):
    for seed in range(6):
        picture = draw(kind, "black", seed=seed)
        dark = picture.max(axis=-1) < 120
        frame = np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]])
        assert 0.06 < dark.mean() < 0.7
        assert not frame.any()


@pytest.mark.parametrize("kind", SILHOUETTES)
def test_every_kind_shows_its_pattern(kind):
    assert difference(draw(kind), draw(kind, pattern="dots")) > 1


@pytest.mark.parametrize(
    ("attribute", "values", "least"),
    [("colour", SHADES, 4), ("pattern", PATTERNS, 3), ("material", MATERIALS, 0.5)],
)
def test_values_of_an_attribute_can_be_told_apart(attribute, values, least):
    pictures = [draw(**{attribute: value}) for value in values]
    assert min(itertools.starmap(difference, itertools.combinations(pictures, 2))) > least


@pytest.mark.parametrize("colour", SHADES)
def test_a_product_looks_most_like_a_shade_of_its_own_colour(colour):
    shades = {name: np.array([rgb(code) for code in codes]) for name, codes in SHADES.items()}
    for seed in range(5):
        middle = draw(colour=colour, seed=seed)[50:70, 50:70].reshape(-1, 3) / 255
        seen = np.median(middle, axis=0)
        distance = {name: np.abs(codes - seen).sum(axis=1).min() for name, codes in shades.items()}
        assert min(distance, key=distance.__getitem__) == colour


def test_everything_on_sale_can_be_drawn():
    assert set(KINDS) == set(SILHOUETTES)
    assert {material for kind in KINDS.values() for material in kind.materials} <= set(MATERIALS)
