"""Columns of the user's own vectors, and the rows of them that are none."""

from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.errors import SchemaError, UnsupportedError
from sightline.sources import vectors as vectors_module
from sightline.sources.items import item_table
from sightline.sources.roles import Role
from sightline.sources.users import user_table
from sightline.sources.vectors import read_vectors

UNIT = [0.6, 0.8]


def read(cells, dtype=None):
    vectors, reasons, _ = read_vectors(pl.Series("look", cells, dtype=dtype, strict=False))
    return vectors, reasons


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        ([[3, 4], [0, 2]], pl.List(pl.Int64)),
        ([[3, 4], [0, 2]], pl.List(pl.Float32)),
        ([[3, 4], [0, 2]], pl.Array(pl.Float64, 2)),
        ([[Decimal(3), Decimal(4)], [Decimal(0), Decimal(2)]], pl.List(pl.Decimal(10, 2))),
        ([["3", "4"], [" 0", "2.0"]], pl.List(pl.String)),
        (["[3, 4]", " [ 0,2e0\n] "], pl.String),
    ],
)
def test_a_vector_is_read_from_whatever_holds_its_numbers(cells, dtype):
    vectors, reasons = read(cells, dtype)
    np.testing.assert_allclose(vectors.matrix, [UNIT, [0, 1]], rtol=1e-6)
    assert vectors.matrix.dtype == np.float32
    assert vectors.presence.tolist() == [True, True]
    assert reasons == {}


def test_a_null_cell_has_no_vector_and_is_not_a_fault():
    for cells, dtype in [([None, UNIT], None), (["", "[0.6, 0.8]"], pl.String)]:
        vectors, reasons = read(cells, dtype)
        assert vectors.presence.tolist() == [False, True]
        assert vectors.matrix[0].tolist() == [0, 0]
        assert reasons == {}


def test_null_cells_of_a_fixed_size_array_have_no_vector():
    vectors, reasons = read([None, UNIT], pl.Array(pl.Float32, 2))
    assert (vectors.presence.tolist(), reasons) == ([False, True], {})


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ([1.0], "not of 2 dimensions"),
        ([1.0, 2.0, 3.0], "not of 2 dimensions"),
        ([], "an empty list"),
        ([1.0, float("nan")], "not finite"),
        ([float("inf"), 1.0], "not finite"),
        ([0.0, -0.0], "all zeros"),
        ([1.0, None], "not a list of numbers"),
    ],
)
def test_a_row_that_is_no_vector_is_absent_and_counted(cell, reason):
    vectors, reasons = read([UNIT, cell, UNIT], pl.List(pl.Float64))
    assert reasons == {reason: 1}
    assert vectors.presence.tolist() == [True, False, True]
    np.testing.assert_allclose(vectors.matrix, [UNIT, [0, 0], UNIT], rtol=1e-6)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("[1]", "not of 2 dimensions"),
        ("[]", "an empty list"),
        ("[ ]", "an empty list"),
        ("[1, NaN]", "not finite"),
        ("[1, 1e999]", "not finite"),
        ("[1, red]", "not a list of numbers"),
        ("[1, null]", "not a list of numbers"),
        ("[1,]", "not a list of numbers"),
        ("1, 2", "not a list of numbers"),
        ("red", "not a list of numbers"),
    ],
)
def test_a_text_that_is_no_vector_is_absent_and_counted(cell, reason):
    vectors, reasons = read(["[3, 4]", cell, "[3, 4]"])
    assert reasons == {reason: 1}
    assert vectors.presence.tolist() == [True, False, True]


@pytest.mark.parametrize("cells", [[1.0, 2.0], [True, None], [[[1.0]], [[2.0]]], [[True], [False]]])
def test_a_column_of_anything_but_vectors_has_none(cells):
    vectors, reasons = read(cells)
    assert not vectors.presence.any()
    assert reasons == {"not a list of numbers": sum(cell is not None for cell in cells)}
    assert vectors.matrix.shape == (2, 0)


def test_of_two_lengths_as_frequent_the_first_is_the_dimension():
    vectors, reasons = read([[1.0, 2.0, 3.0], [1.0], [1.0], [3.0, 2.0, 1.0]])
    assert vectors.dim == 3
    assert reasons == {"not of 3 dimensions": 2}


@pytest.mark.parametrize("scale", [1e300, 1e-300, 5e-324, -7.0])
def test_the_length_of_a_vector_does_not_matter_however_large_or_small(scale):
    vectors, _ = read([[scale, scale]])
    np.testing.assert_allclose(vectors.matrix, [[np.sign(scale) * 0.5**0.5] * 2], rtol=1e-6)


