import numpy as np
import polars as pl
import pytest
from drawn_pictures import BLUE, GREEN, RED, WHITE, draw
from numpy.testing import assert_allclose
from sightline.features.visual import (
    COLORS,
    FINGERPRINT,
    MEASURES,
    SIDE,
    measure,
    visual_columns,
)

NAMED = {
    "black": (10, 10, 12),
    "white": (250, 250, 248),
    "grey": (128, 128, 128),
    "red": RED,
    "orange": (240, 135, 30),
    "yellow": (250, 220, 40),
    "green": GREEN,
    "blue": BLUE,
    "purple": (120, 50, 160),
    "pink": (245, 150, 185),
    "brown": (115, 70, 40),
}


def measured(*pictures, widths=None, heights=None):
    ones = np.ones(len(pictures), np.int32)
    return measure(
        np.stack(pictures),
        ones if widths is None else np.array(widths),
        ones if heights is None else np.array(heights),
    )


def blurred(picture):
    window = np.lib.stride_tricks.sliding_window_view(picture, (5, 5), axis=(0, 1))
    return np.pad(window.mean(axis=(-2, -1)), ((2, 2), (2, 2), (0, 0)), "edge").astype(np.uint8)


def columns_of(*pictures):
    return visual_columns(measured(*pictures), np.ones(len(pictures), np.bool_))


def test_every_basic_colour_is_called_by_its_name():
    things = [draw("disc", color, backdrop=(90, 160, 160)) for color in NAMED.values()]
    assert columns_of(*things)["dominant_color"].to_list() == list(NAMED)
    assert tuple(NAMED) == COLORS


def test_the_backdrop_names_no_colour():
    assert columns_of(draw("disc", RED))["colors"].to_list() == [["red"]]


def test_colours_are_those_that_cover_a_share_largest_first():
    picture = draw("box", RED, radius=0.4)
    inside = (picture == RED).all(axis=-1)
    column = np.arange(SIDE)[None, :] + np.zeros((SIDE, 1))
    picture[inside & (column >= 42)] = BLUE  # two thirds
    picture[inside & (column >= 74)] = GREEN  # a twentieth
    assert columns_of(picture)["colors"].to_list() == [["blue", "red"]]


def test_shares_of_colours_sum_to_one():
    shares = measured(draw("disc", RED, "dots"), draw("bar", BLUE, "checks"))[:, : len(COLORS)]
    assert_allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_an_item_without_a_picture_has_nulls():
    matrix = measured(draw(), draw("box", BLUE))
    matrix[0] = np.nan
    columns = visual_columns(matrix, np.array([False, True]))
    assert columns.row(0) == (None,) * columns.width
    assert None not in columns.row(1)


def test_no_items_give_typed_columns():
    columns = visual_columns(np.empty((0, len(MEASURES)), np.float32), np.empty(0, np.bool_))
    assert columns.schema == {
        "dominant_color": pl.String,
        "colors": pl.List(pl.String),
        "brightness": pl.Float32,
        "contrast": pl.Float32,
        "colorfulness": pl.Float32,
        "sharpness": pl.Float32,
        "edge_density": pl.Float32,
        "aspect": pl.Float32,
    }


def test_aspect_is_the_picture_s_own_width_by_height():
    matrix = measured(draw(), draw(), widths=[400, 300], heights=[200, 400])
    assert matrix[:, MEASURES.index("aspect")].tolist() == [2, 0.75]


@pytest.mark.parametrize(
    ("more", "less", "name"),
    [
        (draw(color=(240, 240, 120)), draw(color=(40, 40, 20)), "brightness"),
        (draw(color=RED, pattern="checks"), draw(color=RED), "contrast"),
        (draw(color=RED), draw(color=(120, 120, 120)), "colorfulness"),
        (draw(), blurred(draw()), "sharpness"),
        (draw(pattern="checks"), draw(pattern="plain"), "edge_density"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_measures_say_what_their_names_say(more, less, name):
    first, second = measured(more, less)[:, MEASURES.index(name)]
    assert first > second * 1.2 + 1e-4


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_is_measured(level):
    assert np.isfinite(measured(np.full((SIDE, SIDE, 3), level, np.uint8))).all()


def test_rows_do_not_depend_on_the_batch(monkeypatch):
    pictures = [draw(color=color) for color in (RED, BLUE, GREEN)]
    together = measured(*pictures)
    monkeypatch.setattr("sightline.features.visual._BATCH", 2)
    assert_allclose(measured(*pictures), together, atol=1e-6)


def test_pictures_of_another_side_are_refused():
    with pytest.raises(ValueError, match=f"{SIDE} x {SIDE}"):
        measured(draw(side=SIDE // 2))


def test_sizes_that_do_not_match_the_pictures_are_refused():
    with pytest.raises(ValueError, match="1 pictures, but 2 widths"):
        measured(draw(), widths=[1, 2])


def test_numbers_are_those_that_the_fingerprint_stands_for():
    # Where this fails the measures have changed: write down the new values with a new fingerprint,
    # or catalogues keep the old numbers of the pictures they know, beside new ones of the rest.
    code = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 1820  # even steps through all colours
    all_colors = np.stack([code >> 16, code >> 8 & 255, code & 255], axis=-1).astype(np.uint8)
    drawing, inner = draw("disc", RED), draw("disc", BLUE, "dots", radius=0.34)
    drawing = np.where(inner == WHITE, drawing, inner)  # blue in a red outline
    matrix = measured(drawing, all_colors, widths=[400, 300], heights=[300, 400])
    assert FINGERPRINT == "visual-2-96"
    names = ["brightness", "contrast", "colorfulness", "sharpness", "edge_density", "aspect"]
    assert names == list(MEASURES[len(COLORS) :])
    assert_allclose(
        matrix[:, len(COLORS) :],
        [
            [0.5196, 0.06436, 99.69, 0.02786, 0.2044, 1.3333],
            [0.6375, 0.1654, 138.9, 0.2338, 0.9541, 0.75],
        ],
        rtol=1e-3,
    )
    shares = [
        *[0.007357, 0.01315, 0.02473, 0.06919, 0.0319, 0.06182],
        *[0.2829, 0.2035, 0.1607, 0.08401, 0.06076],
    ]
    assert_allclose(matrix[1, : len(COLORS)], shares, rtol=1e-3)
    assert_allclose(matrix[0, COLORS.index("red")], 0.005146, rtol=1e-3)
