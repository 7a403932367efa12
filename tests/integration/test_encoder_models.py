"""Models whose encoder is a pack: both towers, words only, given vectors, another encoder."""

import json
import shutil
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from sentence_checkpoints import SentenceCase, write_sentence_folder
from sightline.errors import EncoderError, UnsupportedError
from sightline.snapshot import Snapshot
from sightline.store.generation import open_active
from sightline.texts import item_texts
from small_shop import COLOURS, YAML, Shop, write_shop
from tiny_checkpoints import write_clip_checkpoint

CLIP_YAML = YAML.replace("name: shop", "name: shop\n  language_model_name: ./clip")


def parts(shop):
    return Snapshot(open_active(shop.home / "models" / "shop"))


@pytest.fixture(scope="module")
def clip_shop(tmp_path_factory):
    """The small shop built with a tiny CLIP whose checkpoint lies beside the YAML."""
    folder = tmp_path_factory.mktemp("clip")
    write_shop(folder / "shop")
    built = Shop(folder / "shop", folder / "home")
    write_clip_checkpoint(built.folder / "clip")
    built.yaml.write_text(CLIP_YAML)
    built.run("create-model", "--file", "model.yaml")
    return built


def test_pictures_and_words_are_encoded_by_the_towers_of_one_pack(clip_shop):
    view = clip_shop.client().view_model("shop")
    record = view["encoder"]
    assert record["is_joint"]
    assert "cpu" in record["device"].lower()
    shown = clip_shop.run("view-model", "--model-name", "shop").stdout
    assert "".join(record["device"].split()) in "".join(shown.split())
    assert record["images"]["dim"] == record["texts"]["dim"]
    assert view["counts"]["items_with_picture"] == 22
    assert view["counts"]["items_with_text_vector"] == 24


def test_the_vectors_of_words_are_those_of_the_text_tower(clip_shop):
    client = clip_shop.client()
    encoder = client.encoders.open(str(clip_shop.folder / "clip"))
    snapshot = parts(clip_shop)
    items = pl.read_csv(clip_shop.folder / "items.csv")
    texts = item_texts(items, ["title", "category"]).to_list()
    assert texts[0] == "even. Thing number 0"
    np.testing.assert_allclose(
        snapshot.catalogue.texts.vectors, encoder.texts.encode(texts), atol=1e-5
    )


def test_a_text_query_reaches_pictures_and_words(clip_shop):
    arguments = ["retrieve", "--model-name", "shop", "--text-query", "the red cat", "--json"]
    answer = json.loads(clip_shop.run(*arguments, "--explain", "--limit", "24").stdout)
    assert len(answer["ids"]) == 24
    assert {"looks", "meaning"} <= set(answer["explanation"]["score"]["scoring_policy_scores"])
    assert not any("no text tower" in note for note in answer["notes"])


def test_an_item_s_own_picture_finds_it(clip_shop):
    picture = str(clip_shop.folder / "pictures" / "blue-3.png")
    found = clip_shop.client().retrieve("shop", image=picture, explain=True)
    # Random weights see little difference between two blue squares: more decides their order.
    looks = found.explanation["score"]["scoring_policy_scores"]["looks"]
    assert found.ids[int(np.argmax(looks))] == "blue-3"


def test_an_item_without_a_picture_answers_a_picture_through_its_words(clip_shop):
    picture = str(clip_shop.folder / "pictures" / "blue-3.png")
    answer = clip_shop.client().retrieve("shop", image=picture, limit=24)
    assert {"grey-4", "grey-5"} <= set(answer.ids)


def test_blank_words_are_no_query_for_the_text_tower(clip_shop):
    assert clip_shop.client().retrieve("shop", text_query="  ").ids == []


