import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sightline.learn.fusion import Lists, learn_weights, logistic

SIZE = 30
PRIOR = np.full(4, 2.5)


def made(strengths=(8.0, 0.0, 0.0, 0.0), *, count=60, seed=0, picks=4):
    """Lists of thirty candidates, of which those are picked that the strengths speak for."""
    rng = np.random.default_rng(seed)
    values = rng.random((count, SIZE, len(strengths))).astype(np.float32)
    liking = values @ np.array(strengths) + rng.gumbel(size=(count, SIZE))
    relevant = liking >= np.sort(liking, axis=1)[:, [-picks]]
    return Lists(
        values.reshape(-1, len(strengths)),
        np.arange(count + 1) * SIZE,
        relevant.ravel(),
        np.full(count, picks),
    )


def simulated(slope, intercept, *, count=20_000, scale=1.0, seed=0):
    """Scores up to `scale`, and picks as likely as a logistic curve says."""
    rng = np.random.default_rng(seed)
    scores = (scale * rng.random(count)).astype(np.float32)
    relevant = rng.random(count) < 1 / (1 + np.exp(-(slope * scores + intercept)))
    return scores, relevant


def chance(scores, slope, intercept):
    return 1 / (1 + np.exp(-(slope * scores + intercept)))


def ndcg(lists, weights):
    """The mean NDCG@10 of lists of four picks each."""
    discounts = 1 / np.log2(np.arange(2, 12))
    order = np.argsort(-lists.scores(weights).reshape(-1, SIZE), axis=1, kind="stable")[:, :10]
    found = np.take_along_axis(lists.relevant.reshape(-1, SIZE), order, axis=1)
    return (found @ discounts).mean() / discounts[:4].sum()


@pytest.mark.parametrize("telling", range(4))
def test_the_signal_that_tells_gets_more_than_all_noise_together(telling):
    strengths = 8.0 * (np.arange(4) == telling)
    weights = learn_weights(made(strengths), PRIOR)
    assert weights[telling] > 0.5
    assert np.delete(weights, telling).max() < 0.2


def test_what_tells_more_gets_more():
    weights = learn_weights(made((8.0, 4.0, 0.0, 0.0), count=300), PRIOR)
    assert weights[0] > weights[1] > 1.5 * max(weights[2:])


def test_learned_weights_rank_new_lists_better_than_the_prior():
    new = made(seed=1)
    weights = learn_weights(made(), PRIOR)
    assert ndcg(new, weights) > ndcg(new, PRIOR) + 0.1


def test_noise_that_the_prior_gives_nothing_stays_little():
    prior = np.array([10.0, 0.0, 0.0, 0.0])
    weights = learn_weights(made((4.0, 0.0, 0.0, 0.0), count=300), prior)
    assert weights[0] > 0.85


def test_where_nothing_tells_the_prior_stays_nearly_as_it_is():
    prior = np.array([4.0, 3.0, 2.0, 1.0])
    weights = learn_weights(made((0.0, 0.0, 0.0, 0.0), count=300), prior)
    assert_allclose(weights, prior / prior.sum(), atol=0.1)
    assert (np.diff(weights) < 0).all()


def test_what_speaks_against_an_item_gets_nothing_never_less():
    weights = learn_weights(made((-8.0, 0.0, 0.0, 0.0)), PRIOR)
    assert weights[0] == 0
    assert (weights[1:] > 0).all()


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.sampled_from([-9.0, 0.0, 3.0, 9.0]), min_size=1, max_size=5),
    st.integers(0, 2**31),
)
def test_weights_are_never_below_zero_and_sum_to_one(strengths, seed):
    weights = learn_weights(
        made(strengths, count=25, seed=seed), np.full(len(strengths), 10 / len(strengths))
    )
    if weights is not None:  # of one signal that speaks against all, nothing is left
        assert (weights >= 0).all()
        assert weights.sum() == pytest.approx(1)


