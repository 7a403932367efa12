"""The table of nearest others, carried over to changed rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sightline.index.neighbours import Listed, carry_neighbours, nearest_others
from sightline.index.plan import fresh_index
from unit_vectors import unit_rows


def full(n):
    return np.ones(n, np.bool_)


def table(vectors, among, count):
    return nearest_others(fresh_index(vectors, vectors.any(axis=1)), vectors, among, count)


def carried(vectors, among, count, was, earlier):
    index = fresh_index(vectors, vectors.any(axis=1))
    was = np.asarray(was, np.int32)
    return carry_neighbours(index, vectors, among, count, was, earlier)


def lists(others):
    return [[row for row in rows if row >= 0] for rows in others.tolist()]


@pytest.mark.parametrize("count", [1, 5, 12])
@pytest.mark.parametrize("n_before", [0, 1, 4, 9])
def test_where_rows_are_added_only_and_few_the_table_is_a_new_one(count, n_before):
    vectors = unit_rows(n_before + 4 * count - n_before % 4)[: 4 * count]
    n_before = min(n_before, len(vectors))
    order = np.random.default_rng(0).permutation(len(vectors))
    was = np.where(order < n_before, order, -1)
    earlier = Listed(table(vectors[:n_before], full(n_before), count), full(n_before))
    found = carried(vectors[order], full(len(vectors)), count, was, earlier)
    assert found.dtype == np.int32
    assert_array_equal(found, table(vectors[order], full(len(vectors)), count))


def test_rows_that_are_gone_are_left_out_and_the_order_stays():
    vectors = unit_rows(60)
    earlier = Listed(table(vectors, full(60), 10), full(60))
    stay = np.setdiff1d(np.arange(60), [3, 17, 40])
    found = carried(vectors[stay], full(57), 10, stay, earlier)
    anew = table(vectors[stay], full(57), 10)
    for old, some, every in zip(
        earlier.others[stay].tolist(), lists(found), lists(anew), strict=True
    ):
        n_gone = len({3, 17, 40} & set(old))
        assert some == every[: 10 - n_gone]


def test_a_list_that_is_half_gone_is_asked_for_again():
    vectors = unit_rows(60)
    earlier = Listed(table(vectors, full(60), 10), full(60))
    gone = earlier.others[0, :6]
    stay = np.setdiff1d(np.arange(60), gone)
    found = carried(vectors[stay], full(54), 10, stay, earlier)
    assert_array_equal(found[0], table(vectors[stay], full(54), 10)[0])


def test_a_row_that_changed_has_a_new_list_and_is_in_the_lists_it_belongs_to():
    vectors = unit_rows(30)
    earlier = Listed(table(vectors, full(30), 8), full(30))
    vectors[4] = unit_rows(1, seed=5)
    was = np.arange(30)
    was[4] = -1
    found, anew = (
        lists(found)
        for found in (carried(vectors, full(30), 8, was, earlier), table(vectors, full(30), 8))
    )
    assert found[4] == anew[4]
    for some, every in zip(found, anew, strict=True):
        assert some == every[: len(some)]
        assert len(some) >= 7


def test_rows_that_may_be_others_now_are_put_into_lists_and_those_that_may_not_are_taken_out():
    vectors, rng = unit_rows(32), np.random.default_rng(0)
    could = rng.random(32) < 0.6
    can = could ^ (rng.random(32) < 0.1)
    earlier = Listed(table(vectors, could, 8), could)
    found, anew = (
        lists(carried(vectors, can, 8, np.arange(32), earlier)),
        lists(table(vectors, can, 8)),
    )
    for some, every in zip(found, anew, strict=True):
        assert some == every[: len(some)]
        assert 2 * len(some) >= len(every)
    assert any(not could[row] for rows in found for row in rows)


def test_lists_of_another_length_are_of_no_use():
    vectors = unit_rows(20)
    earlier = Listed(table(vectors, full(20), 4), full(20))
    assert_array_equal(
        carried(vectors, full(20), 6, np.arange(20), earlier), table(vectors, full(20), 6)
    )


def test_rows_without_a_vector_have_no_list_and_are_in_none():
    vectors = unit_rows(20)
    earlier = Listed(table(vectors, full(20), 5), full(20))
    vectors[7] = 0
    was = np.arange(20)
    was[7] = -1
    found = carried(vectors, vectors.any(axis=1), 5, was, earlier)
    assert (found[7] == -1).all()
    assert 7 not in found


def test_vectors_without_components_have_no_lists():
    nothing = np.zeros((3, 0), np.float32)
    earlier = Listed(np.full((2, 4), -1, np.int32), ~full(2))
    found = carried(nothing, ~full(3), 4, [0, 1, -1], earlier)
    assert_array_equal(found, np.full((3, 4), -1))


@given(
    n=st.integers(0, 60),
    leaving=st.floats(0, 1),
    joining=st.integers(0, 40),
    count=st.integers(1, 12),
    distinct=st.integers(1, 60),
    seed=st.integers(0, 2**20),
)
def test_lists_hold_others_that_may_be_in_order_and_nearly_the_nearest(
    n, leaving, joining, count, distinct, seed
):
    rng = np.random.default_rng(seed)
    some = unit_rows(distinct, 6, seed)
    before = some[rng.integers(0, distinct, n)] * (rng.random((n, 1)) < 0.9)
    could = before.any(axis=1) & (rng.random(n) < 0.7)
    earlier = Listed(table(before, could, count), could)
    stay = np.flatnonzero(rng.random(n) >= leaving)
    was = rng.permutation(np.append(stay, np.full(joining, -1))).astype(np.int32)
    new = some[rng.integers(0, distinct, len(was))]
    vectors = np.where(was[:, None] >= 0, before[was], new) if n else new
    among = vectors.any(axis=1) & (rng.random(len(was)) < 0.7)
    found, anew = carried(vectors, among, count, was, earlier), table(vectors, among, count)
    scores = (vectors.astype(np.float64) @ vectors.T.astype(np.float64)).astype(np.float32)
    for row, (rows, nearest) in enumerate(zip(lists(found), lists(anew), strict=True)):
        assert row not in rows
        assert among[rows].all()
        assert len(set(rows)) == len(rows) <= len(nearest) <= 2 * len(rows)
        assert sorted(rows, key=lambda other: -scores[row, other]) == rows
        if was[row] < 0:
            assert rows == nearest
        elif len(was) <= 4 * count:
            assert_array_equal(scores[row, rows], scores[row, nearest[: len(rows)]])
