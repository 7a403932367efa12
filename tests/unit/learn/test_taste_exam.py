import numpy as np
import pytest
from sightline.learn.interactions import Interactions, no_interactions
from sightline.learn.taste_exam import crowd_of, crowding, hold_out_pairs, hold_out_picks
from sightline.learn.taste_loss import KERNEL_SHARPNESS
from sightline.types import Pairs

N_ITEMS = 60
PRESENT = np.ones(N_ITEMS, np.bool_)


def histories(people=30, picks=10):
    """Person p picks the ten items of the sixth of the catalogue that p belongs to, in order."""
    rows = np.concatenate([np.arange(picks) + picks * (p % 6) for p in range(people)])
    offsets = picks * np.arange(people + 1, dtype=np.int64)
    times = np.tile(np.arange(picks, dtype=np.int64), people)
    return Interactions(offsets, rows.astype(np.int32), np.ones(len(rows), np.float32), times)


def sixths(spread=0.0):
    """Vectors that are alike within a sixth."""
    rng = np.random.default_rng(0)
    vectors = np.repeat(np.eye(6), 10, axis=0) + spread * rng.normal(size=(N_ITEMS, 6))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_vectors_that_find_all_later_picks_get_the_full_grade():
    _, exam = hold_out_picks(histories(), PRESENT, seed=0)
    grade = exam.grade(sixths(), threads=1)
    # Both later picks share the places 0 and 1; an NDCG takes them for the middle of the two.
    assert grade.values == pytest.approx(np.full(30, -np.log(1.5)))
    assert grade.figure == pytest.approx(2 / np.log2(2.5) / (1 + 1 / np.log2(3)))


def test_vectors_that_tell_nothing_put_every_item_in_the_middle():
    _, exam = hold_out_picks(histories(), PRESENT, seed=0)
    alike = np.tile(sixths()[:1], (N_ITEMS, 1))
    unseen = N_ITEMS - 8
    assert exam.grade(alike, threads=1).values == pytest.approx(
        np.full(30, -np.log1p((unseen - 1) / 2))
    )


def test_grades_are_the_same_on_several_threads(monkeypatch):
    monkeypatch.setattr("sightline.learn.taste_exam._USERS_AT_ONCE", 7)
    _, exam = hold_out_picks(histories(), PRESENT, seed=0)
    vectors = sixths(spread=1.0)
    one, many = (exam.grade(vectors, threads=threads) for threads in (1, 3))
    assert one.values.tobytes() == many.values.tobytes()
    assert -1 > one.values.mean() > -np.log(N_ITEMS)


def test_what_is_learnt_from_lacks_later_picks_and_a_third_of_the_items():
    many = histories(people=300)
    earlier, _ = hold_out_picks(many, PRESENT, seed=0)
    assert earlier.times.max() < 8
    left = np.unique(earlier.rows)
    assert 0.5 * 48 < len(left) < 0.85 * 48
    assert np.bincount(earlier.rows)[left].tolist() == [50] * len(left)


def test_few_people_are_no_exam():
    few = histories(people=19)
    earlier, exam = hold_out_picks(few, PRESENT, seed=0)
    assert exam is None
    assert earlier is few
    assert hold_out_picks(no_interactions(), PRESENT, seed=0)[1] is None


def pairs(count, *, kind="both"):
    """Of every group of two pairs the first is of one sixth, the second of two."""
    first = np.arange(count) % N_ITEMS
    is_same = {"both": np.arange(count) % 2 == 0, "same": first >= 0, "different": first < 0}[kind]
    second = np.where(is_same, first // 10 * 10 + (first + 1) % 10, (first + 30) % N_ITEMS)
    group = np.arange(count) // 2
    return Pairs(first.astype(np.int32), second.astype(np.int32), is_same, group.astype(np.int32))


@pytest.mark.parametrize(("kind", "least"), [("both", 1.0), ("same", 0.9), ("different", 0.5)])
def test_pairs_are_told_apart_by_vectors_that_know(kind, least):
    rest, exam = hold_out_pairs(pairs(200, kind=kind), PRESENT, seed=0)
    grade = exam.grade(sixths(), threads=1)
    assert len(rest) + len(grade.values) == 200
    assert least <= grade.figure <= 1
    alike = np.tile(sixths()[:1], (N_ITEMS, 1))
    assert exam.grade(alike, threads=1).values.tolist() == [0.5] * len(grade.values)


def test_groups_of_pairs_are_held_out_as_a_whole():
    rest, _ = hold_out_pairs(pairs(200), PRESENT, seed=0)
    assert set(np.bincount(rest.group).tolist()) == {0, 2}


def test_few_pairs_are_no_exam():
    few = pairs(90)
    rest, exam = hold_out_pairs(few, PRESENT, seed=0)
    assert exam is None
    assert rest is few


def test_the_crowd_is_of_picked_items_where_there_are_many():
    present = np.ones(3_000, np.bool_)
    picked = np.arange(0, 3_000, 2)
    offsets = np.array([0, len(picked)])
    ones = np.ones(len(picked), np.float32)
    picks = Interactions(offsets, picked.astype(np.int32), ones, picked)
    crowd = crowd_of(picks, present, seed=0)
    assert len(np.unique(crowd)) == 1_024
    assert not (crowd % 2).any()
    assert crowd_of(no_interactions(), PRESENT, seed=0).tolist() == list(range(N_ITEMS))


def test_crowding_is_the_mean_of_the_kernel(monkeypatch):
    monkeypatch.setattr("sightline.learn.taste_exam._ITEMS_AT_ONCE", 16)
    vectors = sixths(spread=0.5)
    expected = np.exp(KERNEL_SHARPNESS * vectors @ vectors[:20].T).mean(axis=1)
    found = crowding(vectors, vectors[:20], threads=2)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, rel=1e-5)
