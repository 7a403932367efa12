import io

import numpy as np
import pytest
from drawn_pictures import BLUE, RED, draw
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageEnhance, ImageOps
from sightline.features.duplicates import (
    FINGERPRINT,
    NEAR,
    SIGNATURE_DIM,
    near_duplicates,
    placeholders,
    signatures,
)
from sightline.features.visual import SIDE
from sightline_kernels import perceptual

LARGE = 4 * SIDE
DARK_GREEN = (40, 110, 76)  # of the luma of the red


def drawn(shape="box", color=RED, pattern="checks", *, center=(0.47, 0.55), radius=0.35):
    return Image.fromarray(draw(shape, color, pattern, side=LARGE, center=center, radius=radius))


def printed(picture):
    """Put a square of another colour on a picture."""
    copy = picture.copy()
    copy.paste(BLUE, (170, 150, 230, 210))
    return copy


SHIRT = drawn()
OTHERS = {
    "another form": drawn("disc"),
    "another colour": drawn(color=BLUE),
    "a colour of equal lightness": drawn(color=DARK_GREEN),
    "another place": drawn(center=(0.55, 0.45)),
    "another size": drawn(radius=0.42),
    "a print on it": printed(SHIRT),
}


def saved(picture, picture_format="JPEG", **options):
    file = io.BytesIO()
    picture.save(file, picture_format, **options)
    return Image.open(file).convert("RGB")


def scaled(picture, factor):
    size = round(picture.width * factor), round(picture.height * factor)
    return picture.resize(size, Image.Resampling.LANCZOS)


COPIES = {
    "jpeg": lambda picture: saved(picture, quality=50),
    "webp": lambda picture: saved(picture, "WEBP", quality=75),
    "smaller": lambda picture: scaled(picture, 0.4),
    "larger": lambda picture: scaled(picture, 3),
    "lighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.05),
    "darker": lambda picture: ImageEnhance.Brightness(picture).enhance(0.95),
    "cut": lambda picture: ImageOps.crop(picture, 3),
    "framed": lambda picture: ImageOps.expand(picture, 3, "black"),
}


def signed(*pictures):
    """Signatures of pictures of any size."""
    small = [picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC) for picture in pictures]
    return signatures(np.stack([np.asarray(picture) for picture in small]))


def naive_placeholders(groups, items, titles):
    """The rule as it is written, group by group."""
    subjects = {}
    for group, item in zip(groups, items, strict=True):
        named = titles[item] >= 0
        subjects.setdefault(group, set()).add((named, titles[item] if named else item))
    least = max(5, len(titles) ** 0.5)
    return [group >= 0 and len(subjects[group]) >= least for group in groups]


@pytest.mark.parametrize("edit", COPIES)
def test_a_copy_is_near_the_original(edit):
    assert near_duplicates(signed(SHIRT, COPIES[edit](SHIRT))).tolist() == [0, 0]


@pytest.mark.parametrize("other", OTHERS)
def test_another_product_is_not_near(other):
    assert near_duplicates(signed(SHIRT, OTHERS[other])).tolist() == [0, 1]


