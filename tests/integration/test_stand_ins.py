"""What stands in for a missing picture, through the client: a place to be found at, and no more."""

import polars as pl
import pytest
from sightline.errors import ConfigError
from sightline.snapshot import Snapshot
from sightline.store.generation import open_active
from small_shop import COLOURS, YAML, Shop, draw, encode, write_shop

POLICIES = ("ignore", "text", "category_mean")
PICTURELESS = {"grey-4", "grey-5"}


def write_named_shop(folder):
    """Write the small shop with the colour of each thing in its title and its category."""
    write_shop(folder)
    items = pl.read_csv(folder / "items.csv")
    colour = pl.col("item_id").str.split("-").list.first()
    named = items.with_columns(
        pl.format("a {} square", colour).alias("title"), colour.alias("category")
    )
    named.write_csv(folder / "items.csv")
    for missing in POLICIES:
        text = YAML.replace(
            "name: shop", f"name: {missing}\n  image_config: {{missing: {missing}}}"
        )
        (folder / f"{missing}.yaml").write_text(text)


@pytest.fixture(scope="module")
def named_shop(tmp_path_factory):
    """A shop with a model for every policy."""
    folder = tmp_path_factory.mktemp("named")
    write_named_shop(folder / "shop")
    shop = Shop(folder / "shop", folder / "home")
    for missing in POLICIES:
        shop.client().create_model(shop.folder / f"{missing}.yaml")
    return shop


@pytest.fixture(scope="module")
def client(named_shop):
    return named_shop.client()


@pytest.fixture
def grey_picture(tmp_path):
    path = tmp_path / "grey.png"
    path.write_bytes(encode(draw(COLOURS["grey"], 99), "PNG"))
    return path


def looks(response):
    """How much the likeness of looks counts for each result."""
    parts = response.explanation["score"]["scoring_policy_scores"]["looks"]
    return dict(zip(response.ids, parts, strict=True))


def parts(shop, model):
    return Snapshot(open_active(shop.home / "models" / model))


# A place to be found at.


@pytest.mark.parametrize("missing", ["text", "category_mean"])
def test_a_stand_in_is_among_what_looks_alike(client, missing):
    response = client.similar_items(missing, "grey-0", limit=5, explain=True)
    assert set(response.ids) >= PICTURELESS
    assert all(looks(response)[item] > 0 for item in PICTURELESS)


def test_ignored_an_item_is_like_no_picture(client):
    response = client.similar_items("ignore", "grey-0", limit=23, explain=True)
    assert {looks(response)[item] for item in PICTURELESS} == {0}


@pytest.mark.parametrize("missing", ["text", "category_mean"])
def test_a_stand_in_is_found_by_a_picture(client, grey_picture, missing):
    assert set(client.retrieve(missing, image=grey_picture, limit=6).ids) >= PICTURELESS


@pytest.mark.parametrize(
    ("missing", "placed"), [("ignore", False), ("text", True), ("category_mean", True)]
)
def test_only_stand_ins_are_candidates_among_the_pictures(named_shop, missing, placed):
    snapshot = parts(named_shop, missing)
    images = snapshot.catalogue.images
    found = {snapshot.item_ids[row] for row in images.nearest(images.vectors[:1], 24, None)}
    assert (found >= PICTURELESS) == placed
    assert len(found) == (24 if placed else 22)


@pytest.mark.parametrize("missing", ["text", "category_mean"])
def test_what_is_like_a_stand_in_says_what_was_compared(client, missing):
    response = client.similar_items(missing, "grey-5", limit=5)
    assert response.notes == ["item 'grey-5' has no picture: likeness is by what stands in for it"]
    assert all(item.startswith("grey") for item in response.ids)
    ignored = client.similar_items("ignore", "grey-5", limit=5)
    assert ignored.notes == ["item 'grey-5' has no picture: likeness is by words and behaviour"]


