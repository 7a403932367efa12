import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sightline.rank.fuse import Signal
from sightline.rank.policy import (
    PRIOR,
    Boosted,
    Drawn,
    Ensemble,
    One,
    Retrieved,
    signal_matrix,
)
from sightline.rank.signals import SIGNALS
from sightline.rank.trees import Trees

POOL = np.array([9, 4, 7], np.int32)
LEARNED = dict(zip(SIGNALS, np.linspace(1, 2, len(SIGNALS)), strict=True))

values_of = st.lists(
    st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0]) | st.floats(-1, 100, width=32),
    min_size=6,
    max_size=6,
)
drawn_signals = st.dictionaries(
    st.sampled_from(SIGNALS),
    st.tuples(values_of, st.none() | st.lists(st.booleans(), min_size=6, max_size=6)),
)


def signal(*values, present=None):
    present = None if present is None else np.array(present, np.bool_)
    return Signal(np.array(values, np.float32), present)


def rng(seed=0):
    return np.random.default_rng(seed)


def trees():
    """Two points for a candidate whose trend is above a half, nothing for another."""
    place = SIGNALS.index("trend")
    return Trees(
        SIGNALS,
        np.array([place, 0, 0], np.int32),
        np.array([0.5, np.inf, np.inf], np.float32),
        np.ones(3, np.bool_),
        np.array([1, 1, 2], np.int32),
        np.array([1.0, 0.0, 2.0]),
        np.zeros(1, np.int32),
        np.ones(len(SIGNALS)),
    )


# --- the ensemble


def test_what_was_set_by_hand_counts_every_signal_for_an_item_or_not_at_all():
    assert tuple(PRIOR) == SIGNALS
    assert min(PRIOR.values()) == 0


def test_score_is_the_share_of_the_weights_that_speak_for_a_candidate():
    told = {"looks": signal(1, 0.5, 0), "trend": signal(0, 2, 2)}
    ranked = Ensemble({**PRIOR, "looks": 3.0, "trend": 1.0}).score(POOL, told, rng())
    assert ranked.rows.tolist() == POOL.tolist()
    assert ranked.scores.tolist() == pytest.approx([0.75, 0.625, 0.25])
    assert ranked.parts["looks"].tolist() == pytest.approx([0.75, 0.375, 0])


def test_silent_signals_take_no_part_and_take_nothing_away():
    spoken = {"looks": signal(1, 0.5, 0)}
    alone = Ensemble(PRIOR).score(POOL, spoken, rng())
    silent = Ensemble(PRIOR).score(POOL, {**spoken, "words": signal(0, 0, 0)}, rng())
    assert list(silent.parts) == ["looks"]
    assert silent.scores.tolist() == alone.scores.tolist() == [1, 0.5, 0]


def test_a_signal_without_weight_takes_no_part():
    told = {"looks": signal(1, 0, 0), "is_new": signal(0, 1, 1)}
    assert list(Ensemble(PRIOR).score(POOL, told, rng()).parts) == ["looks"]


def test_a_candidate_without_a_picture_gets_the_median_of_those_with_one():
    told = {"looks": signal(1, 0.25, 9, present=[True, True, False])}
    assert Ensemble(PRIOR).score(POOL, told, rng()).scores.tolist() == [1, 0.25, 0.625]


def test_of_nothing_known_every_score_is_nothing():
    ranked = Ensemble(PRIOR).score(POOL, {}, rng())
    assert ranked.scores.tolist() == [0, 0, 0]
    assert ranked.parts == {}


@given(drawn_signals)
def test_scores_are_from_nothing_to_one_and_the_sum_of_their_parts(told):
    told = {name: signal(*values, present=present) for name, (values, present) in told.items()}
    ranked = Ensemble(LEARNED).score(np.arange(6, dtype=np.int32), told, rng())
    assert ((ranked.scores >= 0) & (ranked.scores <= 1 + 1e-6)).all()
    assert_allclose(sum(ranked.parts.values(), np.zeros(6)), ranked.scores, atol=1e-6)
    assert set(ranked.parts) <= set(told)


