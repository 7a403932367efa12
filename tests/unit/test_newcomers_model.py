import json

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sightline.index.plan import fresh_index
from sightline.learn.interactions import Interactions, no_interactions
from sightline.newcomers import NewcomerModel, learn_newcomers
from sightline.rank.taste import TasteSpace
from unit_vectors import unit_rows

ITEMS, PEOPLE = 20, 40
ROLES = {"user_id": "id", "country": "category", "age": "number", "bio": "text"}


def people(strangers=0):
    """Half of them French and young, half Danish and old; those without a history come last."""
    count = PEOPLE + strangers
    return pl.DataFrame(
        {
            "user_id": [f"u{user}" for user in range(count)],
            "country": ["fr" if user % 2 == 0 else "dk" for user in range(count)],
            "age": [(20 if user % 2 == 0 else 60) + user % 5 for user in range(count)],
            "bio": [f"I am {user}" for user in range(count)],
        }
    )


def histories(*, weight=1.0):
    """The French pick four of items 0..9, the Danish four of 10..19."""
    rng = np.random.default_rng(0)
    rows = [rng.choice(10, 4, replace=False) + 10 * (user % 2) for user in range(PEOPLE)]
    return Interactions(
        np.arange(PEOPLE + 1) * 4,
        np.concatenate(rows).astype(np.int32),
        np.full(4 * PEOPLE, weight, np.float32),
        np.tile(np.arange(4), PEOPLE),
    )


def taste(*, presence=None):
    """Items 0..9 lie around one direction, 10..19 around another."""
    vectors = unit_rows(ITEMS, dim=6) * np.float32(0.3)
    vectors[:10, 0] += 1
    vectors[10:, 1] += 1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    presence = np.ones(ITEMS, np.bool_) if presence is None else presence
    vectors[~presence] = 0
    crowding = np.ones(ITEMS, np.float32)
    return TasteSpace(vectors, presence, crowding, fresh_index(vectors, presence))


@pytest.fixture(scope="module")
def model():
    return learn_newcomers(people(), ROLES, histories(), taste())


def opened(model):
    arrays = {name: values.copy() for name, values in model.arrays().items()}
    for values in arrays.values():
        values.flags.writeable = False
    return NewcomerModel.open(json.loads(json.dumps(model.record())), arrays)


@pytest.mark.parametrize(
    ("features", "own"),
    [
        ({"country": "fr", "age": 22}, slice(0, 10)),
        ({"country": "dk", "age": 62}, slice(10, 20)),
        ({"COUNTRY": "DK"}, slice(10, 20)),
    ],
    ids=str,
)
def test_people_are_guessed_to_like_what_their_like_pick(model, features, own):
    guess, notes = model.of_features(features, ITEMS)
    others = np.delete(guess.liked, np.arange(ITEMS)[own])
    assert guess.liked[own].mean() > 0.1
    assert not others.any()
    likeness = taste().vectors @ guess.interest
    assert likeness[own].min() > np.delete(likeness, np.arange(ITEMS)[own]).max()
    assert notes == []


def test_a_guess_is_a_unit_vector_and_liking_per_item(model):
    guess, _ = model.of_features({"age": 21}, ITEMS)
    assert np.linalg.norm(guess.interest) == pytest.approx(1)
    assert (guess.interest.dtype, guess.liked.dtype) == (np.float32, np.float32)
    assert guess.liked.tolist() == [0] * ITEMS  # a number is no group


def test_a_user_of_the_model_is_guessed_by_their_own_features(model):
    by_row = model.of_user(1, ITEMS)
    by_features, _ = model.of_features({"country": "dk", "age": 61}, ITEMS)
    assert_allclose(by_row.interest, by_features.interest, rtol=1e-5)
    assert_array_equal(by_row.liked, by_features.liked)


def test_someone_who_did_nothing_yet_is_guessed_too():
    model = learn_newcomers(people(strangers=3), ROLES, histories().with_strangers(3), taste())
    assert len(model.rows) == PEOPLE + 3
    guess = model.of_user(PEOPLE + 1, ITEMS)
    assert guess.liked[10:].mean() > 0.1 > guess.liked[:10].max()


