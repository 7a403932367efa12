import importlib
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sightline import boosted
from sightline.boosted import FEWEST_LISTS, check_settings, require_lightgbm, train_trees
from sightline.errors import ConfigError, UnsupportedError
from sightline.policies import LightGbm

NAMES = ("taste", "looks", "price", "has_picture")
QUICK = LightGbm(n_estimators=30)


def candidate_lists(*, count=40, size=25, seed=0, unknown=0.2):
    """Lists in which taste counts most, looks less, price nothing, and a flag says yes or no."""
    rng = np.random.default_rng(seed)
    values = rng.random((count * size, len(NAMES))).astype(np.float32)
    values[:, 3] = values[:, 3] > 0.5
    values[rng.random(len(values)) < 0.1, 0] = 0
    liking = 6 * values[:, 0] + 3 * values[:, 1] + values[:, 3] + rng.gumbel(size=len(values))
    values[rng.random(len(values)) < unknown, 1] = np.nan
    by_list = liking.reshape(count, size)
    relevant = (by_list >= np.sort(by_list)[:, [-5]]).ravel()
    return values, np.arange(count + 1) * size, relevant


@pytest.fixture
def lightgbm():
    return pytest.importorskip("lightgbm", reason="the extra `lightgbm` is not installed")


@pytest.fixture
def trained(lightgbm, monkeypatch):
    """What `lightgbm.train` was told, and what it returned."""
    calls = []

    def train(parameters, *args, **options):
        booster = real(parameters, *args, **options)
        calls.append((parameters, booster))
        return booster

    real = lightgbm.train
    monkeypatch.setattr(lightgbm, "train", train)
    return calls


def edges(trees, *, count=400, seed=0):
    """Candidates with values on thresholds, next to them, far out, zero and unknown."""
    rng = np.random.default_rng(seed)
    values = np.empty((count, len(NAMES)), np.float32)
    for signal in range(len(NAMES)):
        inner = np.isfinite(trees.threshold) & (trees.feature == signal)
        on = trees.threshold[inner]
        beside = [np.nextafter(on, np.float32(far)) for far in (-np.inf, np.inf)]
        extremes = np.array([0, -0.0, 1e-36, -1e-36, np.inf, -np.inf, 3e38, -1, 2, np.nan])
        values[:, signal] = rng.choice(np.concatenate([on, *beside, extremes]), count)
    return values


@pytest.mark.parametrize("zero_as_missing", [False, True])
@pytest.mark.parametrize("objective", ["lambdarank", "rank_xendcg", "binary", "regression"])
def test_scores_are_those_of_lightgbm(trained, objective, zero_as_missing):
    settings = replace(QUICK, objective=objective, zero_as_missing=zero_as_missing)
    lists = candidate_lists()
    trees = train_trees(*lists, NAMES, settings)
    [(_, booster)] = trained
    assert len(trees.roots) > 1
    for values in (lists[0], edges(trees)):
        expected = booster.predict(values)
        assert_allclose(trees.scores(values), expected, rtol=1e-6, atol=1e-6)


def test_scores_are_those_of_lightgbm_where_nothing_was_unknown_in_training(trained):
    trees = train_trees(*candidate_lists(unknown=0), NAMES, QUICK)
    [(_, booster)] = trained
    values = edges(trees)
    assert_allclose(trees.scores(values), booster.predict(values), rtol=1e-6, atol=1e-6)


def test_trees_too_large_for_masks_score_as_lightgbm(trained, monkeypatch):
    def unconstrained(*given):  # trees that only rise stay small
        return {**parameters(*given), "monotone_constraints": [0] * len(NAMES)}

    parameters = boosted._parameters
    monkeypatch.setattr(boosted, "_parameters", unconstrained)
    settings = LightGbm(objective="regression", num_leaves=100, n_estimators=5)
    trees = train_trees(*candidate_lists(count=400), NAMES, settings)
    [(_, booster)] = trained
    assert np.diff(trees.roots).max() > 2 * 64
    values = edges(trees)
    assert_allclose(trees.scores(values), booster.predict(values), rtol=1e-6, atol=1e-6)


def test_contributions_and_bias_add_up_to_the_score(lightgbm):
    values, offsets, relevant = candidate_lists()
    trees = train_trees(values, offsets, relevant, NAMES, QUICK)
    total = trees.contributions(values).sum(axis=1) + trees.bias
    assert_allclose(total, trees.scores(values), atol=1e-5)


def test_bias_is_the_mean_score_of_what_was_learnt_from(lightgbm):
    # All of the rows, in every tree.
    settings = replace(QUICK, objective="regression", subsample=1.0)
    values, offsets, relevant = candidate_lists(count=300)
    trees = train_trees(values, offsets, relevant, NAMES, settings)
    assert trees.bias == pytest.approx(trees.scores(values).mean(), abs=0.005)
    assert trees.bias == pytest.approx(relevant.mean(), abs=0.005)


