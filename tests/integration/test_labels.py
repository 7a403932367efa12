"""Labels through the client: asked for once, kept as columns, named in the YAML, built again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sentence_checkpoints import SentenceCase, write_sentence_folder
from sightline import LabelResponse
from sightline.errors import (
    ConfigError,
    FilterError,
    LabelError,
    ModelBusyError,
    SchemaError,
    UnknownItemError,
    UnsupportedError,
)
from sightline.rank.labels import label_vectors
from sightline.snapshot import Snapshot
from sightline.store.generation import open_active
from sightline.store.home import Home
from sightline.store.lock import model_lock
from small_shop import YAML
from tiny_checkpoints import write_clip_checkpoint
from tiny_siglip import write_siglip_checkpoint

COLOURS = ["something red", "something blue"]
LABELLED_YAML = YAML.replace(
    "name: shop", "name: shop\n  labels: {look: [something red, something blue]}"
)


def model_folder(shop):
    return shop.home / "models" / "shop"


def parts(shop):
    return Snapshot(open_active(model_folder(shop)))


def state_of(folder):
    """Every file below a folder, with its size, inode and time."""
    stats = {path: path.stat() for path in sorted(folder.rglob("*"))}
    return {path: (stat.st_size, stat.st_ino, stat.st_mtime_ns) for path, stat in stats.items()}


@pytest.fixture(scope="module")
def client(shop):
    return shop.client()


@pytest.fixture
def built(unbuilt):
    """The small shop with a model that a test may change."""
    unbuilt.client().create_model(unbuilt.yaml)
    return unbuilt


# Asked for once.


def test_every_item_has_a_probability_of_every_label_most_certain_first(client):
    response = client.label("shop", COLOURS)
    assert isinstance(response, LabelResponse)
    assert len(response.ids) == len(set(response.ids)) == 24
    assert response.labels == COLOURS
    assert response.scores == sorted(response.scores, reverse=True)
    for row, best, score in zip(
        response.probabilities, response.best, response.scores, strict=True
    ):
        assert sum(row) == pytest.approx(1, abs=1e-5)
        assert (best, score) == (COLOURS[row.index(max(row))], max(row))


def test_red_pictures_are_likelier_red_than_blue_ones_are(client):
    response = client.label("shop", COLOURS)
    red = {
        colour: np.mean(
            [
                row[0]
                for item, row in zip(response.ids, response.probabilities, strict=True)
                if item.startswith(colour)
            ]
        )
        for colour in ("red", "blue")
    }
    assert red["red"] > red["blue"]


def test_the_answer_reads_as_attributes_as_a_mapping_and_as_a_table(client):
    response = client.label("shop", COLOURS, limit=3)
    assert response["best"] == response.best
    assert dict(response)["probabilities"] == response.probabilities
    assert response.metadata[0]["item_id"] == response.ids[0]
    assert "metadata" not in client.label("shop", COLOURS, return_metadata=False, limit=1)
    frame = response.frame()
    assert frame.columns == [
        *("item_id", "label", "probability", "judged_by"),
        *("p_something red", "p_something blue"),
    ]
    assert frame["item_id"].to_list() == response.ids
    assert frame.select(pl.sum_horizontal(pl.col("^p_.*$"))).to_series().to_list() == (
        pytest.approx([1] * 3, abs=1e-5)
    )


def test_what_is_asked_for_narrows_the_answer_and_changes_no_probability(client):
    everything = client.label("shop", COLOURS)
    known = dict(zip(everything.ids, everything.probabilities, strict=True))
    some = client.label("shop", COLOURS, item_ids=["grey-5", "red-1", "gone"])
    assert set(some.ids) == {"grey-5", "red-1"}
    assert "unknown items left out: gone" in some.notes
    odd = client.label("shop", COLOURS, filter_predicate="category = 'odd'")
    assert all(record["category"] == "odd" for record in odd.metadata)
    assert len(odd.ids) == 12
    first = client.label("shop", COLOURS, limit=2)
    assert first.ids == everything.ids[:2]
    for response in (some, odd, first):
        told = dict(zip(response.ids, response.probabilities, strict=True))
        assert told == {item: known[item] for item in response.ids}
    nobody = client.label("shop", COLOURS, filter_predicate="price > 1000")
    assert (nobody.ids, nobody.notes) == ([], ["no item passes the filter"])
    assert client.label("shop", COLOURS, item_ids=[]).ids == []
    assert nobody.frame().height == 0


def test_an_item_without_a_picture_is_judged_by_its_words(client):
    response = client.label("shop", COLOURS)
    judges = dict(zip(response.ids, response.judged_by, strict=True))
    assert {item for item, judge in judges.items() if judge == "text"} == {"grey-4", "grey-5"}
    assert "items judged by their words: 2" in response.notes


def test_asking_changes_nothing_on_disk(shop, client):
    client.label("shop", COLOURS)
    before = state_of(model_folder(shop))
    client.label("shop", [*COLOURS, "something else"], templates="This is {}.")
    assert state_of(model_folder(shop)) == before


@pytest.mark.parametrize(
    ("labels", "options", "error", "reason"),
    [
        ([], {}, LabelError, "at least one label"),
        (["red", "red "], {}, LabelError, "stands twice"),
        (["red"], {}, LabelError, "its probability would be 1 for every item"),
        ("red,blue", {}, TypeError, "list of texts"),
        (COLOURS, {"templates": "a photo"}, LabelError, "has no {}"),
        (COLOURS, {"limit": 0}, ValueError, "at least 1"),
        (COLOURS, {"item_ids": "red-0"}, TypeError, "list of ids"),
        (COLOURS, {"item_ids": ["bleu-2"]}, UnknownItemError, "did you mean"),
        (COLOURS, {"filter_predicate": "prize < 3"}, FilterError, "did you mean 'price'"),
        (COLOURS, {"column": "price"}, SchemaError, "'price' of fetch.items"),
        (COLOURS, {"column": " "}, LabelError, "cannot name a column"),
    ],
)
def test_what_cannot_be_answered_is_refused_and_nothing_is_written(
    shop, client, labels, options, error, reason
):
    before = state_of(model_folder(shop))
    with pytest.raises(error, match=reason):
        client.label("shop", labels, **options)
    with pytest.raises(error, match=reason):
        client.label("shop", labels, **{"column": "look", **options})
    assert state_of(model_folder(shop)) == before


# Encoders.


def test_an_encoder_like_clip_s_probabilities_are_the_softmax_at_its_own_scale(unbuilt):
    write_clip_checkpoint(unbuilt.folder / "clip")
    client = unbuilt.client()
    encoder = str(unbuilt.folder / "clip")
    record = client.create_model(unbuilt.yaml, encoder=encoder)["encoder"]
    response = client.label("shop", ["the red cat", "a cat"], templates=["{}", "a {}"])
    tower = client.encoders.open(encoder).texts
    prompts = tower.encode(["the red cat", "a the red cat", "a cat", "a a cat"])
    looks = parts(unbuilt).catalogue.images.vectors[2]
    odds = np.exp(record["logit_scale"] * (label_vectors(prompts, 2) @ looks))
    told = dict(zip(response.ids, response.probabilities, strict=True))
    assert told["red-2"] == pytest.approx((odds / odds.sum()).tolist(), rel=1e-3)


def test_an_encoder_like_siglip_judges_labels_one_by_one_and_says_so(unbuilt):
    write_siglip_checkpoint(unbuilt.folder / "siglip")
    client = unbuilt.client()
    encoder = str(unbuilt.folder / "siglip")
    record = client.create_model(unbuilt.yaml, encoder=encoder)["encoder"]
    assert record["logit_bias"] == -12.5
    response = client.label("shop", ["a cat"], templates="{}")
    assert any("one by one" in note for note in response.notes)
    tower = client.encoders.open(encoder).texts
    cosine = tower.encode(["a cat"])[0] @ parts(unbuilt).catalogue.images.vectors[2]
    expected = 1 / (1 + np.exp(12.5 - record["logit_scale"] * cosine))
    told = dict(zip(response.ids, response.probabilities, strict=True))
    assert told["red-2"] == pytest.approx([expected], rel=1e-3, abs=1e-6)
    two = client.label("shop", ["a cat", "red"], templates="{}", column="pet")
    told_of_two = dict(zip(two.ids, two.probabilities, strict=True))
    assert told_of_two["red-2"][0] == pytest.approx(told["red-2"][0], abs=2e-6)
    assert client.retrieve("shop", filter_predicate="pet_probability <= 1").ids


def test_by_an_encoder_of_words_alone_all_items_are_judged_by_their_words(unbuilt):
    (unbuilt.folder / "sentences").mkdir()
    write_sentence_folder(unbuilt.folder / "sentences", SentenceCase())
    client = unbuilt.client()
    client.create_model(unbuilt.yaml, encoder=str(unbuilt.folder / "sentences"))
    response = client.label("shop", ["number one", "number two"])
    assert set(response.judged_by) == {"text"}
    assert "items judged by their words: 24" in response.notes
    assert any("CLIP's 100 was taken" in note for note in response.notes)


def test_an_encoder_that_reads_no_words_is_refused_with_what_to_build_instead(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml, encoder="attributes")
    for column in (None, "look"):
        with pytest.raises(UnsupportedError, match=r"'attributes'.*--encoder sightline-mini"):
            client.label("shop", COLOURS, column=column)
    assert client.view_model("shop")["generation"] == 1


def test_vectors_given_without_their_encoder_are_not_compared_with_labels(unbuilt):
    rng = np.random.default_rng(0)
    vectors = {name: rng.standard_normal((24, 16)).tolist() for name in ("look", "sense")}
    items = pl.read_csv(unbuilt.folder / "items.csv").with_columns(
        **{name: pl.Series(rows) for name, rows in vectors.items()}
    )
    items.write_parquet(unbuilt.folder / "items.parquet")
    pictures = "{name: look, type: ImageVector}"
    words = "{name: sense, type: TextVector}"
    client = unbuilt.client()

    def build(*features):
        override = f"name: shop\n  schema_override: {{item: {{features: [{', '.join(features)}]}}}}"
        text = YAML.replace("name: shop", override).replace("items.csv", "items.parquet")
        unbuilt.yaml.write_text(text)
        return client.update_model if model_folder(unbuilt).exists() else client.create_model

    build(pictures)(definition=unbuilt.yaml)
    assert set(client.label("shop", COLOURS).judged_by) == {"text"}
    build(pictures, words)(definition=unbuilt.yaml)
    with pytest.raises(UnsupportedError, match=r"'look' and 'sense'.*language_model_name"):
        client.label("shop", COLOURS)


def test_an_item_with_neither_picture_nor_words_has_no_label(unbuilt):
    text = LABELLED_YAML.replace("SELECT * FROM items", "SELECT item_id, image FROM items")
    unbuilt.yaml.write_text(text)
    client = unbuilt.client()
    view = client.create_model(unbuilt.yaml)
    assert view["labels"]["look"]["judged_by"] == {"image": 22, "text": 0, "nothing": 2}
    response = client.label("shop", COLOURS)
    assert set(response.ids[-2:]) == {"grey-4", "grey-5"}
    for told in (response.best, response.scores, response.probabilities, response.judged_by):
        assert told[-2:] == [None, None]
        assert None not in told[:-2]
    assert "items with nothing to judge them by, and no probabilities: 2" in response.notes
    unknown = client.retrieve("shop", filter_predicate="look IS NULL", limit=24)
    assert set(unknown.ids) == {"grey-4", "grey-5"}
    assert unknown.metadata[0]["look_probability"] is None
    assert not client.retrieve("shop", filter_predicate="look_probability > 2").ids
    assert response.frame()["probability"].null_count() == 2


# Kept as a column.


def test_a_column_is_what_was_answered_in_filters_and_in_metadata(built):
    client = built.client()
    response = client.label("shop", COLOURS, column="look", limit=5)
    assert len(response.ids) == 5
    assert "generation 2 has the columns 'look', 'look_probability'" in response.notes
    everything = client.label("shop", COLOURS)
    expected = {
        item: label
        for item, label, score in zip(
            everything.ids, everything.best, everything.scores, strict=True
        )
        if label == "something red" and score > 0.6
    }
    predicate = "look = 'something red' AND look_probability > 0.6"
    found = client.retrieve("shop", filter_predicate=predicate, limit=24)
    assert set(found.ids) == set(expected)
    assert found.ids
    told = dict(zip(everything.ids, everything.scores, strict=True))
    for record in found.metadata:
        assert record["look"] == "something red"
        assert record["look_probability"] == pytest.approx(told[record["item_id"]], abs=1e-5)
    assert client.rank("shop", "U0", filter_predicate="look IS NOT NULL").ids


def test_the_rest_of_the_model_is_as_it_was(built):
    client = built.client()
    before = client.view_model("shop")
    answer = client.similar_items("shop", "red-0", limit=24)
    client.label("shop", COLOURS, column="look")
    after = client.view_model("shop")
    assert after["generation"] == before["generation"] + 1
    assert after["status"] == "ACTIVE"
    changed = {"generation", "labels", "config", "model_schema"}
    assert {key: after[key] for key in after.keys() - changed} == {
        key: before[key] for key in before.keys() - changed
    }
    assert after["labels"]["look"]["judged_by"] == {"image": 22, "text": 2, "nothing": 0}
    assert after["config"]["model"]["labels"] == {"look": COLOURS}
    columns = after["model_schema"]["filter_columns"]
    assert {name: columns[name] for name in ("look", "look_probability")} == {
        "look": "String",
        "look_probability": "Float32",
    }
    earlier = before["model_schema"]["filter_columns"]
    assert {name: columns[name] for name in earlier} == earlier
    again = client.similar_items("shop", "red-0", limit=24)
    assert (again.ids, again.scores) == (answer.ids, answer.scores)
    for old, new in zip(answer.metadata, again.metadata, strict=True):
        assert {name: new[name] for name in old} == old
        assert list(new)[-2:] == ["look", "look_probability"]


def test_a_reader_of_the_old_generation_is_undisturbed_and_the_next_query_sees_the_new(built):
    reader, writer = built.client(), built.client()
    serving = reader._opened.serving("shop")
    before = state_of(serving.generation.folder)
    writer.label("shop", COLOURS, column="look")
    after = state_of(serving.generation.folder)
    assert after == before
    assert "look" not in serving._snapshot.items.rows([0])[0]
    assert "look" not in serving._snapshot.columns().columns
    assert "look" in reader.rank("shop", limit=1).metadata[0]


def test_the_vectors_are_on_the_disk_once(built):
    built.client().label("shop", COLOURS, column="look")
    old, new = sorted((model_folder(built) / "generations").glob("0*"))
    assert (old / "images_vectors.npy").samefile(new / "images_vectors.npy")
    assert not (old / "items.jsonl").samefile(new / "items.jsonl")


def test_where_no_links_can_be_made_files_are_copied(built, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    client = built.client()
    client.label("shop", COLOURS, column="look")
    assert client.retrieve("shop", filter_predicate="look IS NOT NULL", limit=24).ids
    old, new = sorted((model_folder(built) / "generations").glob("0*"))
    assert not (old / "images_vectors.npy").samefile(new / "images_vectors.npy")


def test_a_second_answer_takes_the_place_of_the_first_and_other_columns_stay(built):
    client = built.client()
    client.label("shop", COLOURS, column="look")
    client.label("shop", ["even", "odd"], column="parity")
    client.label("shop", ["a box", "a disc", "a bar"], column="look")
    record = client.rank("shop", limit=1).metadata[0]
    assert list(record)[-4:] == ["parity", "parity_probability", "look", "look_probability"]
    found = client.retrieve("shop", filter_predicate="look LIKE 'something%'")
    assert found.ids == []
    assert set(client.view_model("shop")["labels"]) == {"parity", "look"}
    with pytest.raises(SchemaError, match="a label column 'look_probability'"):
        client.label("shop", COLOURS, column="look_probability")


def test_a_label_column_wins_over_a_measured_one_of_its_name(built):
    client = built.client()
    client.label("shop", COLOURS, column="dominant_color")
    found = client.retrieve("shop", filter_predicate="dominant_color = 'red'")
    assert found.ids == []
    assert client.update_model("shop")["labels"]["dominant_color"]["labels"] == COLOURS
    assert client.retrieve("shop", filter_predicate="dominant_color = 'red'").ids == []


def test_types_of_the_catalogue_s_columns_stay(unbuilt):
    items = pl.read_csv(unbuilt.folder / "items.csv").with_columns(
        born=pl.datetime(2026, 1, pl.int_range(1, pl.len() + 1)),
        tags=pl.lit(["a", "b"], dtype=pl.List(pl.String)),
        blob=pl.lit(b"\x00"),
        big=pl.lit(2**60),
        ready=pl.lit(value=True),
    )
    client = unbuilt.client(connections={"items_source": items})
    client.create_model(unbuilt.yaml)
    before = client.rank("shop", item_ids=["red-3"]).metadata[0]
    client.label("shop", COLOURS, column="look")
    after = client.rank("shop", item_ids=["red-3"]).metadata[0]
    assert {name: after[name] for name in before} == before
    assert client.rank("shop", filter_predicate="ready AND born > '2026-01-02'").ids


@pytest.mark.parametrize("column", [None, "look"])
def test_while_the_model_is_built_only_a_column_is_refused(built, column):
    with model_lock(Home(built.home), "shop"):
        if column is None:
            assert built.client().label("shop", COLOURS).ids
        else:
            with pytest.raises(ModelBusyError):
                built.client().label("shop", COLOURS, column=column)


KILL = """
import os, signal, sys
from sightline import Client
from sightline.store import generation
write = generation.write_text
def killed(path, text):
    if sys.argv[2] == "after":
        write(path, text)
    os.kill(os.getpid(), signal.SIGKILL)
