import numpy as np
import pytest
from hypothesis import assume, given
from rank_cases import profile, quiet, requests, rows
from sightline.rank.facts import no_facts
from sightline.rank.profile import read_profile

AFFINITIES = ("price_affinity", "category_affinity", "palette_affinity")


def facts(n, **known):
    return quiet(n, facts=known).facts


# --- orders


def test_orders_are_best_first_and_equal_items_keep_the_lower_row_first():
    of = facts(4, popularity=[0.5, 1, 0.5, 0], trend=[0, 0, 1, 0])
    assert of.most_popular.tolist() == [1, 0, 2, 3]
    assert of.most_trending.tolist() == [2, 0, 1, 3]
    assert of.most_popular.dtype == np.int32


def test_the_newest_are_those_whose_time_is_known():
    of = facts(4, newness=[0.2, np.nan, 0.9, 0.2])
    assert of.newest.tolist() == [2, 0, 3]
    assert no_facts(3).newest.tolist() == []


def test_an_item_is_new_until_picked_and_cold_until_five_did():
    of = facts(4, events=[0, 1, 4, 5])
    assert of.is_new.tolist() == [True, False, False, False]
    assert of.is_cold.tolist() == [True, True, True, False]


# --- prices


def test_the_price_a_person_pays_is_the_best_and_it_falls_off_both_ways():
    of = facts(5, prices=[20, 5, 20, 27, 60])
    values, known = of.price_affinity(rows(1, 2, 3, 4), profile(0))
    assert known.all()
    assert values[1] == pytest.approx(1)
    assert values[1] > values[2] > 0.5  # 27 is about 20, ...
    assert values[0] < 0.05  # ... 5 and 60 are not
    assert values[3] < 0.05


def test_who_pays_many_prices_minds_a_price_less():
    of = facts(4, prices=[5, 100, 20, 60])
    [narrow], _ = of.price_affinity(rows(3), profile(2))
    [wide], _ = of.price_affinity(rows(3), profile(0, 1))
    assert wide > 10 * narrow


def test_a_pick_that_counts_more_draws_the_price_to_its_own():
    of = facts(2, prices=[10, 1_000])
    values, _ = of.price_affinity(rows(0, 1), profile(0, 1, weights=[1, 5]))
    assert values[1] > values[0]


def test_an_unknown_price_is_not_known_and_picks_without_one_say_nothing():
    of = facts(4, prices=[20, np.nan, np.nan, 20])
    values, known = of.price_affinity(rows(1, 3), profile(0, 2))
    assert known.tolist() == [False, True]
    assert values[1] == pytest.approx(1)
    assert of.price_affinity(rows(3), profile(1, 2)) is None


def test_what_is_free_or_costs_less_than_nothing_is_still_a_price():
    of = facts(3, prices=[0, -3, 0.1])
    values, known = of.price_affinity(rows(0, 1, 2), profile(0, 1))
    assert known.all()
    assert values.tolist() == pytest.approx([1, 1, 0.95], abs=0.01)


# --- kinds


def test_a_kind_is_worth_its_share_of_the_picks():
    of = facts(5, categories=[[0], [0], [1], [2], [0]])
    values, known = of.category_affinity(rows(2, 3, 4), profile(0, 1, 2, weights=[1, 2, 1]))
    assert values.tolist() == [0.25, 0, 0.75]
    assert known.all()


def test_shares_are_averaged_over_the_columns_that_an_item_has():
    of = facts(4, categories=[[0, 5], [0, -1], [0, 6], [-1, -1]])
    values, known = of.category_affinity(rows(0, 1, 2, 3), profile(0))
    assert values.tolist() == [1, 1, 0.5, 0]
    assert known.tolist() == [True, True, True, False]


def test_a_column_of_which_the_picks_tell_nothing_takes_no_part():
    of = facts(2, categories=[[0, -1], [0, 3]])
    values, _ = of.category_affinity(rows(1), profile(0))
    assert values.tolist() == [1]


def test_picks_without_a_pick_s_kind_are_left_out_of_the_shares():
    of = facts(3, categories=[[0], [-1], [0]])
    assert of.category_affinity(rows(2), profile(0, 1))[0].tolist() == [1]


def test_without_kinds_nothing_is_said():
    assert facts(2).category_affinity(rows(0), profile(1)) is None
    nowhere = facts(2, categories=[[-1], [0]])
    assert nowhere.category_affinity(rows(1), profile(0)) is None
    assert nowhere.category_affinity(rows(0), profile(1)) is None


# --- colours


def test_colours_are_compared_with_those_of_all_picks_by_cosine():
    of = facts(4, palettes=[[1, 0], [0, 1], [2, 2], [3, 0]])
    values, known = of.palette_affinity(rows(2, 3), profile(0, 1))
    assert values.tolist() == pytest.approx([1, 0.5**0.5])
    assert known.all()


def test_an_item_without_a_picture_has_no_colours():
    of = facts(3, palettes=[[1, 0], [0, 0], [0, 1]])
    values, known = of.palette_affinity(rows(1, 2), profile(0, 1))
    assert known.tolist() == [False, True]
    assert values[1] == 0
    assert of.palette_affinity(rows(0), profile(1)) is None
    assert facts(2).palette_affinity(rows(0), profile(1)) is None


# --- all of them


@given(requests())
def test_affinities_are_between_nothing_and_one_for_whatever_history(request):
    built, past, _, _ = request
    person = read_profile(past)
    assume(len(person) > 0)
    pool = np.arange(len(built), dtype=np.int32)
    for name in AFFINITIES:
        found = getattr(built.facts, name)(pool, person)
        if found is not None:
            values, known = found
            assert values.shape == known.shape == (len(pool),)
            assert values.dtype == np.float32
            assert ((values[known] >= 0) & (values[known] <= 1 + 1e-5)).all()


@pytest.mark.parametrize("name", AFFINITIES)
def test_no_candidates_are_no_trouble(name):
    of = facts(2, prices=[1, 2], categories=[[0], [1]], palettes=[[1, 0], [0, 1]])
    found = getattr(of, name)(rows(), profile(0))
    assert found is None or [len(part) for part in found] == [0, 0]


def test_of_items_of_which_nothing_is_known_nothing_is_told():
    of = no_facts(3)
    assert [getattr(of, name)(rows(0, 1), profile(2)) for name in AFFINITIES] == [None] * 3
    assert of.is_new.all()
    assert not of.popularity.any()
    assert not of.trend.any()
