import os
import signal
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from sightline import Client
from sightline.errors import (
    ConfigError,
    ConnectorError,
    EncoderError,
    InvalidNameError,
    ModelBusyError,
    ModelExistsError,
    ModelNotActiveError,
    QueryError,
    SchemaError,
    StorageError,
    UnsupportedError,
)
from sightline.images.codec import encode
from sightline.index import plan, promise
from sightline.store.home import Home
from sightline.store.lock import model_lock
from small_shop import YAML, draw


def definition(shop, **changes):
    text = YAML
    for old, new in changes.items():
        text = text.replace(old.replace("_", " "), new)
    path = shop.folder / "changed.yaml"
    path.write_text(text)
    return path


def test_report_counts_items_events_users_pictures_and_time(shop):
    view = shop.client().view_model("shop")
    assert view["status"] == "ACTIVE"
    assert view["counts"] == {
        "items": 24,
        "items_with_picture": 22,
        "items_with_stand_in": 0,
        "items_with_text_vector": 24,
        "events": 96,
        "users": 24,
    }
    pictures = view["coverage"]["columns"]["image"]
    assert (pictures["ok"], pictures["missing"], pictures["failed"]) == (22, 1, 1)
    assert pictures["reasons"]["not_found"]["count"] == 1
    assert view["encoder"]["name"] == "sightline-mini"
    assert set(view["seconds"]) == {"SCHEDULING", "FETCHING", "TUNING", "TRAINING", "DEPLOYING"}
    assert view["config"]["model"]["name"] == "shop"
    assert view["model_schema"]["item"]["image"] == "image"


def test_statuses_pass_in_order(unbuilt):
    heard = []
    unbuilt.client().create_model(unbuilt.yaml, on_status=lambda status: heard.append(status.state))
    assert list(dict.fromkeys(heard)) == [
        "SCHEDULING",
        "FETCHING",
        "TUNING",
        "TRAINING",
        "DEPLOYING",
        "ACTIVE",
    ]


def test_second_terminal_sees_the_build_live(unbuilt):
    seen = []

    def look(_):
        seen.append(unbuilt.client().view_model("shop")["status"])

    unbuilt.client().create_model(unbuilt.yaml, on_status=look)
    assert {"FETCHING", "TRAINING"} <= set(seen)