generation.write_text = killed
Client(sys.argv[1]).label("shop", ["something red", "something blue"], column="look")
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_leaves_the_model_with_the_column_for_good_or_without_it(built, moment):
    command = [sys.executable, "-c", KILL, str(built.home), moment]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    client = built.client()
    is_there = moment == "after"
    assert client.view_model("shop")["status"] == "ACTIVE"
    assert ("look" in client.rank("shop", limit=1).metadata[0]) == is_there
    view = client.update_model("shop")
    assert ("look" in view["labels"]) == is_there
    client.label("shop", COLOURS, column="look")
    assert "look" in client.rank("shop", limit=1).metadata[0]


# Built again.


def test_update_model_computes_the_column_again_from_the_sources_of_now(built):
    client = built.client()
    client.label("shop", COLOURS, column="look", templates=["{}", "a drawing of {}"])
    items = pl.read_csv(built.folder / "items.csv")
    more = pl.concat([items, items.head(1).with_columns(item_id=pl.lit("new-0"))])
    more.write_csv(built.folder / "items.csv")
    view = client.update_model("shop")
    assert view["labels"]["look"]["templates"] == ["{}", "a drawing of {}"]
    assert view["config"]["model"]["labels"]["look"]["labels"] == COLOURS
    told = {r["item_id"]: r["look"] for r in client.rank("shop", limit=25).metadata}
    assert told["new-0"] == told["red-0"]
    assert client.update_model("shop")["labels"] == view["labels"]


