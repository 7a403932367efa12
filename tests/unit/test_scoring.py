import io
import json
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sightline.errors import UnsupportedError
from sightline.learn.fusion import Lists
from sightline.policies import LightGbm, ScoringPolicy
from sightline.rank.fuse import Signal
from sightline.rank.policy import PRIOR, Boosted, Drawn, Ensemble, One, Retrieved
from sightline.rank.signals import SIGNALS
from sightline.scoring import FittedPolicy, check_policy, fit_policy, prior_policy

SIZE = 20
TELLING = SIGNALS.index("price")
TREES = ScoringPolicy("lightgbm", LightGbm(n_estimators=10))
KINDS = {
    "score-ensemble": Ensemble,
    "lightgbm": Boosted,
    "popular": One,
    "rising": One,
    "random": Drawn,
    "no-op": Retrieved,
}


def made(count=60, seed=0):
    """Lists in which the price alone says what is picked."""
    rng = np.random.default_rng(seed)
    values = rng.random((count, SIZE, len(SIGNALS))).astype(np.float32)
    liking = 8 * values[:, :, TELLING] + rng.gumbel(size=(count, SIZE))
    relevant = liking >= np.sort(liking, axis=1)[:, [-3]]
    return Lists(
        values.reshape(-1, len(SIGNALS)),
        np.arange(count + 1) * SIZE,
        relevant.ravel(),
        np.full(count, 3),
    )


def fit(wanted, lists, *, threads=1, progress=lambda step, done, total: None):
    if isinstance(wanted, str):
        wanted = TREES if wanted == "lightgbm" else ScoringPolicy(wanted)
    if wanted.policy_type == "lightgbm":
        pytest.importorskip("lightgbm", reason="the extra `lightgbm` is not installed")
    return fit_policy(wanted, lists, seed=3, threads=threads, progress=progress)


def stored(fitted):
    """What a manifest and .npy files beside it give back."""
    arrays = {}
    for name, values in fitted.arrays.items():
        file = io.BytesIO()
        np.save(file, values, allow_pickle=False)
        file.seek(0)
        arrays[name] = np.load(file, allow_pickle=False)
        arrays[name].flags.writeable = False
    return FittedPolicy(json.loads(json.dumps(fitted.record)), arrays)


POOL = np.array([4, 9, 2, 7, 30], np.int32)


def signals(*, without=()):
    rng = np.random.default_rng(1)
    return {
        name: Signal(rng.random(len(POOL)).astype(np.float32))
        for name in SIGNALS
        if name not in without
    }


def scored(policy, told=None, *, explain=False):
    return policy.score(POOL, told or signals(), np.random.default_rng(5), explain=explain)


@pytest.mark.parametrize("kind", KINDS)
def test_every_policy_opens_again_from_what_is_kept_and_scores_alike(kind):
    fitted = fit(kind, made())
    again = stored(fitted).open()
    assert isinstance(again, KINDS[kind])
    assert fitted.record["policy_type"] == kind
    for explain in (False, True):
        before, after = scored(fitted.open(), explain=explain), scored(again, explain=explain)
        assert_array_equal(after.scores, before.scores)
        assert after.parts.keys() == before.parts.keys()
        for name, part in before.parts.items():
            assert_array_equal(after.parts[name], part)


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_names_all_arrays_there_are(kind):
    fitted = fit(kind, made())
    assert sorted(fitted.arrays) == list(fitted.record.get("arrays", []))
    assert bool(fitted.arrays) == (kind == "lightgbm")


@pytest.mark.parametrize("kind", KINDS)
def test_every_policy_scores_candidates_of_whom_only_popularity_is_known(kind):
    told = {name: signals()[name] for name in ("popularity", "trend")}
    ranked = scored(fit(kind, made()).open(), told)
    assert_array_equal(ranked.rows, POOL)
    assert np.isfinite(ranked.scores).all()


@pytest.mark.parametrize("kind", ["score-ensemble", "lightgbm"])
def test_what_tells_is_learned(kind):
    new = made(seed=1)

    def found(policy):
        """The share of the picks among the first three of each list."""
        hits = 0
        for first in new.offsets[:-1]:
            rows = slice(first, first + SIZE)
            columns = zip(SIGNALS, new.values[rows].T, strict=True)
            told = {name: Signal(column) for name, column in columns}
            ranked = policy.score(np.arange(SIZE), told, np.random.default_rng(0))
            hits += new.relevant[rows][np.argsort(-ranked.scores)[:3]].sum()
        return hits / (3 * len(new))

    assert found(fit(kind, made()).open()) > found(prior_policy().open()) + 0.2


def test_weights_of_the_ensemble_have_names_and_sum_to_one():
    record = fit("score-ensemble", made()).record
    assert list(record["weights"]) == list(SIGNALS)
    assert sum(record["weights"].values()) == pytest.approx(1)
    assert max(record["weights"], key=record["weights"].get) == "price"
    assert (record["learned"], record["lists"]) == (True, 60)


def test_the_ensemble_is_calibrated_on_its_lists():
    lists = made(count=200)
    record = fit("score-ensemble", lists).record
    weights = np.array(list(record["weights"].values()))
    scores = lists.scores(weights)
    chances = 1 / (1 + np.exp(-(record["slope"] * scores + record["intercept"])))
    assert record["slope"] > 0
    for part in np.array_split(np.argsort(scores), 4):
        assert chances[part].mean() == pytest.approx(lists.relevant[part].mean(), abs=0.05)


