"""What stands in for a missing picture, on vectors of which the answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.config import load_config
from sightline.errors import ConfigError
from sightline.image_config import ImageConfig, read_image_config
from sightline.stand_ins import refuse_unfit_stand_ins, stand_ins
from sightline.types import Modality

POLICIES = ("ignore", "text", "category_mean")
CLIP = {"name": "clip", "images": {}, "texts": {}, "is_joint": True}
NO_KINDS = np.zeros((6, 0), np.int32)


def modality(*rows):
    """Unit vectors of the rows given, and none where a row is None."""
    dim = len(next((row for row in rows if row is not None), (0,)))
    vectors = np.array([np.zeros(dim) if row is None else row for row in rows], np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    presence = np.array([row is not None for row in rows])
    return Modality(vectors / np.maximum(lengths, np.float32(1e-9)), presence)


def kinds(*columns):
    return np.array(columns, np.int32).T


PICTURES = modality((1, 0, 0), (0, 1, 0), (0.8, 0.6, 0), None, None, None)
WORDS = modality((1, 0, 1), (0, 1, 1), None, (1, 0, 1), (0, 0, 1), None)


def random_case(seed, n=30, dim=4):
    rng = np.random.default_rng(seed)
    images, texts = (
        modality(*(row if rng.random() < 0.6 else None for row in rng.normal(size=(n, dim))))
        for _ in range(2)
    )
    return images, texts, rng.integers(-1, 4, (n, 3)).astype(np.int32)


# The section of the YAML.


def test_nothing_stands_in_and_placeholders_are_kept_unless_a_model_says_otherwise():
    assert read_image_config(None) == read_image_config({}) == ImageConfig("ignore", "keep")
    assert read_image_config({"missing": None, "placeholders": None}) == ImageConfig()


def test_both_keys_are_read_with_the_model():
    document = {
        "model": {"name": "m", "image_config": {"missing": "text", "placeholders": "missing"}},
        "connectors": [{"id": "items", "path": "items.csv"}],
        "fetch": {"items": "SELECT * FROM items"},
    }
    assert load_config(document).images == ImageConfig("text", "missing")


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("text", r"image_config must be a mapping such as .*, not 'text'"),
        ({"mising": "text"}, "Did you mean 'missing'"),
        ({"missing": "zero"}, r"missing must be one of ignore, text, category_mean, not 'zero'"),
        ({"missing": True}, r"missing must be one of .*, not True"),
        ({"missing": ["text"]}, r"missing must be one of .*, not \['text'\]"),
        ({"placeholders": "drop"}, r"placeholders must be one of keep, missing, not 'drop'"),
    ],
)
def test_what_there_is_not_is_refused_by_name(section, reason):
    with pytest.raises(ConfigError, match=reason):
        read_image_config(section)


# What words need to stand in.


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({**CLIP, "is_joint": False}, "encoder 'clip' has none"),
        ({**CLIP, "texts": None}, "encoder 'clip' has none"),
        (
            {**CLIP, "given": {"images": {"column": "look", "in_encoders_space": False}}},
            r"were given \(column 'look'\)",
        ),
    ],
)
def test_words_in_a_space_of_their_own_cannot_stand_in_and_the_remedy_is_named(record, why):
    with pytest.raises(ConfigError, match=f"{why}.*category_mean or ignore, or build with"):
        refuse_unfit_stand_ins(ImageConfig("text"), record)
    for other in ("ignore", "category_mean"):
        refuse_unfit_stand_ins(ImageConfig(other), record)


def test_words_in_the_space_of_pictures_can_stand_in():
    refuse_unfit_stand_ins(ImageConfig("text"), CLIP)
    given = {"images": {"column": "look", "in_encoders_space": True}}
    refuse_unfit_stand_ins(ImageConfig("text"), {**CLIP, "given": given})


# Nothing.


def test_by_default_a_missing_picture_stays_missing():
    assert stand_ins("ignore", PICTURES, WORDS, NO_KINDS) is PICTURES


@pytest.mark.parametrize("missing", POLICIES)
def test_where_no_picture_is_missing_nothing_changes(missing):
    everything = modality(*np.eye(6))
    assert stand_ins(missing, everything, WORDS, NO_KINDS) is everything


# Words.


def test_words_stand_in_across_the_gap():
    places = stand_ins("text", PICTURES, WORDS, NO_KINDS)
    both = [0, 1]
    gap = PICTURES.vectors[both].mean(axis=0) - WORDS.vectors[both].mean(axis=0)
    moved = WORDS.vectors[[3, 4]] + gap
    expected = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    np.testing.assert_allclose(places.vectors[[3, 4]], expected, atol=1e-6)


def test_of_the_words_of_a_pictured_item_the_stand_in_is_where_its_picture_is():
    """Where every picture lies just the gap away from its words, the stand-in is exact."""
    words = modality(*np.random.default_rng(0).normal(size=(8, 5)))
    looks = words.vectors + np.array([0.5, 0, 0, 0, 0], np.float32)
    lengths = np.linalg.norm(looks, axis=1, keepdims=True)
    seen = np.arange(8) < 6
    images = Modality(np.where(seen[:, None], looks, np.float32(0)), seen)
    places = stand_ins("text", images, words, NO_KINDS)
    np.testing.assert_allclose(places.vectors[6:], (looks / lengths)[6:], atol=1e-6)


def test_an_item_without_words_or_picture_gets_no_place_from_the_gap_alone():
    places = stand_ins("text", PICTURES, WORDS, NO_KINDS)
    assert places.presence.tolist() == [True, True, True, True, True, False]
    assert not places.vectors[5].any()


def test_words_are_not_moved_where_no_item_has_both():
    nobody = modality((1, 0, 0), None, None, None, None, None)
    words = modality(None, (0, 1, 0), (0, 0, 1), None, None, None)
    places = stand_ins("text", nobody, words, NO_KINDS)
    np.testing.assert_array_equal(places.vectors[1:3], words.vectors[1:3])


def test_words_stand_in_where_nobody_has_a_picture():
    nobody = Modality(np.zeros((6, 3), np.float32), np.zeros(6, np.bool_))
    places = stand_ins("text", nobody, WORDS, NO_KINDS)
    np.testing.assert_array_equal(places.presence, WORDS.presence)
    np.testing.assert_allclose(places.vectors, WORDS.vectors, atol=1e-6)


def test_nothing_stands_in_where_a_model_has_no_word_vectors():
    nobody = Modality(np.zeros((6, 0), np.float32), np.zeros(6, np.bool_))
    places = stand_ins("text", PICTURES, nobody, NO_KINDS)
    np.testing.assert_array_equal(places.presence, PICTURES.presence)


# Categories.


def test_the_mean_direction_of_its_category_stands_in():
    places = stand_ins("category_mean", PICTURES, WORDS, kinds([0, 0, 0, 0, 1, -1]))
    total = PICTURES.vectors[:3].sum(axis=0)
    np.testing.assert_allclose(places.vectors[3], total / np.linalg.norm(total), atol=1e-6)
    assert places.presence.tolist() == [True, True, True, True, False, False]


def test_two_pictures_say_too_little_of_a_category():
    places = stand_ins("category_mean", PICTURES, WORDS, kinds([0, 0, 1, 0, 1, 0]))
    assert places.presence.tolist() == PICTURES.presence.tolist()


def test_of_several_categories_the_one_whose_pictures_are_most_alike_stands_in():
    alike, apart = [(1, 0.1, 0), (1, -0.1, 0), (1, 0, 0.1)], [(0, 1, 0), (0, -1, 0.1), (0, 0, 1)]
    images = modality(*alike, *apart, None)
    brand, kind = [1, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 0]
    total = images.vectors[:3].sum(axis=0)
    for columns in ([brand, kind], [kind, brand]):
        places = stand_ins("category_mean", images, WORDS, kinds(*columns))
        np.testing.assert_allclose(places.vectors[6], total / np.linalg.norm(total), atol=1e-6)


def test_of_categories_equally_alike_the_earlier_column_stands_in():
    first, second = (1, 0, 0), (0, 1, 0)
    images = modality(first, first, first, second, second, second, None)
    one, other = [0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1, 1]
    for columns, expected in (((one, other), first), ((other, one), second)):
        places = stand_ins("category_mean", images, WORDS, kinds(*columns))
        assert places.vectors[6].tolist() == list(expected)


@pytest.mark.parametrize("categories", [NO_KINDS, kinds([-1] * 6)])
def test_without_categories_nothing_stands_in(categories):
    places = stand_ins("category_mean", PICTURES, WORDS, categories)
    np.testing.assert_array_equal(places.presence, PICTURES.presence)


def test_where_nobody_has_a_picture_no_category_has_a_mean():
    nobody = Modality(np.zeros((6, 3), np.float32), np.zeros(6, np.bool_))
    assert not stand_ins("category_mean", nobody, WORDS, kinds([0] * 6)).presence.any()


def test_pictures_that_cancel_out_have_no_direction_to_stand_in():
    turns = np.arange(4) * np.pi / 2
    images = modality(*zip(np.cos(turns), np.sin(turns), strict=True), None)
    places = stand_ins("category_mean", images, WORDS, kinds([0] * 5))
    assert places.presence.tolist() == [True] * 4 + [False]


# Whatever the catalogue.


@given(seed=st.integers(0, 10_000), missing=st.sampled_from(POLICIES))
def test_pictures_keep_their_places_and_all_places_are_unit_vectors(seed, missing):
    images, texts, categories = random_case(seed)
    before = images.vectors.copy(), images.presence.copy()
    places = stand_ins(missing, images, texts, categories)
    np.testing.assert_array_equal(images.vectors, before[0])
    np.testing.assert_array_equal(images.presence, before[1])
    assert not (images.presence & ~places.presence).any()
    np.testing.assert_array_equal(places.vectors[images.presence], before[0][images.presence])
    lengths = np.linalg.norm(places.vectors, axis=1)
    np.testing.assert_allclose(lengths, places.presence, atol=1e-5)
    assert places.vectors.dtype == np.float32


@given(seed=st.integers(0, 10_000), missing=st.sampled_from(POLICIES))
def test_the_order_of_the_items_does_not_matter(seed, missing):
    images, texts, categories = random_case(seed)
    order = np.random.default_rng(seed).permutation(len(images.presence))
    places = stand_ins(missing, images, texts, categories)
    turned = stand_ins(
        missing,
        *(Modality(each.vectors[order], each.presence[order]) for each in (images, texts)),
        categories[order],
    )
    np.testing.assert_array_equal(turned.presence, places.presence[order])
    np.testing.assert_allclose(turned.vectors, places.vectors[order], atol=1e-4)


@given(seed=st.integers(0, 10_000))
def test_a_category_mean_is_that_of_a_loop_over_all_pairs(seed):
    images, texts, categories = random_case(seed)
    places = stand_ins("category_mean", images, texts, categories)
    for row in np.flatnonzero(~images.presence):
        best, expected = -np.inf, np.zeros(images.vectors.shape[1])
        for codes in categories.T:
            members = np.flatnonzero((codes == codes[row]) & images.presence & (codes >= 0))
            if len(members) < 3:
                continue
            cosines = images.vectors[members] @ images.vectors[members].T
            alike = cosines[~np.eye(len(members), dtype=bool)].mean()
            if alike > best + 1e-5:
                total = images.vectors[members].sum(axis=0)
                best, expected = alike, total / np.linalg.norm(total)
        np.testing.assert_allclose(places.vectors[row], expected, atol=1e-4)