def test_a_damaged_generation_s_columns_are_built_again_with_it(built):
    client = built.client()
    client.label("shop", COLOURS, column="look")
    (model_folder(built) / "generations" / "000002" / "facts_trend.npy").unlink()
    assert client.update_model("shop")["labels"]["look"]["labels"] == COLOURS


def test_a_failed_update_forgets_no_column(built):
    client = built.client()
    client.label("shop", COLOURS, column="look")
    with pytest.raises(UnsupportedError, match="no text tower"):
        client.update_model("shop", encoder="attributes")
    assert "look" in client.rank("shop", limit=1).metadata[0]
    assert "look" in client.update_model("shop")["labels"]


def test_a_definition_given_anew_says_which_columns_there_are(built):
    client = built.client()
    client.label("shop", COLOURS, column="look")
    assert client.update_model(definition=built.yaml)["labels"] == {}
    assert "look" not in client.rank("shop", limit=1).metadata[0]


def test_a_folder_of_pictures_keeps_its_columns(unbuilt):
    client = unbuilt.client()
    client.index(unbuilt.folder / "pictures")
    client.label("pictures", COLOURS, column="look")
    assert "look" in client.index(unbuilt.folder / "pictures")["labels"]
    assert "look" in client.update_model("pictures")["labels"]


