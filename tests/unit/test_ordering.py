from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import quiet, rows, space, unit
from sightline.errors import ConfigError
from sightline.inference import Inference
from sightline.ordering import Ordering
from sightline.rank.fuse import Ranked
from sightline.rank.query import Query

AXES = np.eye(4, dtype=np.float32)
MIDNIGHT = datetime(1970, 1, 1, tzinfo=UTC)


def found(*scores):
    """Candidates 0, 1, 2, ... with these scores, best first, half of each for the looks."""
    scores = np.array(scores, np.float32)
    row_numbers = np.arange(len(scores), dtype=np.int32)
    return Ranked(row_numbers, scores, {"looks": scores / 2, "trend": scores / 2})


def no_columns():
    pytest.fail("the columns were read")


def rows_of(ids):
    """Return the rows of items called A, B, C, ..., which all other ids are not."""
    return {item: ord(item) - ord("A") if len(item) == 1 else None for item in ids}


def arranged(candidates, columns=None, *, built=None, limit=None, seed=0, notes=None, **settings):
    frame = no_columns if columns is None else (lambda: pl.DataFrame(columns))
    limit = len(candidates.rows) if limit is None else limit
    built = built or quiet(len(candidates.rows))
    return Ordering(built, frame, rows_of).arranged(
        candidates,
        Query(limit, inference=Inference(limit=limit, **settings)),
        np.random.default_rng(seed),
        [] if notes is None else notes,
    )


def order(*arguments, **settings):
    return arranged(*arguments, **settings).rows.tolist()


def test_unless_told_otherwise_the_best_are_shown_and_no_column_is_read():
    shown = arranged(found(0.9, 0.5, 0.4), limit=2)
    assert shown.rows.tolist() == [0, 1]
    assert shown.scores.tolist() == pytest.approx([0.9, 0.5])


def test_no_candidates_make_no_results():
    nothing = arranged(found(), {"price": []}, value_model="score * item.price", limit=3)
    assert len(nothing.rows) == 0


# --- value models


def test_a_value_model_takes_the_place_of_the_score_and_leaves_the_parts():
    shown = arranged(found(3, 2, 1), {"price": [1, 10, 5]}, value_model="score * item.price")
    assert shown.rows.tolist() == [1, 2, 0]
    assert shown.scores.tolist() == [20, 5, 3]
    assert shown.parts["looks"].tolist() == [1, 0.5, 1.5]


def test_a_value_model_reads_the_columns_of_the_candidates_in_whichever_order_they_come():
    candidates = Ranked(rows(3, 1), np.ones(2, np.float32), {})
    shown = arranged(candidates, {"price": [9, 4, 9, 2]}, value_model="item.price")
    assert shown.rows.tolist() == [1, 3]
    assert shown.scores.tolist() == [4, 2]


def test_a_value_model_reads_signals_and_those_that_are_silent_are_nothing():
    assert order(found(3, 2, 1), value_model="-looks") == [2, 1, 0]
    assert arranged(found(3, 2), value_model="1 + words").scores.tolist() == [1, 1]


def test_equal_values_keep_the_lower_row_first():
    assert order(found(1, 2, 3), value_model="1") == [0, 1, 2]


def test_the_best_by_value_are_shown_however_low_they_scored():
    candidates = found(*np.linspace(1, 0, 200))
    assert order(candidates, {"price": range(200)}, value_model="item.price", limit=2) == [199, 198]


def test_a_candidate_of_unknown_value_comes_last_and_is_told_of():
    notes = []
    columns = {"price": [None, 2.0, 1.0]}
    assert order(found(3, 2, 1), columns, value_model="item.price", notes=notes) == [1, 2, 0]
    assert notes == ["the value model says nothing of 1 candidates: they come last"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, None, False], [1, -np.inf, 0]),
        ([Decimal("1.5"), None, Decimal("0.25")], [1.5, -np.inf, 0.25]),
        ([2, None, 1], [2, -np.inf, 1]),
        ([None, None, None], [-np.inf] * 3),
        ([date(1970, 1, 2), None, date(1970, 1, 1)], [86_400, -np.inf, 0]),
        ([MIDNIGHT + timedelta(hours=1), None, MIDNIGHT], [3_600, -np.inf, 0]),
    ],
    ids=["truth", "decimal", "whole", "nothing", "date", "moment"],
)
def test_columns_of_numbers_truth_values_and_times_can_be_computed_with(values, expected):
    shown = arranged(found(3, 2, 1), {"column": values}, value_model="item.column")
    by_row = dict(zip(shown.rows.tolist(), shown.scores.tolist(), strict=True))
    assert [by_row[row] for row in range(3)] == expected


