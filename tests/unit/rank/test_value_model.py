import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sightline.errors import ConfigError
from sightline.rank.value_model import compile_value_model

SCORE = np.array([0.5, 1.0, 0.25], np.float32)
LOOKS = np.array([1.0, 0.0, 0.5], np.float32)
COLUMNS = {
    "item.price": np.array([10, 20, 40]),
    "item.rating": np.array([4.0, np.nan, 2.0]),
    "item.is_new": np.array([True, False, True]),
    "user.age": np.array(30),
    "item.title": np.array(["a", "b", "c"]),
}


def values(text):
    model = compile_value_model(text)
    return model.evaluate({"score": SCORE, "looks": LOOKS}, COLUMNS.__getitem__).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("score", [0.5, 1.0, 0.25]),
        ("{{ score + looks }}", [1.5, 1.0, 0.75]),
        ("{{- score -}}", [0.5, 1.0, 0.25]),
        ("score *\n  2", [1.0, 2.0, 0.5]),
        ("3", [3, 3, 3]),
        ("True", [1, 1, 1]),
        ("-score", [-0.5, -1.0, -0.25]),
        ("2 ** 3 ** 2 / 512", [1, 1, 1]),
        ("item.price % 30", [10, 20, 10]),
        ("item.is_new + user.age", [31, 30, 31]),
        ("1 if item.price > 15 else 0", [0, 1, 1]),
        ("10 < item.price <= 20", [0, 1, 0]),
        ("item.price == 10 or item.price == 40", [1, 0, 1]),
        ("not looks", [0, 1, 0]),
        ("looks and score", [0.5, 0.0, 0.25]),
        ("clip(item.price, 15, 30)", [15, 20, 30]),
        ("max(score, looks, 0.75)", [1.0, 1.0, 0.75]),
        ("min(score, looks)", [0.5, 0.0, 0.25]),
        ("abs(score - 1)", [0.5, 0.0, 0.75]),
        ("round(item.price / 20)", [0, 1, 2]),
        ("floor(score) + ceil(score)", [1, 2, 1]),
        ("sqrt(score * score)", [0.5, 1.0, 0.25]),
        ("pow(score, 2)", [0.25, 1.0, 0.0625]),
        ("0.5 ** (item.price / 10)", [0.5, 0.25, 0.0625]),
    ],
)
def test_expression_means_what_it_does_in_python(text, expected):
    assert values(text) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["exp", "log", "log10", "log1p", "log2", "sqrt"])
def test_function_is_the_one_of_python_s_math(name):
    expected = [getattr(math, name)(score) for score in SCORE.tolist()]
    assert values(f"{name}(score)") == pytest.approx(expected)


def test_model_says_what_it_reads_each_once():
    model = compile_value_model("score * looks + item.price - item.price / user.age + score")
    assert model.names == ("score", "looks")
    assert model.columns == ("item.price", "user.age")


@pytest.mark.parametrize(
    "text",
    [
        "item.rating",
        "item.rating > 3",
        "not item.rating",
        "item.rating and 1",
        "item.rating or 1",
        "1 if item.rating > 3 else 0",
        "max(item.rating, 1)",
        "clip(item.rating, 0, 1)",
        "0 < 1 <= item.rating",
    ],
)
def test_item_whose_column_is_null_comes_last(text):
    found = values(text)
    assert found[1] == -math.inf
    assert np.isfinite([found[0], found[2]]).all()


def test_null_is_of_no_matter_where_another_side_was_chosen_or_stands_in():
    assert values("item.rating if item.price != 20 else 1") == [4, 1, 2]
    assert values("coalesce(item.rating, user.age)") == [4, 30, 2]


def test_step_without_a_result_is_no_value_and_no_warning():
    assert values("1 / looks") == [1, -math.inf, 2]
    assert values("log(looks - 1)") == [-math.inf] * 3
    assert values("exp(score * 2000)") == [-math.inf] * 3  # beyond float32, though not float64
    assert values("min(1 / looks, 5)") == [1, 5, 2]


def test_no_candidates_have_no_values():
    model = compile_value_model("score + 1")
    assert model.evaluate({"score": np.zeros(0, np.float32)}, COLUMNS.__getitem__).shape == (0,)


def test_unknown_signal_is_an_error_that_names_the_nearest():
    with pytest.raises(ConfigError, match="no signal 'look'; did you mean 'looks'"):
        values("score + look")


def test_column_without_numbers_is_an_error_that_names_it():
    with pytest.raises(ConfigError, match=r"item\.title holds <U1, not numbers"):
        values("item.title + 1")


