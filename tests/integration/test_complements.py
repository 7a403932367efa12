"""What goes with a basket, learnt from baskets: ties to a shirt, not shirts looked at beside it."""

import numpy as np
import polars as pl
import pytest
from sightline import Client
from sightline.images.codec import encode
from small_shop import draw

SHIRTS = [f"shirt-{number}" for number in range(8)]
TIES = [f"tie-{number}" for number in range(8)]
SOCKS = [f"socks-{number}" for number in range(4)]
COLOURS = {"shirt": (200, 30, 40), "tie": (40, 70, 200), "socks": (40, 160, 60)}
NEW = "shirt-new"


def orders(kind="purchase", seed=0):
    """Forty people who look at four shirts, then order one and a tie, five times a year."""
    rng = np.random.default_rng(seed)
    events = []
    for person in range(40):
        for month in range(1, 10, 2):
            seen = rng.choice(SHIRTS, 4, replace=False)
            first, third = (f"2026-0{month}-0{day}T10:00:00" for day in (1, 3))
            events += [(f"P{person}", shirt, "view", first) for shirt in seen]
            order = [seen[0], TIES[rng.integers(8)]]
            events += [(f"P{person}", item, kind, third) for item in order]
        events.append((f"P{person}", SOCKS[person % 4], kind, "2026-02-01T12:00:00"))
    columns = ["user_id", "item_id", "event_type", "event_timestamp"]
    return pl.DataFrame(events, schema=columns, orient="row")


def build(folder, events):
    names = [*SHIRTS, *TIES, *SOCKS, NEW]
    pictures = [
        encode(draw(COLOURS[name.split("-")[0]], seed), "PNG") for seed, name in enumerate(names)
    ]
    items = pl.DataFrame({"item_id": names, "title": "Thing", "image": pictures})
    client = Client(folder / "home", connections={"items_source": items, "events_source": events})
    client.create_model(
        {
            "model": {"name": "shop"},
            "connectors": [{"id": "items_source"}, {"id": "events_source"}],
            "fetch": {
                "items": "SELECT * FROM items_source",
                "events": "SELECT * FROM events_source",
            },
        }
    )
    return client


def kinds(response):
    return [item.split("-")[0] for item in response.ids]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return build(tmp_path_factory.mktemp("orders"), orders())


def test_what_is_bought_with_an_item_goes_with_it_not_what_the_same_people_look_at(shop):
    for shirt in SHIRTS:
        shown = shop.complement_items("shop", [shirt], limit=4, explain=True)
        assert kinds(shown) == ["tie"] * 4
        parts = shown.explanation["score"]["scoring_policy_scores"]
        assert min(parts["same_basket"]) > 0


def test_an_item_nobody_bought_borrows_the_baskets_of_what_looks_like_it(shop):
    shown = shop.complement_items("shop", [NEW], limit=5)
    assert kinds(shown) == ["tie"] * 5
    assert shop.similar_items("shop", NEW, limit=5).ids[0].startswith("shirt")


def test_a_basket_of_several_gets_what_lies_with_each_of_them(shop):
    shown = shop.complement_items("shop", ["shirt-1", "shirt-2"], limit=6)
    assert not {"shirt-1", "shirt-2"} & set(shown.ids)
    assert kinds(shown)[:4] == ["tie"] * 4


def test_where_nobody_bought_anything_visits_are_the_baskets(tmp_path):
    client = build(tmp_path, orders("click"))
    shown = client.complement_items("shop", ["shirt-1"], limit=30, explain=True)
    assert "same_basket" in shown.explanation["score"]["scoring_policy_scores"]


def test_without_events_looks_decide(tmp_path):
    events = orders().clear()
    shown = build(tmp_path, events).complement_items("shop", ["shirt-1"], limit=5)
    assert kinds(shown) == ["shirt"] * 5