def test_the_model_opens_again_and_guesses_alike(model):
    again = opened(model)
    for user in (0, 1):
        before, after = model.of_user(user, ITEMS), again.of_user(user, ITEMS)
        assert_array_equal(after.liked, before.liked)
        assert_array_equal(after.interest, before.interest)
    features = {"country": "dk", "age": 70, "shoe": 44}
    before, after = model.of_features(features, ITEMS), again.of_features(features, ITEMS)
    assert_array_equal(after[0].liked, before[0].liked)
    assert_array_equal(after[0].interest, before[0].interest)
    assert after[1] == before[1]


def test_what_is_not_understood_is_told_and_guessed_from_alone_it_is_nothing(model):
    guess, notes = model.of_features({"shoe": 44, "country": "fr"}, ITEMS)
    assert guess is not None
    assert "shoe" in notes[0]
    guess, notes = model.of_features({"shoe": 44, "country": "atlantis"}, ITEMS)
    assert guess is None
    assert len(notes) == 2
    assert model.of_features({}, ITEMS) == (None, [])


def test_of_a_user_of_whom_nothing_is_known_nothing_is_guessed():
    users = people().with_columns(
        pl.when(pl.col("user_id") == "u4").then(None).otherwise(pl.col(name)).alias(name)
        for name in ("country", "age")
    )
    model = learn_newcomers(users, ROLES, histories(), taste())
    assert model.of_user(4, ITEMS) is None
    assert model.of_user(6, ITEMS) is not None


def test_features_that_say_nothing_of_the_taste_lead_to_no_place_in_it():
    rng = np.random.default_rng(1)
    rows = rng.integers(0, ITEMS, 4 * PEOPLE).astype(np.int32)
    drawn = histories()
    drawn = Interactions(drawn.offsets, rows, drawn.weights, drawn.times)
    model = learn_newcomers(people(), ROLES, drawn, taste())
    assert model.record()["r2"] == 0
    guess, _ = model.of_features({"age": 21}, ITEMS)
    assert guess.interest is None


def test_picks_without_a_place_are_not_learned_from():
    presence = np.arange(ITEMS) < 10
    model = learn_newcomers(people(), ROLES, histories(), taste(presence=presence))
    # Only the French have a place: features cannot tell it from another one.
    guess, _ = model.of_features({"country": "dk", "age": 60}, ITEMS)
    assert guess.interest is None
    assert guess.liked[10:].mean() > 0.1  # groups need no place


def test_what_was_turned_down_teaches_no_taste():
    model = learn_newcomers(people(), ROLES, histories(weight=-1.0), taste())
    guess, _ = model.of_features({"country": "fr", "age": 20}, ITEMS)
    assert guess.interest is None
    assert not guess.liked.any()


def test_where_nobody_did_anything_nothing_is_guessed_but_the_model_opens():
    nobody = no_interactions().with_strangers(PEOPLE)
    model = opened(learn_newcomers(people(), ROLES, nobody, taste()))
    guess = model.of_user(0, ITEMS)
    assert guess.interest is None
    assert not guess.liked.any()


def test_users_without_a_column_that_tells_are_no_trouble():
    model = opened(learn_newcomers(people().select("user_id", "bio"), ROLES, histories(), taste()))
    assert model.rows.shape == (PEOPLE, 0)
    assert model.of_user(0, ITEMS) is None
    guess, notes = model.of_features({"age": 30}, ITEMS)
    assert guess is None
    assert "age" in notes[0]


def test_the_same_people_teach_the_same():
    one, other = (learn_newcomers(people(), ROLES, histories(), taste()) for _ in range(2))
    assert one.record() == other.record()
    pairs = zip(one.arrays().values(), other.arrays().values(), strict=True)
    assert all(mine.tobytes() == theirs.tobytes() for mine, theirs in pairs)
