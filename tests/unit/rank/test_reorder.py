import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.inference import Inference
from sightline.rank.fuse import Ranked
from sightline.rank.reorder import reorder
from unit_vectors import unit_rows


def ranked(*scores, rows=None):
    scores = np.array(scores, np.float32)
    rows = np.arange(len(scores)) if rows is None else np.array(rows)
    return Ranked(rows.astype(np.int32), scores, {"looks": scores / 2, "words": scores / 2})


def no_vectors(_rows):
    pytest.fail("vectors were asked for")


def run(
    candidates,
    k,
    *,
    seed=0,
    vectors=no_vectors,
    codes=(),
    originals=None,
    uncertainty=None,
    boost=None,
    **on,
):
    """Reorder; `originals` are the codes of all items, by which near duplicates are dropped."""
    names = [f"column {place}" for place in range(len(codes))]
    return reorder(
        candidates,
        k,
        Inference(
            diversity_attributes=tuple(names), drop_near_duplicates=originals is not None, **on
        ),
        vectors=vectors,
        attributes={name: np.array(code) for name, code in zip(names, codes, strict=True)},
        originals=lambda rows: (
            pytest.fail("originals were asked for")
            if originals is None
            else np.array(originals, np.int64)[rows]
        ),
        uncertainty=None if uncertainty is None else np.array(uncertainty, np.float32),
        boost=None if boost is None else np.array(boost, np.float32),
        rng=np.random.default_rng(seed),
    )


def naive_values(relevance, vectors, factor, chosen):
    """Maximal marginal relevance of every candidate, as its formula is written."""
    return [
        (1 - factor) * relevance[one]
        - factor * max((float(vectors[one] @ vectors[other]) for other in chosen), default=0)
        for one in range(len(relevance))
    ]


def test_with_everything_off_the_order_is_kept_to_the_bit():
    candidates = ranked(0.9, 0.9, 0.3, -np.inf, rows=[7, 2, 9, 4])
    shown = run(candidates, 3)
    assert shown.rows.tolist() == [7, 2, 9]
    assert shown.scores.tobytes() == candidates.scores[:3].tobytes()
    assert shown.parts["looks"].tobytes() == candidates.parts["looks"][:3].tobytes()


@pytest.mark.parametrize("k", [0, 1, 5])
def test_no_candidates_make_no_results(k):
    everything = {"exploration_factor": 0.5, "diversity_factor": 0.5, "boosting_factor": 0.5}
    nowhere = {"vectors": lambda _: np.zeros((0, 3)), "codes": [[]], "originals": [], "boost": []}
    shown = run(ranked(), k, **nowhere, **everything)
    assert len(shown.rows) == len(shown.scores) == 0


# --- boosting


def test_boost_is_mixed_in_on_the_scale_of_the_scores():
    shown = run(ranked(3.0, 2.0, 1.0), 3, boosting_factor=0.5, boost=[0.0, 0.0, 1.0])
    assert shown.rows.tolist() == [0, 2, 1]
    assert shown.scores.tolist() == [2.0, 2.0, 1.5]  # equal ones stay in the order they came in
    assert shown.parts["boost"].tolist() == [0.5, 1.5, 0.5]
    assert sum(shown.parts.values()).tolist() == shown.scores.tolist()


def test_boost_is_looked_up_by_row():
    shown = run(ranked(0.9, 0.1, rows=[2, 0]), 2, boosting_factor=0.9, boost=[1.0, 0.5, 0.0])
    assert shown.rows.tolist() == [0, 2]


def test_boosting_of_one_shows_the_boosted_first_each_group_by_relevance():
    shown = run(ranked(5, 4, 3, 2, 1), 5, boosting_factor=1.0, boost=[0, 1, 0, 1, 0])
    assert shown.rows.tolist() == [1, 3, 0, 2, 4]


def test_boost_decides_among_equal_scores():
    assert run(ranked(2, 2), 2, boosting_factor=0.1, boost=[0, 1]).rows.tolist() == [1, 0]


def test_boosting_without_a_boost_changes_nothing():
    assert run(ranked(2, 1), 2, boosting_factor=1.0).scores.tolist() == [2, 1]


# --- near duplicates


def test_of_copies_the_best_ranked_stays_and_others_move_up():
    candidates = ranked(6, 5, 4, 3, 2, 1, rows=[3, 0, 5, 1, 4, 2])
    shown = run(candidates, 4, originals=[0, 0, 2, 3, 4, 3])
    assert shown.rows.tolist() == [3, 0, 4, 2]
    assert shown.scores.tolist() == [6, 5, 2, 1]
    assert shown.parts["looks"].tolist() == [3, 2.5, 1, 0.5]


def test_without_copies_the_order_is_kept_to_the_bit():
    candidates = ranked(0.9, 0.9, 0.3, -np.inf, rows=[7, 2, 9, 4])
    shown = run(candidates, 3, originals=range(10))
    assert shown.rows.tolist() == [7, 2, 9]
    assert shown.scores.tobytes() == candidates.scores[:3].tobytes()


