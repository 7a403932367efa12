"""The kernels that rank for many at once, each against what ranks for one person in NumPy."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from rank_cases import profile, quiet, random_catalogue, space, taste_space, unit
from sightline.features.words import WordIndex, build_words
from sightline.inference import Inference
from sightline.learn.factors import Factors
from sightline.rank.fuse import Ranked, Signal, best_first, fuse
from sightline.rank.profile import Profile
from sightline.rank.retrievers import SIZES, candidates
from sightline.rank.signals import mean_likeness
from sightline.rank.taste import SHARPNESS, TasteSpace
from sightline_kernels import affinity, likeness, liking, words
from sightline_kernels.recommend import Sums, add_signal, best_candidates
from sightline_kernels.retrieval import Lists, Sizes, gather_candidates
from sightline_kernels.slate import Column, People, Pools

N = 60
USUAL = Sizes(300, 300, 50, 100, 100, 50, latest=30, few=0, least_share=0.25)
NONE = Sizes(0, 0, 0, 0, 0, 0, latest=30, few=0, least_share=0.25)
EVERYTHING = np.ones(N, np.bool_)


def joined(parts, dtype):
    return np.concatenate([*(np.asarray(part, dtype) for part in parts), np.zeros(0, dtype)])


def people(*profiles):
    return People(
        np.cumsum([0, *(len(person.rows) for person in profiles)]),
        joined([person.rows for person in profiles], np.int32),
        joined([person.weights for person in profiles], np.float32),
        np.cumsum([0, *(len(person.seen) for person in profiles)]),
        joined([person.seen for person in profiles], np.int32),
    )


def pools(*candidates_of, width=None):
    """Candidates of every person; None for whom there are none to be found."""
    width = width or max(len(rows or ()) for rows in candidates_of)
    rows, counts = np.zeros((len(candidates_of), width), np.int32), []
    for person, own in enumerate(candidates_of):
        rows[person, : len(own or ())] = own or ()
        counts.append(-1 if own is None else len(own))
    return Pools(rows, np.array(counts))


def told(fill, persons, asked):
    """What a kernel says of every person's candidates: values and which are known."""
    shape = asked.rows.shape
    column = Column(np.full(shape, np.nan, np.float32), np.ones(shape, np.bool_))
    fill(people(*persons), asked, column)
    return [
        (values[: max(count, 0)], known[: max(count, 0)])
        for values, known, count in zip(*column, asked.counts, strict=True)
    ]


def crowd(seed, n=N):
    """People of no, one, some and more than thirty picks, and candidates for each of them."""
    rng = np.random.default_rng(seed)
    persons = [
        profile(*rng.permutation(n)[:count], weights=rng.uniform(0.1, 2, count))
        for count in (1, 0, 7, 45, 3)
    ]
    asked = [rng.permutation(n)[:count].tolist() for count in (20, 5, 1, 33, 0)]
    return persons, asked


def compare(fill, twin, seed, *, atol=1e-5, n=N):
    """Hold a kernel against its twin, (values, known) of one person's candidates, for a crowd.

    Where the twin has nothing to say, None, and for who picked nothing, all values must be 0.
    """
    persons, asked = crowd(seed, n)
    for person, own, (values, known) in zip(
        persons, asked, told(fill, persons, pools(*asked)), strict=True
    ):
        rows = np.array(own, np.int32)
        signal = twin(rows, person) if len(person) else None
        expected, present = signal if signal else (np.zeros(len(rows)), known)
        assert_array_equal(known, present)
        assert_allclose(values[known], expected[known], rtol=1e-4, atol=atol)


def numpy_signal(signal):
    return signal.values, np.ones(len(signal.values)) if signal.present is None else signal.present


# --- candidates


def lists_of(built):
    near = built.taste.neighbours
    return Lists(
        built.neighbours,
        built.neighbour_scores,
        np.full((len(built), 2), -1) if near is None else near,
        np.full((len(built), 2), -1) if near is None else built.taste.cold_neighbours,
        built.taste.presence,
        built.facts.is_cold,
        built.facts.most_trending,
        built.facts.most_popular,
        built.facts.newest,
    )


@pytest.fixture(scope="module")
def shop():
    """More items than are all candidates, with lists of some that are near, in no real order."""
    rng = np.random.default_rng(7)
    n = 1_100
    built = random_catalogue(n, seed=7, neighbours=40)
    cold = np.flatnonzero(built.facts.is_cold)
    taste = TasteSpace(
        built.taste.vectors,
        built.taste.presence,
        built.taste.crowding,
        built.taste,  # no index: lists must do
        rng.integers(-1, n, (n, 30)).astype(np.int32),
        np.where(rng.random((n, 10)) < 0.9, rng.choice(cold, (n, 10)), -1).astype(np.int32),
    )
    return replace(built, taste=taste)


