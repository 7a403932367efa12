import numpy as np
import pytest
from sightline import trial as trial_module
from sightline.features.facts import ItemFacts
from sightline.features.words import no_words
from sightline.hiding import Hidden, nothing_hidden
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


# --- what is hidden


def hiding(*from_all, **from_person):
    """What hides rows from all, and from a user row, as `u3=[1, 2]`, further ones."""
    own = {int(user[1:]): np.array(rows, np.int32) for user, rows in from_person.items()}
    nothing = np.zeros(0, np.int32)
    return Hidden(ITEMS, np.array(from_all, np.int32), lambda user: own.get(user, nothing))


def tried(earlier, later, hidden):
    return run_trial(Learning(), content(), earlier, later, silent, hidden=hidden)


RANKINGS = ("rank", "popular", "trending")


@pytest.mark.parametrize("ranking", RANKINGS)
def test_what_nobody_is_shown_is_in_no_ranking_that_is_judged(earlier, later, ranking):
    hidden = set(range(0, ITEMS, 3))
    trial = tried(earlier, later, hiding(*hidden))
    for user in trial.users:
        shown = getattr(trial, ranking)(user, ITEMS).tolist()
        assert set(shown) == {*range(ITEMS)} - hidden - {*earlier[user].rows.tolist()}


def test_what_nobody_is_shown_is_not_asked_for_and_that_is_counted(earlier, later):
    hidden = hiding(*range(20))
    trial = tried(earlier, later, hidden)
    assert trial.later.rows.min() >= 20
    assert trial.users == [u for u in range(PEOPLE) if (later[u].rows >= 20).any()]
    lost = int((later.rows < 20).sum())
    assert trial.left_out == {"items": 20, "held_out_picks": lost}
    assert tried(earlier, later, nothing_hidden(ITEMS)).left_out == {
        "items": 0,
        "held_out_picks": 0,
    }


def test_a_ranking_that_foretells_all_that_can_be_shown_is_perfect(earlier, later):
    trial = tried(earlier, later, hiding(*range(0, ITEMS, 2)))

    def foretell(user, k):
        shown = [row for row in later[user].rows if row % 2]
        return np.array([*shown, *(row for row in range(1, ITEMS, 2) if row not in shown)])[:k]

    figures = trial.judge(foretell, silent, "").metrics()
    assert (figures.ndcg, figures.recall) == (1, 1)
    assert figures.coverage == 1  # of what can be shown


def test_the_score_of_what_is_not_shown_is_unknown(earlier, later):
    trial = tried(earlier, later, hiding(1, 2, u0=[3]))
    unknown = np.isnan(trial.scores(0))
    assert set(np.flatnonzero(unknown)) >= {1, 2} | set(earlier[0].rows.tolist())
    assert unknown[3] == (3 not in later[0].rows)
    auc = trial.judge(trial.rank, silent, "", score_all=trial.scores).metrics().auc
    assert 0 <= auc <= 1


@pytest.mark.parametrize("ranking", RANKINGS)
def test_what_one_person_is_not_shown_takes_up_no_place_in_their_list_alone(
    earlier, later, ranking
):
    own = [row for row in range(ITEMS) if row not in later[4].rows][:15]
    trial = tried(earlier, later, hiding(7, u4=own))
    assert not {7, *own} & set(getattr(trial, ranking)(4, ITEMS).tolist())
    others = set(getattr(trial, ranking)(5, ITEMS).tolist())
    assert others == {*range(ITEMS)} - {7} - {*earlier[5].rows.tolist()}


def test_what_is_hidden_from_a_person_because_they_picked_it_later_is_ranked_and_asked_for(
    earlier, later
):
    """As what they bought is: it was not hidden when it was to be foretold."""
    bought = {f"u{user}": [*earlier[user].rows, *later[user].rows] for user in range(PEOPLE)}
    plain, trial = (tried(earlier, later, hidden) for hidden in (None, hiding(**bought)))
    assert trial.users == plain.users == list(range(PEOPLE))
    for user in range(PEOPLE):
        assert trial.rank(user, ITEMS).tolist() == plain.rank(user, ITEMS).tolist()
    assert trial.policy.record == plain.policy.record


def test_where_all_later_picks_are_hidden_there_is_no_trial(earlier, later):
    hidden = hiding(*set(later.rows.tolist()))
    assert tried(earlier, later, hidden) is None
    assert "global_filters" in hidden.proviso
    assert nothing_hidden(ITEMS).proviso == ""


def test_the_policy_is_learned_from_candidates_that_can_be_shown(earlier, later, monkeypatch):
    asked = []

    def fit(wanted, lists, **_):
        asked.append(len(lists.relevant))
        return prior_policy()

    monkeypatch.setattr(trial_module, "fit_policy", fit)
    tried(earlier, later, hiding(*range(30)))
    users = [user for user in range(PEOPLE) if (later[user].rows >= 30).any()]
    assert asked[0] == sum(10 - int((earlier[user].rows >= 30).sum()) for user in users)
