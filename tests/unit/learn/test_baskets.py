"""What people did split at their pauses, and what lies between two of them together."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from sightline.learn.baskets import BASKET_HOURS, baskets, bought_together

HOUR = 3_600_000_000
PURCHASE, CART, VIEW = 5.0, 3.0, 0.5


def events(*people):
    """Of each person the (item row, hour, weight) of everything done, in whichever order."""
    entries = [
        (f"P{number}", row, hour * HOUR, weight)
        for number, person in enumerate(people)
        for row, hour, weight in person
    ]
    schema = {
        "user_id": pl.String,
        "item_row": pl.Int32,
        "time": pl.Int64,
        "weight": pl.Float32,
    }
    return pl.DataFrame(entries, schema=schema, orient="row")


def contents(found):
    return [found[basket].rows.tolist() for basket in range(len(found))]


def test_a_pause_ends_a_basket_and_so_does_another_person():
    orders = events(
        [(0, 0, PURCHASE), (1, 1, PURCHASE), (2, 1 + BASKET_HOURS, PURCHASE), (3, 9, PURCHASE)],
        [],
        [(4, 9, PURCHASE), (5, 9, PURCHASE)],
    )
    assert contents(baskets(orders)) == [[0, 1], [2, 3], [4, 5]]


def test_a_basket_of_one_item_is_none():
    orders = events([(0, 0, PURCHASE), (1, 99, PURCHASE)], [(2, 0, PURCHASE)])
    assert contents(baskets(orders)) == []


def test_where_something_was_bought_what_was_only_looked_at_is_in_no_basket():
    orders = events(
        [(0, 0, VIEW), (1, 0, PURCHASE), (2, 0, CART), (3, 0, -1.0)], [(4, 0, VIEW), (5, 0, VIEW)]
    )
    assert contents(baskets(orders)) == [[1, 2]]


def test_an_item_bought_twice_is_in_both_baskets_and_once_in_each():
    orders = events(
        [
            (0, 0, PURCHASE),
            (0, 0, CART),
            (1, 0, PURCHASE),
            (0, 99, PURCHASE),
            (2, 99, PURCHASE),
            (0, 200, VIEW),
        ]
    )
    assert contents(baskets(orders)) == [[0, 1], [0, 2]]


def test_what_was_given_back_is_in_no_basket():
    orders = events(
        [(0, 0, PURCHASE), (1, 0, PURCHASE), (2, 0, PURCHASE), (1, 99, -1.0)],
        [(1, 0, -1.0), (1, 3, PURCHASE), (2, 3, PURCHASE)],
    )
    assert contents(baskets(orders)) == [[0, 2], [1, 2]]


def test_what_is_expired_is_not_learnt_from():
    orders = events([(0, 0, PURCHASE), (1, 0, PURCHASE), (0, 240, PURCHASE), (2, 240, PURCHASE)])
    neighbours, _ = bought_together(orders, 3, expiration_days=2)
    assert neighbours[0, :2].tolist() == [2, -1]
    neighbours, _ = bought_together(orders, 3)
    assert set(neighbours[0, :2].tolist()) == {1, 2}


def test_where_nothing_was_bought_visits_are_baskets():
    visits = events([(0, 0, VIEW), (1, 1, VIEW), (2, 1, -1.0)], [(1, 0, PURCHASE)])
    assert contents(baskets(visits)) == [[0, 1]]


def test_without_times_all_of_a_history_is_one_basket():
    assert contents(baskets(events([(3, 0, VIEW), (1, 0, VIEW)]))) == [[1, 3]]


def test_nobody_has_no_baskets():
    assert contents(baskets(events())) == []
    neighbours, scores = bought_together(events(), 4)
    assert neighbours.shape == scores.shape == (4, 0)


def test_what_is_bought_together_often_comes_before_what_is_seldom():
    orders = events(
        *([(0, 0, PURCHASE), (1, 0, PURCHASE)] for _ in range(3)),
        [(0, 0, PURCHASE), (2, 0, PURCHASE), (1, 99, PURCHASE)],
    )
    neighbours, scores = bought_together(orders, 4)
    assert neighbours[0, :3].tolist() == [1, 2, -1]
    assert scores[0, 0] > scores[0, 1] > 0
    assert neighbours[2, :2].tolist() == [0, -1]
    assert neighbours[3, 0] == -1


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 6), st.integers(0, 40), st.sampled_from([VIEW, PURCHASE])),
            max_size=12,
        ),
        max_size=4,
    )
)
def test_baskets_are_what_a_walk_along_each_history_finds(people):
    def walked(least):
        found = []
        for person in people:
            basket, before = [], None
            for row, hour, weight in sorted(person, key=lambda event: (event[1], event[0])):
                if weight < least:
                    continue
                if before is not None and hour - before >= BASKET_HOURS:
                    found.append(basket)
                    basket = []
                basket += [row] if row not in basket else []
                before = hour
            found.append(basket)
        return [basket for basket in found if len(basket) > 1]

    found = baskets(events(*people))
    assert contents(found) == (walked(CART) or walked(VIEW))
    assert (found.weights == 1).all()
