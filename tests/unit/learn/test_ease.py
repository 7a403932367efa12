import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sightline.learn import ease
from sightline.learn.ease import ease_fits, held_out_ndcg, learn_ease
from sightline.learn.interactions import Interactions, no_interactions


def histories(*users):
    """Users as lists of items, oldest first, or mappings of item to weight."""
    offsets = np.cumsum([0, *map(len, users)])
    rows = np.array([row for user in users for row in user], np.int32)
    weights = [user[row] if isinstance(user, dict) else 1 for user in users for row in user]
    return Interactions(offsets, rows, np.array(weights, np.float32), np.arange(len(rows)))


def crowd(people, n_items, *, seed=0):
    """People who pick at random, with weights, some items more often than others."""
    rng = np.random.default_rng(seed)
    chance = 1 / np.arange(1, n_items + 1) ** 0.7
    users = []
    for _ in range(people):
        picked = rng.choice(n_items, rng.integers(5, 15), replace=False, p=chance / chance.sum())
        users.append(dict(zip(picked.tolist(), rng.uniform(0.5, 2, len(picked)), strict=True)))
    return histories(*users)


def matrix(picks, n_items):
    dense = np.zeros((len(picks), n_items))
    for user, history in enumerate(picks):
        dense[user, history.rows] = history.weights
    return dense


def closed_form(picks, n_items, regularization):
    x, near = matrix(picks, n_items), np.zeros((n_items, n_items))
    for user, history in enumerate(picks):
        place = np.arange(len(history))
        kernel = 0.5 + 0.5 * 2 ** (-np.abs(place[:, None] - place) / 10)
        mine = x[user, history.rows]
        near[np.ix_(history.rows, history.rows)] += mine[:, None] * kernel * mine
    inverse = np.linalg.inv(near + regularization * np.eye(n_items))
    weights = np.eye(n_items) - inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def spread_out(learnt):
    """The lists as the matrix that they are the entries of."""
    n_items = len(learnt.neighbours)
    dense = np.zeros((n_items, n_items))
    for item, (rows, scores) in enumerate(zip(learnt.neighbours, learnt.scores, strict=True)):
        dense[item, rows[rows >= 0]] = scores[rows >= 0]
    return dense


def test_weights_are_those_of_the_closed_form():
    picks = crowd(60, 30)
    learnt = learn_ease(picks, 30, regularization=7)
    assert learnt.neighbours.shape == (30, 29)
    assert learnt.regularization == 7
    assert_allclose(spread_out(learnt), closed_form(picks, 30, 7), atol=1e-6)


@pytest.mark.parametrize("n_items", [4, 5, 16, 17, 50])
def test_inverting_by_blocks_changes_nothing(n_items, monkeypatch):
    monkeypatch.setattr(ease, "_BLOCKS", (8, 4))
    monkeypatch.setattr(ease, "_STRIPE", 16)
    picks = crowd(80, 50)
    picks = picks.where(picks.rows < n_items)
    learnt = learn_ease(picks, n_items, regularization=3)
    assert_allclose(spread_out(learnt), closed_form(picks, n_items, 3), atol=1e-6)


def test_an_inverse_of_the_real_block_sizes_is_one():
    x = np.random.default_rng(0).normal(size=(1_200, 1_100)).astype(np.float32)
    products = x.T @ x + 50 * np.eye(1_100, dtype=np.float32)
    inverse = products.copy()
    ease._negate_inverse(inverse)
    assert_allclose(-inverse @ products, np.eye(1_100), atol=2e-3)
    assert_array_equal(inverse, inverse.T)


def test_lists_are_by_descending_score_with_negative_ones_last():
    learnt = learn_ease(crowd(60, 30), 30, regularization=1)
    assert (np.diff(learnt.scores, axis=1) <= 0).all()
    assert learnt.scores.min() < 0 < learnt.scores.max()
    for item, rows in enumerate(learnt.neighbours):
        assert sorted(rows) == [other for other in range(30) if other != item]


def test_items_that_nobody_picked_are_in_no_list():
    learnt = learn_ease(histories([0, 4], [0, 4], [4, 2]), 6, regularization=1)
    assert (learnt.neighbours[[1, 3, 5]] == -1).all()
    assert set(np.unique(learnt.neighbours)) == {-1, 0, 2, 4}


