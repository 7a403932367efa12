import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_cases import (
    company,
    history,
    quiet,
    random_catalogue,
    requests,
    rows,
    space,
    unit,
)
from sightline.features.lexical import LexicalIndex, build_lexical
from sightline.rank.catalogue import taste_vector
from sightline.rank.ranker import Ranker

N = 30


def drawn(n=N, dim=4, seed=0):
    return unit(np.random.default_rng(seed).standard_normal((n, dim)))


def centred(vectors):
    return space(vectors, center=vectors.mean(axis=0))


# --- items


@given(requests(), st.integers(0, 24))
def test_items_like_an_item_are_k_allowed_others(request, row):
    built, _, k, allowed = request
    row %= len(built)
    ranked = Ranker(built).like_item(row, k, allowed=allowed)
    qualify = np.ones(len(built), np.bool_) if allowed is None else allowed.copy()
    qualify[row] = False
    assert len(ranked.rows) == min(k, qualify.sum())
    assert row not in ranked.rows


@given(requests(), st.lists(st.integers(0, 24), min_size=1, max_size=4, unique=True))
def test_what_goes_with_a_basket_are_k_allowed_others(request, basket):
    built, past, k, allowed = request
    basket = np.unique(np.array(basket, np.int32) % len(built)).astype(np.int32)
    ranked = Ranker(built).complementing(basket, k, allowed=allowed, history=past)
    qualify = np.ones(len(built), np.bool_) if allowed is None else allowed.copy()
    qualify[basket] = False
    assert len(ranked.rows) == min(k, qualify.sum())
    assert qualify[ranked.rows].all()


def test_meaning_decides_where_nothing_else_is_known():
    built = quiet(N, texts=centred(drawn(dim=8)))
    ranked = Ranker(built).like_item(3, 5)
    centered = built.texts.centered(np.arange(N, dtype=np.int32))
    cosine = centered @ centered[3]
    cosine[3] = -2
    assert ranked.rows.tolist() == np.argsort(-cosine, kind="stable")[:5].tolist()
    assert set(ranked.parts) == {"meaning"}


def test_company_says_what_goes_with_a_basket():
    built = quiet(5, **company(5, {0: {3: 0.5, 4: 0.1}, 1: {4: 0.2}}))
    assert Ranker(built).complementing(rows(0, 1), 2).rows.tolist() == [3, 4]


def test_a_history_leans_what_is_like_an_item_towards_its_picks():
    built = quiet(4, images=space(unit([[1, 0, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1]])))
    alone = Ranker(built).like_item(0, 3)
    leaned = Ranker(built).like_item(0, 3, history=history(3))
    assert alone.rows.tolist() == [1, 2, 3]
    assert leaned.rows.tolist() == [2, 1, 3]
    assert set(leaned.parts) == {"looks", "taste"}


def test_trending_ranks_by_trend_alone():
    built = quiet(3, facts={"trend": [0.25, 1, 0.5], "popularity": [1, 0, 0]})
    ranked = Ranker(built).trending(2, allowed=np.array([True, False, True]))
    assert ranked.rows.tolist() == [2, 0]
    assert ranked.scores.tolist() == ranked.parts["trend"].tolist() == [0.5, 0.25]


# --- queries


def test_picture_query_ranks_by_cosine_of_the_encoder_s_own_space():
    vectors = drawn()
    ranked = Ranker(quiet(N, images=centred(vectors))).for_query(N, looks=vectors[7:8])
    assert ranked.rows.tolist() == np.argsort(-(vectors @ vectors[7]), kind="stable").tolist()


def test_an_item_with_one_of_picture_and_text_is_judged_by_the_one_it_has():
    pictures, texts = drawn(60, seed=0), drawn(60, seed=1)
    query = texts[11:12]
    pictures[20] = query[0]
    # The nearest text of all belongs to an item without a picture, and the best picture to one
    # without a text; both spaces are the same here, as with CLIP.
    number = np.arange(60)
    built = quiet(60, images=space(pictures, number != 11), texts=space(texts, number != 20))
    ranked = Ranker(built).for_query(2, looks=query, meaning=query)
    assert set(ranked.rows.tolist()) == {11, 20}


