import json
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.features.people import UserDesign
from sightline.sources.users import user_table

PEOPLE = 40
FRAME = pl.DataFrame(
    {
        "user_id": [f"u{row}" for row in range(PEOPLE)],
        "country": (["fr"] * 20 + ["DE"] * 12 + ["it"] * 4 + ["es"] * 2 + [None] * 2),
        "age": [20 + row for row in range(PEOPLE - 1)] + [None],
        "is_member": [True, False] * 19 + [None, None],
        "likes": [["tea", "jazz"], ["jazz"], [], ["tea", "chess"]] * 10,
        "joined_at": [datetime(2024, 1, 1 + row % 28, tzinfo=UTC) for row in range(PEOPLE)],
        "bio": [f"I am number {row} and I like long walks" for row in range(PEOPLE)],
        "planet": ["earth"] * PEOPLE,
        "feet": [2] * PEOPLE,
    }
)
ROLES = {
    "user_id": "id",
    "country": "category",
    "age": "number",
    "is_member": "boolean",
    "likes": "list",
    "joined_at": "time",
    "bio": "text",
    "planet": "category",
    "feet": "number",
}


@pytest.fixture(scope="module")
def design():
    return UserDesign.fit(FRAME, ROLES)


def named(design, vector):
    return {
        name: pytest.approx(value, abs=1e-5)
        for name, value in zip(design.names, vector.tolist(), strict=True)
        if value
    }


def test_places_are_those_of_columns_that_tell_people_apart(design):
    assert design.names == (
        "country=fr",
        "country=de",
        "country=other",
        "age",
        "is_member=false",
        "is_member=true",
        "likes=jazz",
        "likes=tea",
        "likes=chess",
        "joined_at",
    )
    assert len(design) == 10
    assert design.groups.tolist() == [True] * 3 + [False] + [True] * 5 + [False]


def test_roles_are_those_of_the_table_of_users():
    table = user_table(FRAME.with_columns(pl.col("country").fill_null("fr")))
    assert UserDesign.fit(table.frame, table.roles).names[:2] == ("country=fr", "country=de")


def test_a_table_is_encoded_row_by_row_as_requests_are(design):
    matrix = design.encode_frame(FRAME)
    assert (matrix.shape, matrix.dtype) == ((PEOPLE, 10), np.float32)
    for row, features in enumerate(FRAME.select(list(ROLES)[1:6]).rows(named=True)):
        vector, notes = design.encode({**features, "likes": features["likes"] or None})
        assert notes == []
        assert vector.dtype == np.float32
        assert vector == pytest.approx(matrix[row], abs=1e-5)


def test_what_is_missing_is_zeros(design):
    matrix = design.encode_frame(FRAME)
    assert not matrix[-1, :6].any()
    vector, notes = design.encode({})
    assert (vector.tolist(), notes) == ([0.0] * 10, [])
    assert design.encode({"age": None})[1] == []


def test_rare_values_share_a_place_and_strange_ones_have_none(design):
    assert named(design, design.encode({"country": "es"})[0]) == {"country=other": 1}
    vector, notes = design.encode({"country": "Narnia"})
    assert not vector.any()
    assert notes == ["user feature 'country' is left out: nobody had 'narnia'"]


def test_case_does_not_matter(design):
    assert named(design, design.encode({"Country": " FR "})[0]) == {"country=fr": 1}


def test_of_a_list_what_is_known_counts(design):
    vector, notes = design.encode({"likes": ["tea", "golf"]})
    assert named(design, vector) == {"likes=tea": 1}
    assert notes == ["user feature 'likes' is left out: nobody had 'golf'"]
    assert named(design, design.encode({"likes": "tea; jazz"})[0]) == {
        "likes=tea": 1,
        "likes=jazz": 1,
    }


def test_an_unknown_feature_is_told_of_with_those_there_are(design):
    vector, notes = design.encode({"shoe_size": 42})
    assert not vector.any()
    assert notes == [
        "user feature 'shoe_size' plays no part: the model knows country, age, is_member, likes, "
        "joined_at"
    ]