def test_items_that_have_nothing_to_do_with_each_other_are_in_no_list_either():
    learnt = learn_ease(histories([0, 1], [0, 1], [2, 3], [2, 3]), 4, regularization=1)
    assert_array_equal(learnt.neighbours, [[1, -1, -1], [0, -1, -1], [3, -1, -1], [2, -1, -1]])
    assert_array_equal(learnt.scores[:, 1:], np.zeros((4, 2)))


def test_what_is_kept_of_a_row_weighs_most_in_the_columns_that_are_longest(monkeypatch):
    monkeypatch.setattr(ease, "_NEIGHBOURS", 4)
    monkeypatch.setattr(ease, "_FEWEST_NEIGHBOURS", 2)
    picks = crowd(60, 30)
    learnt = learn_ease(picks, 30, regularization=7)
    weights = closed_form(picks, 30, 7)
    weight_of = np.abs(weights) * np.linalg.norm(matrix(picks, 30), axis=0)
    kept = np.argsort(-weight_of, axis=1)[:, :4]
    assert_array_equal(np.sort(learnt.neighbours, axis=1), np.sort(kept, axis=1))


def test_lists_of_a_large_catalogue_are_shorter(monkeypatch):
    monkeypatch.setattr(ease, "_MOST_ENTRIES", 40 * 12)
    monkeypatch.setattr(ease, "_FEWEST_NEIGHBOURS", 3)
    assert learn_ease(crowd(60, 30), 40, regularization=7).neighbours.shape == (40, 12)
    assert learn_ease(crowd(60, 30), 400, regularization=7).neighbours.shape == (400, 3)


def test_the_result_does_not_depend_on_the_number_of_threads():
    picks = crowd(60, 30)
    one, three = (learn_ease(picks, 30, threads=threads) for threads in (1, 3))
    assert one.scores.tobytes() == three.scores.tobytes()
    assert one.neighbours.tobytes() == three.neighbours.tobytes()
    assert one.regularization == three.regularization


@pytest.mark.parametrize("order", [(0.001, 30), (30, 0.001)])
def test_the_regularization_that_ranks_later_picks_best_is_taken(order):
    rng = np.random.default_rng(0)
    halves = np.arange(20), np.arange(20, 40)
    people = [rng.choice(halves[person % 2], 10, replace=False) for person in range(60)]
    assert learn_ease(histories(*people), 40, regularization=order).regularization == 30


def test_with_too_few_people_to_judge_by_the_middle_regularization_is_taken():
    picks = crowd(19, 30)
    assert learn_ease(picks, 30, regularization=(9, 1, 4)).regularization == 4
    assert learn_ease(picks, 30).regularization == 200


def test_progress_counts_every_inverse():
    told = []
    learn_ease(crowd(30, 30), 30, progress=lambda *state: told.append(state))
    assert told == [(done, 8) for done in range(9)]
    told.clear()
    learn_ease(crowd(30, 30), 30, regularization=5, progress=lambda *state: told.append(state))
    assert told == [(0, 1), (1, 1)]


@pytest.mark.parametrize("n_items", [0, 3])
def test_no_picks_no_lists(n_items):
    assert learn_ease(no_interactions(), n_items).neighbours.shape == (n_items, 0)


def test_one_item_has_no_others():
    assert learn_ease(histories([1], [1]), 3).neighbours.shape == (3, 0)


def test_the_number_of_picked_items_has_a_limit():
    assert ease_fits(ease.MOST_ITEMS)
    assert not ease_fits(ease.MOST_ITEMS + 1)


def judged(scores, earlier, later):
    users = np.arange(len(scores))
    return held_out_ndcg(lambda some: np.array(scores, np.float32)[some], earlier, later, users)


def test_a_ranking_with_all_later_picks_first_has_an_ndcg_of_one():
    scores = [[9, 1, 0, 5, 4], [0, 3, 2, 1, 9]]
    assert judged(scores, histories([0], [4]), histories([4, 3], [1])) == pytest.approx(1)


def test_an_ndcg_is_over_the_whole_ranking_without_what_was_known():
    found = judged([[9, 1, 0, 5, 4]], histories([0]), histories([1, 2]))
    assert found == pytest.approx((1 / np.log2(4) + 1 / np.log2(5)) / (1 + 1 / np.log2(3)))


def test_equal_scores_share_the_middle_of_their_places():
    found = judged([[0, 0, 0, 0, 0]], histories([0]), histories([3]))
    assert found == pytest.approx(1 / np.log2(1.5 + 2))
