from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.features.words import WordIndex, WordTable, build_words
from sightline.index.plan import fresh_index
from sightline.rank.catalogue import Catalogue, recent_picks, taste_vector
from sightline.rank.ranker import Ranker
from sightline.rank.space import Space
from sightline.types import History

DAY = 86_400_000_000


def no_words(n):
    empty = np.zeros(0, np.int32)
    weights = np.zeros(0, np.float32)
    none = np.zeros(1, np.int64)
    table = WordTable([], weights, np.zeros(n + 1, np.int64), empty, weights, none, empty, weights)
    return WordIndex(table, lambda _: None)


def space(n, dim, rng, present):
    presence = rng.random(n) < present
    vectors = rng.standard_normal((n, dim)).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    vectors[~presence] = 0
    center = vectors[presence].mean(axis=0) if presence.any() else np.zeros(dim, np.float32)
    return Space(vectors, presence, center, fresh_index(vectors, presence))


def catalogue(n=30, dim=4, seed=0, present=0.8, neighbours=5, texts=0.0, text_dim=0):
    rng = np.random.default_rng(seed)
    return Catalogue(
        images=space(n, dim, rng, present),
        texts=space(n, text_dim, np.random.default_rng(seed + 1), texts),
        neighbours=rng.integers(-1, n, (n, neighbours)).astype(np.int32),
        neighbour_scores=rng.random((n, neighbours)).astype(np.float32),
        trend=rng.random(n).astype(np.float32),
        words=no_words(n),
    )


def history(*rows, weights=None, days=None):
    return History(
        np.array(rows, np.int32),
        np.array(weights if weights is not None else np.ones(len(rows)), np.float32),
        np.array(days if days is not None else np.zeros(len(rows)), np.int64) * DAY,
    )


@st.composite
def requests(draw):
    n = draw(st.integers(1, 25))
    rows = st.lists(st.integers(0, n - 1), unique=True, max_size=n)
    picks = draw(rows)
    weights = [draw(st.sampled_from([1.0, 5.0, -1.0])) for _ in picks]
    allowed = draw(st.none() | st.lists(st.booleans(), min_size=n, max_size=n))
    built = catalogue(n, seed=draw(st.integers(0, 99)), present=draw(st.sampled_from([0, 0.5, 1])))
    mask = None if allowed is None else np.array(allowed, np.bool_)
    return built, history(*picks, weights=weights), draw(st.integers(1, 30)), mask


@given(requests())
def test_person_gets_k_allowed_unseen_items_or_all_there_are_best_first(request):
    built, past, k, allowed = request
    ranked = Ranker(built).for_person(past, k, allowed=allowed)
    qualify = np.ones(len(built), np.bool_) if allowed is None else allowed.copy()
    qualify[past.rows] = False
    assert len(ranked.rows) == min(k, qualify.sum())
    assert len(set(ranked.rows.tolist())) == len(ranked.rows)
    assert qualify[ranked.rows].all()
    assert (np.diff(ranked.scores) <= 0).all()
    assert np.isfinite(ranked.scores).all()
    assert ((ranked.scores >= 0) & (ranked.scores <= 1 + 1e-5)).all()


@given(requests(), st.lists(st.integers(0, 24), min_size=1, unique=True))
def test_rerank_returns_exactly_the_named_items_that_are_allowed(request, named):
    built, past, _, allowed = request
    only = np.array([row for row in named if row < len(built)], np.int32)
    ranked = Ranker(built).for_person(past, 100, allowed=allowed, only=only)
    expected = only if allowed is None else only[allowed[only]]
    assert sorted(ranked.rows) == sorted(expected)


@given(requests(), st.integers(0, 24))
def test_items_like_an_item_are_k_allowed_others(request, row):
    built, _, k, allowed = request
    row %= len(built)
    ranked = Ranker(built).like_item(row, k, allowed=allowed)
    qualify = np.ones(len(built), np.bool_) if allowed is None else allowed.copy()
    qualify[row] = False
    assert len(ranked.rows) == min(k, qualify.sum())
    assert row not in ranked.rows


def test_person_without_positive_picks_gets_the_trend_without_what_they_turned_down():
    built = catalogue()
    best = int(built.trend.argmax())
    ranked = Ranker(built).for_person(history(best, weights=[-1]), 30)
    assert best not in ranked.rows
    assert list(ranked.parts) == ["trend"]
    assert (np.diff(ranked.scores) <= 0).all()


def test_company_of_a_stronger_pick_counts_for_more():
    neighbours = np.full((30, 1), -1, np.int32)
    neighbours[[1, 2], 0] = 10, 11
    known = {"neighbours": neighbours, "neighbour_scores": np.full((30, 1), 0.5, np.float32)}
    built = replace(catalogue(present=0), trend=np.zeros(30, np.float32), **known)
    together = built.picked_together(*recent_picks(history(1, 2, weights=[1, 4])))
    assert together[[10, 11]].tolist() == [0.5, 1.0]
    assert Ranker(built).for_person(history(1, 2, weights=[1, 4]), 2).rows.tolist() == [11, 10]


def test_looks_decide_where_nothing_else_is_known():
    silent = {"neighbours": np.full((30, 5), -1, np.int32), "trend": np.zeros(30, np.float32)}
    built = replace(catalogue(present=1.0), **silent)
    ranked = Ranker(built).for_person(history(3), 29)
    centered = built.images.centered(np.arange(30, dtype=np.int32))
    cosine = centered @ centered[3]
    expected = [row for row in np.argsort(-cosine, kind="stable") if row != 3 and cosine[row] > 0]
    assert ranked.rows[: len(expected)].tolist() == expected


