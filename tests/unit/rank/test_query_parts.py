"""Queries with parts that are taken away, and of named items alone."""

import numpy as np
import polars as pl
from rank_cases import quiet, rows, space, unit
from sightline.features.lexical import LexicalIndex, build_lexical
from sightline.rank.ranker import Ranker

N = 300


def drawn(seed):
    return unit(np.random.default_rng(seed).standard_normal((N, 16)))


class Words(dict):
    def __init__(self, words):
        super().__init__({word: row for row, word in enumerate(words)})
        self.row = self.get


def titled(titles):
    table = build_lexical(pl.DataFrame({"title": titles}), {"title": 1.0})
    return LexicalIndex(table, Words(table.vocabulary), len(titles))


def dresses():
    """Five leather dresses, five silk ones, five leather bags; nothing is known of the rest."""
    titles = ["leather dress"] * 5 + ["silk dress"] * 5 + ["leather bag"] * 5 + ["other"] * (N - 15)
    return quiet(N, lexical=titled(titles), facts={"trend": np.linspace(1, 0.5, N)})


def test_words_that_are_taken_away_count_against_an_item_and_find_none():
    ranked = Ranker(dresses()).for_query(20, text={"dress": 1, "leather": -1})
    assert ranked.rows[:5].tolist() == [5, 6, 7, 8, 9]
    assert sorted(ranked.rows.tolist()) == list(range(10))


def test_words_with_more_weight_decide():
    ranked = Ranker(dresses()).for_query(20, text={"dress": 1, "silk": 3, "bag": 2})
    assert set(ranked.rows[:5].tolist()) == {5, 6, 7, 8, 9}
    ranked = Ranker(dresses()).for_query(20, text={"silk": 1, "bag": 3})
    assert set(ranked.rows[:5].tolist()) == {10, 11, 12, 13, 14}


def test_where_words_are_only_taken_away_the_rest_is_found_by_trend():
    ranked = Ranker(dresses()).for_query(10, text={"dress": -1})
    assert set(ranked.rows.tolist()) == set(range(10, 20))


def test_a_space_that_only_tells_what_to_be_far_from_brings_no_candidates():
    pictures, texts = drawn(0), drawn(1)
    built = quiet(N, images=space(pictures), texts=space(texts))
    ranker = Ranker(built)
    found = ranker.query_candidates(
        10, looks=pictures[:1], meaning=-texts[:1], aside={"meaning": 0.5}
    )
    nearest = np.argsort(-(pictures @ pictures[0]), kind="stable")[:200]
    assert sorted(found.rows.tolist()) == sorted(nearest.tolist())
    assert found.parts["meaning"].max() / found.parts["looks"].max() == np.float32(0.5)
    alone = ranker.query_candidates(10, meaning=-texts[:1], aside={"meaning": 1.0})
    assert int(np.argmin(texts @ texts[0])) in alone.rows


def test_named_items_are_scored_whether_or_not_they_answer():
    built = dresses()
    named = rows(0, 7, 200)
    found = Ranker(built).query_candidates(10, text="silk", only=named)
    assert found.rows.tolist() == [0, 7, 200]
    assert found.scores.argmax() == 1
    allowed = np.arange(N) != 7
    found = Ranker(built).query_candidates(10, text="silk", only=named, allowed=allowed)
    assert found.rows.tolist() == [0, 200]
