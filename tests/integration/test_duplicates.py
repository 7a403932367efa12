"""Copies of pictures and placeholders, through the client: told of, and left out where asked."""

import io

import polars as pl
import pytest
from drawn_pictures import BLUE, GREEN, RED, draw
from PIL import Image
from sightline import Client
from sightline.errors import ConfigError, UnsupportedError
from sightline.images.codec import encode
from sightline.snapshot import Snapshot
from sightline.store.generation import open_active

SOON = draw("bar", (150, 150, 150), backdrop=(225, 225, 225), side=160, radius=0.45)
SHAPES = ("disc", "box", "bar")
COLORS = (RED, GREEN, BLUE)


def jpeg(pixels, *, side=None, quality=85):
    """Encode a picture, scaled to a square of `side` where that is given."""
    picture = Image.fromarray(pixels)
    file = io.BytesIO()
    (picture if side is None else picture.resize((side, side))).save(file, "JPEG", quality=quality)
    return file.getvalue()


def things():
    """Drawings of three forms in three colours, no two alike."""
    return {
        f"{shape}-{place}": draw(shape, color, side=160)
        for shape in SHAPES
        for place, color in enumerate(COLORS)
    }


def build(folder, items, *, backs=None, **model):
    """Make a model `shop` of items given as (id, title, picture), dearer and dearer.

    `backs` are their second pictures, by id.
    """
    ids, titles, pictures = zip(*items, strict=True)
    frame = pl.DataFrame(
        {"item_id": ids, "title": titles, "image": pictures, "price": range(1, len(ids) + 1)}
    )
    if backs is not None:
        frame = frame.with_columns(back_image=pl.Series([backs.get(item) for item in ids]))
    client = Client(folder / "home", connections={"source": frame})
    client.create_model(
        {
            "model": {"name": "shop", **model},
            "connectors": [{"id": "source", "type": "file"}],
            "fetch": {"items": "SELECT * FROM source"},
        }
    )
    return client


def of_originals(ids):
    """Ids, of copies those of their originals."""
    return [item.removesuffix("-copy") for item in ids]