def test_patterns_finer_than_the_waves_are_not_told_apart():
    assert near_duplicates(signed(SHIRT, drawn(pattern="stripes"))).tolist() == [0, 0]
    plain = drawn(color=np.array(RED) // 2 + 90, pattern="plain")
    assert near_duplicates(signed(SHIRT, plain)).tolist() == [0, 1]


def test_copies_among_many_belong_to_the_first_of_them():
    others, copies = list(OTHERS.values()), [edit(SHIRT) for edit in COPIES.values()]
    first = near_duplicates(signed(*others, SHIRT, *copies, others[2]))
    own = list(range(len(others)))
    assert first.tolist() == [*own, *[len(others)] * (1 + len(copies)), 2]


def test_no_pictures_have_no_copies():
    rows = signatures(np.empty((0, SIDE, SIDE, 3), np.uint8))
    assert rows.shape == (0, SIGNATURE_DIM)
    assert near_duplicates(rows).tolist() == []


def test_pictures_of_another_side_are_refused():
    with pytest.raises(ValueError, match=f"{SIDE} x {SIDE} x 3, got \\(48, 48, 3\\)"):
        signatures(np.empty((2, 48, 48, 3), np.uint8))


def test_numbers_are_those_that_the_fingerprint_stands_for():
    # Where this fails the signatures have changed: write down the new values with a new
    # fingerprint, or cached rows of old pictures are compared with new ones of the rest.
    assert FINGERPRINT == "perceptual-1-96"
    assert perceptual.SIGNATURE_DIM == SIGNATURE_DIM
    assert NEAR == 0.16
    row = signatures(draw("box", RED, "checks", center=(0.47, 0.55))[None])[0]
    light, color = len(perceptual.LIGHT), len(perceptual.COLOR)
    told = [*row[:4], *row[light : light + 2], *row[light + color : light + color + 2], row[-1]]
    expected = [
        *[0.119479, 0.445533, -0.024463, 0.21431],
        *[-0.646129, 0.143065],
        *[2.106116, -0.466276],
        -0.825436,
    ]
    assert_allclose(told, expected, rtol=1e-3, atol=1e-5)


# --- placeholders


def of_items(*titles):
    """One picture, the same behind as many items as there are titles."""
    n = len(titles)
    return placeholders(np.zeros(n, np.int32), np.arange(n, dtype=np.int32), np.array(titles))


def test_one_picture_behind_five_different_titles_is_a_placeholder():
    assert of_items(0, 1, 2, 3, 4).tolist() == [True] * 5
    assert of_items(0, 1, 2, 3).tolist() == [False] * 4


def test_sizes_of_one_product_may_share_their_picture():
    assert not of_items(0, 0, 0, 0, 0, 0, 0).any()
    assert not of_items(0, 0, 0, 1, 1, 2, 3).any()


def test_an_item_without_a_title_counts_by_itself():
    assert of_items(-1, -1, -1, -1, -1).all()
    assert of_items(-1, -1, 0, 0, 1, 2).all()
    assert not of_items(-1, 0, 0, 0, 1, 2).any()


def test_an_item_that_shows_a_picture_in_two_columns_counts_once():
    items = np.tile(np.arange(4, dtype=np.int32), 2)
    assert not placeholders(np.zeros(8, np.int32), items, np.full(4, -1)).any()


@pytest.mark.parametrize(("behind", "expected"), [(9, False), (10, True)])
def test_in_a_large_catalogue_it_takes_the_root_of_its_items(behind, expected):
    groups = np.arange(100, dtype=np.int32)
    groups[:behind] = 0
    mask = placeholders(groups, np.arange(100, dtype=np.int32), np.arange(100))
    assert mask.tolist() == [expected] * behind + [False] * (100 - behind)


def test_only_the_picture_behind_many_is_a_placeholder():
    groups = np.array([3, 1, 3, 3, -1, 3, 6, 3], np.int32)
    mask = placeholders(groups, np.arange(8, dtype=np.int32), np.arange(8))
    assert mask.tolist() == [True, False, True, True, False, True, False, True]


def test_items_without_a_picture_share_none():
    groups = np.full(9, -1, np.int32)
    assert not placeholders(groups, np.arange(9, dtype=np.int32), np.arange(9)).any()


def test_no_pictures_have_no_placeholders():
    nothing = np.empty(0, np.int32)
    assert placeholders(nothing, nothing, nothing).tolist() == []


@st.composite
def catalogues(draw):
    """Groups of the pictures of two columns, their items, and titles of these."""
    n = draw(st.integers(1, 40))
    groups = draw(st.lists(st.integers(-1, 3), min_size=2 * n, max_size=2 * n))
    titles = draw(st.lists(st.integers(-1, draw(st.integers(-1, 12))), min_size=n, max_size=n))
    items = np.tile(np.arange(n, dtype=np.int32), 2)
    return np.array(groups, np.int32), items, np.array(titles, np.int32)


@given(catalogues())
def test_placeholders_are_those_of_the_rule(catalogue):
    assert placeholders(*catalogue).tolist() == naive_placeholders(*catalogue)


@given(catalogues(), st.randoms(use_true_random=False))
def test_the_order_of_pictures_and_the_names_of_groups_do_not_matter(catalogue, random):
    groups, items, titles = catalogue
    order = random.sample(range(len(groups)), len(groups))
    renamed = np.where(groups < 0, groups, 1000 - 7 * groups)[order]
    expected = placeholders(groups, items, titles)[order]
    assert_array_equal(placeholders(renamed, items[order], titles), expected)
