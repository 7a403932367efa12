import numpy as np
import pytest
from rank_cases import history, random_catalogue
from sightline.explaining import Explainer, most_alike_picks
from sightline.inference import Inference
from sightline.rank.fuse import Ranked
from sightline.rank.query import Query

LEARNED = {"policy_type": "score-ensemble", "learned": True, "slope": 4.0, "intercept": -2.0}
PLAIN = Query(limit=3, inference=Inference(limit=3))


def rows(*values):
    return np.array(values, np.int32)


def found():
    scores = np.array([0.9, 0.5, 0.1], np.float32)
    return Ranked(rows(1, 4, 2), scores, {"looks": scores})


def explainer(built, policy=LEARNED):
    colors = [f"color {place}" for place in range(built.facts.palettes.shape[1])]
    return Explainer(built, lambda row: f"item {row}", colors, policy)


def test_the_pick_that_looks_most_alike_is_named_and_nothing_where_there_is_no_picture():
    built = random_catalogue(30, present=1.0)
    built.facts.has_picture[[4, 9]] = False  # whatever stands in for it
    assert most_alike_picks(built, rows(1, 9), rows(1, 4, 2)) == [1, None, 1]
    assert most_alike_picks(built, rows(9), rows(1)) == [None]


def test_every_reason_runs_parallel_to_the_results():
    reasons = explainer(random_catalogue(30, present=1.0)).explain(found(), history(3, 5), PLAIN)
    assert len(reasons["looks_like"]) == len(reasons["palette"]) == 3
    assert reasons["score"]["scoring_policy_scores"]["looks"] == [0.9, 0.5, 0.1]


def test_the_chance_of_a_pick_rises_with_the_score():
    chances = explainer(random_catalogue(30)).explain(found(), history(3), PLAIN)["score"]
    expected = 1 / (1 + np.exp(-(4 * np.array([0.9, 0.5, 0.1]) - 2)))
    assert chances["probability"] == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("policy", "inference", "past"),
    [
        ({"policy_type": "random"}, Inference(), history(3)),
        (LEARNED, Inference(value_model="score * 2"), history(3)),
        (LEARNED, Inference(boosting_factor=0.5), history(3)),
        (LEARNED, Inference(), history()),
    ],
)
def test_no_chance_is_told_of_a_score_that_was_not_learned(policy, inference, past):
    built = random_catalogue(30)
    reasons = explainer(built, policy).explain(found(), past, Query(3, inference=inference))
    assert "probability" not in reasons["score"]