def test_the_same_bits_whatever_the_number_of_threads():
    runs = [learn_weights(made(count=50), PRIOR, threads=threads) for threads in (1, 2, 5)]
    assert len({run.tobytes() for run in runs}) == 1


def test_the_prior_and_the_lists_stay_as_they_are():
    lists, prior = made(), PRIOR.copy()
    before = lists.values.copy()
    learn_weights(lists, prior)
    assert_array_equal(prior, PRIOR)
    assert_array_equal(lists.values, before)


@pytest.mark.parametrize("count", [0, 1, 19])
def test_few_lists_teach_nothing(count):
    assert learn_weights(made(count=count), PRIOR) is None
    assert learn_weights(made(count=20), PRIOR) is not None


def test_lists_without_a_pick_do_not_make_them_enough():
    lists = made(count=40)
    lists.relevant[19 * SIZE :] = False
    assert learn_weights(lists, PRIOR) is None
    lists.relevant[19 * SIZE] = True
    assert learn_weights(lists, PRIOR) is not None


def test_a_list_without_candidates_teaches_nothing_and_is_no_trouble():
    lists = made(count=30)
    with_empty = Lists(
        lists.values,
        np.concatenate([[0], lists.offsets, [len(lists.values)]]),
        lists.relevant,
        np.concatenate([[1], lists.n_relevant, [1]]),
    )
    assert_array_equal(with_empty.scores(PRIOR), lists.scores(PRIOR))
    # The mean is over all lists: two that say nothing leave a little more of the prior.
    weights = learn_weights(with_empty, PRIOR)
    assert_allclose(weights, learn_weights(lists, PRIOR), atol=0.02)


def test_someone_whose_picks_are_not_among_the_candidates_is_no_trouble():
    lists = made(count=40)
    lists.relevant[:SIZE], lists.n_relevant[0] = False, 0
    assert learn_weights(lists, PRIOR).sum() == pytest.approx(1)


def test_progress_is_told_from_the_first_step_to_the_last():
    told = []
    learn_weights(made(), PRIOR, progress=lambda *step: told.append(step))
    assert told == [(step, len(told)) for step in range(1, len(told) + 1)]
    assert len(told) > 50


def numbered(sizes):
    """Lists whose only signal is the number of the row."""
    total = sum(sizes)
    return Lists(
        np.arange(total, dtype=np.float32)[:, None],
        np.cumsum([0, *sizes]),
        np.arange(total) % 2 == 0,
        np.arange(len(sizes)) + 1,
    )


def test_where_keeps_whole_lists_in_their_order():
    kept = numbered([2, 3, 0, 1]).where(np.array([True, False, True, True]))
    assert len(kept) == 3
    assert kept.offsets.tolist() == [0, 2, 2, 3]
    assert kept.values.ravel().tolist() == [0, 1, 5]
    assert kept.relevant.tolist() == [True, False, False]
    assert kept.n_relevant.tolist() == [1, 3, 4]


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=8))
def test_where_divides_the_lists(parts):
    sizes, kept = [size for size, _ in parts], np.array([keep for _, keep in parts], np.bool_)
    lists = numbered(sizes)
    some, others = lists.where(kept), lists.where(~kept)
    assert len(some) + len(others) == len(lists)
    together = np.concatenate([some.values, others.values]).ravel()
    assert sorted(together) == list(range(sum(sizes)))
    assert np.diff(some.offsets).tolist() == [size for size, keep in parts if keep]


def test_nothing_is_left_of_no_lists():
    empty = numbered([2, 3]).where(np.zeros(2, np.bool_))
    assert len(empty) == 0
    assert empty.values.shape == (0, 1)
    assert empty.scores(np.ones(1)).shape == (0,)


def test_a_signal_that_is_silent_in_a_list_takes_no_part_in_its_scores():
    values = np.array([[1, 0], [0.5, 0], [1, 1], [0.5, 0]], np.float32)
    lists = Lists(values, np.array([0, 2, 4]), np.zeros(4, np.bool_), np.ones(2, np.int64))
    scores = lists.scores(np.array([0.25, 0.75]))
    assert scores.tolist() == [1, 0.5, 1, 0.125]
    assert scores.dtype == np.float32