def test_calibrated_scores_are_those_of_the_open_policy():
    lists = made()
    fitted = fit("score-ensemble", lists)
    one = lists.where(np.arange(60) == 7)
    ranked = fitted.open().score(
        np.arange(SIZE, dtype=np.int32),
        {name: Signal(column) for name, column in zip(SIGNALS, one.values.T, strict=True)},
        np.random.default_rng(0),
    )
    weights = np.array(list(fitted.record["weights"].values()))
    # In a drawn list the best of a signal is a little below 1, where ranking would have it.
    assert_allclose(ranked.scores, one.scores(weights), atol=0.1)
    assert (np.argsort(ranked.scores)[-2:] == np.argsort(one.scores(weights))[-2:]).all()


@pytest.mark.parametrize("kind", ["score-ensemble", "lightgbm"])
@pytest.mark.parametrize("count", [0, 19])
def test_of_few_lists_the_prior_is_kept(kind, count):
    fitted = fit(kind, made(count))
    assert fitted.record["policy_type"] == "score-ensemble"
    assert not fitted.record["learned"]
    assert not fitted.arrays
    total = sum(PRIOR.values())
    assert fitted.record["weights"] == pytest.approx(
        {name: PRIOR[name] / total for name in SIGNALS}
    )
    assert_array_equal(scored(fitted.open()).scores, scored(prior_policy().open()).scores)


def test_the_prior_has_every_signal_and_opens_without_arrays():
    record = stored(prior_policy()).record
    assert set(record["weights"]) == set(SIGNALS) == set(PRIOR)
    assert (record["learned"], record["lists"]) == (False, 0)
    assert (record["slope"], record["intercept"]) == (0, 0)
    scores = scored(stored(prior_policy()).open()).scores
    assert ((scores > 0) & (scores <= 1)).all()


@pytest.mark.parametrize("kind", ["popular", "rising", "random", "no-op"])
def test_a_policy_that_learns_nothing_needs_no_lists(kind):
    fitted = fit(kind, made(0))
    assert fitted.record == prior_policy(ScoringPolicy(kind)).record == {"policy_type": kind}


@pytest.mark.parametrize(("kind", "signal"), [("popular", "popularity"), ("rising", "trend")])
def test_a_policy_of_one_signal_orders_by_it_alone(kind, signal):
    told = signals()
    ranked = scored(fit(kind, made(0)).open(), told)
    assert_array_equal(np.argsort(ranked.scores), np.argsort(told[signal].values))
    assert list(ranked.parts) == [signal]


def test_random_is_drawn_anew_and_repeats_with_its_seed():
    policy = fit("random", made(0)).open()
    rng = np.random.default_rng(0)
    first = policy.score(POOL, signals(), rng)
    second = policy.score(POOL, signals(), rng)
    again = policy.score(POOL, signals(), np.random.default_rng(0))
    assert (first.scores != second.scores).any()
    assert_array_equal(again.scores, first.scores)


def test_no_op_keeps_the_order_of_what_is_picked_together():
    told = signals()
    policy = fit("no-op", made(0)).open()
    told["picked_together"] = Signal(np.array([0.2, 0.8, 0, 1, 0.4], np.float32))
    assert np.argsort(scored(policy, told).scores).tolist() == [2, 0, 4, 1, 3]
    told["picked_together"] = Signal(np.zeros(len(POOL), np.float32))
    by_taste = scored(policy, told).scores
    assert_array_equal(np.argsort(by_taste), np.argsort(told["taste"].values))


@pytest.mark.parametrize("kind", ["score-ensemble", "lightgbm"])
def test_the_same_lists_teach_the_same_whatever_the_threads(kind):
    one, other = (fit(kind, made(), threads=threads) for threads in (1, 2))
    assert one.record == other.record
    assert all(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in one.arrays)


@pytest.mark.parametrize(
    ("kind", "step"), [("score-ensemble", "weights"), ("lightgbm", "lightgbm")]
)
def test_progress_is_told_by_name(kind, step):
    told = []
    fit(kind, made(), progress=lambda *given: told.append(given))
    assert {name for name, _, _ in told} == {step}
    assert all(done <= total for _, done, total in told)


def test_settings_reach_lightgbm():
    few = fit(ScoringPolicy("lightgbm", LightGbm(n_estimators=2)), made())
    assert len(few.arrays["roots"]) <= 2
    calibrated = fit(ScoringPolicy("lightgbm", LightGbm(n_estimators=5, calibrate=True)), made())
    scores = scored(calibrated.open()).scores
    assert ((scores > 0) & (scores < 1)).all()


def test_explained_trees_divide_the_score_by_signal():
    ranked = scored(fit("lightgbm", made()).open(), explain=True)
    assert list(ranked.parts) == list(SIGNALS)
    total = np.sum(list(ranked.parts.values()), axis=0)
    assert_allclose(total - total[0], ranked.scores - ranked.scores[0], atol=1e-4)


def test_where_nothing_can_be_learned_trees_are_the_ensemble():
    assert prior_policy(TREES).record == prior_policy().record


def refusing(wanted):
    """Both ways to be refused: before all work, and after it."""
    yield lambda: check_policy(wanted)
    yield lambda: fit_policy(
        wanted, made(), seed=0, threads=1, progress=lambda step, done, total: None
    )


def test_lightgbm_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    for attempt in refusing(TREES):
        with pytest.raises(UnsupportedError, match=r"pip install 'sightline\[lightgbm\]'"):
            attempt()


def test_a_setting_that_cannot_be_honoured_is_refused():
    for attempt in refusing(ScoringPolicy("lightgbm", LightGbm(event_values=("purchase",)))):
        with pytest.raises(UnsupportedError, match="event_values"):
            attempt()


@pytest.mark.parametrize("kind", ["score-ensemble", "popular", "random", "no-op"])
def test_a_policy_without_trees_needs_no_package(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    check_policy(ScoringPolicy(kind))
    assert fit(kind, made()).record["policy_type"] == kind