# Named in the YAML.


def test_columns_named_in_the_yaml_are_those_that_label_makes(unbuilt):
    unbuilt.yaml.write_text(LABELLED_YAML)
    client = unbuilt.client()
    view = client.create_model(unbuilt.yaml)
    by_yaml = client.rank("shop", limit=24).metadata
    assert view["model_schema"]["filter_columns"]["look"] == "String"
    assert "look" not in view["model_schema"]["item"]
    client.label("shop", COLOURS, column="look")
    assert client.rank("shop", limit=24).metadata == by_yaml
    assert client.update_model("shop")["labels"] == view["labels"]


def test_a_column_of_the_yaml_that_the_catalogue_has_is_refused_by_validate_too(unbuilt):
    unbuilt.yaml.write_text(LABELLED_YAML.replace("look:", "price:"))
    for ask in (unbuilt.client().validate, unbuilt.client().create_model):
        with pytest.raises(SchemaError, match=r"'price' of fetch\.items"):
            ask(unbuilt.yaml)


def test_labels_that_the_encoder_cannot_judge_end_the_build_before_it_reads_anything(unbuilt):
    unbuilt.yaml.write_text(LABELLED_YAML)
    (unbuilt.folder / "items.csv").unlink()
    with pytest.raises(UnsupportedError, match="no text tower"):
        unbuilt.client().create_model(unbuilt.yaml, encoder="attributes")
    unbuilt.yaml.write_text(LABELLED_YAML.replace(", something blue", ""))
    with pytest.raises(LabelError, match="the only label"):
        unbuilt.client().create_model(unbuilt.yaml)
    unbuilt.yaml.write_text(LABELLED_YAML.replace("something blue", "something red"))
    with pytest.raises(ConfigError, match=r"model\.labels\.look: .* stands twice"):
        unbuilt.client().create_model(unbuilt.yaml)


def test_the_process_that_asks_reads_no_table_library_without_a_filter(shop):
    program = (
        "import sys, sightline\n"
        f"client = sightline.Client({str(shop.home)!r})\n"
        "assert client.label('shop', ['red', 'blue'], limit=1).ids\n"
        "print('polars' in sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ}
    )
    assert finished.stdout.split() == ["False"], finished.stderr
