import collections
import re

import numpy as np
import polars as pl
import pytest
from sightline.demo.assortment import KINDS, write_copy
from sightline.demo.draw import Look, draw_product
from sightline.demo.palette import SHADES
from sightline.demo.pictures import turned_jpeg, write_picture
from sightline.demo.shop import draw_shop
from sightline.demo.surface import PATTERNS
from sightline.images.codec import decode
from sightline.images.outcome import PictureError
from sightline.types import View

BASE_URL = "http://127.0.0.1:1"
LARGE = 10_000_000
VISUAL_WORDS = {
    *SHADES,
    *PATTERNS,
    *re.findall(
        r"\w+",
        """
        gray charcoal ivory cream silver gold golden crimson scarlet burgundy coral rust amber
        mustard lemon olive sage mint emerald forest teal turquoise navy sky cobalt indigo violet
        lilac lavender plum rose blush fuchsia magenta beige tan camel chocolate dark light bright
        pale coloured colored colour color tone hue pastel neon stripe stripes striped dot dotted
        polka check checked gingham plaid tartan chevron ombre argyle diamond floral flower blossom
        pattern patterned print printed solid
        """,
    ),
}


def decoded(data, side):
    return decode(data, views=[View(side)], max_pixels=LARGE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return draw_shop(tmp_path_factory.mktemp("shop"), base_url=BASE_URL, products=200, people=20)


@pytest.fixture(scope="module")
def items(shop):
    return pl.read_csv(shop.items)


def test_equal_seeds_write_equal_files(tmp_path):
    first, second = (
        draw_shop(tmp_path / name, base_url=BASE_URL, products=30, people=5, seed=4)
        for name in ("first", "second")
    )
    assert first.items.read_bytes() == second.items.read_bytes()
    assert first.events.read_bytes() == second.events.read_bytes()
    names = sorted(path.name for path in first.pictures.iterdir())
    assert names == sorted(path.name for path in second.pictures.iterdir())
    assert all(
        (first.pictures / name).read_bytes() == (second.pictures / name).read_bytes()
        for name in names
    )


def test_another_seed_writes_another_shop(tmp_path, items):
    other = draw_shop(tmp_path, base_url=BASE_URL, products=20, people=2, seed=8)
    assert pl.read_csv(other.items)["title"].to_list() != items["title"][:20].to_list()


def test_tables_have_the_columns_that_a_shop_would_have(shop, items):
    assert items.columns == [
        "item_id", "title", "description", "category", "price", "image_url", "created_at",
        "in_stock",
    ]  # fmt: skip
    events = pl.read_csv(shop.events)
    assert events.columns == ["user_id", "item_id", "event_type", "event_timestamp"]
    assert items["item_id"].n_unique() == 200
    assert events["user_id"].n_unique() == 20
    assert set(events["item_id"]) <= set(items["item_id"])
    assert items["in_stock"].dtype == pl.Boolean
    assert items["price"].min() > 0


def test_no_text_names_a_colour_or_a_pattern(items):
    rng = np.random.default_rng(0)
    copy = [
        " ".join(write_copy(kind, material, rng))
        for kind, sold in KINDS.items()
        for material in sold.materials
        for _ in range(40)
    ]
    words = set(re.findall("[a-z]+", " ".join([*copy, *items["category"]]).lower()))
    assert words & VISUAL_WORDS == set()


def test_faults_come_in_their_shares(shop):
    counts = collections.Counter(shop.truth.faults.values())
    assert counts["absent"] == 10
    assert counts["dead"] == 4
    assert counts["truncated"] + counts["html"] + counts["empty"] == 4
    assert counts["none"] == 182


def test_links_lead_to_what_the_truth_says(shop, items):
    for item_id, link in items.select("item_id", "image_url").iter_rows():
        fault = shop.truth.faults[item_id]
        if fault == "absent":
            assert link is None
            continue
        path = shop.pictures / link.removeprefix(f"{BASE_URL}/")
        assert path.exists() == (fault != "dead")
        if fault == "none":
            assert decoded(path.read_bytes(), side=32).pixels[0].shape == (32, 32, 3)
        elif fault != "dead":
            with pytest.raises(PictureError):
                decoded(path.read_bytes(), side=32)


def test_pictures_come_in_many_formats_and_sizes(shop):
    suffixes = {path.suffix for path in shop.pictures.iterdir()}
    assert {".jpg", ".png", ".webp", ".gif", ".bmp", ".tif"} <= suffixes
    intact = [
        path for path in shop.pictures.iterdir() if shop.truth.faults[path.stem.upper()] == "none"
    ]
    pictures = [decoded(path.read_bytes(), side=8) for path in intact]
    assert len({(picture.width, picture.height) for picture in pictures}) >= 5


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_picture_stored_on_its_side_is_upright_for_who_reads_exif(orientation):
    look = Look("teapot", "red", "plain", "matte")
    upright = draw_product(look, width=120, height=80, rng=np.random.default_rng(0))
    read = decoded(turned_jpeg(upright, orientation), side=120)
    assert (read.width, read.height) == (120, 80)
    seen = read.pixels[0][::3, ::2].astype(float)
    expected = decoded(turned_jpeg(upright, 3), side=120).pixels[0][::3, ::2]
    assert np.abs(seen - expected).mean() < 4


def test_a_truncated_picture_still_opens(tmp_path):
    look = Look("mug", "blue", "plain", "glossy")
    name = write_picture(tmp_path, "a", look, "truncated", np.random.default_rng(0))
    with pytest.raises(PictureError, match="truncated"):
        decoded((tmp_path / name).read_bytes(), side=32)


def test_a_dead_link_is_dead_where_another_shop_was_drawn_before(tmp_path):
    for seed in (1, 2):
        shop = draw_shop(tmp_path, base_url=BASE_URL, products=50, people=1, seed=seed)
    dead = [item_id for item_id, fault in shop.truth.faults.items() if fault == "dead"]
    assert dead
    assert not any((shop.pictures / f"{item_id.lower()}.jpg").exists() for item_id in dead)
