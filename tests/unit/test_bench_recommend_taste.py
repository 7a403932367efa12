"""People who choose by looks: what the generator draws, and what it keeps hidden."""

import importlib
import io
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from PIL import Image

BENCH = Path(__file__).parents[2] / "bench"
PEOPLE = 40


@pytest.fixture(autouse=True)
def _beside_the_scripts(monkeypatch) -> None:
    monkeypatch.syspath_prepend(BENCH)


@pytest.fixture
def taste() -> ModuleType:
    return importlib.import_module("recommend_taste")


@pytest.fixture
def looks() -> ModuleType:
    return importlib.import_module("recommend_looks")


@pytest.fixture
def table() -> pl.DataFrame:
    """300 products, 40 of them of the dev split."""
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "item_id": [f"product-{row}" for row in range(300)],
            "split": ["dev" if row % 8 == 0 and row < 320 else "train" for row in range(300)],
            "gender": rng.choice(["Men", "Women", "Unisex"], 300),
            "article": rng.choice(["Tshirts", "Shirts", "Heels"], 300),
            "color": rng.choice(["Red", "Pink", "Blue", "Multi"], 300),
            "subcategory": ["Topwear"] * 300,
            "pattern": rng.choice(["plain", "some", "busy"], 300),
            "image": [b""] * 300,
        }
    )


def _encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_one_seed_makes_one_world(taste, table) -> None:
    first, second = (taste.draw_world(table, seed=3, people=PEOPLE) for _ in range(2))
    assert first.products.table.equals(second.products.table)
    np.testing.assert_array_equal(first.odds, second.odds)
    for name in ("users", "items", "times"):
        for part in ("train", "test"):
            one, other = (getattr(getattr(w.picks, part), name) for w in (first, second))
            np.testing.assert_array_equal(one, other)


def test_another_seed_makes_another_world(taste, table) -> None:
    first, second = (taste.draw_world(table, seed=seed, people=PEOPLE) for seed in (3, 4))
    assert first.products.table["item_id"].to_list() != second.products.table["item_id"].to_list()


def test_a_fifth_is_new_and_nobody_has_picked_it_before(taste, table) -> None:
    world = taste.draw_world(table, seed=0, people=PEOPLE)
    is_new = world.products.is_new
    assert is_new.sum() * 5 == len(world.products)
    assert not is_new[world.picks.train.items].any()
    assert is_new[world.picks.test.items].all()
    assert world.picks.train.times.max() < world.picks.test.times.min()


def test_everyone_picks_a_few_products_each_once(taste, table) -> None:
    picks = taste.draw_world(table, seed=0, people=PEOPLE).picks
    assert set(picks.train.by_user()) <= set(range(5, 21))
    assert set(picks.test.by_user()) <= set(range(3, 8))
    assert picks.train.matrix().sum() == len(picks.train)
    assert (np.diff(picks.train.times)[np.diff(picks.train.users) == 0] >= 0).all()


def test_who_knows_everyones_odds_finds_their_picks(taste, looks, table) -> None:
    world = taste.draw_world(table, seed=0, people=200)
    asked = looks.Asked(world, world.picks.test.matrix() > 0)
    knowing, guessing = asked.judge(world.odds), asked.judge(np.zeros_like(world.odds))
    assert knowing.ndcg.mean() > guessing.ndcg.mean() + 0.1
    np.testing.assert_allclose(world.odds.sum(axis=1), 1, atol=1e-4)


def test_hidden_attributes_are_a_one_per_attribute(taste, table) -> None:
    world = taste.draw_world(table, seed=0, people=1)
    vectors = world.products.hidden()
    assert vectors.shape == (len(world.products), 3 + 3 + 4 + 3)
    assert (vectors.sum(axis=1) == len(taste.ATTRIBUTES)).all()