@pytest.mark.parametrize(
    "values",
    [["a", "b"], [time(1), None], [timedelta(1), None], [[1], [2]], [{"a": 1}, {"a": 2}]],
    ids=["text", "time of day", "duration", "list", "struct"],
)
def test_a_value_model_over_what_is_no_number_is_refused(values):
    with pytest.raises(ConfigError, match="value_model needs numbers, but the column 'column' is"):
        arranged(found(2, 1), {"column": values}, value_model="item.column")


def test_a_value_model_that_names_no_column_or_no_signal_is_refused():
    with pytest.raises(ConfigError, match=r"value_model names the column 'cost'.*they have price"):
        arranged(found(2, 1), {"price": [1, 2]}, value_model="item.cost")
    with pytest.raises(ConfigError, match="there is no signal 'look'; did you mean 'looks'"):
        arranged(found(2, 1), value_model="look")
    with pytest.raises(ConfigError, match="it is no expression"):
        arranged(found(2, 1), value_model="score +")


# --- diversity


def test_values_of_an_attribute_alternate():
    columns = {"kind": ["mug", "mug", "mug", "cup"]}
    assert order(found(4, 3, 2, 1), columns, diversity_attributes=("kind",)) == [0, 3, 1, 2]


def test_a_missing_value_is_one_of_its_own():
    columns = {"kind": [None, None, "mug", "mug"]}
    assert order(found(4, 3, 2, 1), columns, diversity_attributes=("kind",)) == [0, 2, 1, 3]


@pytest.mark.parametrize(
    "values",
    [
        [["a", "b"], ["b", "a"], ["a"], []],
        [{"a": 1}, {"a": 1}, {"a": 2}, None],
        [True, True, False, None],
        [1.5, 1.5, 2.5, None],
        [date(2020, 1, 1), date(2020, 1, 1), date(2021, 1, 1), None],
    ],
    ids=["lists", "structs", "truth", "numbers", "dates"],
)
def test_attributes_of_any_type_can_be_told_apart(values):
    found_order = order(found(4, 3, 2, 1), {"kind": values}, diversity_attributes=("kind",))
    assert found_order == [0, 2, 3, 1]


def test_attributes_that_cannot_be_told_apart_are_refused():
    nested = {"kind": [[["a"]], [["b"]]]}
    with pytest.raises(ConfigError, match="diversity_attributes cannot tell the values of 'kind'"):
        arranged(found(2, 1), nested, diversity_attributes=("kind",))


def test_an_attribute_that_the_items_do_not_have_is_named():
    with pytest.raises(ConfigError, match="diversity_attributes names the column 'colour'"):
        arranged(found(2, 1), {"kind": ["a", "b"]}, diversity_attributes=("colour",))


@pytest.mark.parametrize("field", ["images", "texts"])
def test_diversity_is_by_pictures_and_by_words_where_there_are_none(field):
    built = quiet(3, **{field: space(AXES[[0, 0, 1]])})
    assert order(found(3, 2.9, 2), built=built, diversity_factor=0.7) == [0, 2, 1]


def test_diversity_is_of_what_a_catalogue_does_not_share():
    shared = np.array([0, 0, 0, 8], np.float32)
    vectors = unit(AXES[[0, 0, 1]] + shared)
    built = quiet(3, images=space(vectors, center=unit(shared)))
    assert order(found(3, 2.9, 2), built=built, diversity_factor=0.5) == [0, 2, 1]


def test_an_item_without_a_picture_is_as_diverse_as_the_others_in_the_mean():
    built = quiet(4, images=space(AXES[[0, 0, 0, 1]], [True, False, True, True]))
    assert order(found(4, 3, 3, 3), built=built, diversity_factor=0.5) == [0, 3, 1, 2]


# --- near duplicates


def test_copies_are_those_that_the_column_names_and_one_of_them_is_shown():
    columns = {"near_duplicate_of": [None, "A", None, "C", "A"]}
    assert order(found(5, 4, 3, 2, 1), columns, drop_near_duplicates=True) == [0, 2]
    reversed_ = Ranked(rows(4, 3, 2, 1, 0), np.arange(5, 0, -1).astype(np.float32), {})
    assert order(reversed_, columns, drop_near_duplicates=True) == [4, 3]


def test_the_limit_is_filled_from_what_is_no_copy():
    columns = {"near_duplicate_of": [None, "A", "A", None, None]}
    assert order(found(5, 4, 3, 2, 1), columns, limit=3, drop_near_duplicates=True) == [0, 3, 4]