def test_ranking_a_person_wakes_no_onnx_runtime(clip_shop):
    program = (
        "import sys, sightline\n"
        f"client = sightline.Client({str(clip_shop.home)!r})\n"
        "assert client.rank('shop', user_id='U0').ids\n"
        "assert client.similar_items('shop', 'red-1').ids\n"
        "print('onnxruntime' in sys.modules, 'tokenizers' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert finished.stdout.split() == ["False", "False"], finished.stderr


def test_another_encoder_makes_another_generation_and_the_first_one_s_vectors_are_kept(unbuilt):
    write_clip_checkpoint(unbuilt.folder / "clip")
    unbuilt.yaml.write_text(CLIP_YAML)
    client = unbuilt.client()
    first = client.create_model(unbuilt.yaml)
    by_clip = np.array(parts(unbuilt).catalogue.images.vectors)
    second = client.update_model("shop", encoder="attributes")
    assert second["generation"] == first["generation"] + 1
    assert second["encoder"]["images"] != first["encoder"]["images"]
    assert parts(unbuilt).catalogue.images.dim == 342
    cached = sorted((unbuilt.home / "cache" / "vectors").rglob("*"))
    client.update_model("shop", encoder=str(unbuilt.folder / "clip"))
    assert sorted((unbuilt.home / "cache" / "vectors").rglob("*")) == cached
    np.testing.assert_array_equal(parts(unbuilt).catalogue.images.vectors, by_clip)


def test_a_model_whose_encoder_is_gone_ranks_and_says_why_it_cannot_be_asked_with_words(unbuilt):
    write_clip_checkpoint(unbuilt.folder / "clip")
    unbuilt.yaml.write_text(CLIP_YAML)
    unbuilt.client().create_model(unbuilt.yaml)
    shutil.rmtree(unbuilt.home / "encoders")
    client = unbuilt.client()
    assert client.rank("shop", user_id="U0").ids
    with pytest.raises(EncoderError, match="update-model"):
        client.retrieve("shop", text_query="the cat")


def test_an_encoder_of_words_leaves_the_pictures_to_the_default_one(unbuilt):
    (unbuilt.folder / "sentences").mkdir()
    write_sentence_folder(unbuilt.folder / "sentences", SentenceCase())
    client = unbuilt.client()
    view = client.create_model(unbuilt.yaml, encoder=str(unbuilt.folder / "sentences"))
    assert not view["encoder"]["is_joint"]
    mini = client.encoders.open("sightline-mini")
    assert view["encoder"]["images"]["fingerprint"] == mini.images.fingerprint
    assert view["counts"]["items_with_text_vector"] == 24
    found = client.retrieve("shop", text_query="thing number 3", explain=True, limit=24)
    assert len(found.ids) == 24
    parts_told = found.explanation["score"]["scoring_policy_scores"]
    assert "meaning" in parts_told
    assert "looks" not in parts_told
    picture = unbuilt.folder / "pictures" / "blue-3.png"
    assert client.retrieve("shop", image=picture).ids[0].startswith("blue")


def test_a_gpu_that_is_not_there_ends_the_build_before_it_begins(unbuilt):
    if shutil.which("nvidia-smi"):
        pytest.skip("there may be a GPU here")
    write_clip_checkpoint(unbuilt.folder / "clip")
    unbuilt.yaml.write_text(CLIP_YAML)
    asked = ["create-model", "--file", "model.yaml", "--device", "cuda"]
    refused = unbuilt.run(*asked, check=False)
    assert refused.returncode == 1
    assert "sightline[gpu]" in refused.stderr or "driver" in refused.stderr
    assert not (unbuilt.home / "encoders").exists()


GIVEN_YAML = """\
model:
  name: shop
  schema_override:
    item: {id: item_id, features: [{name: look, type: ImageVector}]}
connectors:
  - {id: items_source, path: items.parquet}
fetch:
  items: SELECT * FROM items_source
"""


@pytest.fixture
def vectored(unbuilt):
    """The small shop without pictures; of all but the grey items there is a vector of 16."""
    rng = np.random.default_rng(0)
    base = {colour: rng.standard_normal(16) for colour in COLOURS}
    items = pl.read_csv(unbuilt.folder / "items.csv").select("item_id", "title")
    looks = [
        None
        if name.startswith("grey")
        else (base[name.partition("-")[0]] + rng.normal(0, 0.2, 16)).tolist()
        for name in items["item_id"]
    ]
    items.with_columns(look=pl.Series(looks)).write_parquet(unbuilt.folder / "items.parquet")
    unbuilt.yaml.write_text(GIVEN_YAML)
    return unbuilt


def test_given_vectors_are_what_likeness_goes_by(vectored):
    client = vectored.client()
    view = client.create_model(vectored.yaml)
    assert view["encoder"]["given"]["images"] == {
        "column": "look",
        "dim": 16,
        "in_encoders_space": False,
    }
    similar = client.similar_items("shop", "blue-2", limit=5).ids
    assert {name.partition("-")[0] for name in similar} == {"blue"}


def test_a_picture_is_not_compared_with_given_vectors_of_an_encoder_nobody_named(vectored):
    client = vectored.client()
    client.create_model(vectored.yaml)
    picture = vectored.folder / "pictures" / "blue-3.png"
    by_words = client.retrieve("shop", image=picture, explain=True)
    assert any("given (column 'look')" in note for note in by_words.notes)
    parts_told = by_words.explanation["score"]["scoring_policy_scores"]
    assert "meaning" in parts_told
    assert "looks" not in parts_told
    client.update_model("shop", encoder="attributes")
    with pytest.raises(UnsupportedError, match=r"given \(column 'look'\).*language_model_name"):
        client.retrieve("shop", image=picture)
    answer = client.retrieve("shop", text_query="thing 3")
    assert answer.ids
    assert any("no text tower" in note for note in answer.notes)


def test_vectors_that_only_have_the_default_encoder_s_length_are_not_taken_for_its_own(vectored):
    path = vectored.folder / "items.parquet"
    looks = [np.eye(256)[place].tolist() for place in range(24)]
    pl.read_parquet(path).with_columns(look=pl.Series(looks)).write_parquet(path)
    client = vectored.client()
    unnamed = client.create_model(vectored.yaml)["encoder"]
    assert not unnamed["given"]["images"]["in_encoders_space"]
    named = client.update_model("shop", encoder="sightline-mini")["encoder"]
    assert named["given"]["images"]["in_encoders_space"]


def test_given_vectors_of_the_named_encoder_share_its_space(vectored):
    write_clip_checkpoint(vectored.folder / "clip")
    client = vectored.client()
    encoder = client.encoders.open(str(vectored.folder / "clip"))
    words = encoder.texts.encode(["the red cat", "a cat", "the the"])
    items = pl.read_parquet(vectored.folder / "items.parquet")
    looks = [words[0].tolist(), *[(words[1 + place % 2]).tolist() for place in range(23)]]
    items.with_columns(look=pl.Series(looks)).write_parquet(vectored.folder / "items.parquet")
    vectored.yaml.write_text(
        GIVEN_YAML.replace("name: shop", "name: shop\n  language_model_name: ./clip")
    )
    view = client.create_model(vectored.yaml)
    assert view["encoder"]["given"]["images"]["in_encoders_space"]
    found = client.retrieve("shop", text_query="the red cat", explain=True)
    looks_parts = found.explanation["score"]["scoring_policy_scores"]["looks"]
    assert found.ids[int(np.argmax(looks_parts))] == items["item_id"][0]