def test_stripes_have_more_texture_than_a_plain_thing(taste) -> None:
    plain = np.full((80, 60), 255)
    plain[10:70, 10:50] = 120
    striped = plain.copy()
    striped[10:70:8, 10:50] = 20
    assert taste.texture(_encoded(striped)) > taste.texture(_encoded(plain)) + 5


def test_a_picture_of_nothing_has_no_texture(taste) -> None:
    assert taste.texture(_encoded(np.full((40, 40), 255))) == 0


def test_patterns_are_thirds_within_each_article(taste, tmp_path) -> None:
    rng = np.random.default_rng(0)
    pictures = [_encoded(rng.integers(0, 40 + 5 * n, (40, 40))) for n in range(12)]
    columns = dict.fromkeys(["gender", "color", "subcategory"], ["x"] * 12)
    frame = pl.DataFrame(
        {
            "id": [str(n) for n in range(12)],
            "split": ["train"] * 12,
            "article": ["Shirts", "Heels"] * 6,
            **columns,
            "image": pictures,
        }
    )
    frame.write_parquet(tmp_path / "fashion.parquet")
    read = taste.read_products(tmp_path)
    counts = read.group_by("article", "pattern").len()
    assert (counts.height, set(counts["len"])) == (6, {2})
    assert read.filter(pl.col("article") == "Heels")["pattern"].to_list() == [
        "plain", "plain", "some", "some", "busy", "busy",
    ]  # fmt: skip


def test_without_the_table_it_says_so(taste, tmp_path) -> None:
    with pytest.raises(taste.DataError, match=r"no fashion\.parquet"):
        taste.read_products(tmp_path)


def test_the_raw_space_ranks_by_nearness_and_knows_nothing_of_the_missing(
    taste, looks, table
) -> None:
    world = taste.draw_world(table, seed=0, people=PEOPLE)
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(len(world.products), 8)).astype(np.float32)
    picked = world.picks.train.items[0]
    twin, missing = np.flatnonzero(world.products.is_new)[:2]
    vectors[twin] = vectors[picked]
    presence = np.ones(len(vectors), np.bool_)
    presence[missing], vectors[missing] = False, 0
    rankings = looks.raw_rankings(world, vectors, presence)
    assert len(rankings) == 4
    for scores in rankings.values():
        assert not scores[:, missing].any()
    nearest = rankings["raw space as it is, nearest pick"][0]
    assert nearest[twin] == pytest.approx(1, abs=1e-5)
    own = world.picks.train.items[world.picks.train.users == 0]
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    mean = rankings["raw space as it is, mean of picks"][0]
    np.testing.assert_allclose(mean, (unit @ unit[own].T).mean(axis=1), atol=1e-5)


def test_pictures_are_taken_from_a_share_of_all(looks) -> None:
    items = pl.DataFrame({"item_id": ["a"] * 50, "image": [b"x"] * 50})
    assert looks.without_pictures(items, 60, seed=0)["image"].null_count() == 30


def _judged(looks, *ndcg):
    return looks.Judged(np.array(ndcg, np.float64), np.array(ndcg, np.float64))


def test_ratios_are_over_the_best_raw_space_the_bare_model_and_the_attributes(looks) -> None:
    pooled = {
        "random": _judged(looks, 0.1, 0.1),
        "with pictures": _judged(looks, 0.6, 0.6),
        "raw space as it is, mean of picks": _judged(looks, 0.3, 0.3),
        "raw space centred, mean of picks": _judged(looks, 0.5, 0.5),
        "without pictures": _judged(looks, 0.1, 0.2),
        "with true attributes": _judged(looks, 0.8, 0.8),
        "20 % of pictures removed": _judged(looks, 0.4, 0.4),
        "60 % of pictures removed": _judged(looks, 0.3, 0.3),
    }
    assert looks.summary(pooled, []).figures == {
        "taste_images_ratio": 4.0,
        "taste_map_ratio": 1.2,
        "taste_vs_oracle": 0.75,
    }