@pytest.mark.parametrize(
    ("text", "what", "character"),
    [
        ("score +", "no expression", 8),
        ("", "no expression", 1),
        ("score; 1", "no expression", 6),
        ("import os", "no expression", 1),
        ("__import__('os').system('ls')", "cannot be part", 1),
        ("1 + __import__('os')", "no function '__import__'", 5),
        ("score + item.__class__.__mro__", "cannot be part", 9),
        ("score * __builtins__", "is no signal", 9),
        ("(lambda: 1)()", "cannot be part", 1),
        ("[x for x in (1,)][0]", "cannot be part", 1),
        ("f'{score}'", "cannot be part", 1),
        ("score * 'a'", "cannot be part", 9),
        ("score | log", "cannot be part", 1),
        ("score // 2", "cannot be part", 1),
        ("score in score", "cannot be part", 1),
        ("1 + 1j", "cannot be part", 5),
        ("min(1, 2, key=3)", "cannot be part", 1),
        ("min(*score, 1)", "cannot be part", 5),
        ("max(score)", "max takes at least 2 values, not 1", 1),
        ("pow(score)", "pow takes 2 values, not 1", 1),
        ("1 + lgo(score)", "no function 'lgo'; did you mean 'log'", 5),
        ("1 + item", "item needs one of its columns", 5),
        ("1 + log", "'log' is no signal", 5),
        ("score # + looks", "a comment cannot", 7),
        ("item.größe + item", "item needs one of its columns", 14),
        ("9**9**9**9", "an exponent may be 64 at most", 4),
        ("pow(score, -65)", "an exponent may be 64 at most", 1),
        ("score + 1 / 0", "no finite number", 9),
        ("score + 1e999", "no finite number", 9),
        ("9" * 1000, "no finite number", 1),
        ("\ud800", "no expression", 1),
    ],
)
def test_what_is_not_arithmetic_is_refused_at_its_place(text, what, character):
    with pytest.raises(ConfigError, match=what) as refusal:
        compile_value_model(text)
    assert f"at character {character}:" in str(refusal.value)
    str(refusal.value).encode()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "1" + ")" * 10_000,
        "(" * 900 + "1" + ")" * 900,
        "-" * 1_999 + "1",
        "not " * 499 + "1",
        "1**" * 600 + "1",
        "1+" * 999 + "1",
        "1<" * 900 + "1",
        "1 if 1 else " * 160 + "1",
        "abs(" * 150 + "1" + ")" * 150,
        "item" + ".a" * 900,
        "1 + \0",
    ],
)
def test_text_that_would_burst_the_parser_is_refused(text):
    with pytest.raises(ConfigError, match="value_model"):
        compile_value_model(text)


# Only operations that IEEE 754 rounds one way, so that both sides must agree to the bit.
NAMES = ("score", "looks", "item.price", "user.age")
LEAVES = st.sampled_from(NAMES) | st.sampled_from(["0.0", "1.0", "2.5", "7.0", "0.3"])


def larger(inner):
    binary = st.tuples(
        inner, st.sampled_from(["+", "-", "*", "/", "%", "<", "<=", "==", "!=", "and", "or"]), inner
    ).map(lambda drawn: f"({drawn[0]} {drawn[1]} {drawn[2]})")
    unary = st.tuples(
        st.sampled_from(["-{}", "(not {})", "abs({})", "floor({})", "ceil({})", "round({})"]), inner
    ).map(lambda drawn: drawn[0].format(drawn[1]))
    several = st.tuples(
        st.sampled_from(["min({}, {}, {})", "max({}, {}, {})", "({} if {} else {})", "({}<{}<{})"]),
        inner,
        inner,
        inner,
    ).map(lambda drawn: drawn[0].format(*drawn[1:]))
    return binary | unary | several


class Owner:
    def __init__(self, **columns):
        self.__dict__.update(columns)


@given(
    st.recursive(LEAVES, larger, max_leaves=12),
    st.lists(
        st.tuples(*[st.sampled_from([-3.0, -0.5, 0.0, 0.25, 1.0, 6.0])] * len(NAMES)),
        min_size=1,
        max_size=4,
    ),
)
def test_value_is_what_python_computes(text, candidates):
    functions = {
        name: lambda value, function=function: float(function(value))
        for name, function in (("floor", math.floor), ("ceil", math.ceil), ("round", round))
    }
    expected = []
    try:
        for score, looks, price, age in candidates:
            scope = {"score": score, "looks": looks, **functions}
            scope |= {"item": Owner(price=price), "user": Owner(age=age)}
            expected.append(float(eval(text, scope)))
        model = compile_value_model(text)
    except ZeroDivisionError:
        assume(False)  # there the two differ, as told
    except ConfigError as refusal:
        assume("no finite number" not in str(refusal))  # a division by zero Python never came to
        raise
    assume(max(map(abs, expected)) < 1e30)  # within float32
    columns = dict(zip(NAMES, np.array(candidates).T, strict=True))
    signals = {name: columns[name].astype(np.float32) for name in ("score", "looks")}
    assert model.evaluate(signals, columns.__getitem__).tolist() == np.float32(expected).tolist()
