import json

import numpy as np
import pytest
from sightline.learn import taste as taste_module
from sightline.learn.interactions import Interactions, no_interactions
from sightline.learn.taste import KERNEL_SHARPNESS, learn_taste
from sightline.types import Modality, Pairs

N_ITEMS = 240
TASTES = np.arange(N_ITEMS) % 2
"""Every other item is of the same taste."""


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def looks(seed=0):
    """Vectors in which taste is a small difference, and what nobody cares for large ones."""
    rng = np.random.default_rng(seed)
    taste = np.where(TASTES, 0.5, -0.5)[:, None]
    nuisance = rng.normal(size=(N_ITEMS, 4))
    return unit(np.hstack([taste, nuisance, 0.1 * rng.normal(size=(N_ITEMS, 3))]))


def modality(vectors, presence=None):
    presence = np.ones(len(vectors), np.bool_) if presence is None else presence
    return Modality((vectors * presence[:, None]).astype(np.float32), presence)


def nothing(n_items=N_ITEMS):
    return Modality(np.zeros((n_items, 0), np.float32), np.zeros(n_items, np.bool_))


def histories(picks):
    rows = np.array([row for picked in picks for row in picked], np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(picked) for picked in picks])])
    times = np.concatenate([np.arange(len(picked)) for picked in picks] or [[]])
    weights = np.ones(len(rows), np.float32)
    return Interactions(offsets.astype(np.int64), rows, weights, times.astype(np.int64))


def people(count=80, picks=7, seed=1, tastes=TASTES):
    """Each picks items of one taste."""
    rng = np.random.default_rng(seed)
    return histories(
        [
            rng.choice(np.flatnonzero(tastes == person % 2), picks, replace=False)
            for person in range(count)
        ]
    )


def judged(count=150, seed=2, *, triplets=False):
    """Pairs, of which those of one taste are the same."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, N_ITEMS, count)
    same, different = ((first + 2 * rng.integers(1, 100, count) + odd) % N_ITEMS for odd in (0, 1))
    if triplets:
        second = np.stack([same, different], axis=1).ravel()
        first, is_same = np.repeat(first, 2), np.tile([True, False], count)
        group = np.repeat(np.arange(count), 2)
    else:
        is_same = rng.random(count) < 0.5
        second, group = np.where(is_same, same, different), np.arange(count)
    return Pairs(first.astype(np.int32), second.astype(np.int32), is_same, group.astype(np.int32))


def separation(vectors, items=slice(None)):
    """Mean cosine within a taste less that between the two."""
    cosine = vectors[items] @ vectors[items].T
    same = TASTES[items][:, None] == TASTES[items]
    return cosine[same].mean() - cosine[~same].mean()


@pytest.fixture(scope="module", autouse=True)
def small_steps():
    """A small catalogue needs no large batches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sightline.learn.taste._CHECKS", (8, 32, 64, 128))
        patch.setattr("sightline.learn.taste_map._BATCH", 128)
        patch.setattr("sightline.learn.taste_map._MINED_FROM", 64)
        yield


@pytest.fixture(scope="module")
def learnt():
    return learn_taste(modality(looks()), nothing(), people(), seed=0)


def test_what_people_pick_together_comes_together(learnt):
    before = learn_taste(modality(looks()), nothing(), no_interactions(), seed=0)
    assert separation(before.vectors) < 0.2
    assert separation(learnt.vectors) > 0.6


def test_an_item_that_nobody_picked_gets_its_place_from_its_picture():
    known = TASTES.copy()
    known[:40] = -1
    vectors = learn_taste(modality(looks()), nothing(), people(tastes=known), seed=0).vectors
    assert separation(vectors, slice(0, 40)) > 0.5


def test_the_report_says_what_was_learnt_and_goes_into_json(learnt):
    report = json.loads(json.dumps(learnt.report))
    assert (report["people"], report["picks"], report["pairs"]) == (80, 560, 0)
    assert report["weights"] == {"images": 1.0}
    assert report["steps"] in taste_module._CHECKS
    exam = report["held_out"][0]
    assert exam["cases"] == 80
    assert exam["with_map"] > exam["without_map"]
    assert exam["standard_errors"] > 2


