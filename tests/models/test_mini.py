"""The pack that comes with Sightline, held to the vectors of its towers in PyTorch."""

from pathlib import Path

import numpy as np
import pytest
import sightline_models
from sightline.encode.check import GOLDEN_TEXTS, golden_pixels
from sightline.encode.device import Compute
from sightline.encode.towers import open_pack
from sightline_models.pack import file_sha256, read_pack

FOLDER = Path(sightline_models.__file__).parent / "mini"
GOLDEN = {kind: np.load(FOLDER / f"reference_{kind}.npy") for kind in ("images", "texts")}


@pytest.fixture(scope="module")
def towers():
    return open_pack(FOLDER, read_pack(FOLDER), Compute("cpu", 1))


def cosines(vectors, golden):
    return (vectors * golden).sum(axis=1)


def test_files_are_those_that_the_pack_names_and_fit_into_twelve_megabytes():
    pack = read_pack(FOLDER)
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert files == {*pack.files, "pack.toml"}
    assert {name: file_sha256(FOLDER / name) for name in pack.files} == dict(pack.files)
    assert sum((FOLDER / name).stat().st_size for name in files) < 12_000_000


def test_card_says_what_it_was_trained_on_and_what_it_cannot_do():
    card = (FOLDER / "CARD.md").read_text("utf-8")
    source = Path(__file__).parents[2] / "scripts" / "mini" / "CARD.md"
    assert card == source.read_text("utf-8")
    for told in ("Flickr8k", "Tiny ImageNet", "research", "cannot", "CLIP"):
        assert told in card


def test_pictures_are_what_they_were_in_pytorch(towers):
    images, _ = towers
    vectors = images.encode(golden_pixels(images.view.side))
    assert cosines(vectors, GOLDEN["images"]).min() > 0.99  # int8; drawn noise is the hardest


def test_texts_are_what_they_were_in_pytorch(towers):
    _, texts = towers
    assert cosines(texts.encode(GOLDEN_TEXTS), GOLDEN["texts"]).min() > 0.999


def test_vector_of_a_picture_does_not_depend_on_the_pictures_beside_it(towers):
    images, _ = towers
    pixels = np.random.default_rng(0).integers(0, 256, (9, 96, 96, 3), np.uint8)
    alone = np.concatenate([images.encode(pixels[row : row + 1]) for row in range(9)])
    np.testing.assert_allclose(images.encode(pixels), alone, atol=1e-6)


def test_vector_of_a_text_does_not_depend_on_the_texts_beside_it(towers):
    _, texts = towers
    alone = np.concatenate([texts.encode([text]) for text in GOLDEN_TEXTS])
    np.testing.assert_allclose(texts.encode(GOLDEN_TEXTS), alone, atol=1e-5)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a red dress", "A RED DRESS"), ("café", "cafe"), ("red dress", "  red   dress ")],
)
def test_case_accents_and_blanks_do_not_matter(towers, one, other):
    _, texts = towers
    first, second = texts.encode([one, other])
    np.testing.assert_allclose(first, second, atol=1e-6)
