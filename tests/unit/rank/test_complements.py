"""What lies in one basket with items, and whose baskets those borrow that nobody bought."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import company, quiet, requests, rows, space, unit
from sightline.rank.catalogue import Baskets
from sightline.rank.complements import in_same_basket
from sightline.rank.ranker import BASKET_WEIGHTS, Ranker


def bought(n, together):
    """Baskets by which each key lies in one with its values."""
    lists = company(n, together)
    return Baskets(lists["neighbours"], lists["neighbour_scores"])


def lent(built, basket, *, weights=None):
    weights = np.ones(len(basket)) if weights is None else weights
    is_bought = built.baskets.neighbours[:, 0] >= 0
    found = in_same_basket(built, rows(*basket), np.array(weights, np.float32), is_bought)
    return dict(zip(found.rows.tolist(), found.values.tolist(), strict=True))


def test_baskets_of_several_items_add_up_by_their_weights():
    built = quiet(5, baskets=bought(5, {0: {3: 0.5, 4: 0.2}, 1: {4: 0.8}}))
    assert lent(built, [0, 1], weights=[1, 0.5]) == pytest.approx({3: 0.5, 4: 0.6})


def test_an_item_without_baskets_borrows_those_of_what_looks_like_it():
    looks = space(unit([[1, 0], [1, 0.1], [0, 1], [1, 1], [1, -1]]))
    built = quiet(5, images=looks, baskets=bought(5, {1: {3: 1.0}, 2: {4: 1.0}}))
    found = lent(built, [0])
    assert found[3] > found.get(4, 0)
    assert Ranker(built).complementing(rows(0), 1).rows.tolist() == [3]


def test_an_item_without_a_picture_borrows_from_what_reads_like_it():
    texts = space(unit([[1, 0], [1, 0.1], [0, 1], [1, 1], [1, -1]]))
    built = quiet(5, texts=texts, baskets=bought(5, {1: {3: 1.0}, 2: {4: 1.0}}))
    assert lent(built, [0])[3] > 0


def test_an_item_of_which_nothing_is_known_borrows_nothing():
    built = quiet(4, baskets=bought(4, {1: {3: 1.0}}))
    assert lent(built, [0]) == {}


def test_what_is_in_the_basket_already_lends_nothing_to_its_neighbour():
    looks = space(unit([[1, 0], [1, 0.01], [0, 1]]))
    built = quiet(3, images=looks, baskets=bought(3, {1: {2: 0.5}}))
    assert lent(built, [0, 1]) == pytest.approx({2: 0.5})


def test_what_lies_in_baskets_comes_before_what_the_same_people_pick_and_looks_break_ties():
    looks = space(unit([[1, 0], [1, 0.1], [0, 1], [1, 0.5]]))
    built = quiet(
        4,
        images=looks,
        **company(4, {0: {1: 1.0}}),
        baskets=bought(4, {0: {2: 0.5, 3: 0.5}}),
    )
    ranked = Ranker(built).complementing(rows(0), 3)
    assert ranked.rows.tolist() == [3, 2, 1]
    assert set(ranked.parts) == {"same_basket", "picked_together", "looks"}


def test_where_no_basket_says_anything_it_is_what_the_same_people_pick():
    built = quiet(4, **company(4, {0: {1: 1.0}}))
    silent = replace(built, baskets=bought(4, {2: {3: 1.0}}))
    for one in (built, silent):
        ranked = Ranker(one).complementing(rows(0), 1)
        assert ranked.rows.tolist() == [1]
        assert set(ranked.parts) == {"picked_together"}


def test_baskets_outweigh_all_else_but_taste_together():
    others = sum(BASKET_WEIGHTS.values()) - BASKET_WEIGHTS["same_basket"] - BASKET_WEIGHTS["taste"]
    assert others < BASKET_WEIGHTS["same_basket"] / 5


@given(requests(), st.lists(st.integers(0, 24), min_size=1, max_size=4, unique=True), st.data())
def test_whatever_the_baskets_what_goes_with_some_items_are_k_allowed_others(request, basket, data):
    built, past, k, allowed = request
    n = len(built)
    neighbours = np.full((n, 3), -1, np.int32)
    for row in range(n):
        listed = data.draw(st.lists(st.integers(0, n - 1), unique=True, max_size=3))
        neighbours[row, : len(listed)] = listed
    built = replace(built, baskets=Baskets(neighbours, (neighbours >= 0).astype(np.float32)))
    basket = np.unique(np.array(basket, np.int32) % n).astype(np.int32)
    ranked = Ranker(built).complementing(basket, k, allowed=allowed, history=past)
    qualify = np.ones(n, np.bool_) if allowed is None else allowed.copy()
    qualify[basket] = False
    assert len(ranked.rows) == min(k, qualify.sum())
    assert len(set(ranked.rows.tolist())) == len(ranked.rows)
    assert qualify[ranked.rows].all()
    assert (np.diff(ranked.scores) <= 0).all()
