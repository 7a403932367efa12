import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.index.planner import choose

MILLION = {"is_awake": True, "ef": 64, "entries": 1000}


def test_without_compiled_loops_numpy_gathers_or_scans():
    assert choose(100_000, 1_000, 10, is_awake=False, ef=64).plan == "gather"
    assert choose(100_000, 50_000, 10, is_awake=False, ef=64).plan == "scan"


@pytest.mark.parametrize(
    ("allowed", "plan"),
    [
        (1, "gather"),
        (1_000, "scan"),
        (10_000, "scan"),
        (100_000, "filtered walk"),
        (999_999, "filtered walk"),
        (1_000_000, "walk"),
    ],
)
def test_of_a_million_rows_a_filter_decides(allowed, plan):
    assert choose(1_000_000, allowed, 10, **MILLION).plan == plan


@pytest.mark.parametrize(("n_rows", "plan"), [(1_000, "scan"), (100_000, "walk")])
def test_few_rows_are_scanned_though_there_is_a_graph(n_rows, plan):
    assert choose(n_rows, n_rows, 10, is_awake=True, ef=64, entries=300).plan == plan


def test_without_a_graph_all_is_scanned():
    assert choose(1_000_000, 1_000_000, 10, is_awake=True).plan == "scan"


@pytest.mark.parametrize(("k", "width"), [(10, 64), (32, 64), (33, 66), (500, 1_000)])
def test_a_walk_is_wider_than_what_is_asked_for(k, width):
    assert choose(1_000_000, 1_000_000, k, **MILLION).width == width


def test_what_takes_too_long_a_walk_is_scanned():
    assert choose(1_000_000, 1_000_000, 50_000, **MILLION).plan == "scan"


@given(n_rows=st.integers(1, 10**7), k=st.integers(1, 10**4), data=st.data())
def test_no_walk_may_take_longer_than_the_scan(n_rows, k, data):
    allowed = data.draw(st.integers(1, n_rows))
    choice = choose(n_rows, allowed, min(k, allowed), is_awake=True, ef=64, entries=300)
    assert (choice.width > 0) == ("walk" in choice.plan)
    assert choice.most_scored * 6 <= min(n_rows, 3 * allowed)
    assert choice.width == 0 or choice.width >= min(k, allowed)
