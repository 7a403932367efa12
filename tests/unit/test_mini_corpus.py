"""What the bundled encoder is taught: words that fit their pictures, and what is kept out."""

import importlib
import random
import re
from pathlib import Path

import polars as pl
import pytest
from sightline.demo.assortment import KINDS
from sightline.demo.palette import SHADES
from sightline.demo.surface import PATTERNS

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def words(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("mini.words")


@pytest.fixture
def corpus(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("mini.corpus")


@pytest.fixture
def dress(words):
    return words.drawn("dress", "red", "horizontal", "knitted")


def phrases(words, attributes, count=300):
    rng = random.Random(0)
    return [words.describe(attributes, rng) for _ in range(count)]


def test_a_text_asks_only_for_what_is_known_of_its_picture(words, dress):
    told = phrases(words, dress)
    assert {axis for phrase in told for axis in phrase.axes} <= set(dress.values)
    plain = words.Attributes({"noun": "banana"}, ("banana",))
    assert {phrase.axes for phrase in phrases(words, plain)} == {("noun",)}


def test_a_text_names_what_it_asks_for(words, dress):
    for phrase in phrases(words, dress):
        assert ("colour" in phrase.axes) == ("red" in phrase.text.split())
        assert ("noun" in phrase.axes) == bool(re.search(r"dress(es)?\b", phrase.text))


def test_stripes_of_any_direction_are_striped_and_a_direction_is_asked_for_by_name(words, dress):
    for phrase in phrases(words, dress):
        if "direction" in phrase.axes:
            assert "horizontal" in phrase.text
        elif "pattern" in phrase.axes:
            assert re.search("strip", phrase.text)
            assert "horizontal" not in phrase.text


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_is_drawn_has_words(words, kind):
    for pattern in PATTERNS:
        for material in KINDS[kind].materials:
            told = phrases(words, words.drawn(kind, "blue", pattern, material), 20)
            assert all(phrase.text and "{" not in phrase.text for phrase in told)


def test_sources_that_mean_one_thing_agree(words):
    assert words.noun("Tshirts")[0] == words.noun("t-shirt")[0] == words.noun("tee")[0]
    assert words.noun("Dresses")[0] == words.noun("dress")[0]


def test_a_fifth_of_all_looks_is_never_trained(corpus):
    looks = [
        corpus.is_unseen_look(kind, shade, pattern)
        for kind in range(len(KINDS))
        for shade in range(len(SHADES))
        for pattern in range(len(PATTERNS))
    ]
    assert sum(looks) / len(looks) == pytest.approx(0.2, abs=0.02)


def test_classes_whose_number_five_divides_are_kept_out(corpus):
    classes = pl.DataFrame({"wnid": ["n02123045", "n02123046", "n00000010"]})
    assert classes.select(corpus.IS_HELD_OUT).to_series().to_list() == [True, False, True]
