import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import rows
from sightline.rank.blend import blended
from sightline.rank.fuse import Ranked


def ranked(scores, order=None):
    """Rows 0, 1, … with these scores, best first or in the order given."""
    scores = np.array(scores, np.float32)
    order = np.argsort(-scores, kind="stable") if order is None else np.array(order)
    return Ranked(order.astype(np.int32), scores[order], {"looks": scores[order]})


@st.composite
def candidates(draw):
    count = draw(st.integers(1, 12))
    numbers = st.lists(st.floats(0, 1, width=32), min_size=count, max_size=count)
    order = draw(st.permutations(range(count)))
    return ranked(draw(numbers)), ranked(draw(numbers), order), draw(st.floats(0, 1))


@given(candidates())
def test_a_score_is_the_sum_of_its_parts_from_0_to_1_and_no_row_is_lost(case):
    found, liked, weight = case
    mixed = blended(found, liked, weight)
    assert sorted(mixed.rows.tolist()) == sorted(found.rows.tolist())
    assert np.sum(list(mixed.parts.values()), axis=0) == pytest.approx(mixed.scores, abs=1e-6)
    assert (np.diff(mixed.scores) <= 0).all()
    assert ((mixed.scores >= 0) & (mixed.scores <= 1 + 1e-6)).all()


@given(candidates())
def test_without_weight_the_order_is_that_of_the_search(case):
    found, liked, _ = case
    assert blended(found, liked, 0).scores == pytest.approx(found.scores)


def test_with_all_the_weight_the_order_is_that_of_the_liking():
    mixed = blended(ranked([0.9, 0.5, 0.4]), ranked([-7, -3, -5], [2, 0, 1]), 1)
    assert mixed.rows.tolist() == [1, 2, 0]
    assert mixed.parts["personal"].tolist() == [1, 0.5, 0]


def test_the_liking_of_what_is_missing_is_the_least():
    liked = Ranked(rows(2, 1), np.array([5, 3], np.float32), {})
    mixed = blended(ranked([0.5, 0.5, 0.5]), liked, 0.5)
    assert mixed.rows.tolist() == [2, 0, 1]


@pytest.mark.parametrize("scores", [[1, 1, 1], []])
def test_a_liking_that_tells_nothing_apart_changes_no_order(scores):
    found = ranked([0.9, 0.5, 0.4])
    mixed = blended(found, ranked(scores), 0.3)
    assert mixed.rows.tolist() == found.rows.tolist()
