"""Answers page by page: together one long answer, whatever their sizes, and no item twice."""

import tempfile
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_cases import history, random_catalogue, rows
from sightline import paging
from sightline.inference import Inference
from sightline.ordering import Ordering
from sightline.paging import Pages
from sightline.rank.policy import PRIOR, Ensemble
from sightline.rank.query import Query
from sightline.rank.recommender import Recommender
from sightline.store.ids import IdTable

HOUR = 3_600
BIG = 1_500
NOBODY = history()


class Clock:
    """A clock that tests turn."""

    now = 1_000_000.0

    def __call__(self):
        return self.now


class Shelf:
    """A random catalogue whose answers come page by page.

    Items are called 0, 1, 2, ...; every third is a copy of the one before it. `keep` says which
    items a later generation still has.
    """

    def __init__(self, n, folder, *, seed=0, ttl=HOUR, clock=None, keep=None):
        kept = np.arange(n) if keep is None else np.array(keep)
        ids = [str(number) for number in kept]
        place = Path(tempfile.mkdtemp(dir=folder))
        IdTable.write(place, "item_ids", ids)
        self.ids = IdTable(place, "item_ids")
        catalogue = random_catalogue(len(ids), seed=seed, present=0.7)
        copies = [str(int(item) - 1) if int(item) % 3 == 2 else None for item in ids]
        columns = pl.DataFrame(
            {
                "near_duplicate_of": pl.Series(copies, dtype=pl.String),
                "kind": [int(item) % 4 for item in ids],
            }
        )
        ordering = Ordering(catalogue, lambda: columns, self.ids.rows)
        model = {} if ttl is None else {"pagination_store_ttl": ttl}
        generation = SimpleNamespace(manifest={"config": {"model": model}}, model_folder=folder)
        self.pages = Pages(generation, self.ids, ordering, clock or Clock())
        self.recommender = Recommender(catalogue, Ensemble(PRIOR))
        self.draws = []

    def ask(self, limit, *, user="U1", past=NOBODY, allowed=None, only=None, notes=None, **options):
        names = {"ignore_paginations", "flush_paginations"}
        told = {name: options.pop(name) for name in names & set(options)}
        query = Query(limit, inference=Inference(limit=limit, **options), **told)
        wanted = None if only is None else [self.ids[row] for row in only]
        ranked = self.pages.page(
            user,
            wanted,
            query,
            partial(self.candidates, past, allowed, only),
            [] if notes is None else notes,
        )
        return [self.ids[row] for row in ranked.rows.tolist()]

    def candidates(self, past, allowed, only, query, hidden, rng):
        self.draws.append(rng.bit_generator.state["state"])
        if hidden is not None:
            allowed = ~hidden if allowed is None else allowed & ~hidden
        return self.recommender.for_person(
            past,
            query.limit,
            inference=query.inference,
            allowed=allowed,
            only=None if only is None else rows(*only),
            rng=rng,
        )


@pytest.fixture
def shelf(tmp_path):
    return Shelf(60, tmp_path)


ORDERS = (
    {},
    {"diversity_factor": 0.6},
    {"diversity_attributes": ("kind",)},
    {"exploration_factor": 0.4},
    {"exploration_factor": 0.4, "diversity_factor": 0.3, "drop_near_duplicates": True},
    {"drop_near_duplicates": True},
    {"boosting_factor": 0.3},
    {"retriever_k_override": {"knn": 3, "trending": 0, "toplist": 0, "chronological": 4}},
)


@st.composite
def questions(draw, most=40):
    """A catalogue, what is asked of it, and the sizes of pages."""
    n = draw(st.integers(1, most))
    picks = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=5))
    mask = draw(st.none() | st.lists(st.booleans(), min_size=n, max_size=n))
    only = draw(st.none() | st.lists(st.integers(0, n - 1), unique=True, max_size=n))
    asked = {
        "past": history(*picks),
        "allowed": None if mask is None else np.array(mask, np.bool_),
        "only": only,
        "seed": draw(st.integers(0, 9)),
        **draw(st.sampled_from(ORDERS)),
    }
    return n, asked, draw(st.lists(st.integers(1, 12), min_size=1, max_size=12))


@settings(max_examples=150)
@given(question=questions(), chapter=st.sampled_from([1, 4, 7, 100]))
def test_pages_of_any_sizes_are_together_one_long_answer(question, chapter):
    n, asked, sizes = question
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(paging, "CHAPTER", chapter)
        shelf = Shelf(n, Path(folder))
        pages = [shelf.ask(size, **asked) for size in sizes]
        long = shelf.ask(sum(sizes), **asked, ignore_paginations=True)
        again = shelf.ask(sum(sizes), **asked, flush_paginations=True)
    shown = [item for page in pages for item in page]
    assert shown == long == again
    assert len(set(shown)) == len(shown)
    for page, size in zip(pages[:-1], sizes[:-1], strict=True):
        assert len(page) == size or shown[-len(page) :] == page or not page