def drawn_person(rng, n, *, turned_down=5):
    picked = rng.permutation(n)[: rng.integers(1, 60)].astype(np.int32)
    seen = np.append(picked, rng.integers(0, n, turned_down).astype(np.int32))
    return Profile(picked, rng.choice([0.5, 1.0], len(picked)).astype(np.float32), seen)


@pytest.mark.parametrize("share", [1, 0.75, 0.7])
def test_candidates_are_those_of_one_person_after_the_other(shop, share):
    rng, n = np.random.default_rng(3), len(shop)
    allowed = rng.random(n) < share
    persons = [drawn_person(rng, n) for _ in range(6)]
    usual = USUAL._replace(few=800)
    found, together = gather_candidates(lists_of(shop), usual, people(*persons), allowed)
    for row, person in enumerate(persons):
        unseen = allowed.copy()
        unseen[person.seen] = False
        company = shop.picked_together(person.rows, person.weights)
        expected = candidates(shop, person, company, Inference(), unseen, 10).rows
        own = found.rows[row, : found.counts[row]]
        assert sorted(own) == expected.tolist()
        assert_array_equal(together[row, : len(own)], company[own])


@pytest.mark.parametrize("name", ["together", "near", "cold_near", "trending", "popular", "newest"])
def test_each_list_brings_as_many_as_it_is_asked_for(shop, name):
    retriever = {
        "together": "collaborative",
        "near": "knn",
        "cold_near": "cold_start",
        "popular": "toplist",
        "newest": "chronological",
    }.get(name, name)
    only = Inference(retriever_k_override={**dict.fromkeys(SIZES, 0), retriever: 23})
    person = drawn_person(np.random.default_rng(5), len(shop))
    unseen = np.ones(len(shop), np.bool_)
    unseen[person.seen] = False
    company = shop.picked_together(person.rows, person.weights)
    expected = candidates(shop, person, company, only, unseen, 10).rows
    sizes = NONE._replace(**{name: 23})
    found, _ = gather_candidates(lists_of(shop), sizes, people(person), np.ones_like(unseen))
    assert sorted(found.rows[0, : found.counts[0]]) == expected.tolist()


def test_of_items_picked_together_as_often_the_lower_rows_are_brought():
    neighbours = np.full((N, 5), -1, np.int32)
    neighbours[0] = [9, 4, 8, 6, 5]
    built = quiet(N, neighbours=neighbours, neighbour_scores=np.ones((N, 5), np.float32))
    sizes = NONE._replace(together=3)
    found, together = gather_candidates(lists_of(built), sizes, people(profile(0)), EVERYTHING)
    assert found.rows[0, : found.counts[0]].tolist() == [4, 5, 6]
    assert together[0, :3].tolist() == [1, 1, 1]


def test_what_scores_less_than_nothing_is_not_picked_together():
    neighbours = np.full((N, 3), -1, np.int32)
    neighbours[[0, 1]] = [[5, 6, 7], [6, 7, -1]]
    scores = np.zeros((N, 3), np.float32)
    scores[[0, 1]] = [[1, 1, -3], [-1, 4, 9]]
    built = quiet(N, neighbours=neighbours, neighbour_scores=scores)
    sizes = NONE._replace(together=9)
    found, together = gather_candidates(lists_of(built), sizes, people(profile(0, 1)), EVERYTHING)
    own = found.rows[0, : found.counts[0]].tolist()
    assert dict(zip(own, together[0].tolist(), strict=False)) == {5: 1, 7: 1}


def test_few_items_are_all_candidates_but_what_was_seen():
    seen = np.array([3, 9, 3], np.int32)
    person = Profile(seen[:1], np.ones(1, np.float32), seen)
    allowed = np.arange(N) % 3 == 0
    sizes = NONE._replace(few=18)
    found, _ = gather_candidates(lists_of(quiet(N)), sizes, people(person), allowed)
    assert found.rows[0, : found.counts[0]].tolist() == [
        row for row in range(0, N, 3) if row not in (3, 9)
    ]
    found, _ = gather_candidates(
        lists_of(quiet(N)), sizes._replace(few=17), people(person), allowed
    )
    assert found.counts.tolist() == [0]


