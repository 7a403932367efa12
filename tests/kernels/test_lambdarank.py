import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sightline_kernels.lambdarank import lambda_gradient


def problem(sizes, signals=4, *, seed=0, picked=0.3):
    """Lists of so many candidates, in the arrays that the kernel takes, all but k."""
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, *sizes])
    return (
        rng.random((offsets[-1], signals)).astype(np.float32),
        offsets,
        rng.random(offsets[-1]) < picked,
        rng.uniform(0.5, 4, len(sizes)),
        rng.uniform(0, 5, signals),
    )


def one_list(values, relevant, weights, *, ideal=1.0):
    """A single list; its signals are multiples of a quarter, so that equal scores are equal."""
    values = np.array(values, np.float32)
    return (
        values,
        np.array([0, len(values)]),
        np.array(relevant, np.bool_),
        np.array([ideal]),
        np.array(weights, np.float64),
    )


def ndcg(values, relevant, weights, k):
    """Of one list, by the definition."""
    order = np.argsort(-(values @ weights), kind="stable")[:k]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    best = discounts[: relevant.sum()].sum()
    return discounts[: len(order)][relevant[order]].sum() / best


@pytest.mark.parametrize("k", [1, 3, 10, 1_000])
def test_gradients_of_all_lists_equal_the_formula(k):
    arrays = problem([1, 2, 7, 30, 0, 11])
    assert_allclose(lambda_gradient(*arrays, k), reference.lambda_gradient(*arrays, k), rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 12), max_size=5),
    st.integers(1, 5),
    st.integers(1, 15),
    st.floats(0, 1),
    st.integers(0, 99),
)
def test_gradients_of_any_lists_equal_the_formula(sizes, signals, k, picked, seed):
    arrays = problem(sizes, signals, seed=seed, picked=picked)
    expected = reference.lambda_gradient(*arrays, k)
    assert_allclose(lambda_gradient(*arrays, k), expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 60), st.integers(1, 10), st.integers(0, 99))
def test_of_equal_scores_the_earlier_candidate_ranks_first(size, k, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2, (size, 3)) / 4
    arrays = one_list(values, rng.random(size) < 0.5, [1, 1, 2], ideal=1.5)
    expected = reference.lambda_gradient(*arrays, k)
    assert_allclose(lambda_gradient(*arrays, k), expected, rtol=1e-9, atol=1e-12)


def test_exchanging_two_with_equal_scores_still_counts():
    tied = one_list([[1, 0], [1, 0], [0, 1]], [False, True, False], [1, 1])
    change = 1 - 1 / np.log2(3)  # of first and second
    lower = 1 / np.log2(3) - 1 / np.log2(4)  # of second and third
    # The first candidate has the same signals as the picked one: they push nothing apart.
    assert_allclose(lambda_gradient(*tied, 10), [[-lower / 2, lower / 2]], atol=1e-12)
    first = one_list([[1, 0], [1, 0], [0, 1]], [True, False, False], [1, 1])
    assert_allclose(
        lambda_gradient(*first, 10), np.array([[-1, 1]]) * (change + lower) / 2, atol=1e-12
    )


def test_there_may_be_no_lists():
    assert lambda_gradient(*problem([]), 10).shape == (0, 4)
    values, offsets, relevant, ideals, weights = problem([])
    assert lambda_gradient(values[:, :0], offsets, relevant, ideals, weights[:0], 1).shape == (0, 0)


def test_list_without_a_pick_or_with_nothing_else_pulls_nowhere():
    values, offsets, relevant, ideals, weights = problem([5, 5, 5], picked=0.5)
    relevant[:5], relevant[5:10], relevant[10:12] = False, True, [True, False]
    gradients = lambda_gradient(values, offsets, relevant, ideals, weights, 10)
    assert_array_equal(gradients[:2], np.zeros((2, 4)))
    assert gradients[2].any()


@pytest.mark.parametrize("picked", [False, True])
def test_list_of_one_candidate_pulls_nowhere(picked):
    arrays = one_list([[0.5, 0.25]], [picked], [1, 2])
    assert_array_equal(lambda_gradient(*arrays, 10), np.zeros((1, 2)))


def test_pairs_below_the_cut_off_count_for_nothing():
    values = [[4, 0], [3, 0], [2, 0], [1, 1]]
    arrays = one_list(values, [False, False, False, True], [1, 0])
    # At 1 only the first can change places with the picked one.
    pull = 1 / (1 + np.exp(1 - 4))
    assert_allclose(lambda_gradient(*arrays, 1), [[3 * pull, -pull]], rtol=1e-9)


