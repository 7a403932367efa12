"""Vectors in and out: what a user computed becomes columns of a model, and a model's own files."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from sightline.cli import main
from sightline.errors import (
    ConnectorError,
    ModelNotFoundError,
    OutputExistsError,
    SchemaError,
    StorageError,
    UnsupportedError,
)
from sightline.snapshot import Snapshot
from sightline.store.generation import open_active
from small_shop import Shop, write_shop

YAML = """\
model:
  name: shop
  schema_override:
    item: {id: item_id, features: [{name: look, type: ImageVector}]}
connectors:
  - {id: items_source, path: items.csv}
  - {id: vecs, path: look.npy}
fetch:
  items: >
    SELECT i.item_id, i.title, v.vector AS look
    FROM items_source i LEFT JOIN vecs v ON v.id = i.item_id
"""


def parts(shop):
    return Snapshot(open_active(shop.home / "models" / "shop"))


def ids(table):
    return [table[row] for row in range(len(table))]


# In.


@pytest.fixture
def vectored(unbuilt):
    """The small shop with vectors of its items in look.npy, all but those of grey ones."""
    names = [f"{colour}-{number}" for colour in ("red", "green", "blue") for number in range(6)]
    vectors = np.random.default_rng(0).normal(size=(len(names), 8)).astype(np.float32)
    np.save(unbuilt.folder / "look.npy", vectors)
    (unbuilt.folder / "look.ids.txt").write_text("\n".join(names))
    unbuilt.yaml.write_text(YAML)
    return unbuilt


def test_an_array_bound_in_the_yaml_is_told_of_by_validate(vectored):
    report = vectored.client().validate(vectored.yaml)
    assert report["vectors"] == {"image_vector": {"column": "look", "dim": 8, "items": 18}}
    assert report["model_schema"]["item"]["look"] == "image_vector"
    (note,) = report["tables"]["items"]["notes"]
    assert note.startswith("18 vectors of 'look' were not of unit length")


def test_an_array_bound_on_the_command_line_is_told_of_by_validate(vectored, tmp_path):
    for name in ("look.npy", "look.ids.txt"):
        (vectored.folder / name).rename(tmp_path / name)
    arguments = ["validate", "--file", "model.yaml", "--connect", f"vecs={tmp_path}/look.npy"]
    printed = vectored.run(*arguments).stdout
    assert "look: vectors of 8 numbers, 18 items have one" in printed


def test_vectors_that_match_no_item_are_an_error_that_speaks_of_the_join(vectored):
    (vectored.folder / "look.ids.txt").write_text("\n".join(f"x{n}" for n in range(18)))
    with pytest.raises(SchemaError, match=r"none of the 24 rows .* 'look': 24 are null; .* join"):
        vectored.client().validate(vectored.yaml)


def test_an_array_without_ids_is_one_line_on_the_command_line(vectored):
    (vectored.folder / "look.ids.txt").unlink()
    done = vectored.run("validate", "--file", "model.yaml", check=False)
    assert done.returncode == 1
    assert "look.ids.txt, look.ids.npy, look.ids.parquet, look.ids.csv" in done.stderr
    with pytest.raises(ConnectorError):
        vectored.client().validate(vectored.yaml)


# Out.


@pytest.fixture(scope="module")
def wordless(tmp_path_factory):
    """The small shop, built with an encoder that reads no text."""
    folder = tmp_path_factory.mktemp("wordless")
    write_shop(folder / "shop")
    built = Shop(folder / "shop", folder / "home")
    built.client().create_model(built.yaml, encoder="attributes")
    return built


def test_items_in_parquet_have_their_vectors_and_null_where_there_is_none(wordless, tmp_path):
    report = wordless.client().export("shop", tmp_path / "items.parquet")
    frame = pl.read_parquet(tmp_path / "items.parquet")
    snapshot = parts(wordless)
    images = snapshot.catalogue.images
    assert frame.columns == ["item_id", "image_vector", "text_vector"]
    assert frame.schema["image_vector"] == pl.List(pl.Float32)
    assert frame["item_id"].to_list() == ids(snapshot.item_ids)
    assert frame["image_vector"].is_not_null().to_list() == images.presence.tolist()
    assert frame.row(0)[1] == images.vectors[0].tolist()
    assert (
        frame.filter(pl.col("item_id").is_in(["grey-4", "grey-5"]))["image_vector"].null_count()
        == 2
    )
    assert frame["text_vector"].null_count() == frame.height  # its encoder reads no text
    assert report["rows"] == 24
    assert report["vectors"]["image_vector"] == {"rows": 22, "dim": images.dim}
    assert report["vectors"]["text_vector"] == {"rows": 0, "dim": 0}


def test_users_in_parquet_have_their_taste(shop, tmp_path):
    shop.client().export("shop", tmp_path / "users.parquet", what="users")
    frame = pl.read_parquet(tmp_path / "users.parquet")
    snapshot = parts(shop)
    assert frame.columns == ["user_id", "vector"]
    assert frame["user_id"].to_list() == ids(snapshot.user_ids)
    assert frame["vector"].is_not_null().to_list() == snapshot.people.has_taste.tolist()
    assert frame.row(3)[1] == snapshot.people.tastes[3].tolist()


def test_users_of_a_model_without_events_are_not_exported(unbuilt, tmp_path):
    unbuilt.client().index(unbuilt.folder / "pictures", model_name="photos")
    with pytest.raises(UnsupportedError, match="no users of model 'photos' have vectors"):
        unbuilt.client().export("photos", tmp_path / "users.parquet", what="users")
    assert list(tmp_path.glob("users*")) == []


def test_an_exported_array_has_the_rows_with_a_vector_and_their_ids(shop, tmp_path):
    report = shop.client().export("shop", tmp_path / "look.npy")
    images = parts(shop).catalogue.images
    np.testing.assert_array_equal(np.load(tmp_path / "look.npy"), images.vectors[images.presence])
    lines = (tmp_path / "look.ids.txt").read_text().splitlines()
    assert len(lines) == report["rows"] == 22
    assert {"grey-4", "grey-5"}.isdisjoint(lines)
    assert report["files"] == [str(tmp_path / "look.npy"), str(tmp_path / "look.ids.txt")]


@pytest.mark.parametrize("name", ["look.npy", "look.parquet"])
def test_what_is_exported_can_be_bound_again(shop, unbuilt, name):
    shop.client().export("shop", unbuilt.folder / name)
    columns = "v.vector" if name.endswith(".npy") else "v.image_vector"
    key = "v.id" if name.endswith(".npy") else "v.item_id"
    yaml = YAML.replace("look.npy", name).replace("v.vector", columns).replace("v.id", key)
    unbuilt.yaml.write_text(yaml)
    report = unbuilt.client().validate(unbuilt.yaml)
    dim = parts(shop).catalogue.images.dim
    assert report["vectors"] == {"image_vector": {"column": "look", "dim": dim, "items": 22}}
    assert report["tables"]["items"]["notes"] == []  # of unit length already
    assert report["tables"]["items"]["nulled"] == {}


def test_users_in_an_array_are_those_with_a_taste(shop, tmp_path):
    shop.client().export("shop", tmp_path / "taste.npy", what="users")
    people = parts(shop).people
    np.testing.assert_array_equal(np.load(tmp_path / "taste.npy"), people.tastes[people.has_taste])


def test_the_format_may_be_stated_for_a_name_that_does_not_say(shop, tmp_path):
    shop.client().export("shop", tmp_path / "look.bin", format="parquet", vectors="image")
    assert pl.read_parquet(tmp_path / "look.bin").columns == ["item_id", "image_vector"]


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        (
            "look.csv",
            {},
            r"look\.csv ends like no format that is written: .*\.parquet, \.pq, \.npy",
        ),
        ("look.npy", {"vectors": "text"}, "no items of model 'shop' have text vectors"),
        (
            "look.parquet",
            {"vectors": "text"},
            "no items of model 'shop' have text vectors",
        ),
        ("taste.npy", {"what": "users", "vectors": "text"}, "users have one vector"),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is_written(
    wordless, tmp_path, name, options, reason
):
    with pytest.raises(UnsupportedError, match=reason):
        wordless.client().export("shop", tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{"what": "people"}, {"format": "csv"}, {"vectors": "images"}])
def test_an_option_that_there_is_not_is_a_value_error(shop, tmp_path, options):
    with pytest.raises(ValueError, match="must be one of"):
        shop.client().export("shop", tmp_path / "x.npy", **options)


def test_an_unknown_model_is_told_as_such(shop, tmp_path):
    with pytest.raises(ModelNotFoundError):
        shop.client().export("shoe", tmp_path / "x.npy")


@pytest.mark.parametrize("taken", ["look.npy", "look.ids.txt"])
def test_a_file_that_is_there_is_replaced_only_if_that_is_said(shop, tmp_path, taken):
    (tmp_path / taken).write_text("mine")
    client = shop.client()
    with pytest.raises(OutputExistsError, match=taken):
        client.export("shop", tmp_path / "look.npy")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    client.export("shop", tmp_path / "look.npy", overwrite=True)
    assert len(np.load(tmp_path / "look.npy")) == 22


@pytest.mark.parametrize("name", ["look.npy", "look.parquet"])
def test_a_full_disk_leaves_what_was_there(shop, tiny_disk, name):
    (tiny_disk / name).write_text("mine")
    (tiny_disk / "filler").write_bytes(bytes(shutil.disk_usage(tiny_disk).free))
    with pytest.raises(StorageError, match=f"cannot write .*{name}: .*[Nn]o space.*another place"):
        shop.client().export("shop", tiny_disk / name, overwrite=True)
    assert sorted(path.name for path in tiny_disk.iterdir()) == ["filler", name]
    assert (tiny_disk / name).read_text() == "mine"


def test_an_id_with_a_line_break_goes_to_parquet_only(unbuilt, tmp_path):
    catalogue = 'item_id,image\n"a\nb",pictures/red-0.png\nc,pictures/red-1.png\n'
    (unbuilt.folder / "items.csv").write_text(catalogue)
    (unbuilt.folder / "events.csv").write_text("user_id,item_id\nU0,c\n")
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    with pytest.raises(UnsupportedError, match=r"'a\\nb' holds a line break.*Parquet"):
        client.export("shop", tmp_path / "look.npy")
    client.export("shop", tmp_path / "look.parquet")
    assert pl.read_parquet(tmp_path / "look.parquet")["item_id"].to_list() == ["a\nb", "c"]


def test_the_command_writes_and_reports(shop, tmp_path):
    output = str(tmp_path / "look.npy")
    arguments = ["export", "--model-name", "shop", "--output", output]
    environment = {"SIGHTLINE_HOME": str(shop.home)}
    printed = CliRunner().invoke(main, arguments, env=environment).stdout
    assert printed.splitlines()[0].startswith(f"wrote 22 items to {output} and ")
    assert "image vectors of" in printed
    assert printed.endswith("numbers: 22\n")
    again = CliRunner().invoke(main, arguments, env=environment)
    assert again.exit_code == 1
    assert "exists; give another name, or --overwrite" in again.stderr
    users = [*arguments, "--what", "users", "--format", "parquet", "--overwrite", "--json"]
    report = json.loads(CliRunner().invoke(main, users, env=environment).stdout)
    assert report["files"] == [output]
    assert report["rows"] == 24