@pytest.mark.parametrize(("others", "count"), [(0, -1), (1, -1), (2, 2), (8, 8)])
def test_lists_of_which_less_than_a_quarter_is_allowed_leave_no_candidates(others, count):
    taste = taste_space(np.ones((N, 1)))
    taste.neighbours = np.tile(np.arange(1, 9, dtype=np.int32), (N, 1))
    taste.cold_neighbours = np.full((N, 1), -1, np.int32)
    lists = lists_of(quiet(N, taste=taste))
    asked = people(profile(0), profile())
    found, _ = gather_candidates(lists, NONE._replace(near=8), asked, np.arange(N) > 8 - others)
    assert found.counts.tolist() == [count, 0]  # nothing is near to who picked nothing


def test_rows_that_no_item_has_are_passed_over():
    built = random_catalogue(N, neighbours=4)
    wild = np.array([[-7, N, 2**31 - 1, 3]] * N, np.int32)
    lists = lists_of(built)._replace(
        together=wild, near=wild, cold_near=wild, trending=wild[0], popular=wild[0], newest=wild[0]
    )
    lists.placed[:] = lists.is_cold[:] = True
    found, _ = gather_candidates(lists, USUAL, people(profile(0)), EVERYTHING)
    assert found.rows[0, : found.counts[0]].tolist() == [3]


def test_nobody_and_nothing_have_no_candidates():
    lists = lists_of(random_catalogue(N))
    assert gather_candidates(lists, USUAL, people(), EVERYTHING)[0].counts.tolist() == []
    nothing = gather_candidates(lists, USUAL, people(profile(1)), ~EVERYTHING)[0]
    assert nothing.counts.tolist() == [0]
    empty = gather_candidates(lists_of(quiet(0)), USUAL, people(profile()), EVERYTHING[:0])[0]
    assert empty.counts.tolist() == [0]


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        (people(profile(N)), EVERYTHING),
        (people(profile(-1)), EVERYTHING),
        (people(profile(1))._replace(pick_offsets=np.array([0, 2])), EVERYTHING),
        (people(profile(1))._replace(seen_offsets=np.array([0, 1, 1])), EVERYTHING),
        (people(profile(1))._replace(strengths=np.zeros(0)), EVERYTHING),
        (people(profile(1)), EVERYTHING[1:]),
    ],
)
def test_people_and_filters_that_do_not_fit_are_refused(asked, allowed):
    with pytest.raises(ValueError, match=r"rows|offsets|shape"):
        gather_candidates(lists_of(quiet(N)), USUAL, asked, allowed)


def test_a_size_below_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 0"):
        gather_candidates(
            lists_of(quiet(N)), USUAL._replace(near=-1), people(profile(1)), EVERYTHING
        )


# --- signals


@pytest.mark.parametrize("dim", [1, 3, 16, 513])
@pytest.mark.parametrize("present", [0, 0.6, 1])
def test_mean_likeness_is_that_of_one_person(dim, present):
    rng = np.random.default_rng(dim)
    center = 0.4 * unit(rng.standard_normal(dim))
    of = space(unit(rng.standard_normal((N, dim))), rng.random(N) < present, center)
    of.vectors[~of.presence] = np.nan
    compare(
        lambda *asked: likeness.mean_likeness(
            of.vectors, of.presence, of.center, *asked, latest=30
        ),
        lambda rows, person: numpy_signal(
            mean_likeness(of, rows, person.rows[-30:], person.weights[-30:])
        ),
        seed=dim,
        atol=2e-4,
    )


@pytest.mark.parametrize("dim", [1, 4, 33])
@pytest.mark.parametrize("present", [0, 0.6, 1])
def test_density_is_that_of_one_person(dim, present):
    rng = np.random.default_rng(dim)
    vectors = unit(rng.standard_normal((N, dim)))
    of = taste_space(vectors, rng.random(N) < present, rng.uniform(0.5, 50, N))

    def twin(rows, person):
        values = of.likeness(rows, person)
        return (np.zeros(len(rows)) if values is None else values), of.presence[rows]

    def fill(*asked):
        likeness.density(
            of.vectors, of.presence, of.crowding, *asked, latest=30, sharpness=SHARPNESS
        )

    compare(fill, twin, seed=dim)


@pytest.mark.parametrize("sharpness", [0.0, 1.0, 20.0, 80.0])
def test_density_is_exact_however_sharp(sharpness):
    vectors = np.cos(np.linspace(0, np.pi, N))[:, None].astype(np.float32)
    fill = [vectors, EVERYTHING, np.ones(N, np.float32)]
    ((values, _),) = told(
        lambda *asked: likeness.density(*fill, *asked, latest=1, sharpness=sharpness),
        [profile(0)],
        pools(list(range(N))),
    )
    expected = np.exp(sharpness * vectors[:, 0].astype(np.float64))
    assert_allclose(values, expected, rtol=2e-5)