def test_copies_of_an_item_that_is_no_candidate_are_copies_of_each_other():
    candidates = Ranked(rows(2, 1, 3), np.array([3, 2, 1], np.float32), {})
    columns = {"near_duplicate_of": [None, "A", "A", None]}
    assert order(candidates, columns, built=quiet(4), drop_near_duplicates=True) == [2, 3]


@pytest.mark.parametrize("column", [[None, None, None], [None, "gone", "gone"], ["A", "B", "C"]])
def test_what_is_a_copy_of_nothing_is_never_dropped(column):
    columns = {"near_duplicate_of": column}
    assert order(found(3, 2, 1), columns, drop_near_duplicates=True) == [0, 1, 2]


def test_ids_that_are_numbers_in_the_column_are_looked_up_as_text():
    columns = {"near_duplicate_of": [None, 1, 1]}
    known = Ordering(quiet(3), lambda: pl.DataFrame(columns), lambda _: {"1": 0})
    query = Query(3, inference=Inference(limit=3, drop_near_duplicates=True))
    shown = known.arranged(found(3, 2, 1), query, np.random.default_rng(0), [])
    assert shown.rows.tolist() == [0]


def test_a_model_that_does_not_know_its_copies_says_how_to_make_it():
    with pytest.raises(ConfigError, match=r"needs the column 'near_duplicate_of'.*update-model"):
        arranged(found(2, 1), {"kind": ["a", "b"]}, drop_near_duplicates=True)


# --- exploration


@given(st.integers(0, 2**32))
def test_the_same_seed_explores_the_same(seed):
    one, other = (
        order(found(*np.linspace(1, 0, 30)), seed=seed, limit=10, exploration_factor=0.5)
        for _ in range(2)
    )
    assert one == other
    assert len(set(one)) == 10


def test_another_seed_explores_others():
    candidates = found(*np.linspace(1, 0, 200))
    one, other = (order(candidates, seed=seed, limit=10, exploration_factor=0.5) for seed in (1, 2))
    assert one != other


def test_what_hardly_anyone_picked_is_explored_first():
    built = quiet(5, facts={"events": [10**9, 10**9, 10**9, 0, 10**9]})
    shown = {
        order(found(5, 4, 3, 2, 1), built=built, seed=seed, limit=1, exploration_factor=1.0)[0]
        for seed in range(20)
    }
    assert shown == {3}


# --- boosting


def test_what_is_popular_is_boosted():
    built = quiet(3, facts={"popularity": [0, 0.2, 1]})
    shown = arranged(found(3, 2, 1), {"price": [1, 2, 3]}, built=built, boosting_factor=1.0)
    assert shown.rows.tolist() == [2, 1, 0]
    assert "boost" in shown.parts


def test_a_column_called_boost_wins_over_what_is_popular():
    built = quiet(3, facts={"popularity": [0, 0.2, 1]})
    columns = {"boost": [0.0, 0.9, 0.1]}
    assert order(found(3, 2, 1), columns, built=built, boosting_factor=1.0) == [1, 2, 0]


@pytest.mark.parametrize(
    ("boost", "expected"),
    [
        ([None, 0.5, float("nan")], [1, 0, 2]),
        ([None, True, False], [1, 0, 2]),
        ([Decimal("0.1"), Decimal("0.2"), None], [1, 0, 2]),
    ],
    ids=["missing", "truth", "decimal"],
)
def test_a_boost_is_a_number_or_a_truth_value_and_nothing_where_it_is_missing(boost, expected):
    assert order(found(3, 2, 1), {"boost": boost}, boosting_factor=1.0) == expected


def test_a_boost_beyond_one_counts_one_and_below_nothing_nothing():
    beyond, within = (
        arranged(found(3, 2, 1), {"boost": boost}, boosting_factor=0.5)
        for boost in ([1.0, 99.0, -99.0], [1.0, 1.0, 0.0])
    )
    assert beyond.rows.tolist() == within.rows.tolist() == [0, 1, 2]
    assert beyond.scores.tolist() == within.scores.tolist()


def test_a_boost_that_is_no_number_is_refused():
    with pytest.raises(ConfigError, match="boosting_factor needs numbers, but the column 'boost'"):
        arranged(found(2, 1), {"boost": [["a"], ["b"]]}, boosting_factor=0.5)


def test_a_boost_is_looked_up_by_item_not_by_place():
    candidates = Ranked(rows(2, 0), np.array([2, 1], np.float32), {})
    built = quiet(3, facts={"popularity": [1, 0, 0]})
    assert order(candidates, {"price": [1, 2, 3]}, built=built, boosting_factor=0.9) == [0, 2]
