import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sightline_kernels.als import solve_rows
from sightline_kernels.cooccurrence import cooccurrence, item_products


def problem(counts, size, *, columns=40, seed=0):
    """Rows of so many entries each, in the arrays that the kernel takes."""
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, *counts])
    return (
        offsets,
        np.concatenate([rng.permutation(columns)[:count] for count in counts]).astype(np.int32),
        rng.uniform(0.5, 2, offsets[-1]).astype(np.float32),
        rng.normal(0, 1, (columns, size)).astype(np.float32),
        rng.uniform(0.5, 3, size).astype(np.float32),
    )


@pytest.mark.parametrize("size", [1, 3, 8, 17])
def test_rows_of_any_length_solve_their_normal_equations(size):
    arrays = problem([0, 1, 2, size - 1, size, size + 1, size + 2, size + 3, 39, 0], size)
    assert_allclose(solve_rows(*arrays), reference.solve_rows(*arrays), rtol=1e-3, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(1, 9), st.integers(0, 99))
def test_solutions_equal_the_formula(counts, size, seed):
    arrays = problem(counts, size, seed=seed)
    assert_allclose(solve_rows(*arrays), reference.solve_rows(*arrays), rtol=1e-3, atol=1e-5)


def test_rows_without_entries_are_zero():
    assert_array_equal(solve_rows(*problem([0, 0], 4)), np.zeros((2, 4)))
    assert solve_rows(*problem([0], 4))[:0].shape == (0, 4)


def test_a_row_is_the_same_whatever_other_rows_are_solved_with_it():
    offsets, columns, strengths, others, base = problem([3, 9, 0, 25, 7], 8)
    together = solve_rows(offsets, columns, strengths, others, base)
    for row in range(5):
        span = slice(offsets[row], offsets[row + 1])
        ends = np.array([0, offsets[row + 1] - offsets[row]])
        alone = solve_rows(ends, columns[span], strengths[span], others, base)
        assert_array_equal(alone[0], together[row])


def test_axes_that_nothing_lies_along_stay_zero():
    offsets, columns, strengths, others, base = problem([2, 20], 6)
    others[:, 4] = 0
    assert_array_equal(solve_rows(offsets, columns, strengths, others, base)[:, 4], [0, 0])


def test_the_stronger_an_entry_the_nearer_its_score_is_to_one():
    others, base = np.eye(3, dtype=np.float32), np.ones(3, np.float32)
    scores = [
        solve_rows(np.array([0, 1]), np.array([1]), np.array([strength]), others, base)[0, 1]
        for strength in (0.1, 1, 10)
    ]
    assert_allclose(scores, [0.1 / 1.1, 1 / 2, 10 / 11], rtol=1e-6)


def test_strided_and_read_only_arrays_are_read():
    offsets, columns, strengths, others, base = problem([3, 30], 8)
    expected = solve_rows(offsets, columns, strengths, others, base)
    others.flags.writeable = False
    spread = np.repeat(columns, 2)[::2], np.repeat(strengths, 2)[::2]
    assert_array_equal(solve_rows(offsets, *spread, others, base), expected)
    assert_array_equal(
        solve_rows(offsets, columns, strengths, np.asfortranarray(others), base), expected
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offsets": []}, "offsets must rise"),
        ({"offsets": [0, 3, 2]}, "offsets must rise"),
        ({"offsets": [0, 1]}, "offsets must rise"),
        ({"columns": [0, 3]}, "columns must lie in 0..2, got 0..3"),
        ({"columns": [-1, 0]}, "columns must lie"),
        ({"strengths": [1]}, "1 strengths"),
        ({"strengths": [1, 0]}, "above 0"),
        ({"strengths": [1, np.nan]}, "finite"),
        ({"strengths": [1, np.inf]}, "finite"),
        ({"base": [1, 0]}, "above 0"),
        ({"base": [1, 1, 1]}, "base of shape"),
    ],
    ids=str,
)
def test_arguments_that_would_reach_outside_memory_are_refused(change, message):
    arguments = {
        "offsets": [0, 2],
        "columns": [0, 1],
        "strengths": [1, 1],
        "others": np.ones((3, 2)),
        "base": [1, 1],
    }
    arrays = {name: np.asarray(value) for name, value in {**arguments, **change}.items()}
    with pytest.raises(ValueError, match=message):
        solve_rows(**arrays)


def test_products_of_items_equal_the_dense_product():
    offsets, rows, weights = problem([0, 1, 5, 12, 30, 40], 1)[:3]
    expected = reference.item_products(offsets, rows, weights, 40)
    products = np.full((40, 40), np.nan, np.float32)
    item_products(offsets, rows, weights, products[:15])
    item_products(offsets, rows, weights, products[15:], start=15)
    assert_allclose(products, expected, rtol=1e-6)


def test_entries_far_apart_in_a_history_count_by_their_nearness():
    offsets, rows, weights = problem([0, 1, 5, 12, 30, 40], 1)[:3]
    nearness = np.array([1.0, 0.7, 0.5, 0.2])
    expected = reference.item_products(offsets, rows, weights, 40, nearness)
    products = np.empty((40, 40), np.float32)
    item_products(offsets, rows, weights, products, nearness=nearness)
    assert_allclose(products, expected, rtol=1e-5)


def test_an_empty_nearness_is_refused():
    arrays = problem([2], 1, columns=3)[:3]
    with pytest.raises(ValueError, match="nearness is empty"):
        item_products(*arrays, np.empty((3, 3), np.float32), nearness=np.zeros(0))


def test_neighbours_found_in_parts_are_those_found_at_once():
    arrays = problem([1, 5, 12, 30, 40], 1)[:3]
    neighbours, scores = cooccurrence(*arrays, 40, 6, 1)
    parts = [
        cooccurrence(*arrays, 40, 6, 1, start=start, stop=stop)
        for start, stop in ((0, 0), (0, 13), (13, 40))
    ]
    assert_array_equal(np.concatenate([part[0] for part in parts]), neighbours)
    assert_array_equal(np.concatenate([part[1] for part in parts]), scores)


@pytest.mark.parametrize(("start", "rows"), [(-1, 2), (2, 2)])
def test_products_of_items_that_do_not_exist_are_refused(start, rows):
    arrays = problem([2], 1, columns=3)[:3]
    with pytest.raises(ValueError, match=f"items {start} to {start + rows} of 3"):
        item_products(*arrays, np.empty((rows, 3), np.float32), start=start)
    with pytest.raises(ValueError, match=f"items {start} to {start + rows} of 3"):
        cooccurrence(*arrays, 3, 1, 0, start=start, stop=start + rows)
