import json

import numpy as np
import pytest
from sightline.cli.evaluation_table import show_evaluation
from sightline.demo.chart import evaluation_charts
from sightline.learn.evaluation import judge
from sightline.learn.interactions import Interactions
from sightline.learn.report import Evaluation

USERS = 40


def judgement(place, *, users=USERS):
    """Everyone is to find item 9, which they are shown at `place` of 5; None: not at all."""
    offsets = np.arange(users + 1)
    later = Interactions(
        offsets,
        np.full(users, 9, np.int32),
        np.ones(users, np.float32),
        np.zeros(users, np.int64),
    )
    ranked = np.arange(5, dtype=np.int32)
    if place is not None:
        ranked[place - 1] = 9
    return judge(lambda user, k: ranked, later, list(range(users)), n_items=10, k=5)


def report(**parts):
    methods = {"personal": judgement(1), "popularity": judgement(3)}
    return Evaluation("user-time", methods, **parts).to_dict()


def test_report_says_what_was_measured_and_how():
    found = report()
    assert {name: found[name] for name in ("split", "held_out", "k", "users", "level")} == {
        "split": "user-time",
        "held_out": "last fifth of every user's events, by time",
        "k": 5,
        "users": USERS,
        "level": 0.95,
    }


def test_every_mean_over_users_has_its_interval():
    figures = report()["methods"]["popularity"]
    assert figures["ndcg"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert figures["coverage"] == {"value": 0.5}
    assert set(figures) == {
        *("ndcg", "recall", "precision", "hit_ratio", "map", "mrr"),
        *("coverage", "personalization"),
    }


def test_the_first_method_is_set_beside_every_other():
    assert report()["against"] == {
        "popularity": {
            "difference": {"value": 0.5, "low": 0.5, "high": 0.5},
            "ratio": {"value": 2, "low": 2, "high": 2},
            "verdict": "2.00 times popularity (2.00 to 2.00)",
        }
    }


def test_a_segment_has_the_same_methods_and_says_how_many_users_it_has():
    cold = {"personal": judgement(3, users=5), "popularity": judgement(3, users=5)}
    found = report(segments={"cold users": cold})["segments"]["cold users"]
    assert found["users"] == 5
    assert found["methods"]["personal"]["ndcg"]["value"] == 0.5
    assert found["against"]["popularity"]["verdict"] == "too few users to tell"


def test_a_segment_that_nobody_is_in_has_no_figures():
    nobody = {"personal": judgement(1, users=0), "popularity": judgement(1, users=0)}
    assert report(segments={"new items": nobody})["segments"] == {
        "new items": {"users": 0, "methods": {}, "against": {}}
    }


def test_ablation_says_what_each_part_buys():
    pictures, words = report(ablation={"pictures": judgement(3), "words": judgement(1)})["ablation"]
    assert pictures == {
        "without": "pictures",
        "ndcg": {"value": 0.5, "low": 0.5, "high": 0.5},
        "difference": {"value": 0.5, "low": 0.5, "high": 0.5},
        "ratio": {"value": 2, "low": 2, "high": 2},
        "verdict": "pictures buy +100 % (+100 % to +100 %)",
    }
    assert words["verdict"] == "no measurable effect"


def test_json_holds_the_report_also_beside_nothing():
    methods = {"personal": judgement(1), "random": judgement(None)}
    found = Evaluation("global-time", methods).to_dict()
    assert found["against"]["random"]["ratio"] == {"value": None, "low": None, "high": None}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_tables_and_charts_read_what_a_report_says(capsys):
    cold = {"personal": judgement(3), "popularity": judgement(3)}
    found = report(segments={"cold users": cold}, ablation={"pictures": judgement(3)})
    show_evaluation(found)
    assert "pictures buy +100 % (+100 % to +100 %)" in capsys.readouterr().out
    methods, segments, parts = evaluation_charts(found)
    assert [bar.value for bar in methods.groups[0][1]] == [1, 0.5]
    assert [bar.value for bar in segments.groups[0][1]] == [0.5, 0.5]
    assert [bar.value for bar in parts.groups[0][1]] == [0.5]


def test_the_same_judgements_make_the_same_report():
    assert json.dumps(report(ablation={"words": judgement(2)})) == json.dumps(
        report(ablation={"words": judgement(2)})
    )


def test_rankings_of_different_users_are_not_compared():
    methods = {"personal": judgement(1), "popularity": judgement(1, users=9)}
    with pytest.raises(ValueError, match="different users"):
        Evaluation("user-time", methods).to_dict()


def test_a_report_on_nobody_is_refused():
    with pytest.raises(ValueError, match="no users"):
        Evaluation("user-time", {"personal": judgement(1, users=0)}).to_dict()