@pytest.mark.parametrize("size", [1, 3, 16])
def test_likings_are_those_of_one_person(size):
    rng = np.random.default_rng(size)
    items = rng.normal(0, 0.5, (N, size)).astype(np.float32)
    of = Factors(items, (items.T @ items + 0.5 * np.eye(size)).astype(np.float32))
    compare(
        lambda *asked: liking.likings(of.factors, of.gram, *asked),
        lambda rows, person: (
            of.likings(person.rows, person.weights, rows),
            np.ones(len(rows), np.bool_),
        ),
        seed=size,
        atol=1e-4,
    )


def test_shared_words_are_those_of_one_person():
    rng = np.random.default_rng(2)
    vocabulary = np.array(["the", *(f"word{number}" for number in range(40))])
    titles = [
        " ".join(["the", *rng.choice(vocabulary, rng.integers(1, 6))]) if row % 4 else None
        for row in range(N)
    ]
    of = WordIndex(build_words(pl.DataFrame({"title": titles}), ["title"]))
    compare(
        lambda *asked: words.shared_words(*of.by_item(), *asked, latest=30),
        lambda rows, person: (
            of.among(person.rows[-30:], person.weights[-30:], rows),
            of.presence()[rows],
        ),
        seed=2,
    )


def test_words_that_no_vocabulary_has_are_passed_over():
    entries = np.array([0, 7, -1, 0], np.int32)
    table = np.array([0, 3, 4]), entries, np.ones(4, np.float32), np.ones(1, np.bool_)
    ((values, known),) = told(
        lambda *asked: words.shared_words(*table, *asked, latest=5), [profile(0)], pools([1, 0])
    )
    assert values.tolist() == [1, 1]
    assert known.all()


@pytest.mark.parametrize("seed", range(4))
def test_affinities_are_those_of_one_person(seed):
    facts = random_catalogue(N, seed=seed, present=0.7).facts
    facts = replace(facts, prices=np.where(np.arange(N) % 9, facts.prices, np.float32(-3)))
    compare(
        lambda *asked: affinity.shared_colors(facts.palettes, *asked),
        facts.palette_affinity,
        seed,
    )
    compare(
        lambda *asked: affinity.shared_kinds(facts.categories, *asked, n_codes=3),
        facts.category_affinity,
        seed,
    )
    compare(
        lambda *asked: affinity.like_prices(facts.prices, *asked, least_spread=0.3),
        facts.price_affinity,
        seed,
    )


def test_facts_are_the_same_for_everyone():
    newness = random_catalogue(N).facts.newness
    for person in (profile(1), profile()):
        ((values, known),) = told(
            lambda _, *asked: affinity.facts(newness, *asked), [person], pools(list(range(N)))
        )
        assert_array_equal(known, ~np.isnan(newness))
        assert_array_equal(values, np.nan_to_num(newness))


def test_picks_of_which_nothing_is_known_say_nothing():
    colours = np.array([[0, 0], [1, 0]], np.float32)
    kinds, prices = np.array([[-1], [0]], np.int32), np.array([np.nan, 1], np.float32)
    for fill in (
        lambda *asked: affinity.shared_colors(colours, *asked),
        lambda *asked: affinity.shared_kinds(kinds, *asked, n_codes=1),
        lambda *asked: affinity.like_prices(prices, *asked, least_spread=0.3),
    ):
        ((values, _),) = told(fill, [profile(0)], pools([1, 0]))
        assert values.tolist() == [0, 0]


def test_kinds_of_one_person_are_not_told_of_the_next():
    kinds = np.array([[0], [1], [0], [1]], np.int32)
    (_, (values, _)) = told(
        lambda *asked: affinity.shared_kinds(kinds, *asked, n_codes=2),
        [profile(0), profile(1)],
        pools([2, 3], [2, 3]),
    )
    assert values.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("asked", "shape"),
    [(pools([1, N]), (1, 2)), (pools([1, 2]), (1, 3)), (pools([1], [2]), (2, 1))],
    ids=["row", "column", "people"],
)
def test_candidates_that_do_not_fit_are_refused(asked, shape):
    column = Column(np.zeros(shape, np.float32), np.zeros(shape, np.bool_))
    with pytest.raises(ValueError, match=r"rows|shape"):
        affinity.shared_colors(np.ones((N, 2)), people(profile(1)), asked, column)


