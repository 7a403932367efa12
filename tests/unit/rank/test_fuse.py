import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sightline.rank.fuse import Ranked, Signal, SparseScores, best_first, fuse, top_rows

ROWS = np.arange(4, dtype=np.int32)


def signal(*values, present=None):
    return Signal(
        np.array(values, np.float32), None if present is None else np.array(present, np.bool_)
    )


def test_score_is_the_sum_of_its_parts_and_at_most_one():
    fused = fuse(ROWS, {"a": signal(2, 1, 0, 0), "b": signal(0, 3, 3, 0)}, {"a": 1.0, "b": 3.0})
    assert fused.scores.tolist() == pytest.approx([0.25, 0.875, 0.75, 0.0])
    assert fused.parts["a"] + fused.parts["b"] == pytest.approx(fused.scores)


def test_candidate_a_signal_knows_nothing_of_gets_the_median_of_the_known():
    fused = fuse(
        ROWS, {"looks": signal(1.0, 0.5, 0.2, 9, present=[True, True, True, False])}, {"looks": 1.0}
    )
    assert fused.scores.tolist() == pytest.approx([1.0, 0.5, 0.2, 0.5])


def test_signal_that_is_silent_takes_no_part():
    fused = fuse(ROWS, {"a": signal(1, 0, 0, 0), "b": signal(0, 0, 0, 0)}, {"a": 1.0, "b": 9.0})
    assert list(fused.parts) == ["a"]
    assert fused.scores[0] == 1.0


def test_negative_opinion_counts_as_none():
    assert fuse(ROWS, {"a": signal(-5, 1, 0, 0)}, {"a": 1.0}).scores[0] == 0.0


def test_equal_scores_keep_the_lower_row_first():
    ranked = Ranked(np.array([7, 3, 5], np.int32), np.ones(3, np.float32), {})
    assert best_first(ranked, 2).rows.tolist() == [3, 5]


@given(
    hnp.arrays(np.float32, st.integers(0, 40), elements=st.sampled_from([0.0, 0.5, 1.0, 2.0])),
    st.integers(1, 50),
    st.integers(0, 2**31),
)
def test_top_rows_is_a_stable_sort_of_the_allowed(scores, k, seed):
    allowed = np.random.default_rng(seed).random(len(scores)) < 0.6
    expected = sorted(np.flatnonzero(allowed), key=lambda row: (-scores[row], row))[:k]
    assert top_rows(scores, k, allowed).tolist() == expected


@given(
    hnp.arrays(np.float32, st.integers(0, 40), elements=st.sampled_from([0.0, -1.0, 0.5, 2.0])),
    st.integers(1, 50),
    st.none() | st.integers(0, 2**31),
)
def test_sparse_scores_are_those_of_all_items(scores, k, seed):
    named = np.flatnonzero(scores).astype(np.int32)
    sparse = SparseScores(named, scores[named])
    assert sparse[np.arange(len(scores))[::-1]].tolist() == scores[::-1].tolist()
    everything = np.ones(len(scores), np.bool_)
    allowed = None if seed is None else np.random.default_rng(seed).random(len(scores)) < 0.6
    expected = top_rows(scores, k, (scores > 0) & (everything if allowed is None else allowed))
    assert sparse.best(k, allowed).tolist() == expected.tolist()


@pytest.mark.parametrize("values", [(1e-42, 0, 0, 9), (0, 0, 0, 3e38), (1e-39, 1e-40, 0, 1)])
def test_what_is_less_than_float32_has_digits_for_is_silent(values):
    quiet = signal(*values, present=[True, True, True, False])
    fused = fuse(ROWS, {"a": quiet, "b": signal(0, 0, 1, 0)}, {"a": 9.0, "b": 1.0})
    assert fused.scores.tolist() == [0, 0, 1, 0]