@pytest.mark.parametrize("missing", ["text", "category_mean"])
def test_asked_in_words_a_stand_in_is_judged_by_its_own(client, missing):
    """Moved among pictures, its words would be nearer to the query than any picture is."""
    usual = client.retrieve("ignore", text_query="a red square", limit=24)
    found = client.retrieve(missing, text_query="a red square", limit=24)
    assert all(item.startswith("red") for item in found.ids[:6])
    for item in PICTURELESS:
        assert abs(found.ids.index(item) - usual.ids.index(item)) <= 1


# And no more.


@pytest.mark.parametrize("missing", POLICIES)
def test_it_stays_known_that_there_is_no_picture(named_shop, client, missing):
    response = client.rank(missing, "U3", limit=24, item_ids=sorted(PICTURELESS), explain=True)
    assert set(response.ids) == PICTURELESS
    assert response.explanation["looks_like"] == [None, None]
    assert response.explanation["palette"] == [[], []]
    assert response.explanation["stand_in"] == [missing != "ignore"] * 2
    snapshot = parts(named_shop, missing)
    rows = [snapshot.item_ids.row(item) for item in sorted(PICTURELESS)]
    assert not snapshot.catalogue.facts.has_picture[rows].any()
    assert snapshot.catalogue.facts.has_picture.sum() == 22
    assert snapshot.columns()["dominant_color"].null_count() == 2


@pytest.mark.parametrize(
    ("missing", "stand_ins"), [("ignore", 0), ("text", 2), ("category_mean", 2)]
)
def test_stand_ins_are_counted_apart_from_pictures(client, missing, stand_ins):
    counts = client.view_model(missing)["counts"]
    assert (counts["items_with_picture"], counts["items_with_stand_in"]) == (22, stand_ins)


@pytest.mark.parametrize("missing", POLICIES)
def test_labels_judge_by_words_where_there_is_no_picture(client, missing):
    response = client.label(missing, ["something red", "something grey"])
    judges = dict(zip(response.ids, response.judged_by, strict=True))
    assert {item for item, judge in judges.items() if judge == "text"} == PICTURELESS


@pytest.mark.parametrize("missing", ["text", "category_mean"])
def test_a_stand_in_is_not_exported_as_the_vector_of_a_picture(client, tmp_path, missing):
    client.export(missing, tmp_path / "vectors.parquet", vectors="image")
    table = pl.read_parquet(tmp_path / "vectors.parquet")
    assert set(table.filter(pl.col("image_vector").is_null())["item_id"]) == PICTURELESS


def test_an_evaluation_knows_stand_ins_from_pictures(tmp_path):
    write_named_shop(tmp_path / "shop")
    shop = Shop(tmp_path / "shop", tmp_path / "home")
    events = pl.read_csv(shop.folder / "events.csv")
    more = [
        {"user_id": f"U{user}", "item_id": item, "event_type": "purchase"}
        for user in range(3, 24, 4)
        for item in ("grey-4", "grey-5")
    ]
    late = pl.DataFrame(more).with_columns(event_timestamp=pl.lit("2026-09-01T00:00:00Z"))
    pl.concat([events, late]).write_csv(shop.folder / "events.csv")
    client = shop.client()
    client.create_model(shop.folder / "category_mean.yaml")
    report = client.evaluate("category_mean", ablate=True)
    assert report["segments"]["items without picture"]["users"] > 0
    assert [part["without"] for part in report["ablation"]] == ["pictures", "words", "behaviour"]


# What cannot stand in.


def test_words_are_refused_before_the_work_where_the_encoder_does_not_join_them(unbuilt):
    text = YAML.replace(
        "name: shop",
        "name: shop\n  language_model_name: attributes\n  image_config: {missing: text}",
    )
    unbuilt.yaml.write_text(text)
    (unbuilt.folder / "items.csv").unlink()  # nothing is read
    with pytest.raises(ConfigError, match=r"'attributes' has none.*category_mean or ignore"):
        unbuilt.client().create_model(unbuilt.yaml)