def test_a_count_of_more_than_there_are_is_refused():
    asked = pools([1, 2])._replace(counts=np.array([3]))
    with pytest.raises(ValueError, match="a count of 3"):
        told(lambda _, *of: affinity.facts(np.ones(N), *of), [profile(1)], asked)


# --- the best


def ranked(signals, asked, weights, k):
    """What the kernels make of signals: values and known of each, all of one person."""
    sums = Sums(np.zeros(asked.rows.shape, np.float32), np.zeros(len(asked.rows)))
    for (values, known), weight in zip(signals, weights, strict=True):
        column = Column(np.array([values], np.float32), np.array([known], np.bool_))
        add_signal(column, asked, weight, sums)
    rows, scores = best_candidates(asked, sums, k)
    return rows[0].tolist(), scores[0].tolist()


opinions = st.lists(
    st.tuples(
        st.lists(
            st.sampled_from([0.0, 0.5, 1.0, -1.0]) | st.floats(0, 50, width=32),
            min_size=9,
            max_size=9,
        ),
        st.lists(st.booleans(), min_size=9, max_size=9),
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(opinions, st.permutations(range(9)), st.integers(1, 12))
def test_the_best_are_those_that_one_person_gets(signals, order, k):
    weights = {str(number): 0.5 + number for number in range(len(signals))}
    fused = fuse(
        np.array(order, np.int32),
        {
            str(number): Signal(np.array(values, np.float32), np.array(known))
            for number, (values, known) in enumerate(signals)
        },
        weights,
    )
    rows, scores = ranked(signals, pools(list(order)), weights.values(), k)
    expected = best_first(fused, k)
    assert len(rows) == min(k, 9)
    assert_allclose(scores, expected.scores, atol=1e-6)
    of_rows = dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True))
    assert_allclose([of_rows[row] for row in rows], scores, atol=1e-6)


def test_equal_scores_keep_the_lower_row_first():
    signals = [([1, 1, 0, 1], [True] * 4)]
    rows, scores = ranked(signals, pools([7, 3, 1, 5]), [2.0], 4)
    expected = best_first(Ranked(np.array([7, 3, 1, 5]), np.array([1, 1, 0, 1], np.float32), {}), 4)
    assert rows == expected.rows.tolist() == [3, 5, 7, 1]
    assert scores == [1, 1, 1, 0]


@pytest.mark.parametrize("known", [[1.0], [1, 3], [5, 1, 3], [4, 1, 2, 3], [2, 2, 2, 1, 9, 9]])
def test_what_is_not_known_gets_the_median_of_what_is(known):
    values = [*known, 1_000]
    rows, scores = ranked(
        [(values, [True] * len(known) + [False])], pools(list(range(len(values)))), [1.0], 9
    )
    place = rows.index(len(known))
    assert scores[place] == pytest.approx(np.median(known) / max(known))


@pytest.mark.parametrize("silent", [0.0, -1.0, 1e-42])
def test_a_signal_that_says_nothing_takes_no_part(silent):
    signals = [([1, 0.5], [True, True]), ([silent, 0], [True, True]), ([0, 9], [True, False])]
    rows, scores = ranked(signals, pools([0, 1]), [1.0, 9.0, 9.0], 2)
    assert (rows, scores) == ([0, 1], [1, 0.5])


def test_where_there_are_fewer_than_asked_for_the_rest_is_marked():
    asked = pools([4], None, width=3)
    sums = Sums(np.zeros((2, 3), np.float32), np.zeros(2))
    rows, scores = best_candidates(asked, sums, 5)
    assert rows.tolist() == [[4, -1, -1], [-1, -1, -1]]
    assert not scores.any()


def test_of_nobody_there_are_no_best():
    asked = Pools(np.zeros((0, 3), np.int32), np.zeros(0, np.int64))
    rows, scores = best_candidates(asked, Sums(np.zeros((0, 3), np.float32), np.zeros(0)), 2)
    assert rows.shape == scores.shape == (0, 2)


def test_no_results_and_sums_of_others_are_refused():
    asked, sums = pools([1, 2]), Sums(np.zeros((1, 2), np.float32), np.zeros(1))
    with pytest.raises(ValueError, match="at least 1"):
        best_candidates(asked, sums, 0)
    for wrong in (sums._replace(told=np.zeros(2)), sums._replace(scores=np.zeros((1, 3)))):
        with pytest.raises(ValueError, match="shape"):
            best_candidates(asked, wrong, 1)
