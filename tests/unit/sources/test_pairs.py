import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.errors import SchemaError
from sightline.sources.pairs import pair_table

ITEM_IDS = ["a", "b", "c", "d"]


def pairs(columns, item_ids=ITEM_IDS):
    return pair_table(pl.DataFrame(columns, strict=False), item_ids=item_ids)


def rows(table):
    return list(zip(table.first.tolist(), table.second.tolist(), table.same.tolist(), strict=True))


@pytest.mark.parametrize(
    "names",
    [
        ("item_id", "other_item_id"),
        ("itemA", "itemB"),
        ("item_1", "item_2"),
        ("Left", "Right"),
        ("anchor", "other"),
        ("item_id", "item_id_1"),
    ],
)
@pytest.mark.parametrize("label", ["label", "is_same", "Relation"])
def test_pairs_are_read_under_their_usual_names(names, label):
    first, second = names
    table = pairs({second: ["b", "c"], label: ["same", "different"], first: ["a", "b"]})
    assert rows(table) == [(0, 1, True), (1, 2, False)]
    assert table.group.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("same", "different"),
    [
        ("same", "different"),
        (" SAME ", "Not-same"),
        (1, 0),
        (1.0, -1.0),
        (True, False),
        ("true", "false"),
        ("yes", "no"),
        ("match", "no_match"),
        ("1", "-1"),
    ],
)
def test_labels_are_words_numbers_or_booleans(same, different):
    table = pairs({"item_a": ["a", "b"], "item_b": ["c", "d"], "label": [same, different]})
    assert table.same.tolist() == [True, False]


def test_pairs_without_a_label_are_all_the_same_and_that_is_said():
    table = pairs({"item_a": ["a"], "item_b": ["b"], "seen_at": ["2024-01-01"]})
    assert rows(table) == [(0, 1, True)]
    assert table.report.notes == ("pairs without a label: all are the same",)


def test_a_triplet_is_a_same_pair_and_a_different_one():
    table = pairs(
        {"anchor": ["a", "b"], "positive": ["b", "c"], "negative": ["c", "a"], "label": [0, 0]}
    )
    assert rows(table) == [(0, 1, True), (0, 2, False), (1, 2, True), (1, 0, False)]
    assert table.group.tolist() == [0, 0, 1, 1]
    assert (table.report.rows, table.report.kept, table.report.notes) == (2, 2, ())


def test_types_are_those_of_rows_whatever_came_in():
    for table in (
        pairs({"item_a": [1.0], "item_b": [2]}, item_ids=["1", "2"]),
        pairs({"anchor": [1], "positive": [2], "negative": [3]}, item_ids=["1", "2", "3"]),
    ):
        found = (table.first, table.second, table.same, table.group)
        assert [array.dtype for array in found] == [np.int32, np.int32, np.bool_, np.int32]
        assert all(array.flags.c_contiguous for array in found)


def test_every_reason_is_counted_once_by_the_first_that_holds():
    listed = [
        ("a", None, "same", "no item"),
        (" ", "b", None, "no item"),
        ("a", "b", None, "no label"),
        ("a", "b", " ", "no label"),
        ("a", "b", "0.3", "unreadable label"),
        ("a", "x", "maybe", "unreadable label"),
        ("a", "x", "same", "unknown item"),
        ("y", "y", "same", "unknown item"),
        ("a", "a", "same", "an item with itself"),
        ("a", "b", "same", "repeated"),
        ("b", "a", "same", None),
        ("c", "d", "same", "contradicted by a later row"),
        ("d", "c", "different", None),
    ]
    frame = pl.DataFrame(listed, schema=["item_a", "item_b", "label", "reason"], orient="row")
    table = pair_table(frame.drop("reason"), item_ids=ITEM_IDS)
    expected = frame["reason"].drop_nulls().value_counts()
    assert table.report.dropped == dict(expected.iter_rows())
    assert rows(table) == [(1, 0, True), (3, 2, False)]
    assert set(table.report.examples["unknown item"]) == {"x", "y"}


def test_a_triplet_needs_three_items_that_differ():
    table = pairs(
        {
            "anchor": ["a", "a", "a", "a", None, "a"],
            "positive": ["a", "b", "b", "b", "b", "b"],
            "negative": ["b", "b", "x", "c", "c", "c"],
        }
    )
    assert table.report.dropped == {
        "an item with itself": 2,
        "unknown item": 1,
        "repeated": 1,
        "no item": 1,
    }
    assert rows(table) == [(0, 1, True), (0, 2, False)]


def test_triplets_may_disagree_on_a_pair():
    table = pairs({"anchor": ["a", "a"], "positive": ["b", "c"], "negative": ["c", "d"]})
    assert len(table) == 4


@pytest.mark.parametrize("columns", [{"item_id": ["a"]}, {"positive": ["a"], "negative": ["b"]}])
def test_missing_columns_are_answered_with_those_found(columns):
    with pytest.raises(
        SchemaError, match=rf"fetch\.pairs has no two items: its columns are {next(iter(columns))}"
    ):
        pairs(columns)


def test_pairs_of_which_none_can_be_used_are_an_error_that_says_why():
    with pytest.raises(
        SchemaError, match=r"none of the 1 rows .*unknown item: 1.*'item_a' and 'item_b'.*'label'"
    ):
        pairs({"item_a": ["x"], "item_b": ["y"], "label": [1]})


def test_labels_that_are_lists_are_unreadable():
    with pytest.raises(SchemaError, match="unreadable label: 1"):
        pairs({"item_a": ["a"], "item_b": ["b"], "label": [[1]]})


def test_no_rows_are_no_pairs():
    assert len(pairs({"item_a": [], "item_b": [], "label": []})) == 0
    assert len(pairs({"anchor": [], "positive": [], "negative": []})) == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", "nope", None]),
            st.sampled_from(["a", "b", "c", "nope", None]),
            st.sampled_from(["same", "different", "perhaps", None]),
        )
    )
)
def test_the_report_adds_up_and_every_pair_is_said_once(listed):
    frame = pl.DataFrame(
        [*listed, ("a", "d", "same")], schema=["item_a", "item_b", "label"], orient="row"
    )
    table = pair_table(frame, item_ids=ITEM_IDS)
    assert table.report.rows == len(listed) + 1
    assert table.report.kept == len(table) == table.report.rows - sum(table.report.dropped.values())
    either = {frozenset(pair) for pair in zip(table.first, table.second, strict=True)}
    assert len(either) == len(table)
    assert all(len(pair) == 2 for pair in either)
