from itertools import islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sightline.learn.interactions import Interactions, no_interactions
from sightline.learn.taste_hands import deck_of_pairs, deck_of_picks, joined

counts_of_people = st.lists(st.integers(0, 35), max_size=8)


def histories(counts):
    """Person p picks the items 100 p, 100 p + 1, ..., each item r with weight r + 1."""
    rows = np.array([100 * p + i for p, count in enumerate(counts) for i in range(count)], np.int32)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Interactions(offsets, rows, (rows + 1).astype(np.float32), rows.astype(np.int64))


def held(hands):
    return [
        hands.rows[start:stop].tolist()
        for start, stop in zip(hands.offsets[:-1], hands.offsets[1:], strict=True)
    ]


@given(counts_of_people, st.integers(0, 99))
def test_every_pick_of_who_has_two_is_in_one_hand(counts, seed):
    hands = deck_of_picks(histories(counts)).deal(np.random.default_rng(seed))
    wanted = [100 * p + i for p, count in enumerate(counts) if count > 1 for i in range(count)]
    assert sorted(hands.rows.tolist()) == wanted
    assert (hands.weights == hands.rows + 1).all()


@given(counts_of_people, st.integers(0, 99))
def test_a_hand_is_of_one_person_and_of_two_to_ten_picks(counts, seed):
    hands = deck_of_picks(histories(counts)).deal(np.random.default_rng(seed))
    for owner, rows in zip(hands.owners.tolist(), held(hands), strict=True):
        assert {row // 100 for row in rows} == {owner}
        assert 2 <= len(rows) <= 10


def test_hands_are_dealt_anew_every_time():
    deck, rng = deck_of_picks(histories([30, 30])), np.random.default_rng(0)
    assert held(deck.deal(rng)) != held(deck.deal(rng))


def test_a_pass_of_batches_holds_every_hand_once_in_batches_of_about_one_size():
    deck = deck_of_picks(histories([8] * 20))
    batches = list(islice(deck.batches(50, np.random.default_rng(0)), 3))
    assert sorted(owner for batch in batches for owner in batch.owners.tolist()) == list(range(20))
    assert all(48 <= len(batch.rows) <= 64 for batch in batches)
    assert all((batch.rows // 100 == batch.owners.repeat(8)).all() for batch in batches)


def test_few_hands_are_one_batch_again_and_again():
    batches = deck_of_picks(histories([3, 3])).batches(512, np.random.default_rng(0))
    assert [sorted(batch.owners.tolist()) for batch in islice(batches, 3)] == [[0, 1]] * 3


def test_all_that_a_person_picked_is_known_wherever_it_comes_up():
    deck = deck_of_picks(histories([20, 3]))
    candidates = np.array([100, 5, 19, 150, 5], np.int32)
    known = deck.known(np.array([1, 0, 1]), candidates, 300)
    of_first, of_second = [False, True, True, False, True], [True, False, False, False, False]
    assert known.tolist() == [of_second, of_first, of_second]


def test_a_pair_is_a_hand_and_what_either_item_is_the_same_as_is_known():
    deck = deck_of_pairs(np.array([1, 1, 7], np.int32), np.array([2, 3, 8], np.int32), copies=2)
    hands = deck.deal(np.random.default_rng(0))
    assert held(hands) == [[1, 2], [1, 3], [7, 8]] * 2
    candidates = np.array([1, 2, 3, 7, 8, 9], np.int32)
    known = deck.known(np.array([0, 1, 2]), candidates, 10)
    assert [candidates[each].tolist() for each in known] == [[1, 2, 3], [1, 2, 3], [7, 8]]


def test_joined_decks_keep_what_each_knows():
    picks = deck_of_picks(histories([3]))
    pairs = deck_of_pairs(np.array([7], np.int32), np.array([8], np.int32), copies=1)
    both = joined(picks, pairs)
    hands = both.deal(np.random.default_rng(0))
    assert [sorted(rows) for rows in held(hands)] == [[0, 1, 2], [7, 8]]
    known = both.known(hands.owners, np.array([2, 8], np.int32), 10)
    assert known.tolist() == [[True, False], [False, True]]


def test_nobody_and_no_pairs_make_no_hands():
    none = np.zeros(0, np.int32)
    both = joined(deck_of_picks(no_interactions()), deck_of_pairs(none, none, copies=3))
    assert held(both.deal(np.random.default_rng(0))) == []
