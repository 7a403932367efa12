"""Pictures of items become vectors and measures, and nothing is computed twice."""

import shutil

import numpy as np
import polars as pl
import pytest
from drawn_pictures import BLUE, RED, draw
from numpy.testing import assert_allclose, assert_array_equal
from sightline.errors import ConfigError, UnreadableImageError
from sightline.features import visual
from sightline.images.codec import encode
from sightline.pictures import encode_query, open_image_cache, see_pictures
from sightline.store.home import Home
from sightline.types import PixelFormat, View


class Corners:
    """A tower whose vector is the brightness of a view's four corners; it counts its pictures."""

    dim = 4

    def __init__(self, name, view, format=None):
        self.fingerprint = f"corners-{name}"
        self.view = view
        self.format = format or PixelFormat()
        self.encoded = 0
        self.largest_batch = 0

    def encode_prepared(self, batch):
        if self.format.order == "nchw":
            batch = batch.transpose(0, 2, 3, 1)
        return self.encode(batch)

    def encode(self, pixels):
        assert pixels.shape[1:] == (self.view.side, self.view.side, 3)
        self.encoded += len(pixels)
        self.largest_batch = max(self.largest_batch, len(pixels))
        corners = pixels[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=2, dtype=np.float32) + 1
        return corners / np.linalg.norm(corners, axis=1, keepdims=True)


def wide_picture():
    """Draw a picture that is black but for its white middle, which a crop shows."""
    pixels = np.zeros((40, 120, 3), np.uint8)
    pixels[:, 40:80] = 255
    return encode(pixels, "png")


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def see(home, tmp_path):
    def run(tower, cells, columns=("image",)):
        items = pl.DataFrame({name: cells for name in columns})
        return see_pictures(
            items,
            columns,
            tower,
            home=home,
            base_dir=tmp_path,
            allow_hosts=(),
            progress=lambda *_: None,
        )

    return run


@pytest.fixture
def cells(tmp_path):
    for name, color in (("red", RED), ("blue", BLUE)):
        (tmp_path / f"{name}.png").write_bytes(encode(draw("disc", color, "plain"), "png"))
    return ["red.png", None, "blue.png", "red.png", "gone.png"]


def test_each_content_is_encoded_once_and_every_item_has_its_vector(see, cells):
    tower = Corners("a", View(32))
    looks = see(tower, cells)
    assert tower.encoded == 2
    assert looks.presence.tolist() == [True, False, True, True, False]
    assert_allclose(np.linalg.norm(looks.vectors, axis=1), looks.presence, atol=1e-6)
    assert_array_equal(looks.vectors[0], looks.vectors[3])
    assert looks.measures.shape == (5, len(visual.MEASURES))


def test_a_tower_sees_its_own_view_and_the_measures_the_whole_picture(see):
    crop = see(Corners("crop", View(32, "crop")), [wide_picture()])
    squash = see(Corners("squash", View(32)), [wide_picture()])
    assert_allclose(crop.vectors[0], 0.5, atol=1e-6)
    for looks in (crop, squash):
        edges, aspect = (visual.MEASURES.index(name) for name in ("edge_density", "aspect"))
        assert 0 < looks.measures[0, edges] < 0.5
        assert looks.measures[0, aspect] == 3
    assert_array_equal(crop.measures, squash.measures)


def test_a_second_run_encodes_nothing(see, cells):
    first = see(Corners("a", View(32)), cells)
    again = Corners("a", View(32))
    second = see(again, cells)
    assert again.encoded == 0
    assert_array_equal(first.vectors, second.vectors)
    assert_array_equal(first.measures, second.measures)


def test_another_tower_encodes_again_but_measures_nothing(see, cells, home):
    see(Corners("a", View(32)), cells)
    measured = home.vectors / visual.FINGERPRINT
    before = sorted(measured.iterdir())
    other = Corners("b", View(48, "crop"))
    looks = see(other, cells)
    assert other.encoded == 2
    assert sorted(measured.iterdir()) == before
    assert looks.measures[0].any()