# --- copies


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Nine things, of which two are there again: saved anew, and smaller."""
    pictures = things()
    items = [(item, f"Thing {item}", encode(pixels, "PNG")) for item, pixels in pictures.items()]
    items += [
        ("disc-0-copy", "A red disc", jpeg(pictures["disc-0"], quality=60)),
        ("box-1-copy", "A green box", jpeg(pictures["box-1"], side=100)),
    ]
    return build(tmp_path_factory.mktemp("twins"), items)


def test_a_copy_names_the_item_whose_picture_came_first(twins):
    pictures = twins.images("shop")
    named = dict(zip(pictures["item_id"], pictures["near_duplicate_of"], strict=True))
    copies = {item: original for item, original in named.items() if original is not None}
    assert copies == {"disc-0-copy": "disc-0", "box-1-copy": "box-1"}
    assert pictures["content_hash"].n_unique() == 11
    assert twins.view_model("shop")["coverage"]["total"]["duplicate"] == 2


def test_whether_an_item_is_a_copy_can_be_filtered_by(twins):
    schema = twins.view_model("shop")["model_schema"]["filter_columns"]
    assert schema["near_duplicate_of"] == "String"
    originals = twins.rank("shop", limit=20, filter_predicate="near_duplicate_of IS NULL")
    assert sorted(originals.ids) == sorted(things())
    copies = twins.rank("shop", limit=20, filter_predicate="near_duplicate_of = 'box-1'")
    assert copies.ids == ["box-1-copy"]


ASKED = {
    "rank": lambda client, **options: client.rank("shop", **options),
    "rank_given": lambda client, **options: client.rank(
        "shop", item_ids=["disc-0-copy", "disc-0", "box-2", "bar-1", "bar-0"], **options
    ),
    "rank_batch": lambda client, **options: client.rank_batch("shop", ["U1"], **options)[0],
}
UNRANKED = {
    "similar_items": lambda client, **options: client.similar_items("shop", "disc-1", **options),
    "retrieve": lambda client, **options: client.retrieve(
        "shop", image=jpeg(things()["disc-0"], quality=90), **options
    ),
    "retrieve_words": lambda client, **options: client.retrieve(
        "shop", text_query="red disc green", **options
    ),
    "retrieve_nothing": lambda client, **options: client.retrieve("shop", **options),
    "retrieve_item": lambda client, **options: client.retrieve(
        "shop", queries=[{"item_id": "disc-1"}], **options
    ),
    "complement_items": lambda client, **options: client.complement_items(
        "shop", ["disc-1", "bar-0"], **options
    ),
}


@pytest.mark.parametrize("ask", ASKED)
def test_of_copies_one_is_shown_and_the_limit_is_still_filled(twins, ask):
    usual = ASKED[ask](twins, limit=20).ids
    assert len(set(of_originals(usual))) < len(usual)
    best = list(dict.fromkeys(of_originals(usual)))
    for limit in (4, len(best)):
        shown = ASKED[ask](twins, limit=limit, config={"drop_near_duplicates": True}).ids
        assert of_originals(shown) == best[:limit]
        assert set(shown) <= set(usual)
    more = ASKED[ask](twins, limit=20, config={"drop_near_duplicates": True})
    assert of_originals(more.ids) == best


@pytest.mark.parametrize(
    ("value_model", "best"), [("-item.price", "disc-0"), ("item.price", "disc-0-copy")]
)
def test_the_best_ranked_of_copies_is_the_one_that_stays(twins, value_model, best):
    config = {"drop_near_duplicates": True, "value_model": value_model}
    shown = twins.rank("shop", limit=20, config=config).ids
    assert {"disc-0", "disc-0-copy"} & set(shown) == {best}
    assert len(shown) == 9


@pytest.mark.parametrize("ask", UNRANKED)
def test_of_copies_one_is_found_and_the_limit_is_still_filled(twins, ask):
    usual = UNRANKED[ask](twins, limit=20).ids
    assert len(set(of_originals(usual))) < len(usual)
    best = list(dict.fromkeys(of_originals(usual)))
    for limit in (1, 2, len(best), 20):
        shown = UNRANKED[ask](twins, limit=limit, config={"drop_near_duplicates": True})
        assert of_originals(shown.ids) == best[:limit]
        assert len(shown.scores) == len(shown.metadata) == len(shown.ids)
        assert len(set(shown.notes)) == len(shown.notes)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, **options: client.similar_items("shop", "disc-0", **options),
        lambda client, **options: client.complement_items("shop", ["disc-0"], **options),
        lambda client, **options: client.retrieve(
            "shop", queries=[{"item_id": "disc-0"}], **options
        ),
    ],
    ids=["similar_items", "complement_items", "retrieve"],
)
def test_a_copy_of_the_item_that_is_asked_about_is_no_answer_either(twins, ask):
    assert "disc-0-copy" in ask(twins, limit=20).ids
    shown = ask(twins, limit=20, config={"drop_near_duplicates": True}).ids
    assert "disc-0-copy" not in shown
    assert len({"box-1", "box-1-copy"} & set(shown)) == 1


def test_people_have_no_copies_to_drop(twins):
    with pytest.raises(UnsupportedError, match=r"config.drop_near_duplicates .* similar_users"):
        twins.similar_users("shop", "U1", config={"drop_near_duplicates": True})


def test_a_model_may_always_drop_copies_and_a_request_have_them_back(tmp_path):
    picture = things()["disc-0"]
    items = [("A", "One", encode(picture, "PNG")), ("B", "Another", jpeg(picture))]
    client = build(tmp_path, items, inference_config={"drop_near_duplicates": True})
    assert len(client.rank("shop").ids) == 1
    assert len(client.retrieve("shop").ids) == 1
    assert client.similar_items("shop", "A").ids == []
    both = client.rank("shop", config={"drop_near_duplicates": False})
    assert sorted(both.ids) == ["A", "B"]
    with pytest.raises(ConfigError, match=r"config.drop_near_duplicates must be true or false"):
        client.rank("shop", config={"drop_near_duplicates": "yes"})


# --- placeholders


def soon_items():
    """Nine things with pictures of their own; six that show "coming soon", saved in three ways."""
    encoded = [encode(SOON, "PNG"), jpeg(SOON), jpeg(SOON, side=120)]
    own = [(item, f"A {item}", encode(pixels, "PNG")) for item, pixels in things().items()]
    return own + [(f"soon-{n}", f"Novelty {n}", encoded[n % 3]) for n in range(6)]


SOON_ITEMS = {f"soon-{n}" for n in range(6)}


def test_a_placeholder_is_told_of_and_kept(tmp_path):
    client = build(tmp_path, soon_items())
    pictures = client.images("shop")
    assert set(pictures.filter("placeholder")["item_id"]) == SOON_ITEMS
    assert set(pictures["outcome"]) == {"ok"}
    assert pictures["near_duplicate_of"].null_count() == 15
    assert set(client.images("shop", outcomes=["placeholder"])["item_id"]) == SOON_ITEMS
    view = client.view_model("shop")
    total = view["coverage"]["total"]
    assert (total["ok"], total["missing"], total["placeholder"], total["duplicate"]) == (
        15,
        0,
        6,
        0,
    )
    assert view["counts"]["items_with_picture"] == 15
    shown = client.similar_items("shop", "soon-0", limit=5)
    assert set(shown.ids) == SOON_ITEMS - {"soon-0"}
    assert shown.notes == []


def test_a_model_may_take_a_placeholder_for_a_missing_picture(tmp_path):
    client = build(tmp_path, soon_items(), image_config={"placeholders": "missing"})
    pictures = client.images("shop")
    told = dict(zip(pictures["item_id"], pictures["outcome"], strict=True))
    assert {item for item, outcome in told.items() if outcome == "placeholder"} == SOON_ITEMS
    assert {item for item, outcome in told.items() if outcome == "ok"} == set(things())
    assert client.images("shop", failed=True).height == 0
    view = client.view_model("shop")
    total = view["coverage"]["total"]
    assert (total["ok"], total["missing"], total["placeholder"], total["failed"]) == (9, 6, 6, 0)
    assert view["counts"]["items_with_picture"] == 9
    unseen = client.rank("shop", limit=20, filter_predicate="dominant_color IS NULL")
    assert set(unseen.ids) == SOON_ITEMS
    snapshot = Snapshot(open_active(client.home.model("shop")))
    assert snapshot.catalogue.facts.has_picture.tolist() == [True] * 9 + [False] * 6
    assert len(client.rank("shop", limit=20).ids) == 15
    assert "no picture" in client.similar_items("shop", "soon-0").notes[0]


@pytest.mark.parametrize("placeholders", ["keep", "missing"])
def test_sizes_of_one_product_share_their_picture_rightly(tmp_path, placeholders):
    shirt = draw("box", RED, "checks", side=160)
    own = [(item, f"A {item}", encode(pixels, "PNG")) for item, pixels in things().items()]
    sizes = [(f"shirt-{n}", "A checked shirt", encode(shirt, "PNG")) for n in range(6)]
    client = build(tmp_path, own + sizes, image_config={"placeholders": placeholders})
    pictures = client.images("shop")
    assert not pictures["placeholder"].any()
    assert pictures["near_duplicate_of"].to_list() == [None] * 10 + ["shirt-0"] * 5
    assert client.view_model("shop")["counts"]["items_with_picture"] == 15


def test_what_only_shares_a_placeholder_is_not_dropped_as_a_copy(tmp_path):
    client = build(tmp_path, soon_items())
    shown = client.rank("shop", limit=20, config={"drop_near_duplicates": True})
    assert set(shown.ids) >= SOON_ITEMS


@pytest.mark.parametrize("placeholders", ["keep", "missing"])
def test_an_item_is_a_copy_by_its_first_picture_that_is_no_placeholder(tmp_path, placeholders):
    backs = {"soon-0": jpeg(things()["disc-0"]), "box-0": jpeg(things()["disc-1"])}
    client = build(tmp_path, soon_items(), backs=backs, image_config={"placeholders": placeholders})
    copies = client.rank("shop", limit=20, filter_predicate="near_duplicate_of IS NOT NULL")
    assert copies.ids == ["soon-0"]