def test_name_that_is_taken_is_refused_and_update_builds_the_next_generation(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    with pytest.raises(ModelExistsError, match="update-model"):
        client.create_model(unbuilt.yaml)
    assert client.rank("shop", "U0").ids
    assert client.update_model("shop")["generation"] == 2
    assert client.rank("shop", "U0").ids


def test_update_reads_the_sources_again_and_an_open_client_answers_from_the_new(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    before = client.rank("shop", "U0", limit=24).ids
    items = pl.read_csv(unbuilt.folder / "items.csv")
    items.filter(pl.col("item_id") != "red-4").write_csv(unbuilt.folder / "items.csv")
    unbuilt.client().update_model("shop")
    after = client.rank("shop", "U0", limit=24).ids
    assert set(before) - set(after) == {"red-4"}


def test_failed_update_leaves_the_active_generation_and_keeps_the_message(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    (unbuilt.folder / "items.csv").unlink()
    with pytest.raises(ConnectorError):
        client.update_model("shop")
    view = client.view_model("shop")
    assert view["status"] == "ERROR"
    assert "items.csv" in view["error_message"]
    assert client.rank("shop", "U0").ids


def test_failed_first_build_is_an_error_that_can_be_created_again(unbuilt):
    client = unbuilt.client()
    hidden = unbuilt.folder / "hidden.csv"
    (unbuilt.folder / "items.csv").rename(hidden)
    with pytest.raises(ConnectorError):
        client.create_model(unbuilt.yaml)
    with pytest.raises(ModelNotActiveError, match="not ACTIVE"):
        client.rank("shop", "U0")
    hidden.rename(unbuilt.folder / "items.csv")
    assert client.create_model(unbuilt.yaml)["status"] == "ACTIVE"


def test_killed_build_leaves_the_active_generation_and_says_how_to_go_on(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    script = (
        "import os, signal, sys; from sightline import Client\n"
        "def kill(status):\n"
        "    if status.state == 'DEPLOYING': os.kill(os.getpid(), signal.SIGKILL)\n"
        "Client(sys.argv[1]).update_model('shop', on_status=kill)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(unbuilt.home)], check=False)
    assert ended.returncode == -signal.SIGKILL
    view = client.view_model("shop")
    assert view["status"] == "ERROR"
    assert "update-model" in view["error_message"]
    assert client.rank("shop", "U0").ids
    assert client.update_model("shop")["status"] == "ACTIVE"


def test_two_builds_of_one_name_at_once_do_not_mix(unbuilt):
    with model_lock(Home(unbuilt.home), "shop"), pytest.raises(ModelBusyError):
        unbuilt.client().create_model(unbuilt.yaml)
    assert unbuilt.client().list_models() == {"models": []}


def test_two_processes_creating_one_name_end_with_one_model_and_one_refusal(unbuilt):
    command = [sys.executable, "-m", "sightline", "create-model", "--file", str(unbuilt.yaml)]
    environment = {**os.environ, "SIGHTLINE_HOME": str(unbuilt.home)}
    both = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    messages = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    refused = messages[0] if both[0].returncode else messages[1]
    assert "being built" in refused or "exists" in refused
    assert unbuilt.client().view_model("shop")["status"] == "ACTIVE"


def test_nothing_is_encoded_twice(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    vectors = sorted((unbuilt.home / "cache" / "vectors").rglob("*.npy"))
    client.update_model("shop")
    assert sorted((unbuilt.home / "cache" / "vectors").rglob("*.npy")) == vectors


def test_missing_connector_says_how_to_bind_it(unbuilt):
    text = YAML.replace(", path: items.csv", "")
    path = unbuilt.folder / "unbound.yaml"
    path.write_text(text)
    with pytest.raises(ConnectorError, match=r"items_source.*--connect"):
        unbuilt.client().create_model(path)
    bound = unbuilt.client(connections={"items_source": unbuilt.folder / "items.csv"})
    assert bound.create_model(path)["counts"]["items"] == 24


@pytest.mark.parametrize(
    ("sql", "error", "message"),
    [
        ("SELEC * FROM items_source", QueryError, "fetch.items"),
        ("SELECT * FROM itemz", QueryError, "items_source"),
        ("SELECT nope FROM items_source", QueryError, "nope"),
        ("SELECT title FROM items_source", SchemaError, "title"),
        ("SELECT * FROM items_source WHERE false", SchemaError, "item"),
        ("SELECT 1 AS item_id; DROP TABLE items_source", QueryError, "one SELECT"),
        ("SELECT * FROM read_csv('/etc/passwd')", QueryError, "fetch.items"),
    ],
)
def test_query_that_cannot_be_used_is_an_error_that_shows_what_there_is(
    unbuilt, sql, error, message
):
    path = unbuilt.folder / "bad.yaml"
    path.write_text(YAML.replace("SELECT * FROM items_source", f'"{sql}"'))
    with pytest.raises(error, match=message):
        unbuilt.client().create_model(path)


def test_events_without_a_user_column_show_the_columns_found(unbuilt):
    path = unbuilt.folder / "bad.yaml"
    path.write_text(
        YAML.replace("SELECT * FROM events_source", "SELECT item_id, event_type FROM events_source")
    )
    with pytest.raises(SchemaError, match="event_type"):
        unbuilt.client().create_model(path)


def test_bad_rows_are_counted_and_the_run_goes_on(unbuilt):
    with (unbuilt.folder / "items.csv").open("a") as items:
        items.write("red-0,Again,odd,nan,pictures/red-0.png\n,No id,odd,1,\nnew,New,odd,inf,\n")
    with (unbuilt.folder / "events.csv").open("a") as events:
        events.write("U0,gone-1,click,2026-05-01T00:00:00Z\n,red-1,click,2026-05-01T00:00:00Z\n")
        events.write(
            "U0,red-5,click,1777593600\nU0,red-4,click,1777593600000\nU0,red-4,click,soon\n"
        )
    view = unbuilt.client().create_model(unbuilt.yaml)
    items, events = view["tables"]["items"], view["tables"]["events"]
    assert (items["rows"], items["kept"]) == (27, 25)
    assert sum(items["dropped"].values()) == 2
    assert sum(events["dropped"].values()) == 3
    assert view["counts"]["events"] == 98
    record = unbuilt.client().rank("shop", item_ids=["red-0"]).metadata[0]
    assert (record["title"], record["price"]) == ("Again", None)


def test_catalogue_without_events_answers_what_needs_none(unbuilt):
    path = unbuilt.folder / "no_events.yaml"
    path.write_text("".join(line for line in YAML.splitlines(True) if "events" not in line))
    client = unbuilt.client()
    assert "note" in client.create_model(path)["metrics"]
    assert client.similar_items("shop", "red-0", limit=3).ids[0].startswith("red-")
    assert len(client.rank("shop", "U0", limit=5).ids) == 5


def test_catalogue_without_pictures_is_ranked_by_what_people_did(unbuilt):
    path = unbuilt.folder / "no_pictures.yaml"
    path.write_text(YAML.replace("SELECT * FROM items", "SELECT item_id, title FROM items"))
    client = unbuilt.client()
    assert client.create_model(path)["counts"]["items_with_picture"] == 0
    assert {"red-4", "red-5"} == set(client.rank("shop", "U0", limit=2).ids)


def test_pictures_may_come_as_bytes_from_a_table_in_memory(unbuilt):
    items = pl.read_csv(unbuilt.folder / "items.csv")
    data = [
        (unbuilt.folder / path).read_bytes() if path and (unbuilt.folder / path).exists() else None
        for path in items["image"]
    ]
    frame = items.with_columns(image=pl.Series(data, dtype=pl.Binary))
    client = unbuilt.client(connections={"items_source": frame})
    assert client.create_model(unbuilt.yaml)["counts"]["items_with_picture"] == 22
    assert "image" not in client.rank("shop", "U0", limit=1).metadata[0]
    with pytest.raises(UnsupportedError, match="items_source"):
        unbuilt.client().update_model("shop")
    assert client.update_model("shop")["generation"] == 2


def test_item_with_several_image_columns_has_a_picture_if_any_can_be_read(unbuilt):
    items = pl.read_csv(unbuilt.folder / "items.csv")
    other = pl.when(pl.col("item_id") == "grey-5").then(pl.lit("pictures/grey-0.png"))
    items.with_columns(image_back=other).write_csv(unbuilt.folder / "items.csv")
    client = unbuilt.client()
    view = client.create_model(unbuilt.yaml)
    assert view["counts"]["items_with_picture"] == 23
    assert view["coverage"]["columns"]["image"]["ok"] == 22
    assert view["coverage"]["columns"]["image_back"]["ok"] == 1
    assert not client.similar_items("shop", "grey-5").notes
    assert client.similar_items("shop", "grey-4").notes


def test_users_table_describes_similar_users(unbuilt):
    users = pl.DataFrame({"user_id": [f"U{n}" for n in range(30)], "town": ["Ulm"] * 30})
    users.write_csv(unbuilt.folder / "users.csv")
    path = unbuilt.folder / "users.yaml"
    connector = (
        "  - {id: users_source, path: users.csv}\nfetch:\n  users: SELECT * FROM users_source"
    )
    path.write_text(YAML.replace("fetch:", connector))
    client = unbuilt.client()
    client.create_model(path)
    assert client.similar_users("shop", "U0", limit=1).metadata[0]["town"] == "Ulm"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("name: shop", "name: ../shop", InvalidNameError),
        ("name: shop", "name: shop\n  colour: red", ConfigError),
        ("name: shop", "name: shop\n  slate_size: 5", UnsupportedError),
        (
            "name: shop",
            "name: shop\n  language_model_name: openai/clip-vit-base-patch32",
            EncoderError,
        ),
    ],
)
def test_definition_that_cannot_be_honoured_is_refused(unbuilt, old, new, error):
    path = unbuilt.folder / "refused.yaml"
    path.write_text(YAML.replace(old, new))
    with pytest.raises(error):
        unbuilt.client().create_model(path)


def test_validate_reports_without_building(unbuilt):
    report = unbuilt.client().validate(unbuilt.yaml)
    assert report["image_columns"] == ["image"]
    assert report["tables"]["events"]["kept"] == 96
    assert unbuilt.client().list_models() == {"models": []}


def test_deleted_model_is_gone(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    client.rank("shop", "U0")
    client.delete_model("shop")
    assert client.list_models() == {"models": []}
    with pytest.raises(LookupError):
        client.rank("shop", "U0")


def test_full_disk_is_told_and_nothing_half_written_is_active(unbuilt, tiny_disk):
    (tiny_disk / "filler").write_bytes(b"x" * 1_900_000)
    with pytest.raises(StorageError, match="full"):
        Client(tiny_disk).create_model(unbuilt.yaml)
    (tiny_disk / "filler").unlink()
    with pytest.raises(ModelNotActiveError):
        Client(tiny_disk).rank("shop", "U0")
    assert Client(tiny_disk).create_model(unbuilt.yaml)["status"] == "ACTIVE"


def test_read_only_home_is_told_and_can_still_be_asked(unbuilt, tiny_disk):
    place = tiny_disk / "home"
    Client(place).create_model(unbuilt.yaml)
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    client = Client(place)
    assert client.rank("shop", "U0").ids
    assert client.view_model("shop")["status"] == "ACTIVE"
    with pytest.raises(StorageError, match="read-only"):
        client.update_model("shop")
    subprocess.run(["mount", "-o", "remount,rw", str(tiny_disk)], check=True)


def test_interrupted_build_keeps_what_it_encoded(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(130):
        (photos / f"{number}.png").write_bytes(encode(draw((number, 80, 160), number), "PNG"))

    def interrupt(status):
        if status.step == "pictures" and status.done == 120:
            raise KeyboardInterrupt

    client = Client(tmp_path / "home")
    with pytest.raises(KeyboardInterrupt):
        client.index(photos, on_status=interrupt)
    view = client.view_model("photos")
    assert view["status"] == "ERROR"
    assert "interrupted" in view["error_message"]
    kept = [np.load(path) for path in (tmp_path / "home" / "cache" / "vectors").rglob("*.npy")]
    assert kept
    assert all(len(segment) >= 64 for segment in kept)
    assert client.index(photos)["counts"]["items_with_picture"] == 130


def test_an_index_that_misses_its_recall_is_a_warning_of_the_model(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "EXACT_ROWS", 1)
    monkeypatch.setitem(promise.build_graph.__kwdefaults__, "target", 1.01)
    view = Client(tmp_path / "home").create_model(shop.yaml)
    assert view["status"] == "ACTIVE"
    assert view["index"]["images"]["recall_at_10"]
    assert "images: searches with " in view["warning_message"]
    assert "fewer than the 101% promised" in view["warning_message"]