def titled(titles):
    """What items with these titles are found by."""
    table = build_lexical(pl.DataFrame({"title": titles}), {"title": 1.0})
    return LexicalIndex(table, Words(table.vocabulary), len(titles))


class Words(dict):
    def __init__(self, words):
        super().__init__({word: row for row, word in enumerate(words)})
        self.row = self.get


def mugs():
    pictures, texts = drawn(seed=0), drawn(seed=1)
    found = titled(["mug"] * 14 + ["mug AB-1234"] + ["cup"] * 15)
    built = quiet(N, images=centred(pictures), texts=centred(texts), lexical=found)
    return built, pictures, texts


def test_what_a_query_means_counts_for_seven_tenths_beside_its_words():
    built, pictures, texts = mugs()
    ranked = Ranker(built).for_query(N, meaning=texts[20:21], text="mug")
    assert ranked.parts["meaning"].max() == pytest.approx(0.7)
    assert ranked.parts["words"].max() == pytest.approx(0.3)
    with_picture = Ranker(built).for_query(N, looks=pictures[3:4], text="mug", semantic_share=0.5)
    assert with_picture.parts["looks"].max() == pytest.approx(0.5)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_request_says_what_meaning_counts_for(share):
    built, _, texts = mugs()
    ranked = Ranker(built).for_query(N, meaning=texts[20:21], text="mug", semantic_share=share)
    assert ranked.parts["meaning"].max() == pytest.approx(share)
    assert ranked.parts["words"].max() == pytest.approx(1 - share)


def test_words_alone_find_only_what_has_them():
    built, pictures, texts = mugs()
    both = {"looks": pictures[20:21], "meaning": texts[20:21], "stand_in": texts[20:21]}
    ranked = Ranker(built).for_query(N, **both, text="mug", semantic_share=0)
    assert set(ranked.parts) == {"words"}
    assert sorted(ranked.rows.tolist()) == list(range(15))


def test_meaning_alone_finds_nothing_literally():
    built, _, texts = mugs()
    ranked = Ranker(built).for_query(N, meaning=texts[20:21], text="mug", semantic_share=1)
    assert set(ranked.parts) == {"meaning"}
    assert ranked.rows.tolist() == np.argsort(-(texts @ texts[20]), kind="stable").tolist()


@pytest.mark.parametrize("share", [0.05, 0.7, 0.95])
@pytest.mark.parametrize("text", ["AB-1234", "ab 1234", "ab1234"])
def test_a_code_is_first_however_much_meaning_counts(share, text):
    built, _, texts = mugs()
    ranked = Ranker(built).for_query(N, meaning=texts[20:21], text=text, semantic_share=share)
    assert ranked.rows[0] == 14
    alone = Ranker(built).for_query(N, meaning=texts[20:21]).rows.tolist()
    assert ranked.rows[1:].tolist() == [row for row in alone if row != 14]


def test_a_code_that_no_item_has_leaves_the_query_to_its_meaning():
    built, _, texts = mugs()
    ranked = Ranker(built).for_query(N, meaning=texts[20:21], text="mug ZZ-99")
    assert ranked.parts["meaning"].max() == pytest.approx(0.7)


def test_a_catalogue_that_is_still_learnt_has_no_words_to_find():
    ranked = Ranker(quiet(N, images=centred(drawn()))).for_query(N, text="mug")
    assert ranked.rows.tolist() == []


def test_a_query_for_nothing_ranks_by_trend():
    built = random_catalogue()
    ranked = Ranker(built).for_query(5)
    assert ranked.rows.tolist() == built.facts.most_trending[:5].tolist()


def test_taste_is_a_unit_vector_or_none_without_a_picture():
    built = quiet(N, images=centred(drawn()))
    assert np.linalg.norm(taste_vector(built, history(1, 2))) == pytest.approx(1, abs=1e-5)
    assert taste_vector(built, history()) is None
    assert taste_vector(quiet(N), history(1, 2)) is None
