"""A live model brought up to date with its sources: items that come, change and go."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from sightline import Client
from sightline.errors import ModelNotActiveError, SightlineError, UnknownItemError, UnsupportedError
from sightline.images.codec import encode
from sightline.snapshot import Snapshot
from sightline.store.generation import active_number, open_active
from small_shop import Shop, draw, write_shop


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Shop:
    folder = tmp_path_factory.mktemp("built")
    write_shop(folder / "shop")
    shop = Shop(folder / "shop", folder / "home")
    shop.client(threads=1).create_model(shop.yaml)
    return shop


@pytest.fixture
def shop(built, tmp_path) -> Shop:
    shutil.copytree(built.folder, tmp_path / "shop")
    shutil.copytree(built.home, tmp_path / "home")
    shop = Shop(tmp_path / "shop", tmp_path / "home")
    recipe = shop.home / "models" / "shop" / "recipe.json"
    recipe.write_text(recipe.read_text().replace(str(built.folder), str(shop.folder)))
    return shop


def items(shop):
    return pl.read_csv(shop.folder / "items.csv").to_dicts()


def write(shop, rows):
    pl.DataFrame(rows).write_csv(shop.folder / "items.csv")


def counts(report):
    return {name: report[name] for name in ("added", "replaced", "deleted")}


def manifest(shop):
    return open_active(shop.home / "models" / "shop").manifest


def test_nothing_new_makes_no_generation(shop):
    report = shop.client().sync("shop")
    assert report == {
        "model_name": "shop",
        "generation": 1,
        "added": 0,
        "replaced": 0,
        "deleted": 0,
        "unchanged": len(items(shop)),
    }
    assert shop.client().view_model("shop")["status"] == "ACTIVE"


def test_new_item_is_found_at_once_by_its_looks_and_words_and_shown_to_people(shop):
    client = shop.client()
    client.similar_items("shop", "red-0")  # open before
    rows = items(shop)
    new = rows[0] | {"item_id": "zebra", "title": "quagga"}
    write(shop, [*rows, new])
    report = client.sync("shop")
    assert counts(report) == {"added": 1, "replaced": 0, "deleted": 0}
    assert report["generation"] == 2
    assert "zebra" in client.similar_items("shop", "red-0", limit=6).ids
    assert set(client.similar_items("shop", "zebra", limit=6).ids) == {f"red-{n}" for n in range(6)}
    assert client.retrieve("shop", text_query="quagga", limit=1).ids == ["zebra"]
    assert "zebra" in client.rank("shop", "U0", limit=30).ids
    assert "zebra" in client.retrieve("shop", image=shop.folder / new["image"], limit=7).ids


def test_deleted_item_is_nowhere(shop):
    client = shop.client()
    write(shop, [row for row in items(shop) if row["item_id"] != "red-1"])
    assert counts(client.sync("shop")) == {"added": 0, "replaced": 0, "deleted": 1}
    with pytest.raises(UnknownItemError):
        client.similar_items("shop", "red-1")
    assert "red-1" not in client.similar_items("shop", "red-0", limit=100).ids
    assert "red-1" not in client.rank("shop", limit=100).ids
    for user in range(8):
        assert "red-1" not in client.rank("shop", f"U{user}", limit=100).ids


def test_replaced_item_has_its_new_picture_and_columns(shop):
    client = shop.client()
    rows = items(shop)
    blue = next(row for row in rows if row["item_id"] == "blue-0")
    for row in rows:
        if row["item_id"] == "green-0":
            row |= {"image": blue["image"], "price": 77.0}
    write(shop, rows)
    assert counts(client.sync("shop")) == {"added": 0, "replaced": 1, "deleted": 0}
    found = client.retrieve("shop", image=shop.folder / blue["image"], limit=7)
    assert set(found.ids) == {"green-0", *(f"blue-{n}" for n in range(6))}
    shown = dict(zip(found.ids, found.metadata, strict=True))
    assert shown["green-0"]["price"] == 77
    assert client.rank("shop", filter_predicate="price = 77", limit=5).ids == ["green-0"]


def test_only_what_changed_is_encoded(shop):
    rows = items(shop)
    (shop.folder / "pictures" / "new.png").write_bytes(encode(draw((9, 200, 200), 99), "PNG"))
    write(shop, [*rows, rows[0] | {"item_id": "zebra", "image": "pictures/new.png"}])
    cached = vectors_cached(shop)
    shop.client().sync("shop")
    assert vectors_cached(shop) == cached + 1  # its words are those of another item


def vectors_cached(shop):
    """How many vectors have been computed by the encoder, and kept."""
    segments = (shop.home / "cache" / "vectors").glob("int8-*/*.npy")
    return sum(len(np.load(segment, mmap_mode="r")) for segment in segments)


def test_what_was_learnt_stays_and_what_people_did_is_of_now(shop):
    before = manifest(shop)
    client = shop.client()
    events = pl.read_csv(shop.folder / "events.csv", infer_schema=False)
    new = pl.DataFrame(
        {
            name: {"user_id": "newcomer", "item_id": "red-0"}.get(name, events[name][0])
            for name in events.columns
        }
    )
    pl.concat([events, new]).write_csv(shop.folder / "events.csv")
    report = client.sync("shop")
    assert report["generation"] == 2
    assert counts(report) == {"added": 0, "replaced": 0, "deleted": 0}
    after = manifest(shop)
    for same in ("policy", "learned", "metrics", "trained_at"):
        assert after[same] == before[same]
    assert after["counts"]["users"] == before["counts"]["users"] + 1
    assert "red-0" not in client.rank("shop", "newcomer", limit=100).ids


def test_sync_and_build_answer_alike(shop):
    client = shop.client()
    rows = items(shop)
    changed = [row for row in rows if row["item_id"] not in {"red-2", "grey-0"}]
    changed[0] |= {"price": 3.0}
    changed.append(rows[7] | {"item_id": "again"})
    write(shop, changed)
    client.sync("shop")
    synced = Snapshot(open_active(shop.home / "models" / "shop"))
    likeness = {
        row["item_id"]: client.similar_items("shop", row["item_id"], limit=5).ids for row in changed
    }
    client.update_model("shop")
    again = Snapshot(open_active(shop.home / "models" / "shop"))
    for name in ("images", "texts"):
        a, b = getattr(synced.catalogue, name), getattr(again.catalogue, name)
        assert np.array_equal(a.vectors, b.vectors)
        assert np.array_equal(a.presence, b.presence)
    assert synced.columns().equals(again.columns())
    alike = [
        len(set(likeness[item]) & set(client.similar_items("shop", item, limit=5).ids))
        for item in likeness
    ]
    assert np.mean(alike) > 4


def test_what_a_rebuild_is_due_for_is_counted_over_several_syncs(shop):
    client = shop.client()
    rows = items(shop)
    write(shop, [*rows, rows[0] | {"item_id": "one"}])
    client.sync("shop")
    write(shop, [*rows, rows[0] | {"item_id": "two"}])
    client.sync("shop")
    synced = client.view_model("shop")["synced"]
    assert (synced["added"], synced["deleted"]) == (1, 1)
    assert synced["since_training"] == {"added": 2, "replaced": 0, "deleted": 1}
    client.update_model("shop")
    assert client.view_model("shop")["synced"] is None


def test_labels_of_all_items_are_told_anew_and_make_nobody_replaced(shop):
    client = shop.client()
    client.label("shop", labels=["red", "blue"], column="colour")
    rows = items(shop)
    write(shop, [*rows, rows[0] | {"item_id": "zebra"}])
    assert counts(client.sync("shop")) == {"added": 1, "replaced": 0, "deleted": 0}
    asked = {"filter_predicate": "colour IS NOT NULL AND item_id = 'zebra'"}
    assert client.rank("shop", **asked).ids == ["zebra"]


def test_failure_leaves_the_active_generation(shop):
    (shop.folder / "items.csv").unlink()
    client = shop.client()
    with pytest.raises(SightlineError, match=r"items\.csv"):
        client.sync("shop")
    view = client.view_model("shop")
    assert (view["status"], view["generation"]) == ("ERROR", 1)
    assert client.similar_items("shop", "red-0", limit=1).ids


def test_model_that_was_never_built_has_nothing_to_sync(shop):
    (shop.home / "models" / "shop" / "ACTIVE").unlink()
    with pytest.raises(ModelNotActiveError):
        shop.client().sync("shop")


def test_another_encoder_is_refused(shop):
    recipe = shop.home / "models" / "shop" / "recipe.json"
    entries = json.loads(recipe.read_text())
    recipe.write_text(json.dumps(entries | {"encoder": "attributes"}))
    with pytest.raises(UnsupportedError, match="update-model --model-name shop"):
        shop.client().sync("shop")
    assert active_number(shop.home / "models" / "shop") == 1


def test_all_items_but_one_may_go(shop):
    client = shop.client()
    write(shop, items(shop)[:1])
    assert client.sync("shop")["deleted"] == 23
    assert client.rank("shop", limit=9).ids == ["red-0"]


def test_folder_of_pictures_is_synced(shop, tmp_path):
    client = Client(tmp_path / "other")
    client.index(shop.folder / "pictures", model_name="pics")
    pictures = sorted((shop.folder / "pictures").iterdir())
    shutil.copy(pictures[0], pictures[0].with_name("zz-copy.png"))
    pictures[1].unlink()
    assert counts(client.sync("pics")) == {"added": 1, "replaced": 0, "deleted": 1}
    found = client.retrieve("pics", image=pictures[0], limit=6).ids
    assert {"zz-copy.png", pictures[0].name} <= set(found)
    assert pictures[1].name not in found


def test_command_tells_what_changed(shop):
    rows = items(shop)
    write(shop, rows[1:])
    told = shop.run("sync", "--model-name", "shop").stdout
    assert "0 added, 0 replaced, 1 deleted, 23 unchanged; generation 2 is active" in told
    report = json.loads(shop.run("sync", "--model-name", "shop", "--json").stdout)
    assert (report["generation"], report["deleted"]) == (2, 0)


def test_float16_vectors_are_carried_over_where_they_are_the_same(built, tmp_path):
    shutil.copytree(built.folder, tmp_path / "shop")
    shop = Shop(tmp_path / "shop", tmp_path / "home")
    halves = "  name: shop\n  index_config: {vectors: float16}\n"
    shop.yaml.write_text(shop.yaml.read_text().replace("  name: shop\n", halves))
    client = shop.client(threads=1)
    client.create_model(shop.yaml)
    assert client.sync("shop")["generation"] == 1
    rows = items(shop)
    write(shop, [*rows[1:], rows[3] | {"item_id": "zebra"}])
    assert counts(client.sync("shop")) == {"added": 1, "replaced": 0, "deleted": 1}
    index = manifest(shop)["index"]["images"]
    assert (index["carried"], index["joined"], index["left"]) == (21, 1, 1)
