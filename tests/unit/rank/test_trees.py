import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sightline.rank.trees import Trees

LEAF = ()


def grow(trees, *, names=("looks", "price"), **settings):
    """Trees written as nested (signal, threshold, unknown_left, left, right), a number for a leaf.

    The mean of an inner node is that of its two children.
    """
    nodes = []

    def put(tree, at):
        if not isinstance(tree, tuple):
            nodes[at] = (0, np.inf, True, at, tree)
            return tree
        signal, threshold, unknown_left, *branches = tree
        first = len(nodes)
        nodes.extend([LEAF, LEAF])
        mean = np.mean([put(branch, first + side) for side, branch in enumerate(branches)])
        nodes[at] = (signal, threshold, unknown_left, first, mean)
        return mean

    roots = []
    for tree in trees:
        roots.append(len(nodes))
        nodes.append(LEAF)
        put(tree, roots[-1])
    feature, threshold, unknown_left, left, value = zip(*nodes, strict=True)
    return Trees(
        names,
        np.array(feature, np.int32),
        np.array(threshold, np.float32),
        np.array(unknown_left),
        np.array(left, np.int32),
        np.array(value, np.float64),
        np.array(roots, np.int32),
        np.ones(len(names)),
        **settings,
    )


def one_by_one(tree, values):
    """What a nested tree says of one candidate."""
    while isinstance(tree, tuple):
        signal, threshold, unknown_left, left, right = tree
        value = values[signal]
        tree = left if (unknown_left if np.isnan(value) else value <= threshold) else right
    return tree


def random_tree(rng, most_leaves):
    """A tree over thresholds that are halves, so that values often lie on one."""
    if most_leaves == 1 or rng.random() < 0.1:
        return float(rng.uniform(-1, 1))
    on_the_left = int(rng.integers(1, most_leaves))
    return (
        int(rng.integers(2)),
        np.float32(rng.integers(-3, 4) / 2),
        bool(rng.integers(2)),
        random_tree(rng, on_the_left),
        random_tree(rng, most_leaves - on_the_left),
    )


def random_forest(seed, count, most_leaves):
    rng = np.random.default_rng(seed)
    return [random_tree(rng, most_leaves) for _ in range(count)]


forests = st.builds(
    random_forest, st.integers(0, 2**32), st.integers(1, 4), st.sampled_from([1, 3, 9, 20, 40, 90])
)
numbers = st.sampled_from([*np.arange(-4, 5) / 2, 0.3, np.nan, np.inf, -np.inf])
values_of = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8).map(
    lambda rows: np.array(rows, np.float32)
)


def chain(count):
    """A tree of `count` leaves that is as deep as it can be."""
    tree = 0.0
    for place in range(1, count):
        tree = (place % 2, np.float32(count - place), place % 3 == 0, tree, float(place))
    return tree


@given(forests, values_of)
def test_a_score_is_the_sum_of_the_leaves_that_a_candidate_ends_in(forest, values):
    expected = [sum(one_by_one(tree, row) for tree in forest) for row in values]
    assert_allclose(grow(forest).scores(values), expected, atol=1e-6)


@given(forests, values_of)
def test_contributions_and_bias_add_up_to_the_score(forest, values):
    trees = grow(forest)
    total = trees.contributions(values).sum(axis=1) + trees.bias
    assert_allclose(total, trees.scores(values), atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 8, 9, 16, 17, 32, 33, 63, 64, 65, 200])
def test_a_tree_may_have_any_number_of_leaves(count):
    tree = chain(count)
    values = np.random.default_rng(0).uniform(-1, count + 1, (300, 2)).astype(np.float32)
    values[::7, 0], values[::5, 1] = np.nan, np.floor(values[::5, 1])
    expected = [one_by_one(tree, row) for row in values]
    assert_allclose(grow([tree, 0.5]).scores(values), np.array(expected) + 0.5, rtol=1e-6)


def test_more_candidates_than_are_looked_up_at_once_are_scored_the_same():
    trees = grow([chain(5)] * 300)
    values = np.random.default_rng(1).uniform(0, 5, (500, 2)).astype(np.float32)
    assert_array_equal(trees.scores(values)[490:], trees.scores(values[490:]))
    assert_array_equal(trees.contributions(values)[490:], trees.contributions(values[490:]))


def test_no_candidates_have_no_scores():
    trees, none = grow([chain(3)]), np.zeros((0, 2), np.float32)
    assert trees.scores(none).shape == (0,)
    assert trees.contributions(none).shape == (0, 2)


def test_a_contribution_goes_to_the_signal_that_was_looked_at():
    # Means: of the right half 3, of all 2.
    trees = grow([(0, np.float32(0.5), True, 1.0, (1, np.float32(0.5), True, 2.0, 4.0))])
    values = np.array([[0, 1], [1, 0], [1, 1]], np.float32)
    assert trees.bias == 2
    assert_array_equal(trees.contributions(values), [[-1, 0], [1, -1], [1, 1]])


def test_zero_is_unknown_where_it_was_so_in_training():
    tree = (0, np.float32(0.5), False, 1.0, 2.0)
    values = np.array([[0, 0], [1e-36, 0], [-0.0, 0], [0.25, 0], [np.nan, 0]], np.float32)
    assert_array_equal(grow([tree]).scores(values), [1, 1, 1, 1, 2])
    assert_array_equal(grow([tree], zero_is_unknown=True).scores(values), [2, 2, 2, 1, 2])


def test_with_a_link_scores_are_probabilities_and_contributions_their_log_odds():
    raw = grow([chain(6)], link=None)
    linked = grow([chain(6)], link=(2.0, -3.0))
    values = np.random.default_rng(2).uniform(0, 6, (50, 2)).astype(np.float32)
    chances = linked.scores(values).astype(np.float64)
    assert_allclose(chances, 1 / (1 + np.exp(3 - 2 * raw.scores(values))), rtol=1e-5)
    odds = linked.contributions(values).sum(axis=1) + linked.bias
    assert_allclose(odds, np.log(chances / (1 - chances)), atol=1e-4)


def test_extreme_log_odds_are_still_probabilities():
    tree = (0, np.float32(0), True, -1e4, 1e4)
    scores = grow([tree], link=(1.0, 0.0)).scores(np.array([[0, 0], [1, 0]], np.float32))
    assert_array_equal(scores, [0, 1])


def test_importances_are_shares_of_the_gain():
    trees = grow([1.0])
    trees.gains[:] = [3, 1]
    assert trees.importances() == {"looks": 0.75, "price": 0.25}
    trees.gains[:] = 0
    assert trees.importances() == {"looks": 0, "price": 0}


@pytest.mark.parametrize(
    "settings", [{}, {"zero_is_unknown": True, "link": (0.5, -1.0)}], ids=["raw", "linked"]
)
def test_trees_come_back_from_the_files_of_their_arrays(tmp_path, settings):
    trees = grow([chain(4), chain(20)], **settings)
    for name, values in trees.to_arrays().items():
        np.save(tmp_path / f"{name}.npy", values)
    mapped = {path.stem: np.load(path, mmap_mode="r") for path in tmp_path.iterdir()}
    opened = Trees.from_arrays(mapped)
    values = np.array([[3, 2], [0, np.nan], [11, 0]], np.float32)
    assert (opened.names, opened.link) == (trees.names, trees.link)
    assert opened.bias == trees.bias
    assert_array_equal(opened.scores(values), trees.scores(values))
    assert_array_equal(opened.contributions(values), trees.contributions(values))
