import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.features.terms import code_of, read_words


def wholes(text):
    return [word.whole for word in read_words(text)]


def forms(text):
    return [{word.whole, *word.words, *word.pieces} for word in read_words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red, linen (dress).", ["red", "linen", "dress"]),
        ("'quoted' end- -start", ["quoted", "end", "start"]),
        ("T-Shirt x-ray wall_mounted", ["tshirt", "xray", "wallmounted"]),
        ("AB-1234 XR12 AB-12-34", ["ab1234", "xr12", "ab12-34"]),
        ("10.5 1,5 1,000 50-60 3/4", ["10.5", "1.5", "1000", "50-60", "3/4"]),
        ("10\u00d720cm v1.2.3", ["10x20cm", "v1.2.3"]),
        ("H&M Levi's Rock\u2019n\u2019Roll", ["hm", "levis", "rocknroll"]),
        ("C++ C# C C++/C#", ["c++", "c#", "c", "c++", "c#"]),
        ("12\u201314 AB\u2011CD", ["12-14", "abcd"]),
        ("🙂 — !", []),
        ("", []),
    ],
)
def test_words_keep_what_belongs_to_them(text, expected):
    assert wholes(text) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("AB-1234", "ab"),
        ("AB-1234", "1234"),
        ("XR12", "xr"),
        ("XR12", "12"),
        ("10x20cm", "20"),
        ("50-60", "50"),
        ("3.5mm", "3.5"),
        ("t-shirt", "shirt"),
        ("Levi's", "levi"),
        ("C++", "c"),
        ("shoes", "shoe"),
        ("dresses", "dress"),
        ("watches", "watch"),
        ("berries", "berry"),
        ("Müller", "mueller"),
        ("Müller", "muller"),
        ("Straße", "strasse"),
        ("红裙子", "裙"),
    ],
)
def test_a_word_is_found_by_its_parts_too(text, part):
    assert any(part in found for found in forms(text))


@pytest.mark.parametrize("text", ["10.5", "glass", "bus", "series5", "1,000"])
def test_what_is_no_part_is_not_made_one(text):
    parts = {"10", "5.5", "glas", "bu", "serie5", "1", "000"}
    assert not any(parts & found for found in forms(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CAFÉ", "cafe\u0301"),
        ("café", "cafe"),
        ("ЁЛКА", "елка"),
        ("ὈΔΟΣ", "οδος"),
        ("\uff21\uff22\uff11\uff12", "ab12"),
        ("ﬁne", "fine"),
        ("smørrebrød", "SMORREBROD"),
        ("Łódź", "lodz"),
        ("قَمِيص", "قميص"),
        ("co\u00adton", "coton"),
        ("ab-1234", "AB1234"),
    ],
)
def test_case_accents_and_widths_do_not_matter(one, other):
    assert wholes(one) == wholes(other)


def test_a_letter_that_only_looks_accented_is_kept():
    assert wholes("мой") != wholes("мои")
    assert wholes("が") != wholes("か")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("红裙子", ["红裙", "裙子"]),
        ("面", ["面"]),
        ("ガラス", ["ガラ", "ラス"]),
        ("드레스", ["드레", "레스"]),
        ("iPhone15手机", ["iphone15", "手机"]),
    ],
)
def test_scripts_without_blanks_are_read_in_pairs(text, expected):
    assert wholes(text) == expected


def test_marks_within_words_do_not_part_them():
    assert len(wholes("लाल साड़ी")) == 2


@pytest.mark.parametrize(
    ("identifier", "code"),
    [
        ("AB-1234", "ab1234"),
        ("item 12", "item12"),
        ("0108775015", "0108775015"),
        ("1994", None),
        ("shoes", None),
        ("a1", None),
        ("🙂", None),
    ],
)
def test_only_telling_ids_are_codes(identifier, code):
    assert code_of(identifier) == code


@given(st.text(max_size=60))
def test_any_text_can_be_read_and_its_words_are_words_again(text):
    for word in read_words(text):
        assert word.whole
        assert all([*word.words, *word.pieces])
        assert word.whole not in (*word.words, *word.pieces)
        assert len(word.whole) <= 66


@given(st.text(max_size=60))
def test_composition_does_not_matter(text):
    composed = unicodedata.normalize("NFC", text)
    assert list(read_words(composed)) == list(read_words(unicodedata.normalize("NFD", composed)))


@given(st.lists(st.text(max_size=20), max_size=5))
def test_what_blanks_part_can_be_read_apart(chunks):
    text = " ".join(chunks)
    assert list(read_words(text)) == [word for part in text.split(" ") for word in read_words(part)]