@given(st.lists(st.integers(0, 6), max_size=25), st.integers(0, 25), st.integers(0, 2**32))
def test_every_group_is_shown_once_by_its_best(originals, k, seed):
    rows = np.random.default_rng(seed).permutation(len(originals))
    shown = run(ranked(*np.linspace(1, 0, len(originals)), rows=rows), k, originals=originals)
    firsts = list({originals[row]: row for row in reversed(rows.tolist())}.values())
    assert sorted(shown.rows.tolist(), key=rows.tolist().index) == shown.rows.tolist()
    assert len(shown.rows) == min(k, len(firsts))
    assert set(shown.rows.tolist()) <= set(firsts)


def test_a_copy_that_is_boosted_above_the_others_is_the_one_that_stays():
    shown = run(ranked(3, 2, 1), 3, originals=[0, 0, 2], boosting_factor=0.9, boost=[0, 1, 0])
    assert shown.rows.tolist() == [1, 2]


def test_exploring_never_draws_a_copy_that_was_dropped():
    for seed in range(20):
        shown = run(
            ranked(4, 3, 2, 1), 4, seed=seed, originals=[0, 0, 2, 2], exploration_factor=1.0
        )
        assert set(shown.rows.tolist()) == {0, 2}


def test_diversity_picks_from_what_is_no_copy():
    vectors = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    shown = run(
        ranked(4, 3, 2, 1),
        2,
        originals=[0, 0, 2, 3],
        vectors=lambda rows: vectors[rows],
        diversity_factor=0.9,
    )
    assert shown.rows.tolist() == [0, 2]


def test_scored_copy_stays_before_one_without_a_score():
    shown = run(ranked(1.0, -np.inf, -np.inf), 3, originals=[0, 0, 2])
    assert shown.rows.tolist() == [0, 2]


# --- exploration


@given(st.integers(0, 2**32), st.floats(0.01, 1), st.integers(0, 40))
def test_exploring_repeats_no_item_and_leaves_scores_with_their_items(seed, factor, k):
    candidates = ranked(*np.linspace(1, 0.1, 30))
    shown = run(candidates, k, seed=seed, exploration_factor=factor)
    assert len(set(shown.rows.tolist())) == len(shown.rows) == min(k, 30)
    assert shown.scores.tolist() == candidates.scores[shown.rows].tolist()
    assert shown.parts["words"].tolist() == candidates.parts["words"][shown.rows].tolist()


def test_same_seed_is_the_same_answer_and_another_seed_another():
    answers = [
        run(ranked(*np.linspace(1, 0, 50)), 10, seed=seed, exploration_factor=0.5).rows.tolist()
        for seed in (1, 1, 2)
    ]
    assert answers[0] == answers[1] != answers[2]


def test_factor_is_the_share_of_places_that_are_explored():
    # Only the last half is uncertain: an explored place always shows one of it.
    uncertainty = [0.0] * 500 + [1.0] * 500
    rows = run(
        ranked(*np.linspace(1, 0, 1000)), 400, exploration_factor=0.25, uncertainty=uncertainty
    ).rows
    assert (rows >= 500).mean() == pytest.approx(0.25, abs=0.06)  # three deviations
    assert rows[rows < 500].tolist() == list(range((rows < 500).sum()))


def test_draws_are_in_proportion_to_uncertainty():
    first = [
        run(ranked(3, 2, 1), 1, seed=seed, exploration_factor=1, uncertainty=[1, 2, 1]).rows[0]
        for seed in range(800)
    ]
    assert np.bincount(first) / 800 == pytest.approx([0.25, 0.5, 0.25], abs=0.055)


def test_nothing_uncertain_leaves_nothing_to_explore():
    shown = run(ranked(3, 2, 1), 3, exploration_factor=1.0, uncertainty=[0, 0, 0])
    assert shown.rows.tolist() == [0, 1, 2]


def test_candidate_without_a_score_is_never_drawn():
    scores = (1.0, 0.5, -np.inf, -np.inf)
    for seed in range(20):
        shown = run(ranked(*scores), 4, seed=seed, exploration_factor=1.0)
        assert shown.rows.tolist()[2:] == [2, 3]


# --- diversity


@given(st.integers(0, 2**32), st.floats(0.05, 1), st.integers(1, 12), st.integers(1, 30))
def test_order_is_that_of_maximal_marginal_relevance(seed, factor, k, n):
    rng = np.random.default_rng(seed)
    vectors = unit_rows(n, 8, seed=seed)
    scores = np.sort(rng.random(n).astype(np.float32))[::-1]
    relevance = (scores - scores[-1]) / max(scores[0] - scores[-1], 1e-9)
    shown = run(ranked(*scores), k, vectors=lambda rows: vectors[rows], diversity_factor=factor)
    rows = shown.rows.tolist()
    assert len(set(rows)) == len(rows) == min(k, n)
    assert shown.scores.tolist() == scores[rows].tolist()
    for place, row in enumerate(rows):
        values = naive_values(relevance, vectors, factor, rows[:place])
        left = [value for one, value in enumerate(values) if one not in rows[:place]]
        assert values[row] >= max(left) - 1e-5


