import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sightline_kernels.cooccurrence import cooccurrence


def histories(*users):
    """Users as mappings of item row to weight, in the arrays that the kernel takes."""
    offsets = np.cumsum([0, *map(len, users)])
    rows = np.array([row for user in users for row in user], np.int32)
    weights = np.array([weight for user in users for weight in user.values()], np.float32)
    return offsets, rows, weights


def test_scores_equal_the_dense_product():
    rng = np.random.default_rng(0)
    users = [
        dict(zip(rng.permutation(15)[:count], rng.uniform(0.5, 2, count), strict=True))
        for count in rng.integers(0, 9, 20)
    ]
    arrays = histories(*users)
    neighbours, scores = cooccurrence(*arrays, 15, 6, 0.7)
    expected_neighbours, expected_scores = reference.cooccurrence(*arrays, 15, 6, 0.7)
    assert_array_equal(neighbours, expected_neighbours)
    assert_allclose(scores, expected_scores, rtol=1e-6)


def test_a_pair_picked_by_the_same_two_people_has_cosine_one():
    neighbours, scores = cooccurrence(*histories({0: 1, 1: 1}, {0: 1, 1: 1}, {2: 1}), 3, 1, 0)
    assert_array_equal(neighbours, [[1], [0], [-1]])
    assert_allclose(scores, [[1], [1], [0]])


def test_shrinkage_is_added_to_the_norms():
    _, scores = cooccurrence(*histories({0: 2, 1: 3}), 2, 1, 4)
    assert_allclose(scores, [[6 / (6 + 4)]] * 2)


def test_equal_scores_keep_the_lower_row_first():
    everyone = dict.fromkeys([4, 2, 0, 3, 1], 1)
    neighbours, _ = cooccurrence(*histories(everyone, everyone), 5, 3, 1)
    assert_array_equal(neighbours, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]])


def test_more_neighbours_than_items_are_padded():
    neighbours, scores = cooccurrence(*histories({0: 1, 1: 1}), 2, 4, 0)
    assert_array_equal(neighbours, [[1, -1, -1, -1], [0, -1, -1, -1]])
    assert_allclose(scores, [[1, 0, 0, 0]] * 2)


def test_what_people_disagree_on_is_no_neighbour():
    neighbours, _ = cooccurrence(*histories({0: 1, 1: -1}), 2, 1, 0)
    assert_array_equal(neighbours, [[-1], [-1]])


def test_zero_weights_and_no_users_leave_no_neighbours():
    assert cooccurrence(*histories({0: 0, 1: 0}), 2, 1, 0)[0].max() == -1
    assert cooccurrence(*histories(), 2, 1, 0)[0].tolist() == [[-1], [-1]]
    assert cooccurrence(*histories(), 0, 1, 0)[0].shape == (0, 1)


def test_strided_and_read_only_histories_are_read():
    offsets, rows, weights = histories({0: 1, 1: 2}, {1: 1, 2: 1})
    spread = np.repeat(rows, 2)[::2], np.repeat(weights, 2)[::2]
    weights.flags.writeable = False
    expected = cooccurrence(offsets, rows, weights, 3, 2, 1)
    assert_array_equal(cooccurrence(offsets, *spread, 3, 2, 1)[0], expected[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"shrinkage": -1}, "shrinkage"),
        ({"shrinkage": np.nan}, "shrinkage"),
        ({"user_offsets": [0, 1]}, "user_offsets"),
        ({"user_offsets": [0, 3, 2]}, "user_offsets"),
        ({"user_offsets": []}, "user_offsets"),
        ({"n_items": 1}, "item rows must lie in 0..0"),
        ({"item_rows": [0, -1]}, "item rows"),
        ({"weights": [1, np.nan]}, "not finite"),
        ({"weights": [1, np.inf]}, "not finite"),
        ({"weights": [1]}, "1 weights"),
    ],
    ids=str,
)
def test_arguments_that_would_reach_outside_memory_are_refused(change, message):
    arguments = {
        "user_offsets": [0, 2],
        "item_rows": [0, 1],
        "weights": [1, 1],
        "n_items": 2,
        "k": 1,
        "shrinkage": 0,
    }
    with pytest.raises(ValueError, match=message):
        cooccurrence(**{**arguments, **change})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.dictionaries(st.integers(0, 7), st.integers(1, 3), max_size=6), max_size=8),
    st.integers(1, 9),
)
def test_neighbours_are_sorted_unique_and_never_the_item_itself(users, k):
    neighbours, scores = cooccurrence(*histories(*users), 8, k, 0.5)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert ((neighbours >= 0) == (scores > 0)).all()
    for item in range(8):
        found = neighbours[item][neighbours[item] >= 0]
        assert len(set(found)) == len(found)
        assert item not in found