@pytest.mark.parametrize(
    ("features", "kind"),
    [
        ({"age": "old"}, "number"),
        ({"age": float("nan")}, "number"),
        ({"age": [1]}, "number"),
        ({"is_member": "perhaps"}, "boolean"),
        ({"joined_at": "soon"}, "time"),
        ({"likes": 3}, "list"),
        ({"country": {}}, "category"),
    ],
)
def test_a_value_of_another_kind_is_told_of(design, features, kind):
    vector, notes = design.encode(features)
    (value,) = features.values()
    assert not vector.any()
    assert notes[0].endswith(f"is left out: {value!r} is not a {kind}")


@pytest.mark.parametrize("value", [True, "yes", "TRUE", 1])
def test_booleans_are_read_in_many_ways(design, value):
    assert named(design, design.encode({"is_member": value})[0]) == {"is_member=true": 1}


def test_numbers_and_times_are_standardised_and_cut_off(design):
    matrix = design.encode_frame(FRAME)
    ages = matrix[:-1, design.names.index("age")]
    assert ages.mean() == pytest.approx(0, abs=0.01)
    assert ages.std() == pytest.approx(1, abs=0.05)
    assert named(design, design.encode({"age": 1e9})[0]) == {"age": 3}
    assert design.encode({"age": "30"})[0] == pytest.approx(design.encode({"age": 30})[0])
    written = design.encode({"joined_at": "2024-01-28T00:00:00Z"})[0]
    assert written == pytest.approx(design.encode({"joined_at": datetime(2024, 1, 28)})[0])
    assert written.any()


def test_one_enormous_number_does_not_flatten_the_others():
    frame = pl.DataFrame({"income": [*map(float, range(200)), 1e12]})
    matrix = UserDesign.fit(frame, {"income": "number"}).encode_frame(frame)
    assert matrix[:200].std() > 0.9
    assert matrix[200].tolist() == [3]


def test_the_most_frequent_values_have_places_and_ties_go_by_name():
    values = [f"v{value:02d}" for value in range(40) for _ in range(5)] + ["z"] * 9
    design = UserDesign.fit(pl.DataFrame({"c": values}), {"c": "category"})
    assert design.names == ("c=z", *(f"c=v{value:02d}" for value in range(31)), "c=other")


def test_the_design_survives_json(design):
    again = UserDesign.from_dict(json.loads(json.dumps(design.to_dict())))
    assert again.names == design.names
    assert (again.encode_frame(FRAME) == design.encode_frame(FRAME)).all()


def test_no_columns_no_places():
    design = UserDesign.fit(pl.DataFrame({"user_id": ["a"]}), {"user_id": "id"})
    assert design.encode_frame(pl.DataFrame({"user_id": ["a", "b"]})).shape == (2, 0)
    assert design.groups.dtype == np.bool_
    vector, notes = design.encode({"age": 3})
    assert vector.shape == (0,)
    assert notes == ["user feature 'age' plays no part: the model knows no features of people"]


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Int64, pl.String, pl.List(pl.String)])
def test_columns_of_nulls_have_no_places(dtype):
    frame = pl.DataFrame({"c": [None, None]}, schema={"c": dtype})
    role = {pl.String: "category", pl.List(pl.String): "list"}.get(dtype, "number")
    assert len(UserDesign.fit(frame, {"c": role})) == 0


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*ROLES, "x"]), ANYTHING))
def test_any_request_becomes_finite_numbers(features):
    vector, _ = UserDesign.fit(FRAME, ROLES).encode(features)
    assert np.isfinite(vector).all()
    assert np.abs(vector).max(initial=0) <= 3


def test_a_request_is_encoded_without_polars(design):
    command = (
        "import json, sys; from sightline.features.people import UserDesign; "
        "UserDesign.from_dict(json.load(sys.stdin)).encode({'age': 3, 'joined_at': '2024-01-01'}); "
        "print('polars' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", command],
        input=json.dumps(design.to_dict()).encode(),
        capture_output=True,
        check=True,
    )
    assert found.stdout.split() == [b"False"]