@settings(max_examples=60)
@given(question=questions(), other=questions(), data=st.data())
def test_whatever_is_asked_for_between_pages_no_item_is_shown_twice_and_none_is_skipped(
    question, other, data
):
    n, asked, sizes = question
    _, others, _ = other
    feed = {**asked, "only": None, "allowed": None}
    changed = {**feed, **{name: value for name, value in others.items() if name in ORDERS[4]}}
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(n, Path(folder))
        shown = []
        for size in sizes:
            shown += shelf.ask(size, **data.draw(st.sampled_from([feed, changed])))
        shown += shelf.ask(n + 1, **{**feed, "drop_near_duplicates": False})
    assert len(set(shown)) == len(shown)
    seen = {str(row) for row in asked["past"].rows.tolist()}
    if "retriever_k_override" not in feed:
        assert set(shown) == {str(item) for item in range(n)} - seen


def test_without_a_time_to_live_every_answer_starts_at_the_best(tmp_path):
    shelf = Shelf(30, tmp_path, ttl=None)
    notes = []
    assert shelf.ask(5) == shelf.ask(5) == shelf.ask(5, flush_paginations=True, notes=notes)
    assert "has no pagination_store_ttl" in notes[0]
    assert not list(tmp_path.glob("pages*"))


def test_the_first_page_is_what_a_model_without_pages_answers(tmp_path):
    past = history(1, 2)
    plain = Shelf(BIG, tmp_path, ttl=None)
    for limit in (1, 10, 100):
        paged = Shelf(BIG, tmp_path).ask(limit, past=past, user=f"U{limit}")
        assert paged == plain.ask(limit, past=past)


def test_nobody_in_particular_has_no_pages(shelf):
    notes = []
    assert shelf.ask(5, user=None) == shelf.ask(5, user=None, flush_paginations=True, notes=notes)
    assert "no user was given" in notes[0]


def test_people_have_pages_of_their_own(shelf):
    assert shelf.ask(5, user="U1") == shelf.ask(5, user="U2")


def test_ignoring_pages_shows_the_best_and_is_not_noted_down(shelf):
    first = shelf.ask(5)
    assert shelf.ask(5, ignore_paginations=True) == first
    second = shelf.ask(5)
    assert shelf.ask(10, ignore_paginations=True) == first + second


def test_flushing_starts_over(shelf):
    first, second = shelf.ask(5), shelf.ask(5)
    assert shelf.ask(5, flush_paginations=True) == first
    assert shelf.ask(5) == second


def test_after_a_pause_of_the_time_to_live_an_answer_starts_over(tmp_path):
    clock = Clock()
    shelf = Shelf(60, tmp_path, clock=clock)
    first = shelf.ask(5)
    clock.now += HOUR - 1
    second = shelf.ask(5)
    clock.now += HOUR - 1
    assert not {*first, *second} & set(shelf.ask(5))
    clock.now += HOUR
    assert shelf.ask(5) == first


def test_at_the_end_the_answer_is_short_then_empty_and_says_how_to_start_over(shelf):
    notes = []
    shelf.ask(50, notes=notes)
    assert notes == []
    assert len(shelf.ask(20, notes=notes)) == 10
    assert notes[0].startswith("this is the end of what there is to show to user 'U1'")
    assert shelf.ask(20, notes=notes) == []
    assert notes[1].startswith("all was shown already to user 'U1': flush_paginations starts over")
    assert "3600 seconds" in notes[1]


def test_a_filter_that_nothing_passes_is_no_end_of_pages(shelf):
    notes = []
    assert shelf.ask(5, allowed=np.zeros(60, np.bool_), notes=notes) == []
    assert notes == []


def test_a_filter_shows_of_what_it_lets_through_what_was_not_shown(shelf):
    even = np.arange(60) % 2 == 0
    shown = shelf.ask(30)
    filtered = shelf.ask(60, allowed=even)
    assert set(filtered) == {str(row) for row in range(0, 60, 2)} - set(shown)


def test_a_list_of_items_has_pages_of_its_own_whatever_the_order_it_is_given_in(shelf):
    feed = shelf.ask(20)
    named = sorted(int(item) for item in feed)
    first = shelf.ask(10, only=named)
    second = shelf.ask(10, only=named[::-1])
    assert set(first + second) == set(feed)
    assert shelf.ask(10, only=named) == []
    assert not set(feed) & set(shelf.ask(20))


def test_a_pick_between_pages_counts_and_is_not_shown_again(shelf):
    first = shelf.ask(5, past=history(1))
    picked = int(first[0])
    second = shelf.ask(54, past=history(1, picked))
    assert not set(first) & set(second)
    assert set(first) | set(second) == {str(row) for row in range(60)} - {"1"}