def test_picture_query_ranks_by_cosine_of_the_encoder_s_own_space():
    built = replace(catalogue(present=1.0), trend=np.zeros(30, np.float32))
    vectors = built.images.vectors
    ranked = Ranker(built).for_query(30, looks=vectors[7:8])
    assert ranked.rows.tolist() == np.argsort(-(vectors @ vectors[7]), kind="stable").tolist()


def test_an_item_with_one_of_picture_and_text_is_judged_by_the_one_it_has():
    built = replace(
        catalogue(n=60, present=1.0, texts=1.0, text_dim=4), trend=np.zeros(60, np.float32)
    )
    query = built.texts.vectors[11:12]
    # The nearest text of all belongs to an item without a picture, and the best picture to one
    # without a text; both spaces are the same here, as with CLIP.
    built.images.presence[11] = False
    built.images.vectors[20] = query[0]
    built.texts.presence[20] = False
    built = replace(
        built,
        images=Space(*_arrays(built.images), fresh_index(*_arrays(built.images)[:2])),
        texts=Space(*_arrays(built.texts), fresh_index(*_arrays(built.texts)[:2])),
    )
    ranked = Ranker(built).for_query(2, looks=query, meaning=query)
    assert set(ranked.rows.tolist()) == {11, 20}


def _arrays(of):
    return of.vectors, of.presence, of.center


def test_cosines_of_different_scale_count_the_same():
    # As CLIP's do: the pictures all lie in one narrow direction away from the texts.
    rng = np.random.default_rng(5)
    n, dim = 200, 16
    query = np.zeros((1, dim), np.float32)
    query[0, 0] = 1
    near = np.linspace(0, 1, n, dtype=np.float32)
    spaces = []
    for low, high in ((0.20, 0.30), (0.5, 0.9)):
        cosine = low + (high - low) * rng.permutation(near)
        others = rng.standard_normal((n, dim)).astype(np.float32)
        others[:, 0] = 0
        others /= np.linalg.norm(others, axis=1, keepdims=True)
        vectors = others * np.sqrt(1 - cosine**2)[:, None]
        vectors[:, 0] = cosine
        everywhere = np.ones(n, np.bool_)
        spaces.append(Space(vectors, everywhere, vectors[0] * 0, fresh_index(vectors, everywhere)))
    rows = np.arange(n, dtype=np.int32)
    standings = [space.standing(query, rows) for space in spaces]
    for standing in standings:
        assert standing.mean() == pytest.approx(0, abs=1e-3)
        assert standing.std() == pytest.approx(1, abs=1e-3)


def test_what_a_query_means_counts_for_seven_tenths_beside_its_words():
    table = build_words(pl.DataFrame({"title": ["mug"] * 15 + ["cup"] * 15}), ["title"])
    places = {word: row for row, word in enumerate(table.vocabulary)}
    built = replace(
        catalogue(present=1.0, texts=1.0, text_dim=4),
        words=WordIndex(table, places.get),
        trend=np.zeros(30, np.float32),
    )
    query = built.texts.vectors[20:21]
    ranked = Ranker(built).for_query(30, meaning=query, text="mug")
    assert ranked.parts["meaning"].max() == pytest.approx(0.7)
    assert ranked.parts["words"].max() == pytest.approx(0.3)
    looks = built.images.vectors[3:4]
    with_picture = Ranker(built).for_query(30, looks=looks, text="mug")
    assert with_picture.parts["looks"].max() == pytest.approx(0.5)


def test_meaning_decides_where_nothing_else_is_known():
    silent = {"neighbours": np.full((30, 5), -1, np.int32), "trend": np.zeros(30, np.float32)}
    built = replace(catalogue(present=0.0, texts=1.0, text_dim=8), **silent)
    ranked = Ranker(built).like_item(3, 5)
    centered = built.texts.centered(np.arange(30, dtype=np.int32))
    cosine = centered @ centered[3]
    cosine[3] = -2
    assert ranked.rows.tolist() == np.argsort(-cosine, kind="stable")[:5].tolist()
    assert set(ranked.parts) == {"meaning"}


def test_the_pick_that_looks_most_alike_is_named_and_nothing_where_there_is_no_picture():
    built = catalogue(present=1.0)
    built.images.presence[[4, 9]] = False
    named = Ranker(built).most_alike_pick(history(1, 9), np.array([1, 4, 2], np.int32))
    assert named == [1, None, 1]
    assert Ranker(built).most_alike_pick(history(9), np.array([1], np.int32)) == [None]


def test_recent_picks_count_by_the_root_of_their_weight_and_half_after_ninety_days():
    rows, weights = recent_picks(history(1, 2, 3, weights=[4, -1, 1], days=[0, 50, 90]))
    assert rows.tolist() == [1, 3]
    assert weights.tolist() == pytest.approx([1.0, 1.0])


def test_only_the_latest_fifty_picks_speak():
    rows, _ = recent_picks(history(*range(60)))
    assert rows.tolist() == list(range(10, 60))


def test_taste_is_a_unit_vector_or_none_without_a_picture():
    built = catalogue(present=1.0)
    assert np.linalg.norm(taste_vector(built, history(1, 2))) == pytest.approx(1, abs=1e-5)
    built.images.presence[:] = False
    assert taste_vector(built, history(1, 2)) is None
    assert taste_vector(built, history()) is None