def test_vectors_are_unit_rows_and_crowding_is_what_it_says(learnt):
    assert (learnt.vectors.dtype, learnt.crowding.dtype) == (np.float32, np.float32)
    assert np.linalg.norm(learnt.vectors, axis=1) == pytest.approx(np.ones(N_ITEMS), abs=1e-5)
    # Fewer than 256 items were picked, so the crowd is all there are.
    kernel = np.exp(KERNEL_SHARPNESS * learnt.vectors @ learnt.vectors.T)
    assert learnt.crowding == pytest.approx(kernel.mean(axis=1), rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_random_behaviour_teaches_nothing(seed):
    whims = people(seed=seed, tastes=np.random.default_rng(seed).integers(0, 2, N_ITEMS))
    whims = Interactions(
        whims.offsets,
        np.random.default_rng(seed).permutation(N_ITEMS).astype(np.int32)[whims.rows],
        whims.weights,
        whims.times,
    )
    found = learn_taste(modality(looks()), nothing(), whims, seed=0)
    assert found.report["steps"] == 0
    assert "taught nothing" in found.report["why"]
    without = learn_taste(modality(looks()), nothing(), no_interactions(), seed=0)
    assert (found.vectors == without.vectors).all()


def test_without_a_map_items_lie_as_they_look():
    vectors = looks()
    found = learn_taste(modality(vectors), nothing(), no_interactions(), seed=0)
    centred = unit(vectors - vectors.sum(axis=0) / (N_ITEMS + 20))
    assert found.vectors == pytest.approx(centred, abs=1e-5)
    assert "too little" in found.report["why"]


def test_many_components_become_128_that_keep_the_likeness():
    rng = np.random.default_rng(0)
    wide = unit(rng.normal(size=(N_ITEMS, 6)) @ rng.normal(size=(6, 300)))
    found = learn_taste(modality(wide), nothing(), no_interactions(), seed=0).vectors
    centred = unit(wide - wide.sum(axis=0) / (N_ITEMS + 20))
    assert found.shape == (N_ITEMS, 128)
    assert found @ found.T == pytest.approx(centred @ centred.T, abs=1e-4)


def test_an_item_without_a_picture_gets_a_place_from_its_words():
    has_picture = np.arange(N_ITEMS) % 5 > 0
    words = unit(np.hstack([np.where(TASTES, 1.0, -1.0)[:, None], looks(seed=5)[:, 1:]]))
    found = learn_taste(modality(looks(), has_picture), modality(words), people(), seed=0)
    assert found.presence.all()
    assert set(found.report["weights"]) == {"images", "texts"}
    assert separation(found.vectors, ~has_picture) > 0.6


def test_an_item_with_neither_has_no_place():
    present = np.arange(N_ITEMS) > 0
    found = learn_taste(modality(looks(), present), nothing(), people(), seed=0)
    assert found.presence.tolist() == present.tolist()
    assert not found.vectors[0].any()
    assert found.crowding[0] == 1


def test_the_modality_that_tells_tastes_apart_weighs_more():
    rng = np.random.default_rng(3)
    telling = unit(np.where(TASTES, 1.0, -1.0)[:, None] + 0.8 * rng.normal(size=(N_ITEMS, 6)))
    noise = unit(rng.normal(size=(N_ITEMS, 6)))
    of_words = learn_taste(modality(noise), modality(telling), people(), seed=0).report["weights"]
    assert of_words["texts"] > of_words["images"]
    of_looks = learn_taste(modality(telling), modality(noise), people(), seed=0).report["weights"]
    assert of_looks["images"] > of_looks["texts"]


@pytest.mark.parametrize("triplets", [False, True])
def test_pairs_alone_move_what_is_different_apart(triplets):
    pairs = judged(triplets=triplets)
    found = learn_taste(modality(looks()), nothing(), no_interactions(), pairs=pairs, seed=0)
    assert found.report["pairs"] == len(pairs)
    assert found.report["held_out"][0]["figure"] == "AUC of held-out same and different pairs"
    assert separation(found.vectors) > 0.5


def test_same_pairs_alone_bring_them_together():
    pairs = judged(300)
    same = Pairs(
        *(column[pairs.same] for column in (pairs.first, pairs.second)),
        *(column[pairs.same] for column in (pairs.same, pairs.group)),
    )
    found = learn_taste(modality(looks()), nothing(), no_interactions(), pairs=same, seed=0)
    assert "beside pairs drawn at random" in found.report["held_out"][0]["figure"]
    assert separation(found.vectors) > 0.5


def test_different_pairs_alone_teach_nothing():
    pairs = judged(300)
    apart = Pairs(pairs.first, pairs.second, np.zeros(300, np.bool_), pairs.group)
    found = learn_taste(modality(looks()), nothing(), no_interactions(), pairs=apart, seed=0)
    assert found.report["steps"] == 0


def test_pairs_of_items_without_a_place_are_left_out():
    present = np.arange(N_ITEMS) >= 120
    pairs = judged(triplets=True)
    found = learn_taste(
        modality(looks(), present), nothing(), no_interactions(), pairs=pairs, seed=0
    )
    whole = [
        bool(present[pairs.first[at : at + 2]].all() and present[pairs.second[at : at + 2]].all())
        for at in range(0, len(pairs), 2)
    ]
    assert found.report["pairs"] == 2 * sum(whole)


def test_refusals_and_lone_picks_are_not_learnt_from():
    picks = people()
    refused = Interactions(picks.offsets, picks.rows, -picks.weights, picks.times)
    assert learn_taste(modality(looks()), nothing(), refused, seed=0).report["picks"] == 0
    lone = histories([[row] for row in range(50)])
    assert learn_taste(modality(looks()), nothing(), lone, seed=0).report["people"] == 0


def test_of_a_long_history_the_latest_fifty_are_learnt_from():
    long = histories([np.arange(60), np.arange(100, 103)])
    assert learn_taste(modality(looks()), nothing(), long, seed=0).report["picks"] == 53


def test_a_part_of_the_histories_can_choose_for_all(learnt):
    whole = people(count=160)
    found = learn_taste(modality(looks()), nothing(), whole, like=learnt, seed=0)
    assert found.report == learnt.report
    assert separation(found.vectors) > 0.6


def test_a_seed_gives_the_same_bytes_on_any_number_of_threads(learnt):
    again = learn_taste(modality(looks()), nothing(), people(), seed=0, threads=3)
    assert again.vectors.tobytes() == learnt.vectors.tobytes()
    assert again.crowding.tobytes() == learnt.crowding.tobytes()
    other = learn_taste(modality(looks()), nothing(), people(), seed=1)
    assert other.vectors.tobytes() != learnt.vectors.tobytes()


def test_progress_ends_where_it_said():
    told = []
    learn_taste(
        modality(looks()), nothing(), people(), seed=0, progress=lambda *at: told.append(at)
    )
    done, totals = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert set(totals) == {done[-1]}


@pytest.mark.parametrize("n_items", [0, 1, 3])
def test_a_catalogue_without_pictures_and_words_has_no_places(n_items):
    found = learn_taste(nothing(n_items), nothing(n_items), no_interactions(), seed=0)
    assert found.vectors.shape == (n_items, 0)
    assert not found.presence.any()
    assert found.crowding.tolist() == [1] * n_items
    assert json.dumps(found.report)


def test_one_item_has_a_place():
    one = modality(looks()[:1])
    found = learn_taste(one, nothing(1), histories([[0], [0]]), seed=0)
    assert found.presence.tolist() == [True]
    assert np.linalg.norm(found.vectors) == pytest.approx(1)
    assert found.crowding == pytest.approx([np.exp(KERNEL_SHARPNESS)], rel=1e-4)


def test_copies_of_one_picture_are_no_trouble():
    copies = modality(np.tile(looks()[:1], (N_ITEMS, 1)))
    found = learn_taste(copies, nothing(), people(), pairs=judged(), seed=0)
    assert np.isfinite(found.vectors).all()
    assert found.vectors @ found.vectors[0] == pytest.approx(np.ones(N_ITEMS), abs=1e-4)
    assert found.report["steps"] == 0