def test_exploring_without_a_seed_still_shows_every_item_once(shelf):
    shown = [item for _ in range(12) for item in shelf.ask(5, exploration_factor=0.7)]
    assert sorted(map(int, shown)) == list(range(60))
    assert all(draw == shelf.draws[0] for draw in shelf.draws)
    one = shelf.ask(60, exploration_factor=0.7, user="U2")
    other = shelf.ask(60, exploration_factor=0.7, user="U3")
    assert one != other


def test_what_diversity_puts_last_comes_after_all_pages_before_it(shelf):
    """Of four kinds each page of four has one of each, which pages that forget would not know."""
    pages = [shelf.ask(2, diversity_attributes=("kind",)) for _ in range(20)]
    together = [sorted(int(item) % 4 for item in one + two) for one, two in pairs(pages)]
    assert together == [[0, 1, 2, 3]] * 10


def pairs(pages):
    return zip(pages[::2], pages[1::2], strict=True)


def test_of_copies_one_is_shown_over_all_pages(tmp_path, monkeypatch):
    monkeypatch.setattr(paging, "CHAPTER", 5)
    shelf = Shelf(60, tmp_path)
    shown = [
        item
        for _ in range(12)
        for item in shelf.ask(5, drop_near_duplicates=True, diversity_factor=0.2)
    ]
    originals = [int(item) - (int(item) % 3 == 2) for item in shown]
    assert sorted(originals) == [row for row in range(60) if row % 3 != 2]


def test_a_new_generation_repeats_nothing_and_skips_nothing_that_it_has(tmp_path):
    clock = Clock()
    before = Shelf(60, tmp_path, clock=clock)
    shown = before.ask(10) + before.ask(10)
    kept = [number for number in range(80) if number % 5]
    after = Shelf(80, tmp_path, clock=clock, seed=3, keep=kept)
    more = after.ask(7) + after.ask(80)
    assert not set(shown) & set(more)
    assert set(more) == {str(number) for number in kept} - set(shown)


def test_a_large_catalogue_is_shown_to_its_end(tmp_path):
    shelf = Shelf(BIG, tmp_path)
    past = history(3, 5, 8)
    shown = []
    while page := shelf.ask(97, past=past):
        shown += page
    assert len(shown) == len(set(shown)) == BIG - 3
    assert shelf.ask(BIG, past=past, ignore_paginations=True) == shown


def test_scores_of_pages_fall_as_those_of_one_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(paging, "CHAPTER", 5)
    shelf = Shelf(60, tmp_path)
    find = partial(shelf.candidates, history(1), None, None)
    query = Query(20)
    pages = [shelf.pages.page("U1", None, query, find, []) for _ in range(3)]
    scores = np.concatenate([page.scores for page in pages])
    assert (np.diff(scores) <= 0).all()
    whole = replace(query, limit=60, ignore_paginations=True)
    long = shelf.pages.page("U1", None, whole, find, [])
    assert np.array_equal(scores, long.scores)
    for name, part in long.parts.items():
        assert np.array_equal(np.concatenate([page.parts[name] for page in pages]), part)


def test_beyond_the_most_that_is_kept_the_first_come_again_but_not_in_one_answer(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(paging, "MOST_SHOWN", 20)
    monkeypatch.setattr(paging, "CHAPTER", 5)
    shelf = Shelf(60, tmp_path)
    assert len(set(shelf.ask(60, diversity_factor=0.5))) == 60
    first = shelf.ask(10, flush_paginations=True)
    for _ in range(5):
        shelf.ask(10)
    assert set(shelf.ask(60)) >= set(first)


def test_where_pages_cannot_be_kept_the_answer_is_given_and_says_so(tmp_path):
    shelf = Shelf(60, tmp_path)
    first = shelf.ask(5)
    (tmp_path / "pages-v1.sqlite").unlink()
    (tmp_path / "pages-v1.sqlite").mkdir()
    notes = []
    assert shelf.ask(5, notes=notes) == first
    assert notes[0].startswith("this answer may repeat what was shown before: cannot keep pages")


def test_readers_at_once_share_out_one_long_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(paging, "CHAPTER", 20)
    asked = {"past": history(3), "diversity_factor": 0.3}
    shelves = [Shelf(300, tmp_path), Shelf(300, tmp_path)]
    shown, errors = [], []

    def read(shelf, size):
        try:
            while page := shelf.ask(size, **asked):
                shown.append(page)
        except Exception as error:  # a thread's own is not seen
            errors.append(error)

    threads = [
        threading.Thread(target=read, args=(shelves[number % 2], 3 + number)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    items = [item for page in shown for item in page]
    assert len(items) == len(set(items)) == 299
    long = shelves[0].ask(299, **asked, ignore_paginations=True)
    places = {item: place for place, item in enumerate(long)}
    assert set(places) == set(items)
    for page in shown:
        assert [places[item] for item in page] == sorted(places[item] for item in page)
