"""The language of text_query, and the same as mappings."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.algebra import MOST_PARTS, Part, read_parts, read_queries, read_text_query
from sightline.errors import QueryError


def told(text):
    return [(part.kind, part.value, part.weight) for part in read_text_query(text)]


# --- what is one text


@pytest.mark.parametrize(
    "text",
    [
        "red dress",
        " red  dress ",
        "",
        "  ",
        "t-shirt x-ray 50-60 C++ A+ B+C +size",
        "-40 degrees",
        "Dress \u2013 red",
        '27" monitor',
        "5' 11\"",
        "16:9",
        "1:24 model car",
        "2001: A Space Odyssey",
        "2:",
        "1e3:red",
        "\u0663:red",
        "note: red",
        "item: red",
        "item:",
        "photo.jpg",
        "pictures/photo.jpg",
        "w/o sleeves",
        "1/2 inch",
        "/ red",
        "data: science",
    ],
)
def test_text_without_operators_is_one_part_as_it_is(text):
    assert read_text_query(text) == [Part("text", text)]


@given(st.text(st.characters(exclude_characters='+-":./\\~')))
def test_text_without_a_mark_of_the_language_is_words(text):
    assert read_text_query(text) == [Part("text", text)]


# --- terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "2:red dress + ./photo.jpg - leather",
            [("text", "red dress", 2), ("image", "./photo.jpg", 1), ("text", "leather", -1)],
        ),
        ("- leather", [("text", "leather", -1)]),
        ("  + red\n-\tblue ", [("text", "red", 1), ("text", "blue", -1)]),
        ("a - b - c", [("text", "a", 1), ("text", "b", -1), ("text", "c", -1)]),
        ("t-shirt - x-ray", [("text", "t-shirt", 1), ("text", "x-ray", -1)]),
        ("C++ + C#", [("text", "C++", 1), ("text", "C#", 1)]),
        ("red - 0.5:blue + .25:green + 3.:grey", [
            ("text", "red", 1), ("text", "blue", -0.5), ("text", "green", 0.25), ("text", "grey", 3)
        ]),
        ("tv - 16:9", [("text", "tv", 1), ("text", "16:9", -1)]),
        ("item:A-17 - 2:item:B 5", [("item_id", "A-17", 1), ("item_id", "B 5", -2)]),
        ("image:photo.jpg", [("image", "photo.jpg", 1)]),
        ("../a b.png", [("image", "../a b.png", 1)]),
        ("/tmp/a.png + red", [("image", "/tmp/a.png", 1), ("text", "red", 1)]),
        ("C:\\a.png - .\\b.png", [("image", "C:\\a.png", 1), ("image", ".\\b.png", -1)]),
        ("0.5:https://x.y/a - red", [("image", "https://x.y/a", 0.5), ("text", "red", -1)]),
        ("s3://bucket/a.png", [("image", "s3://bucket/a.png", 1)]),
    ],
)  # fmt: skip
def test_terms_are_words_pictures_and_items_with_their_weights(text, expected):
    assert told(text) == expected


def test_a_picture_in_the_home_folder_is_named_by_a_tilde():
    assert told("~/a.png") == [("image", str(Path.home() / "a.png"), 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"rock + roll"', [("text", "rock + roll", 1)]),
        ('"rock + roll" - 2:"a - b"', [("text", "rock + roll", 1), ("text", "a - b", -2)]),
        ('"2:red"', [("text", "2:red", 1)]),
        ('"./photo.jpg" + "item:A"', [("text", "./photo.jpg", 1), ("text", "item:A", 1)]),
        ('red "rock + roll" shirt', [("text", "red rock + roll shirt", 1)]),
        ('item:"a + b" - red', [("item_id", "a + b", 1), ("text", "red", -1)]),
        ('image:"./a - b.jpg"', [("image", "./a - b.jpg", 1)]),
        ('"27" monitor" - black', [("text", '27 monitor"', 1), ("text", "black", -1)]),
    ],
)
def test_what_is_quoted_is_kept_together_and_taken_literally(text, expected):
    assert told(text) == expected


def test_a_part_says_which_it_is_and_where_it_stands():
    parts = read_text_query("red + 2:blue")
    assert parts[1].where == "part 2 of text_query ('2:blue', at character 7)"


_WORDS = st.from_regex(r"[a-z]{1,8}(-[a-z]{1,4})?( [a-z]{1,5})?", fullmatch=True)
_WEIGHTS = st.integers(1, 400).map(lambda quarter: quarter / 4)


@given(st.lists(st.tuples(_WORDS, _WEIGHTS, st.booleans(), st.booleans()), min_size=2, max_size=9))
def test_a_query_that_is_written_is_read_as_it_was_meant(terms):
    text, expected = "", []
    for words, weight, is_added, is_quoted in terms:
        sign = "+" if is_added else "-"
        text += f' {sign} {weight:g}:"{words}"' if is_quoted else f" {sign} {weight:g}:{words}"
        expected.append(("text", words, weight if is_added else -weight))
    assert told(text) == expected


@given(st.text('ab+-:"2. /', max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        parts = read_text_query(text)
    except QueryError:
        return
    assert parts
    assert all(part.weight != 0 for part in parts)


# --- refusals


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red +", r"nothing follows the '\+' of text_query at character 5"),
        ("+", r"nothing follows the '\+' of text_query at character 1"),
        ("- ", r"nothing follows the '-' of text_query at character 1"),
        ("red + - blue", r"nothing follows the '\+' of text_query at character 5"),
        ('red "blue', "a quote at character 5 that is not closed"),
        ('"a + b', "a quote at character 1 that is not closed"),
        ('red + ""', r"part 2 of text_query \('\"\"', at character 7\) says nothing"),
        ("red - 0:blue", r"part 2 of text_query \('0:blue', at character 7\): a weight must be"),
        ("1001:blue", r"part 1 of .* no larger than 1,000, not 1001"),
        ("9" * 400 + ":blue", r"a weight must be a number other than 0"),
        (7, "text_query must be a text, not 7"),
        (b"red", "text_query must be a text"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_names_the_place(text, message):
    with pytest.raises(QueryError, match=message):
        read_text_query(text)


def test_a_query_has_a_most_of_parts():
    most = " + ".join(["red"] * MOST_PARTS)
    assert len(read_parts(most, None, None)) == MOST_PARTS
    with pytest.raises(QueryError, match=f"{MOST_PARTS} parts, and this one has {MOST_PARTS + 1}"):
        read_parts(most, b"picture", None)


# --- mappings


def test_parts_as_mappings_are_taken_literally():
    given_parts = [
        {"text": "rock + 2:roll", "weight": 2},
        {"image": b"picture", "weight": None},
        {"image": Path("a.png")},
        {"item_id": 17, "weight": -0.5},
        {"item_id": "A", "text": None},
    ]
    assert [(part.kind, part.value, part.weight) for part in read_queries(given_parts)] == [
        ("text", "rock + 2:roll", 2),
        ("image", b"picture", 1),
        ("image", Path("a.png"), 1),
        ("item_id", "17", -0.5),
        ("item_id", "A", 1),
    ]


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ([], "queries is empty"),
        ("red", "queries must be a list"),
        ({"text": "red"}, "queries must be a list"),
        (7, "queries must be a list"),
        (["red"], r"queries\[0\] must be a mapping"),
        ([{"text": "a"}, {}], r"queries\[1\] must have exactly one .* it has none"),
        ([{"text": "a", "image": "b"}], r"queries\[0\] .* it has text and image"),
        ([{"text": "a", "wieght": 2}], r"queries\[0\] has wieght; it may have text"),
        ([{"text": " "}], r"queries\[0\]: text must be words, not ' '"),
        ([{"text": 3}], r"queries\[0\]: text must be words, not 3"),
        ([{"item_id": True}], r"queries\[0\]: item_id must be an id"),
        ([{"image": 3}], r"queries\[0\]: image must be a path, a URL or bytes"),
        ([{"text": "a", "weight": 0}], r"queries\[0\]: a weight must be a number other than 0"),
        ([{"text": "a", "weight": "2"}], "not '2'"),
        ([{"text": "a", "weight": float("nan")}], "not nan"),
        ([{"text": "a", "weight": -1001}], "not -1001"),
        ([{"text": "a", "weight": True}], "not True"),
    ],
)
def test_a_mapping_that_cannot_be_a_part_is_an_error_that_names_it(queries, message):
    with pytest.raises(QueryError, match=message):
        read_queries(queries)


def test_what_is_given_in_several_ways_is_one_query():
    parts = read_parts("red - blue", b"picture", [{"item_id": "A", "weight": 2}])
    assert [part.kind for part in parts] == ["text", "text", "image", "item_id"]
    assert read_parts(None, None, None) == []