def test_what_decides_is_learned_and_named(lightgbm):
    values, offsets, relevant = candidate_lists()
    trees = train_trees(values, offsets, relevant, NAMES, LightGbm())
    shares = trees.importances()
    assert list(shares) == list(NAMES)
    assert shares["taste"] > 0.5 > shares["looks"] > shares["price"]
    new, _, wanted = candidate_lists(seed=1)

    def found(scores):
        """The share of the wanted among the first five of each list."""
        first = np.argsort(-scores.reshape(-1, 25), axis=1, kind="stable")[:, :5]
        return np.take_along_axis(wanted.reshape(-1, 25), first, axis=1).mean()

    assert found(trees.scores(new)) > found(new[:, 0]) + 0.05


def test_more_of_a_signal_never_lowers_the_score(lightgbm):
    values, offsets, relevant = candidate_lists(unknown=0)
    values[:, 2] = 1 - values[:, 0]  # speaks against an item, in these lists
    trees = train_trees(values, offsets, relevant, NAMES, replace(QUICK, objective="binary"))
    rng = np.random.default_rng(3)
    for signal in range(len(NAMES)):
        raised = values.copy()
        raised[:, signal] += rng.random(len(values)).astype(np.float32)
        assert (trees.scores(raised) >= trees.scores(values)).all()


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(lightgbm):
    settings = replace(QUICK, colsample_bytree=0.5)
    runs = [
        train_trees(*candidate_lists(), NAMES, settings, seed=seed, threads=threads).to_arrays()
        for seed, threads in ((7, 1), (7, 2), (8, 1))
    ]
    assert all(runs[0][name].tobytes() == runs[1][name].tobytes() for name in runs[0])
    assert runs[0]["value"].tobytes() != runs[2]["value"].tobytes()


def test_training_stops_when_the_lists_held_out_gain_nothing(lightgbm):
    values, offsets, relevant = candidate_lists()
    noise = np.random.default_rng(0).permutation(relevant)
    steps = []
    trees = train_trees(
        values, offsets, noise, NAMES, LightGbm(), progress=lambda *step: steps.append(step)
    )
    assert len(trees.roots) < 100
    assert steps[0] == (0, 500)
    assert steps[-1] == (500, 500)
    assert 50 < len(steps) < 250


def test_there_are_no_more_trees_than_asked_for(lightgbm):
    trees = train_trees(*candidate_lists(), NAMES, LightGbm(n_estimators=3))
    assert 1 <= len(trees.roots) <= 3


@pytest.mark.parametrize("objective", ["lambdarank", "binary", "regression"])
def test_calibrated_scores_are_probabilities_in_the_same_order(lightgbm, objective):
    lists = candidate_lists(count=300)
    settings = replace(QUICK, objective=objective)
    plain = train_trees(*lists, NAMES, settings)
    calibrated = train_trees(*lists, NAMES, replace(settings, calibrate=True))
    new, _, relevant = candidate_lists(count=100, seed=1)
    scores = calibrated.scores(new)
    order = np.argsort(plain.scores(new))
    assert (np.diff(scores[order]) >= 0).all()
    for part in np.array_split(order, 4):
        assert scores[part].mean() == pytest.approx(relevant[part].mean(), abs=0.08)


def test_calibration_never_turns_the_order_round(lightgbm, monkeypatch):
    values, offsets, relevant = candidate_lists()
    settings = replace(QUICK, calibrate=True)
    # Learned from lists in which taste speaks for an item, calibrated on others where it does not.
    held = np.zeros(len(offsets) - 1, np.bool_)
    held[::5] = True
    monkeypatch.setattr(boosted, "_held_out", lambda tells, seed: held)
    rows = np.repeat(held, np.diff(offsets))
    relevant[rows] = values[rows, 0] < 0.2
    trees = train_trees(values, offsets, relevant, NAMES, settings)
    assert trees.link[0] > 0


def test_fewer_lists_than_can_teach_give_no_trees(lightgbm):
    values, offsets, relevant = candidate_lists(count=FEWEST_LISTS)
    assert train_trees(values, offsets, relevant, NAMES, QUICK) is not None
    relevant[:25] = False
    assert train_trees(values, offsets, relevant, NAMES, QUICK) is None
    relevant[:25] = True
    assert train_trees(values, offsets, relevant, NAMES, QUICK) is None
    nothing = np.zeros((0, 4), np.float32), np.zeros(1, np.int64), np.zeros(0, np.bool_)
    assert train_trees(*nothing, NAMES, QUICK) is None


