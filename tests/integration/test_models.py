import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from sightline import Client
from sightline.config import without_passwords
from sightline.errors import ModelExistsError, QueryError, SchemaError
from sightline.folder import folder_name
from sightline.images.codec import encode
from small_shop import YAML, draw


def test_open_client_follows_a_model_that_was_deleted_and_made_again(unbuilt):
    asked = unbuilt.client()
    asked.create_model(unbuilt.yaml)
    assert len(asked.rank("shop", limit=24).ids) == 24
    items = pl.read_csv(unbuilt.folder / "items.csv")
    items.filter(pl.col("item_id").str.starts_with("red")).write_csv(unbuilt.folder / "items.csv")
    other = unbuilt.client()
    other.delete_model("shop")
    other.create_model(unbuilt.yaml)
    assert len(asked.rank("shop", limit=24).ids) == 6


def test_relative_paths_mean_the_same_when_a_model_is_built_again(unbuilt, monkeypatch, tmp_path):
    unbuilt.yaml.write_text(YAML.replace(", path: items.csv", ""))
    monkeypatch.chdir(unbuilt.folder)
    unbuilt.client(connections={"items_source": "items.csv"}).create_model("model.yaml")
    monkeypatch.chdir(tmp_path)
    assert unbuilt.client().update_model("shop")["counts"]["items"] == 24


def test_connections_of_other_models_are_not_kept_with_this_one(unbuilt):
    connections = {"other": "postgresql://me:secret@nowhere/db", "frame": pl.DataFrame({"a": [1]})}
    unbuilt.client(connections=connections).create_model(unbuilt.yaml)
    assert "secret" not in (unbuilt.home / "models" / "shop" / "recipe.json").read_text()
    assert unbuilt.client().update_model("shop")["generation"] == 2


def test_folder_does_not_replace_a_model_made_from_something_else(unbuilt, tmp_path):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    with pytest.raises(ModelExistsError, match="--model-name"):
        client.index(unbuilt.folder / "pictures", model_name="shop")
    client.index(unbuilt.folder / "pictures")
    shutil.copytree(unbuilt.folder / "pictures", tmp_path / "pictures")
    with pytest.raises(ModelExistsError, match="--model-name"):
        client.index(tmp_path / "pictures")


@pytest.mark.parametrize(
    "name", ["Фото", "照片", "My Photos (2024)", "a..b", "x" * 200, "...", "é"]
)
def test_folder_of_any_name_can_be_indexed(unbuilt, tmp_path, name):
    shutil.copytree(unbuilt.folder / "pictures", tmp_path / name)
    assert unbuilt.client().index(tmp_path / name)["counts"]["items"] == 22


def test_folders_in_another_script_do_not_share_a_model():
    assert folder_name(Path("Фото")) != folder_name(Path("照片"))


