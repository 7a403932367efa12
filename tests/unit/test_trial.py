import numpy as np
import pytest
from sightline import trial as trial_module
from sightline.features.facts import ItemFacts
from sightline.features.words import no_words
from sightline.learn.interactions import Interactions
from sightline.learning import Content, Learning
from sightline.scoring import FittedPolicy, prior_policy
from sightline.trial import run_trial
from sightline.types import Modality

ITEMS, PEOPLE = 40, 60


def content():
    vectors = np.random.default_rng(0).normal(size=(ITEMS, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    nowhere = np.zeros(ITEMS, np.bool_)
    unknown = np.full(ITEMS, np.nan, np.float32)
    return Content(
        images=Modality(vectors, ~nowhere),
        has_picture=~nowhere,
        texts=Modality(np.zeros((ITEMS, 0), np.float32), nowhere),
        words=no_words(ITEMS),
        facts=ItemFacts(unknown, unknown, np.zeros((ITEMS, 0), np.int32)),
        palettes=np.zeros((ITEMS, 0), np.float32),
    )


def histories(counts, seed):
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.choice(ITEMS, count, replace=False) for count in counts])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    weights = np.ones(len(rows), np.float32)
    return Interactions(offsets, rows.astype(np.int32), weights, np.arange(len(rows)) * 10**6)


@pytest.fixture
def earlier():
    return histories([6] * PEOPLE, 1)


@pytest.fixture
def later():
    """One pick of everybody in an even row, two of the others."""
    return histories([1 + user % 2 for user in range(PEOPLE)], 2)


def silent(step, done, total):
    pass


def test_nobody_is_judged_by_weights_that_their_own_half_set(earlier, later, monkeypatch):
    def fit(wanted, lists, **_):
        usual = prior_policy().record
        told = {1: "even", 2: "odd"}.get(int(lists.n_relevant.max()), "")
        if len(set(lists.n_relevant.tolist())) > 1:
            told = "all"
        return FittedPolicy({**usual, "weights": {**usual["weights"], "learned from": told}})

    monkeypatch.setattr(trial_module, "fit_policy", fit)
    trial = run_trial(Learning(), content(), earlier, later, silent)
    even, odd = (half._policy.weights["learned from"] for half in trial.halves)
    assert (even, odd) == ("odd", "even")
    assert trial.policy.record["weights"]["learned from"] == "all"


def test_a_catalogue_that_was_taught_nothing_is_still_ranked_by_what_people_picked(earlier, later):
    nothing = earlier.where(np.zeros(len(earlier.rows), np.bool_))
    trial = run_trial(Learning(), content(), earlier, later, silent, taught=nothing)
    assert trial.lesson.catalogue.facts.events.sum() == 0
    assert trial.lesson.collaborative.method == "none"
    assert set(trial.rank(0, 10)).isdisjoint(earlier[0].rows)
    assert trial.rank(0, 10).tolist() != trial.rank(2, 10).tolist()


def test_without_later_picks_there_is_no_trial(earlier):
    nobody = earlier.where(np.zeros(len(earlier.rows), np.bool_))
    assert run_trial(Learning(), content(), earlier, nobody, silent) is None
