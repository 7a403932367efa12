import pytest
from sightline.cli.evaluation_table import show_evaluation

LIKELY = ("personal", "popularity", "itemknn", "ease")


def figure(value, **ends):
    return {"value": value, **ends}


def sure(value):
    return figure(value, low=value * 0.9, high=value * 1.1)


def figures(value):
    rates = ("ndcg", "recall", "precision", "hit_ratio", "map", "mrr", "auc")
    return {
        **{name: sure(value) for name in rates},
        "coverage": figure(0.5),
        "personalization": figure(0.25),
        "novelty": sure(10.5),
        "average_popularity": sure(12_345.6),
    }


def report(methods=LIKELY[:2], **parts):
    return {
        "split": "user-time",
        "held_out": "last fifth of every user's events, by time",
        "k": 10,
        "users": 1_000,
        "level": 0.95,
        "methods": {name: figures(0.1 * place) for place, name in enumerate(methods, start=1)},
        "against": {name: {"verdict": f"1.28 times {name} (1.10 to 1.52)"} for name in methods[1:]},
        "segments": {},
        "ablation": [],
        **parts,
    }


@pytest.fixture
def shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def show(found):
        show_evaluation(found)
        return capsys.readouterr().out

    return show


def test_every_metric_is_shown_with_its_interval(shown):
    text = shown(report())
    for line in (
        "NDCG@10 0.100 0.090-0.110 0.200 0.180-0.220",
        "coverage@10 0.500 0.500",
        "novelty@10, bits 10.50 9.45-11.55 10.50 9.45-11.55",
        "avg popularity@10 12,346 11,111-13,580 12,346 11,111-13,580",
    ):
        assert line in " ".join(text.split())


def test_a_metric_that_was_not_measured_has_no_line(shown):
    found = report()
    for measured in found["methods"].values():
        del measured["auc"]
    assert "AUC" not in shown(found)
    del found["methods"]["personal"]["novelty"]
    assert "novelty@10, bits - 10.50" in " ".join(shown(found).split())


def test_it_is_said_how_it_compares_and_how_it_was_measured(shown):
    text = " ".join(shown(report()).split())
    assert "NDCG@10: 1.28 times popularity (1.10 to 1.52)" in text
    assert "1,000 users; held out: last fifth of every user's events, by time" in text
    assert "95% of bootstrap draws of users" in text


def test_segments_are_shown_with_their_users_and_without_figures_where_there_are_none(shown):
    segments = {
        "cold users": {"users": 12, "methods": {name: figures(0.3) for name in LIKELY[:2]}},
        "new items": {"users": 0, "methods": {}},
    }
    text = " ".join(shown(report(segments=segments)).split())
    assert "cold users 12 0.300 0.270-0.330 0.300 0.270-0.330" in text
    assert "new items 0 - -" in text


def test_ablation_says_what_each_part_buys(shown):
    entry = {"without": "words", "ndcg": sure(0.1), "verdict": "no measurable effect"}
    text = " ".join(shown(report(ablation=[entry])).split())
    assert "words 0.100 0.090-0.110 no measurable effect" in text


def test_eighty_columns_hold_every_figure_whole(shown):
    segments = {
        "new items among themselves": {
            "users": 1_000,
            "methods": {name: figures(0.3) for name in LIKELY},
        }
    }
    entry = {
        "without": "behaviour",
        "ndcg": sure(0.1),
        "verdict": "behaviour buys +12 % (+4.0 % to +21 %)",
    }
    text = shown(report(LIKELY, segments=segments, ablation=[entry]))
    assert max(map(len, text.splitlines())) <= 80
    assert entry["verdict"] in text
    assert all(name in text for name in LIKELY)
    ndcg = [line.split() for line in text.splitlines() if line.startswith(" NDCG@10  ")]
    assert [words[1::2] for words in ndcg] == [["0.100", "0.200", "0.300"], ["0.400"]]


def test_what_was_not_measured_says_why(shown):
    assert shown({"note": "not measured: no user has five events"}).strip() == (
        "not measured: no user has five events"
    )


def test_names_are_no_markup(shown):
    assert "[red]mine" in shown(report(("[red]mine", "popularity")))