def test_lost_measures_are_taken_again_without_encoding(see, cells, home):
    first = see(Corners("a", View(32)), cells)
    shutil.rmtree(home.vectors / visual.FINGERPRINT)
    again = Corners("a", View(32))
    second = see(again, cells)
    assert again.encoded == 0
    assert_array_equal(first.measures, second.measures)


@pytest.mark.parametrize(("side", "largest_batch"), [(16, 64), (384, 64), (800, 20)])
def test_large_views_are_encoded_a_few_at_a_time(side, largest_batch, see):
    tower = Corners("a", View(side))
    cells = [encode(np.full((4, 4, 3), level, np.uint8), "bmp") for level in range(70)]
    assert see(tower, cells).presence.all()
    assert (tower.encoded, tower.largest_batch) == (70, largest_batch)


def test_a_query_is_seen_as_the_items_were(see, tmp_path):
    tower = Corners("crop", View(32, "crop"))
    (tmp_path / "wide.png").write_bytes(wide_picture())
    looks = see(tower, ["wide.png"])
    for query in (wide_picture(), tmp_path / "wide.png", str(tmp_path / "wide.png")):
        assert_array_equal(encode_query(query, tower, ()), looks.vectors[0])


def test_a_query_that_is_no_picture_is_refused():
    with pytest.raises(UnreadableImageError, match="no/such"):
        encode_query("no/such.jpg", Corners("a", View(8)), ())


def test_floats_of_an_encoder_are_written_where_it_reads_them(see):
    format = PixelFormat("nchw", "float32", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    whole = see(Corners("floats", View(32, "crop"), format), [wide_picture()])
    half = see(Corners("bytes", View(32, "crop")), [wide_picture()])
    assert_allclose(whole.vectors, half.vectors, atol=1e-6)


def test_the_order_in_which_pictures_are_done_does_not_matter(see, tmp_path):
    """Large ones come first, and so are done last; the one that is no picture is done at once."""
    cells = []
    for number, side in enumerate((900, 700, 8, 500, 8, 300, 8)):
        name = f"{number}.png"
        color = (number * 30 + 20, 200 - number * 20, 90)
        (tmp_path / name).write_bytes(encode(np.full((side, side, 3), color, np.uint8), "png"))
        cells.append(name)
    (tmp_path / "page.png").write_bytes(b"<html>")
    together = see(Corners("a", View(8)), [*cells, "page.png"])
    alone = [see(Corners(f"b{n}", View(8)), [cell]).measures[0] for n, cell in enumerate(cells)]
    assert_array_equal(together.measures[:-1], np.stack(alone))
    assert together.outcomes["outcome"].to_list() == ["ok"] * 7 + ["not_an_image"]


def test_the_report_says_what_each_stage_took(see, cells):
    pipeline = see(Corners("a", View(32)), cells).pipeline
    counts = {name: stage["count"] for name, stage in pipeline["stages"].items()}
    stages = ("read", "decode", "preprocess", "encode", "measure", "signature")
    assert counts == dict.fromkeys(stages, 2)
    assert pipeline["pictures"] == 5
    assert pipeline["bottleneck"] in counts
    assert sum(stage["share"] for stage in pipeline["stages"].values()) == pytest.approx(
        1, abs=1e-3
    )


@pytest.mark.parametrize("given", ["0", "-1", "much", "nan", "inf"])
def test_a_bound_of_the_cache_that_is_none_is_refused(given, see, cells, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_IMAGE_CACHE_GB", given)
    with pytest.raises(ConfigError, match=f"SIGHTLINE_IMAGE_CACHE_GB.*{given}"):
        see(Corners("a", View(32)), cells)


def test_a_bound_of_the_cache_is_held(home, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_IMAGE_CACHE_GB", "0.5")
    with open_image_cache(home) as cache:
        assert cache.max_bytes == 500_000_000