def test_it_is_noted_how_many_vectors_were_not_of_unit_length():
    cells = [UNIT, [3.0, 4.0], [0.1, 0.1], None]
    *_, notes = read_vectors(pl.Series("look", cells))
    assert notes == ("2 vectors of 'look' were not of unit length and are scaled to it",)


def test_unit_vectors_rounded_to_half_precision_are_not_noted():
    unit = np.random.default_rng(0).normal(size=(50, 64))
    unit = (unit / np.linalg.norm(unit, axis=1, keepdims=True)).astype(np.float16)
    *_, notes = read_vectors(pl.Series("look", unit.astype(np.float32)))
    assert notes == ()


cells = st.none() | st.lists(st.none() | st.floats() | st.just(0.0), max_size=3)


@given(st.lists(cells, min_size=1, max_size=12), st.booleans(), st.sampled_from([1, 5, 1 << 22]))
def test_every_row_is_a_unit_vector_or_absent_and_the_report_adds_up(rows, as_text, block):
    column = pl.Series("look", rows, dtype=pl.List(pl.Float64))
    if as_text:
        written = [None if row is None else str(row).replace("None", "null") for row in rows]
        column = pl.Series("look", written, dtype=pl.String)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors_module, "_BLOCK_NUMBERS", block)
        vectors, reasons, _ = read_vectors(column)
    lengths = np.linalg.norm(vectors.matrix.astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, vectors.presence, atol=1e-6)
    absent = sum(row is not None for row in rows) - int(vectors.presence.sum())
    assert sum(reasons.values()) == absent
    usable = [
        row is not None
        and len(row) == vectors.dim
        and all(number is not None and np.isfinite(number) for number in row)
        and any(row)
        for row in rows
    ]
    assert vectors.presence.tolist() == usable


# The column in its table.


def items(columns, **features):
    return item_table(pl.DataFrame(columns, strict=False), features=features)


def test_stated_vectors_leave_the_frame_and_stay_in_the_roles():
    table = items(
        {"item_id": [1, 2], "look": [[3.0, 4.0], None], "said": ["[1, 0, 0]", "[0, 0, 1]"]},
        look="ImageVector",
        said="TextVector",
    )
    assert table.frame.columns == ["item_id"]
    assert table.roles["look"] is Role.IMAGE_VECTOR
    assert table.roles["said"] is Role.TEXT_VECTOR
    look, said = table.vectors[Role.IMAGE_VECTOR], table.vectors[Role.TEXT_VECTOR]
    assert look.to_dict() == {"column": "look", "dim": 2, "items": 1}
    assert said.to_dict() == {"column": "said", "dim": 3, "items": 2}


def test_lists_of_numbers_without_a_statement_stay_lists():
    table = items({"item_id": [1], "sizes": [[38.0, 40.0]]})
    assert table.roles["sizes"] is Role.LIST
    assert table.frame["sizes"].to_list() == [[38.0, 40.0]]
    assert table.vectors == {}


def test_vectors_follow_their_rows_when_others_are_dropped():
    table = items(
        {"item_id": ["a", None, "b", "a"], "look": [[1, 0], [0, 1], [0, 1], [-1, 0]]},
        look="ImageVector",
    )
    assert table.ids == ["b", "a"]
    assert table.vectors[Role.IMAGE_VECTOR].matrix.tolist() == [[0, 1], [-1, 0]]


def test_bad_vectors_and_scaled_ones_are_in_the_report_of_the_table():
    cells = [[3.0, 4.0], [1.0, 0.0], [1.0], [0.0, float("nan")]]
    report = items({"item_id": [1, 2, 3, 4], "look": cells}, look="ImageVector").report
    assert report.kept == 4
    assert report.nulled == {"look": {"not of 2 dimensions": 1, "not finite": 1}}
    assert report.notes == ("1 vectors of 'look' were not of unit length and are scaled to it",)


def test_two_columns_of_one_kind_are_refused_by_name():
    columns = {"item_id": [1], "a": [[1.0]], "b": [[1.0]]}
    with pytest.raises(SchemaError, match="both 'a' and 'b' the type ImageVector"):
        items(columns, a="ImageVector", b="ImageVector")


def test_a_stated_column_in_which_no_row_has_a_vector_is_refused_with_the_reasons():
    cells = [None, None, [float("nan")]]
    message = r"none of the 3 rows of fetch\.items has a vector in 'look': 2 are null, 1 are not f"
    with pytest.raises(SchemaError, match=message):
        items({"item_id": [1, 2, 3], "look": cells}, look="ImageVector")


def test_vectors_of_users_are_refused():
    frame = pl.DataFrame({"user_id": [1], "taste": [[1.0]]})
    with pytest.raises(UnsupportedError, match=r"schema_override\.user gives 'taste'"):
        user_table(frame, features={"taste": "ImageVector"})