def test_cut_off_beyond_the_longest_list_changes_nothing():
    arrays = problem([3, 8, 20])
    assert_array_equal(lambda_gradient(*arrays, 20), lambda_gradient(*arrays, 10_000))


def test_a_list_pulls_the_same_whatever_other_lists_there_are():
    values, offsets, relevant, ideals, weights = problem([6, 0, 9, 17])
    together = lambda_gradient(values, offsets, relevant, ideals, weights, 5)
    for which in range(4):
        span = slice(offsets[which], offsets[which + 1])
        ends = np.array([0, offsets[which + 1] - offsets[which]])
        alone = lambda_gradient(
            values[span], ends, relevant[span], ideals[which : which + 1], weights, 5
        )
        assert_array_equal(alone[0], together[which])


def test_scores_far_apart_pull_by_all_or_by_nothing():
    far = one_list([[1], [0]], [True, False], [700])
    assert_allclose(lambda_gradient(*far, 10), [[0]], atol=1e-300)
    wrong = one_list([[1], [0]], [False, True], [700])
    assert_allclose(lambda_gradient(*wrong, 10), [[1 - 1 / np.log2(3)]], rtol=1e-12)


def test_strided_and_read_only_arrays_of_other_types_are_read():
    arrays = problem([4, 9])
    expected = lambda_gradient(*arrays, 5)
    values, offsets, relevant, ideals, weights = arrays
    values.flags.writeable = False
    spread = np.repeat(relevant, 2)[::2]
    in_other_types = offsets.astype(np.int32), spread.astype(np.uint8), ideals, list(weights)
    assert_array_equal(lambda_gradient(np.asfortranarray(values), *in_other_types, 5), expected)


def test_of_two_candidates_the_gradient_is_the_slope_of_the_logistic_loss():
    # With two candidates |dNDCG| is the same in either order: the loss has a slope everywhere.
    arrays = values, _, _, ideals, weights = one_list(
        [[0.75, 0.25, 0.5], [0.5, 1, 0]], [False, True], [2, 1, 0.5], ideal=1.25
    )
    change = (1 - 1 / np.log2(3)) / ideals[0]

    def loss(at):
        worse, better = values.astype(np.float64) @ at
        return change * np.log1p(np.exp(worse - better))

    step = 1e-6 * np.eye(3)
    slope = [(loss(weights + by) - loss(weights - by)) / 2e-6 for by in step]
    assert_allclose(lambda_gradient(*arrays, 10)[0], slope, rtol=1e-6)


def test_following_the_gradient_down_puts_the_picked_first():
    rng = np.random.default_rng(3)
    values = rng.random((30, 3)).astype(np.float32)
    relevant = np.zeros(30, np.bool_)
    relevant[np.argsort(-values[:, 1])[:4]] = True  # the second signal tells, the others do not
    arrays = one_list(values, relevant, [1, 0, 1], ideal=2.5)
    weights = arrays[-1].copy()
    before = ndcg(values, relevant, weights, 10)
    for _ in range(50):
        weights -= lambda_gradient(*arrays[:-1], weights, 10)[0]
    assert before < 0.5
    assert ndcg(values, relevant, weights, 10) > 0.9
    assert weights[1] > max(weights[0], weights[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.zeros(3)}, r"\(3,\) values"),
        ({"values": np.zeros((2, 2))}, r"\(2, 2\) values do not go with 3 candidates"),
        ({"values": np.zeros((3, 1))}, "2 weights"),
        ({"weights": [1.0]}, "1 weights"),
        ({"relevant": [True]}, "1 candidates"),
        ({"ideals": [1.0, 1.0]}, "2 of 1 lists"),
        ({"offsets": []}, "of -1 lists"),
        ({"offsets": [], "ideals": []}, "of -1 lists"),
        ({"offsets": [0, 2]}, "offsets must rise from 0 to 3"),
        ({"offsets": [1, 3]}, "offsets must rise from 0 to 3"),
        ({"offsets": [0, 4, 3], "ideals": [1, 1]}, "offsets must rise"),
        ({"offsets": [0, -1, 3], "ideals": [1, 1]}, "offsets must rise"),
    ],
    ids=str,
)
def test_arguments_that_would_reach_outside_memory_are_refused(change, message):
    arguments = {
        "values": np.ones((3, 2)),
        "offsets": [0, 3],
        "relevant": [True, False, False],
        "ideals": [1.0],
        "weights": [1.0, 1.0],
    }
    arrays = {name: np.asarray(value) for name, value in {**arguments, **change}.items()}
    with pytest.raises(ValueError, match=message):
        lambda_gradient(**arrays, k=10)