@given(drawn_signals, st.sampled_from(SIGNALS), values_of, st.integers(0, 5), st.floats(0, 50))
def test_more_of_a_signal_never_lowers_a_score(told, name, values, candidate, more):
    told = {other: signal(*its, present=present) for other, (its, present) in told.items()}
    raised = list(values)
    raised[candidate] += more
    pool = np.arange(6, dtype=np.int32)
    before, after = (
        Ensemble(LEARNED).score(pool, {**told, name: signal(*its)}, rng()).scores[candidate]
        for its in (values, raised)
    )
    assert after >= before - 1e-6


# --- the others


def test_one_signal_alone_decides():
    told = {"popularity": signal(1, 4, 2), "trend": signal(3, 1, 2)}
    assert One("popularity").score(POOL, told, rng()).scores.tolist() == [0.25, 1, 0.5]
    assert list(One("trend").score(POOL, told, rng()).parts) == ["trend"]


def test_drawn_scores_are_repeated_by_the_seed_alone():
    one, same, other = (Drawn().score(POOL, {}, rng(seed)).scores.tolist() for seed in (1, 1, 2))
    assert one == same != other
    assert all(0 <= score < 1 for score in one)


def test_without_a_policy_company_decides_and_taste_where_it_is_equal():
    told = {"picked_together": signal(1, 1, 0.5), "taste": signal(0.1, 0.9, 1), "looks": signal(9)}
    ranked = Retrieved().score(POOL, told, rng())
    assert np.argsort(-ranked.scores).tolist() == [1, 0, 2]
    assert set(ranked.parts) == {"picked_together", "taste"}


def test_without_a_policy_taste_may_be_missing():
    assert Retrieved().score(POOL, {"picked_together": signal(0, 1, 2)}, rng()).scores[2] == 1


def test_trees_score_the_scaled_signals():
    ranked = Boosted(trees()).score(POOL, {"trend": signal(10, 4, 6)}, rng())
    assert ranked.rows.tolist() == POOL.tolist()
    assert ranked.scores.tolist() == [2, 0, 2]
    assert ranked.parts["lightgbm"].tolist() == [2, 0, 2]


def test_trees_tell_what_each_signal_did_where_that_is_asked_for():
    ranked = Boosted(trees()).score(POOL, {"trend": signal(10, 4, 6)}, rng(), explain=True)
    assert tuple(ranked.parts) == SIGNALS
    assert ranked.parts["trend"].tolist() == [1, -1, 1]
    assert ranked.scores.tolist() == [2, 0, 2]


@pytest.mark.parametrize(
    "policy", [Ensemble(PRIOR), One("trend"), Drawn(), Retrieved(), Boosted(trees())]
)
def test_policies_name_every_signal_that_they_read(policy):
    told = {name: signal(*np.random.default_rng(len(name)).random(3)) for name in SIGNALS}
    needed = {name: told[name] for name in policy.needs}
    one, other = (policy.score(POOL, some, rng()) for some in (told, needed))
    assert one.scores.tolist() == other.scores.tolist()
    assert list(one.parts) == list(other.parts)


# --- the columns that policies learn from


def test_columns_are_the_scaled_signals_in_order_and_nothing_where_one_is_silent():
    told = {"looks": signal(2, 1, 0), "words": signal(0, 0, 0), "picked_together": signal(5, 0, 5)}
    values = signal_matrix(told, 3)
    assert values.shape == (3, len(SIGNALS))
    assert values.dtype == np.float32
    assert values[:, SIGNALS.index("looks")].tolist() == [1, 0.5, 0]
    assert values[:, SIGNALS.index("picked_together")].tolist() == [1, 0, 1]
    assert values.sum() == 3.5


@given(drawn_signals)
def test_columns_are_what_the_ensemble_adds_up(told):
    told = {name: signal(*values, present=present) for name, (values, present) in told.items()}
    ranked = Ensemble(LEARNED).score(np.arange(6, dtype=np.int32), told, rng())
    values = signal_matrix(told, 6)
    weights = np.array([LEARNED[name] for name in SIGNALS])
    whole = max((values.max(axis=0) > 0) @ weights, 1e-12)
    assert_allclose(values @ weights / whole, ranked.scores, atol=1e-5)


def test_no_candidates_make_no_columns():
    assert signal_matrix({}, 0).shape == (0, len(SIGNALS))
