"""The bench harness: what it times, what it writes, what it prints."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

HARNESS = Path(__file__).parents[2] / "bench" / "harness.py"
QUESTION = "how long does nothing take"


@pytest.fixture
def harness(tmp_path, monkeypatch) -> ModuleType:
    """Load the harness as the scripts beside it do, with its results in a folder of the test's."""
    monkeypatch.syspath_prepend(HARNESS.parent)
    module = importlib.import_module("harness")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    return module


@pytest.fixture
def run(harness, monkeypatch, capsys):
    """Run a bench with these command-line arguments; return what it printed and recorded."""

    def _run(figures, *arguments):
        monkeypatch.setattr(sys, "argv", ["nothing.py", *arguments])
        harness.main("nothing", lambda: figures, question=QUESTION)
        record = json.loads((harness.RESULTS / "nothing.json").read_text(encoding="utf-8"))
        return capsys.readouterr().out, record

    return _run


def test_warm_up_calls_are_made_and_not_counted(harness) -> None:
    calls = []
    timing = harness.time_calls(lambda: calls.append("call"), repeats=5, warm_up=2)
    assert (len(calls), timing.repeats) == (7, 5)


def test_median_and_95th_percentile_are_of_the_seconds_taken(harness, monkeypatch) -> None:
    # Eleven calls of 0, 1, ... 10 seconds on a clock that is read before and after each.
    readings = iter([reading for seconds in range(11) for reading in (100.0, 100.0 + seconds)])
    monkeypatch.setattr(harness, "perf_counter", lambda: next(readings))
    timing = harness.time_calls(lambda: None, repeats=11, warm_up=0)
    assert (timing.median_s, timing.p95_s) == (5.0, 9.5)


def test_pairs_are_interleaved_and_take_turns_in_going_first(harness) -> None:
    order = []
    harness.side_by_side(lambda: order.append("a"), lambda: order.append("b"), repeats=4, warm_up=0)
    assert "".join(order) == "abbaabba"


def test_a_candidate_that_takes_half_the_time_has_speedup_two(harness, monkeypatch) -> None:
    clock = 0.0

    def spend(seconds):
        nonlocal clock
        clock += seconds

    monkeypatch.setattr(harness, "perf_counter", lambda: clock)
    comparison = harness.side_by_side(lambda: spend(2.0), lambda: spend(1.0), repeats=3)
    assert comparison.speedup == 2.0
    assert (comparison.baseline.median_s, comparison.candidate.median_s) == (2.0, 1.0)


def test_nothing_to_repeat_is_refused(harness) -> None:
    with pytest.raises(ValueError, match="empty"):
        harness.time_calls(lambda: None, repeats=0)


def test_the_record_holds_question_figures_and_environment(run) -> None:
    _, record = run({"build_s": 1.25, "items": 10})
    assert record["question"] == QUESTION
    assert record["figures"] == {"build_s": 1.25, "items": 10}
    assert {"commit", "modified"} == record["code"].keys()
    assert {"python", "sightline", "numpy", "numba", "polars"} <= record["versions"].keys()
    assert {"cpu", "cores", "memory_gib", "os"} == record["machine"].keys()


def test_what_else_is_recorded_stands_beside_the_figures(harness) -> None:
    harness.write_record("nothing", QUESTION, {"items": 10}, table=[{"low": 9, "high": 11}])
    record = json.loads((harness.RESULTS / "nothing.json").read_text(encoding="utf-8"))
    assert record["figures"] == {"items": 10}
    assert record["table"] == [{"low": 9, "high": 11}]


def test_json_prints_one_flat_object_as_its_only_line(run) -> None:
    printed, _ = run({"build_s": 1.25, "items": 10}, "--json")
    assert printed == '{"build_s": 1.25, "items": 10}\n'


def test_the_table_shows_a_line_per_figure_under_the_question(run) -> None:
    printed, _ = run({"build_s": 1.23456, "items": 10})
    assert printed.splitlines() == [QUESTION, "  build_s  1.235", "  items    10"]


def test_outside_a_git_checkout_the_commit_is_said_to_be_unknown(
    harness, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(harness, "CHECKOUT", tmp_path)
    assert harness.environment()["code"] == {"commit": "not a git checkout", "modified": False}
