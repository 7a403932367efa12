"""A model that keeps its vectors as float16: half as large, and its answers hardly move."""

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sightline.errors import ConfigError
from sightline.half import HalfVectors
from sightline.snapshot import Snapshot
from sightline.store.generation import open_active
from small_shop import YAML, Shop, write_shop

KINDS = ("float32", "float16")
SPACES = ("images", "texts")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The small shop with a model of each kind, which have the kinds' names."""
    folder = tmp_path_factory.mktemp("half")
    write_shop(folder / "shop")
    shop = Shop(folder / "shop", folder / "home")
    for kind in KINDS:
        text = YAML.replace("name: shop", f"name: {kind}\n  index_config: {{vectors: {kind}}}")
        (shop.folder / f"{kind}.yaml").write_text(text)
        shop.client().create_model(shop.folder / f"{kind}.yaml")
    return shop


@pytest.fixture(scope="module")
def client(both):
    return both.client()


def generation(shop, kind):
    return open_active(shop.home / "models" / kind)


@pytest.mark.parametrize("space", SPACES)
def test_vector_files_are_half_as_large(both, space):
    whole, half = (
        np.load(generation(both, kind).folder / f"{space}_vectors.npy", mmap_mode="r")
        for kind in KINDS
    )
    assert (whole.dtype, half.dtype) == (np.float32, np.float16)
    assert whole.nbytes == 2 * half.nbytes > 0


@pytest.mark.parametrize("space", SPACES)
def test_vectors_are_mapped_and_move_by_what_rounding_moves_them(both, space):
    whole, half = (
        getattr(Snapshot(generation(both, kind)).catalogue, space).vectors for kind in KINDS
    )
    assert isinstance(half, HalfVectors)
    assert_allclose(half[:], whole, atol=2.0**-12)
    assert np.abs(half[:] - whole).max() > 0


def questions(client, kind, folder):
    picture = str(folder / "pictures" / "blue-1.png")
    yield client.similar_items(kind, item_id="red-1", limit=10)
    yield client.retrieve(kind, text_query="a blue square", limit=10)
    yield client.retrieve(kind, image=picture, limit=10)
    yield client.retrieve(kind, text_query=f"2:thing + {picture} - red", limit=10)
    yield client.retrieve(
        kind, text_query="a green thing", limit=10, filter_predicate="price <= 40"
    )
    yield client.retrieve(kind, text_query="thing", user_id="U1", limit=10)
    yield client.rank(kind, user_id="U2", limit=10)


def test_answers_are_those_of_float32(client, both):
    pairs = [questions(client, kind, both.folder) for kind in KINDS]
    shared = []
    for whole, half in zip(*pairs, strict=True):
        scores = dict(zip(whole.ids, whole.scores, strict=True))
        common = [item for item in half.ids if item in scores]
        shared.append(len(common) / len(whole.ids))
        found = dict(zip(half.ids, half.scores, strict=True))
        assert_allclose([found[item] for item in common], [scores[i] for i in common], atol=1e-3)
    assert np.mean(shared) >= 0.95


def test_many_people_are_ranked_at_once(client):
    people = [f"U{number}" for number in range(24)]
    whole, half = (client.rank_batch(kind, people, limit=5) for kind in KINDS)
    for found, expected in zip(half, whole, strict=True):
        assert_allclose(found.scores, expected.scores, atol=1e-3)


def test_labels_are_judged(client):
    whole, half = (
        client.label(kind, labels=["a red thing", "a blue thing"], limit=24) for kind in KINDS
    )
    assert set(half.ids) == set(whole.ids)


def test_vectors_are_exported_as_float32(client, both, tmp_path):
    for name in ("v.parquet", "v.npy"):
        for kind in KINDS:
            client.export(kind, tmp_path / f"{kind}-{name}", vectors="image")
    whole, half = (np.load(tmp_path / f"{kind}-v.npy") for kind in KINDS)
    assert half.dtype == np.float32
    assert_allclose(half, whole, atol=2.0**-12)
    frame = pl.read_parquet(tmp_path / "float16-v.parquet")
    assert frame.schema["image_vector"] == pl.List(pl.Float32)
    assert_allclose(np.array(frame["image_vector"].drop_nulls().to_list()), half)


def test_a_model_is_evaluated(client):
    whole, half = (client.evaluate(kind) for kind in KINDS)
    assert half.keys() == whole.keys()


def test_a_label_column_shares_the_vector_files(both, client):
    before = generation(both, "float16").folder
    client.label("float16", labels=["red", "blue"], column="hue")
    after = generation(both, "float16").folder
    assert before != after
    assert (before / "images_vectors.npy").samefile(after / "images_vectors.npy")
    assert len(client.retrieve("float16", text_query="thing", limit=5).ids) == 5


def test_the_setting_is_kept_and_built_again_with(both, client):
    client.update_model("float16")
    assert generation(both, "float16").manifest["config"]["model"]["index_config"] == {
        "vectors": "float16"
    }
    vectors = Snapshot(generation(both, "float16")).catalogue.images.vectors
    assert isinstance(vectors, HalfVectors)


def test_another_kind_of_vectors_is_refused(unbuilt):
    unbuilt.yaml.write_text(
        YAML.replace("name: shop", "name: shop\n  index_config: {vectors: int4}")
    )
    with pytest.raises(ConfigError, match=r"model\.index_config\.vectors must be one of float32"):
        unbuilt.client().create_model(unbuilt.yaml)