def test_more_diversity_shows_less_of_what_looks_alike():
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 2]]
    shown = {
        factor: run(
            ranked(5, 4.9, 4.8, 2, 1),
            3,
            vectors=lambda rows: vectors[rows],
            diversity_factor=factor,
        ).rows.tolist()
        for factor in (0.01, 0.5, 1.0)
    }
    assert shown == {0.01: [0, 1, 2], 0.5: [0, 3, 4], 1.0: [0, 3, 4]}


def test_item_without_a_vector_is_neither_preferred_nor_set_back():
    # Row 1 has none; of the others, one is wholly like row 0 and one not at all.
    vectors = np.array([[1, 0], [0, 0], [1, 0], [0, 1]], np.float32)
    shown = run(ranked(4, 3, 3, 3), 4, vectors=lambda rows: vectors[rows], diversity_factor=0.5)
    assert shown.rows.tolist() == [0, 3, 1, 2]


@pytest.mark.parametrize("dim", [0, 4])
def test_without_any_vector_diversity_changes_nothing(dim):
    nothing = lambda rows: np.zeros((len(rows), dim), np.float32)  # noqa: E731
    shown = run(ranked(3, 2, 1), 3, vectors=nothing, diversity_factor=0.7)
    assert shown.rows.tolist() == [0, 1, 2]


def test_only_the_best_candidates_are_considered():
    asked = []

    def vectors(rows):
        asked.append(rows.tolist())
        return unit_rows(len(rows), 4, seed=0)

    run(ranked(*np.linspace(1, 0, 500)), 10, vectors=vectors, diversity_factor=1.0)
    run(ranked(*np.linspace(1, 0, 500)), 30, vectors=vectors, diversity_factor=1.0)
    assert asked == [list(range(100)), list(range(150))]


def test_named_attribute_alternates_while_there_are_other_values():
    code = [0] * 6 + [1, 1, 2]
    shown = run(ranked(*range(9, 0, -1)), 9, codes=[code]).rows
    assert [code[row] for row in shown] == [0, 1, 2, 0, 1, 0, 0, 0, 0]
    assert [row for row in shown.tolist() if row < 6] == list(range(6))


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=25), st.integers(1, 25))
def test_no_value_takes_more_than_its_share_while_others_are_left(code, k):
    shown = run(ranked(*np.linspace(1, 0, len(code))), k, codes=[code]).rows
    shares = {value: [code[row] for row in shown].count(value) for value in set(code)}
    for value, share in shares.items():
        if share < code.count(value):  # it has items left
            assert max(shares.values()) <= share + 1


def test_a_small_factor_lets_relevance_buy_a_repetition():
    code = [0, 0, 1]
    vectors = lambda rows: np.zeros((len(rows), 2), np.float32)  # noqa: E731
    close = run(ranked(1.0, 0.99, 0.0), 3, codes=[code], vectors=vectors, diversity_factor=0.1)
    assert close.rows.tolist() == [0, 1, 2]
    far = run(ranked(1.0, 0.05, 0.0), 3, codes=[code], vectors=vectors, diversity_factor=0.1)
    assert far.rows.tolist() == [0, 2, 1]


def test_attributes_are_looked_up_by_row_and_add_up():
    colour, brand = [0, 0, 1, 1], [0, 1, 0, 1]
    shown = run(ranked(4, 3, 2, 1, rows=[3, 2, 1, 0]), 4, codes=[colour, brand])
    assert shown.rows.tolist()[:2] == [3, 0]  # alike in neither


def test_candidate_without_a_score_stays_last_however_different():
    code = [0, 0, 1]
    assert run(ranked(2, 1, -np.inf), 3, codes=[code]).rows.tolist() == [0, 1, 2]


def test_explored_item_holds_its_place_against_relevance():
    # The draw always brings row 3, the worst by score; a weak diversity must not undo that.
    vectors = lambda rows: np.zeros((len(rows), 2), np.float32)  # noqa: E731
    shown = run(
        ranked(4, 3, 2, 1),
        1,
        vectors=vectors,
        diversity_factor=0.1,
        exploration_factor=1.0,
        uncertainty=[0, 0, 0, 1],
    )
    assert (shown.rows.tolist(), shown.scores.tolist()) == ([3], [1.0])


def test_steps_follow_one_another_boost_first():
    # Boosting brings row 2 to the front; diversity then starts from it.
    vectors = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    shown = run(
        ranked(3, 2, 1),
        3,
        vectors=lambda rows: vectors[rows],
        boosting_factor=0.9,
        boost=[0, 0, 1],
        diversity_factor=0.9,
    )
    assert shown.rows.tolist() == [2, 1, 0]