def test_a_list_of_which_nothing_is_known_scores_nothing():
    lists = Lists(
        np.zeros((2, 3), np.float32), np.array([0, 2]), np.zeros(2, np.bool_), np.ones(1, np.int64)
    )
    assert lists.scores(np.ones(3)).tolist() == [0, 0]


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 2**31))
def test_scores_are_from_zero_to_one(sizes, seed):
    rng = np.random.default_rng(seed)
    values = rng.choice([0, 0.5, 1], (sum(sizes), 3)).astype(np.float32)
    lists = Lists(
        values,
        np.cumsum([0, *sizes]),
        np.zeros(len(values), np.bool_),
        np.ones(len(sizes), np.int64),
    )
    scores = lists.scores(rng.random(3))
    assert scores.shape == (sum(sizes),)
    assert ((scores >= 0) & (scores <= 1 + 1e-6)).all()


@pytest.mark.parametrize(
    ("slope", "intercept", "scale"),
    [(6.0, -5.0, 1.0), (2.0, 0.0, 1.0), (6_000.0, -5.0, 1e-3), (0.06, -5.0, 100.0)],
)
def test_the_curve_that_picks_were_drawn_by_is_found(slope, intercept, scale):
    found = logistic(*simulated(slope, intercept, scale=scale))
    assert found == pytest.approx((slope, intercept), rel=0.1, abs=0.1)


def test_chances_are_calibrated_on_others():
    curve = logistic(*simulated(9.0, -7.0))
    scores, relevant = simulated(9.0, -7.0, seed=1)
    for part in np.array_split(np.argsort(scores), 5):
        assert chance(scores[part], *curve).mean() == pytest.approx(relevant[part].mean(), abs=0.02)


def test_chances_of_rare_picks_sum_to_their_number():
    scores, relevant = simulated(8.0, -12.0)
    assert 0 < relevant.sum() < 200
    assert chance(scores, *logistic(scores, relevant)).sum() == pytest.approx(
        relevant.sum(), rel=0.05
    )


def test_a_higher_score_is_never_less_likely():
    scores, relevant = simulated(-6.0, 2.0)
    slope, intercept = logistic(scores, relevant)
    assert 0 < slope < 0.1
    assert chance(scores, slope, intercept).mean() == pytest.approx(relevant.mean(), abs=0.01)


@pytest.mark.parametrize("count", [1, 5, 5_000])
def test_well_separated_scores_stay_finite(count):
    scores = np.repeat([0.25, 0.75], count).astype(np.float32)
    slope, intercept = logistic(scores, scores > 0.5)
    assert np.isfinite([slope, intercept]).all()
    # Platt's targets: as if each side had one more, of the other kind.
    assert_allclose(
        chance(np.array([0.25, 0.75]), slope, intercept),
        [1 / (count + 2), (count + 1) / (count + 2)],
        rtol=1e-4,
    )


@pytest.mark.parametrize("picked", [[False] * 4, [True] * 4, [True, False, True, False]])
def test_scores_all_alike_say_how_many_are_picked(picked):
    relevant = np.array(picked)
    slope, intercept = logistic(np.full(4, 0.3, np.float32), relevant)
    assert slope > 0
    yes = relevant.sum()
    targets = np.where(relevant, (yes + 1) / (yes + 2), 1 / (4 - yes + 2))
    assert chance(0.3, slope, intercept) == pytest.approx(targets.mean(), abs=1e-3)


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=30))
def test_any_candidates_give_a_rising_finite_curve(candidates):
    scores = np.array([score for score, _ in candidates], np.float32)
    slope, intercept = logistic(scores, np.array([picked for _, picked in candidates]))
    assert slope > 0
    assert np.isfinite([slope, intercept]).all()