def test_file_whose_name_is_no_text_is_listed_without_its_picture(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    data = encode(draw((200, 30, 40), 1), "PNG")
    (folder / "good.png").write_bytes(data)
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(data)
    view = Client(tmp_path / "home").index(folder)
    assert view["counts"] == {
        "items": 2,
        "items_with_picture": 1,
        "items_with_stand_in": 0,
        "items_with_text_vector": 0,
        "events": 0,
        "users": 0,
    }


def test_lists_of_numbers_are_words_too(unbuilt):
    path = unbuilt.folder / "lists.yaml"
    path.write_text(
        YAML.replace("SELECT * FROM items", '"SELECT *, [38, 40] AS sizes FROM items').replace(
            "items_source\n  events: SELECT", 'items_source"\n  events: SELECT'
        )
    )
    client = unbuilt.client()
    client.create_model(path)
    assert len(client.retrieve("shop", text_query="38", limit=24).ids) == 24


def test_damaged_generation_is_reported_by_the_view(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    (unbuilt.home / "models" / "shop" / "generations" / "000001" / "facts_trend.npy").unlink()
    view = client.view_model("shop")
    assert "trend.npy" in view["warning_message"]
    assert client.update_model("shop")["warning_message"] is None


def test_view_after_a_failed_update_is_of_what_answers(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    changed = unbuilt.folder / "changed.yaml"
    changed.write_text(YAML.replace("SELECT * FROM items_source", "SELECT nope FROM items_source"))
    with pytest.raises(QueryError):
        client.update_model(definition=changed)
    assert client.view_model("shop")["config"]["fetch"]["items"] == "SELECT * FROM items_source"
    assert client.update_model("shop")["status"] == "ACTIVE"


def test_one_damaged_model_does_not_hide_the_others(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    client.index(unbuilt.folder / "pictures")
    (unbuilt.home / "models" / "shop" / "ACTIVE").write_text("seven")
    listed = {entry["model_name"]: entry for entry in client.list_models()["models"]}
    assert listed["pictures"]["status"] == "ACTIVE"
    assert listed["shop"]["status"] == "ERROR"
    assert "update-model" in listed["shop"]["error_message"]


def test_definition_from_python_may_hold_paths(unbuilt):
    definition = {
        "model": {"name": "shop"},
        "connectors": [{"id": "items_source", "path": unbuilt.folder / "items.csv"}],
        "fetch": {"items": "SELECT item_id, title FROM items_source"},
    }
    client = unbuilt.client()
    assert client.create_model(definition)["status"] == "ACTIVE"
    assert client.update_model("shop")["generation"] == 2


SHADES = {"red": (200, 30, 40), "darkred": (150, 20, 30), "green": (40, 160, 60)}


@pytest.fixture
def shades(tmp_path):
    """A folder of three pictures, two of them alike."""
    folder = tmp_path / "shades"
    folder.mkdir()
    for name, rgb in SHADES.items():
        (folder / f"{name}.png").write_bytes(encode(draw(rgb, 1), "PNG"))
    return folder


def test_smallest_folders_still_find_what_looks_alike(shades, tmp_path):
    (shades / "blue.png").write_bytes(encode(draw((40, 70, 200), 1), "PNG"))
    (shades / "broken.png").write_bytes(b"not a picture")
    client = Client(tmp_path / "home")
    client.index(shades)
    like_red = client.similar_items("shades", "red.png")
    assert like_red.ids[0] == "darkred.png"
    assert like_red.ids[-1] == "broken.png"
    assert like_red.scores[0] > like_red.scores[1] > 0


def test_three_pictures_and_even_two_are_told_apart(shades, tmp_path):
    client = Client(tmp_path / "home")
    client.index(shades)
    assert client.similar_items("shades", "red.png").ids == ["darkred.png", "green.png"]
    (shades / "green.png").unlink()
    client.index(shades)
    assert client.similar_items("shades", "red.png").scores == [1.0]


def test_folder_inside_that_cannot_be_listed_is_told(tmp_path, caplog, monkeypatch):
    folder = tmp_path / "photos"
    (folder / "closed").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    data = encode(draw((200, 30, 40), 1), "PNG")
    for place in (folder, folder / "closed", folder / ".hidden"):
        (place / "one.png").write_bytes(data)
    scandir = os.scandir

    def refuse(path):  # root may list any folder, so the system's refusal is made here
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert Client(tmp_path / "home").index(folder)["counts"]["items"] == 1
    assert "closed: Permission denied" in caplog.text


def test_pictures_in_a_format_that_is_not_read_are_counted(tmp_path):
    folder = tmp_path / "phone"
    folder.mkdir()
    (folder / "one.png").write_bytes(encode(draw((200, 30, 40), 1), "PNG"))
    (folder / "two.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(100))
    view = Client(tmp_path / "home").index(folder)
    assert view["coverage"]["total"]["reasons"]["unsupported"]["count"] == 1


def test_passwords_of_sources_are_not_shown():
    document = {
        "uri": "postgresql://me:s3cret@nowhere/db?password=s3cret&x=1",
        "n": [1, "a://b:c@d"],
    }
    shown = {"uri": "postgresql://me:***@nowhere/db?password=***&x=1", "n": [1, "a://b:***@d"]}
    assert without_passwords(document) == shown


def test_view_and_manifest_show_no_password(unbuilt):
    address = "postgresql://me:s3cret@nowhere/db"
    unbuilt.yaml.write_text(
        YAML.replace("name: shop", f"name: shop\n  description: from {address}")
    )
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    assert "s3cret" not in str(client.view_model("shop")["config"])
    manifest = next((unbuilt.home / "models" / "shop").rglob("manifest.json"))
    assert "s3cret" not in str(json.loads(manifest.read_text())["config"])


def test_empty_table_names_what_its_file_lost(unbuilt):
    (unbuilt.folder / "items.csv").write_bytes("item_id,title\n1,Caf\u00e9\n".encode("latin-1"))
    with pytest.raises(SchemaError, match="items_source lost 1 rows"):
        unbuilt.client().create_model(unbuilt.yaml)


def test_file_that_is_read_leniently_is_told_of(unbuilt):
    (unbuilt.folder / "items.csv").write_bytes(b'item_id,title\r\n1,"a\nb",x\n2,c\r3,d,extra\n')
    text = "".join(line for line in YAML.splitlines(keepends=True) if "events" not in line)
    unbuilt.yaml.write_text(text)
    report = unbuilt.client().validate(unbuilt.yaml)
    assert "cells beyond its header's were cut off" in report["tables"]["items_source"]["notes"][0]


def test_asking_leaves_no_files_of_old_generations_open(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    client.rank("shop", "U0", filter_predicate="price > 1")
    for _ in range(4):
        client.update_model("shop")
        client.rank("shop", "U0", filter_predicate="price > 1")
    maps = Path("/proc/self/maps").read_text()
    assert "(deleted)" not in "\n".join(
        line for line in maps.splitlines() if str(unbuilt.home) in line
    )
