import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.features.words import WordIndex, build_words, no_words

ITEMS = pl.DataFrame(
    {
        "title": ["Red linen dress", "Blue linen dress", "Café mug", None, "面包 mug"],
        "tags": [["summer"], None, ["kitchen"], [], ["kitchen"]],
    }
)
ONE = np.ones(1, np.float32)


@pytest.fixture
def index():
    return WordIndex(build_words(ITEMS, ["title", "tags"]))


def rows(*numbers):
    return np.array(numbers, np.int32)


def test_item_is_most_like_itself_then_what_shares_its_words(index):
    scores = index.of_items(rows(0), ONE)
    assert scores[0] == pytest.approx(1.0, abs=1e-5)
    assert scores[1] > 0.2
    assert scores[2:].tolist() == [0, 0, 0]


def test_item_without_words_is_present_nowhere(index):
    assert index.presence().tolist() == [True, True, True, False, True]
    assert index.of_items(rows(3), ONE).tolist() == [0.0] * 5


def test_word_of_every_item_makes_no_two_alike():
    items = pl.DataFrame({"title": ["thing one", "thing two", "thing three"]})
    index = WordIndex(build_words(items, ["title"]))
    assert index.of_items(rows(0), ONE)[1:].tolist() == [0, 0]


def test_scores_are_the_cosines_of_dense_tf_idf_vectors(index):
    table = build_words(ITEMS, ["title", "tags"])
    dense = np.zeros((ITEMS.height, len(table.idf)), np.float32)
    for item in range(ITEMS.height):
        start, end = table.offsets[item : item + 2]
        dense[item, table.words[start:end]] = table.weights[start:end]
    weights = np.array([1.0, 3.0], np.float32)
    expected = dense @ (weights @ dense[[0, 2]] / weights.sum())
    assert index.of_items(rows(0, 2), weights) == pytest.approx(expected, abs=1e-6)


def test_catalogue_without_text_columns_has_no_words():
    table = build_words(ITEMS, [])
    assert WordIndex(table).presence().tolist() == [False] * 5
    assert len(table.idf) == 0


titles = st.none() | st.lists(st.sampled_from("abcdefgh"), max_size=5).map(" ".join)


@given(st.lists(titles, min_size=1, max_size=20), st.data())
def test_what_is_said_of_a_few_items_is_what_is_said_of_all(texts, data):
    table = build_words(pl.DataFrame({"title": texts}, {"title": pl.String}), ["title"])
    index = WordIndex(table)
    numbers = st.integers(0, len(texts) - 1)
    picks = rows(*data.draw(st.lists(numbers, max_size=5, unique=True)))
    pool = rows(*data.draw(st.lists(numbers, max_size=20)))
    counts = st.lists(st.floats(0.01, 5), min_size=len(picks), max_size=len(picks))
    weights = np.array(data.draw(counts), np.float32)
    among = index.among(picks, weights, pool)
    assert among.dtype == np.float32
    np.testing.assert_allclose(among, index.of_items(picks, weights)[pool], atol=1e-6)


def test_items_without_words_between_others_share_nothing(index):
    pool = rows(3, 0, 3, 3, 1, 3)
    scores = index.among(rows(0), ONE, pool)
    assert scores == pytest.approx(index.of_items(rows(0), ONE)[pool], abs=1e-6)
    assert scores[[0, 2, 3, 5]].tolist() == [0, 0, 0, 0]
    assert scores[1] == pytest.approx(1, abs=1e-5)


def test_of_no_items_and_by_no_items_nothing_is_said(index):
    assert index.among(rows(0), ONE, rows()).shape == (0,)
    assert index.among(rows(), ONE[:0], rows(0, 1)).tolist() == [0, 0]
    assert index.among(rows(3), ONE, rows(0, 1)).tolist() == [0, 0]


def test_items_that_have_no_words_at_all_are_alike_in_none():
    index = no_words(3)
    assert index.presence().tolist() == [False] * 3
    assert index.among(rows(0), ONE, rows(1, 2)).tolist() == [0, 0]
    assert index.of_items(rows(0), ONE).tolist() == [0, 0, 0]
