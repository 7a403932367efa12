import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sightline.learn.als import UNOBSERVED, learn_als
from sightline.learn.factors import Factors
from sightline.learn.interactions import Interactions

REGULARIZATION = 2.0
ALL = np.arange(40, dtype=np.int32)


def drawn(n=40, size=5, seed=0):
    """Factors of items, and the gram that ALS would leave beside them."""
    factors = np.random.default_rng(seed).normal(0, 0.3, (n, size)).astype(np.float32)
    gram = UNOBSERVED * factors.T @ factors + REGULARIZATION * np.eye(size, dtype=np.float32)
    return factors, gram.astype(np.float32)


def picks(*rows, weights=None):
    weights = np.ones(len(rows)) if weights is None else weights
    return np.array(rows, np.int32), np.array(weights, np.float32)


def test_likings_are_those_of_the_user_who_fits_the_picks_best():
    factors, gram = drawn()
    rows, weights = picks(3, 8, 21, weights=[1, 4, 0.5])
    likings = Factors(factors, gram).likings(rows, weights, ALL)
    # The user of least squares, cell by cell: a pick is 1 with its weight, all the rest is 0.
    cells = np.full(40, UNOBSERVED)
    cells[rows] += weights
    wanted = np.zeros(40)
    wanted[rows] = weights / cells[rows]
    exact = factors.astype(np.float64)
    left = (exact.T * cells) @ exact + REGULARIZATION * np.eye(5)
    user = np.linalg.solve(left, (exact.T * cells) @ wanted)
    assert_allclose(likings, exact @ user, rtol=1e-3, atol=1e-5)
    assert likings.dtype == np.float32


def test_pool_is_scored_in_its_own_order():
    factors = Factors(*drawn())
    everything = factors.likings(*picks(1, 2), ALL)
    pool = np.array([17, 2, 39, 2], np.int32)
    assert_allclose(factors.likings(*picks(1, 2), pool), everything[pool], rtol=1e-5)
    assert factors.likings(*picks(1, 2), pool[:0]).shape == (0,)


def test_the_more_a_pick_counts_the_more_its_like_is_liked():
    factors, gram = drawn()
    factors[5] = factors[4]
    scorer = Factors(factors, gram)
    likings = [
        scorer.likings(*picks(4, 9, weights=[weight, 1]), picks(5)[0])[0] for weight in (0.1, 1, 10)
    ]
    assert likings[0] < likings[1] < likings[2] < 1


def test_picks_without_factors_and_no_picks_at_all_say_nothing():
    factors, gram = drawn()
    factors[7] = 0
    scorer = Factors(factors, gram)
    assert_array_equal(scorer.likings(*picks(7), ALL), np.zeros(40))
    assert_array_equal(scorer.likings(*picks(), ALL), np.zeros(40))
    both, alone = scorer.likings(*picks(7, 3), ALL), scorer.likings(*picks(3), ALL)
    assert_allclose(both, alone, atol=1e-6)


def test_an_item_without_factors_is_liked_by_nobody():
    factors, gram = drawn()
    factors[7] = 0
    assert Factors(factors, gram).likings(*picks(1, 2), ALL)[7] == 0


def test_arrays_may_be_read_only():
    factors, gram = drawn()
    expected = Factors(factors.copy(), gram.copy()).likings(*picks(1, 2), ALL)
    factors.flags.writeable = gram.flags.writeable = False
    assert_array_equal(Factors(factors, gram).likings(*picks(1, 2), ALL), expected)


def test_a_history_newer_than_the_factors_likes_its_own_camp():
    rng = np.random.default_rng(0)
    users = [rng.choice(20, 8, replace=False) + 20 * (user % 2) for user in range(60)]
    offsets = np.cumsum([0, *map(len, users)])
    rows = np.concatenate(users).astype(np.int32)
    history = Interactions(offsets, rows, np.ones(len(rows), np.float32), np.arange(len(rows)))
    learnt = learn_als(history, 40, regularization=5.0)
    likings = Factors(learnt.factors, learnt.gram).likings(*picks(22, 25), ALL)
    assert likings[20:].min() > likings[:20].max()