def test_empty_lists_change_nothing_but_their_number(lightgbm):
    values, offsets, relevant = candidate_lists()
    with_empty = np.insert(offsets, [3, 3, 20], offsets[[3, 3, 20]])
    assert train_trees(values, with_empty, relevant, NAMES, QUICK) is not None


@pytest.mark.parametrize("objective", ["lambdarank", "binary"])
def test_signals_that_tell_nothing_give_every_candidate_the_same_score(lightgbm, objective):
    values, offsets, relevant = candidate_lists()
    values[:] = 0.5
    trees = train_trees(values, offsets, relevant, NAMES, replace(QUICK, objective=objective))
    scores = trees.scores(candidate_lists()[0])
    assert_array_equal(scores, scores[0])
    assert_array_equal(trees.contributions(values), 0)


def test_every_setting_reaches_lightgbm(trained):
    settings = LightGbm(
        objective="rank_xendcg",
        n_estimators=4,
        max_depth=3,
        num_leaves=5,
        min_child_weight=0.5,
        learning_rate=0.2,
        colsample_bytree=0.9,
        subsample=0.8,
        subsample_freq=2,
        lambdarank_truncation_level=7,
        zero_as_missing=True,
    )
    train_trees(*candidate_lists(), NAMES, settings, seed=2**40 + 5, threads=2)
    [(_, booster)] = trained
    kept = dict(
        line.strip("[]").split(": ", 1)
        for line in booster.model_to_string().partition("parameters:")[2].splitlines()
        if line.startswith("[") and ": " in line
    )
    expected = {
        "objective": "rank_xendcg",
        "max_depth": "3",
        "num_leaves": "5",
        "min_sum_hessian_in_leaf": "0.5",
        "learning_rate": "0.2",
        "feature_fraction": "0.9",
        "bagging_fraction": "0.8",
        "bagging_freq": "2",
        "lambdarank_truncation_level": "7",
        "zero_as_missing": "1",
        "monotone_constraints": "1,1,1,1",
        "deterministic": "1",
        "force_row_wise": "1",
        "seed": "5",
        "num_threads": "2",
    }
    assert {name: kept[name] for name in expected} == expected


def test_subsample_without_a_frequency_draws_for_every_tree(trained):
    train_trees(*candidate_lists(), NAMES, replace(QUICK, subsample=0.5))
    [(parameters, _)] = trained
    assert (parameters["bagging_fraction"], parameters["bagging_freq"]) == (0.5, 1)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"subsample": 1e-6}, "LightGBM cannot train"),
        ({"learning_rate": 1e300}, "lower model.policy_configs.scoring_policy.learning_rate"),
    ],
)
def test_settings_that_cannot_be_trained_with_are_named(lightgbm, settings, said):
    with pytest.raises(ConfigError, match=said):
        train_trees(*candidate_lists(), NAMES, replace(QUICK, **settings))


def test_lists_that_do_not_fit_are_refused(lightgbm):
    values, offsets, relevant = candidate_lists()
    with pytest.raises(ValueError, match="3 names"):
        train_trees(values, offsets, relevant, NAMES[:3], QUICK)
    with pytest.raises(ValueError, match="999 candidates"):
        train_trees(values, offsets, relevant[:-1], NAMES, QUICK)
    for wrong in (offsets[:-1], offsets[1:], offsets[::-1]):
        with pytest.raises(ValueError, match="offsets must rise from 0 to 1000"):
            train_trees(values, wrong, relevant, NAMES, QUICK)


def test_a_list_longer_than_lightgbm_ranks_is_refused(lightgbm):
    values, offsets, relevant = candidate_lists(count=1, size=10_001)
    with pytest.raises(ValueError, match="10001 candidates; LightGBM ranks at most 10000"):
        train_trees(values, offsets, relevant, NAMES, QUICK)


def test_event_values_are_refused_by_name():
    settings = LightGbm(event_values=("purchase",))
    with pytest.raises(UnsupportedError, match=r"event_values: \['purchase'\] cannot be honoured"):
        check_settings(settings)
    with pytest.raises(UnsupportedError, match="event_values"):
        train_trees(*candidate_lists(), NAMES, settings)


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(UnsupportedError, match=r"not installed: pip install 'sightline\[lightgbm"):
        require_lightgbm()
    with pytest.raises(UnsupportedError, match="not installed"):
        train_trees(*candidate_lists(), NAMES, QUICK)


@pytest.mark.parametrize(
    "error",
    [
        OSError("libgomp.so.1: cannot open shared object file"),
        ModuleNotFoundError("No module named 'scipy'", name="scipy"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_not_called_missing(monkeypatch, error):
    def fail(name):
        raise error

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(UnsupportedError, match="cannot be imported") as raised:
        require_lightgbm()
    assert str(error) in str(raised.value)


def test_the_package_that_is_there_is_returned(lightgbm):
    assert require_lightgbm() is lightgbm
