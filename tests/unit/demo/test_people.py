import numpy as np
import pytest
from sightline.demo.draw import Look
from sightline.demo.people import (
    COLOURS,
    DAYS,
    KIND_NAMES,
    PATTERN_NAMES,
    draw_tastes,
    live,
    stock_shelf,
)

ITEMS = 400


@pytest.fixture(scope="module")
def shelf():
    rng = np.random.default_rng(1)
    looks = [
        Look(str(rng.choice(KIND_NAMES)), str(rng.choice(COLOURS)), str(pattern), "matte")
        for pattern in rng.choice(PATTERN_NAMES, ITEMS)
    ]
    born = np.where(np.arange(ITEMS) % 4 == 0, rng.uniform(0, DAYS, ITEMS), -1.0)
    return stock_shelf(looks, born, rng)


@pytest.fixture(scope="module")
def lives(shelf):
    rng = np.random.default_rng(2)
    tastes = [draw_tastes(rng) for _ in range(120)]
    return [(own, live(person, own, shelf, rng)) for person, own in enumerate(tastes)]


def test_everyone_does_between_20_and_45_things(lives):
    assert all(20 <= len(events) <= 45 for _, events in lives)


def test_a_life_is_told_in_order_and_within_the_log(lives):
    for _, events in lives:
        seconds = [event.second for event in events]
        assert seconds == sorted(seconds)
        assert seconds[0] >= 0
        assert seconds[-1] < DAYS * 86_400


def test_nobody_sees_a_product_before_it_is_on_sale(lives, shelf):
    for _, events in lives:
        assert all(event.second >= shelf.born[event.item] * 86_400 - 1 for event in events)


def test_a_purchase_follows_a_view_a_click_a_like_and_a_cart(lives):
    for _, events in lives:
        steps = {}
        for event in events:
            steps.setdefault(event.item, []).append(event.kind)
        whole = ["view", "click", "like", "cart", "purchase"]
        assert all(done == whole[: len(done)] for done in steps.values())


def test_people_view_their_favourite_colours_far_more_often_than_chance(lives, shelf):
    hits = chance = views = 0.0
    for tastes, events in lives:
        favourite = np.max([taste.colours for taste in tastes], axis=0) > 1.5
        viewed = np.array([event.item for event in events if event.kind == "view"])
        hits += favourite[shelf.colours[viewed]].sum()
        chance += favourite[shelf.colours].mean() * len(viewed)
        views += len(viewed)
    assert hits / views > 0.6
    assert hits > 2 * chance


def test_popular_products_are_seen_more_but_do_not_drown_taste(lives, shelf):
    views = np.zeros(ITEMS)
    for _, events in lives:
        np.add.at(views, [event.item for event in events if event.kind == "view"], 1)
    there_from_the_start = shelf.born < 0
    order = np.argsort(shelf.popularity[there_from_the_start])
    ranked = views[there_from_the_start][order]
    quarter = len(ranked) // 4
    assert ranked[-quarter:].sum() > 1.2 * ranked[:quarter].sum()
    assert views.max() < 0.05 * views.sum()


def test_a_person_runs_out_of_a_small_shop_without_trouble():
    rng = np.random.default_rng(0)
    looks = [Look("mug", "red", "plain", "matte")] * 3
    shelf = stock_shelf(looks, np.full(3, -1.0), rng)
    events = live(0, draw_tastes(rng), shelf, rng)
    assert {event.item for event in events} == {0, 1, 2}
