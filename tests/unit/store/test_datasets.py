import datetime as dt
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from sightline.errors import (
    ConfigError,
    DatasetExistsError,
    DatasetNotFoundError,
    StorageError,
)
from sightline.store.datasets import (
    create_dataset,
    dataset_segments,
    delete_dataset,
    insert_rows,
    list_datasets,
)
from sightline.store.home import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def stored(home, name):
    return pl.read_parquet(sorted(dataset_segments(home, name).glob("*.parquet")))


def test_inserts_append_in_order(home):
    create_dataset(home, "clicks")
    insert_rows(home, "clicks", pl.DataFrame({"user_id": ["a", "b"]}))
    insert_rows(home, "clicks", pl.DataFrame({"user_id": ["c"]}))
    assert stored(home, "clicks")["user_id"].to_list() == ["a", "b", "c"]
    assert list_datasets(home) == [
        {"dataset_name": "clicks", "rows": 3, "columns": {"user_id": "String"}}
    ]


def test_cells_that_do_not_fit_the_schema_become_null_and_are_counted(home):
    create_dataset(home, "clicks", {"user_id": "String", "at": "DateTime", "tags": "Array(String)"})
    inserted = insert_rows(
        home,
        "clicks",
        pl.DataFrame(
            {"user_id": [1, 2], "at": ["2026-01-01 00:00:00", "soon"], "tags": [["x"], None]}
        ),
    )
    assert (inserted.rows, inserted.nulled) == (2, {"at": 1})
    assert stored(home, "clicks")["user_id"].to_list() == ["1", "2"]


def test_rows_with_other_columns_are_refused_and_nothing_is_stored(home):
    create_dataset(home, "clicks", {"user_id": "String"})
    with pytest.raises(ConfigError, match=r"missing \['user_id'\], unknown \['userid'\]"):
        insert_rows(home, "clicks", pl.DataFrame({"userid": ["a"]}))
    assert list_datasets(home)[0]["rows"] == 0


def test_unknown_type_is_refused_before_anything_is_made(home):
    with pytest.raises(ConfigError, match=r"Strnig.*String"):
        create_dataset(home, "clicks", {"user_id": "Strnig"})
    assert home.datasets() == []


def test_name_that_is_taken_is_refused(home):
    create_dataset(home, "clicks")
    with pytest.raises(DatasetExistsError, match="dataset-insert"):
        create_dataset(home, "clicks")


def test_empty_unknown_and_deleted_datasets_say_what_to_do(home):
    create_dataset(home, "clicks")
    with pytest.raises(DatasetNotFoundError, match="empty"):
        dataset_segments(home, "clicks")
    delete_dataset(home, "clicks")
    with pytest.raises(DatasetNotFoundError, match="datasets here: none"):
        insert_rows(home, "clicks", pl.DataFrame({"a": [1]}))


def test_columns_and_types_of_the_first_insert_hold_for_all(home):
    create_dataset(home, "clicks")
    insert_rows(home, "clicks", pl.DataFrame({"user": ["a"], "at": [dt.datetime(2026, 1, 1)]}))
    assert list_datasets(home)[0]["columns"] == {"user": "String", "at": "DateTime"}
    with pytest.raises(ConfigError, match=r"missing \['user', 'at'\], unknown \['item'\]"):
        insert_rows(home, "clicks", pl.DataFrame({"item": ["b"]}))
    zoned = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    inserted = insert_rows(home, "clicks", pl.DataFrame({"user": [7], "at": [zoned]}))
    assert inserted.nulled == {}
    assert stored(home, "clicks").rows() == [
        ("a", dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        ("7", zoned),
    ]


def test_failed_first_insert_fixes_no_columns_and_leaves_nothing(tiny_disk):
    home = Home(tiny_disk)
    create_dataset(home, "clicks")
    with pytest.raises(StorageError, match="disk is full"):
        insert_rows(home, "clicks", pl.DataFrame({"a": np.random.default_rng(0).random(1_000_000)}))
    assert list((home.dataset("clicks") / "segments").iterdir()) == []
    insert_rows(home, "clicks", pl.DataFrame({"b": [1]}))
    assert list_datasets(home)[0]["columns"] == {"b": "Int64"}


def test_of_many_who_create_one_name_at_once_exactly_one_does(home):
    script = (
        "import sys; from sightline.store.datasets import create_dataset\n"
        "from sightline.store.home import Home\n"
        "home = Home(sys.argv[1]); print('ready', flush=True); sys.stdin.read(1)\n"
        "create_dataset(home, 'clicks', {'column_' + sys.argv[2]: 'String'})"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(home.path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for number in range(4)
    ]
    for racer in racers:
        assert racer.stdout.readline() == b"ready\n"
    for racer in racers:
        racer.stdin.write(b"!")
        racer.stdin.flush()
    for racer in racers:
        racer.communicate()
    assert sorted(racer.returncode for racer in racers) == [0, 1, 1, 1]
    winner = next(number for number, racer in enumerate(racers) if racer.returncode == 0)
    assert list_datasets(home)[0]["columns"] == {f"column_{winner}": "String"}


def test_name_whose_creation_was_killed_half_way_can_be_created(home):
    home.dataset("clicks").mkdir(parents=True)
    create_dataset(home, "clicks")
    assert list_datasets(home) == [{"dataset_name": "clicks", "rows": 0, "columns": {}}]


@pytest.mark.parametrize("damaged", ["dataset.json", "segments/00.parquet"])
def test_damaged_dataset_is_listed_as_such_beside_the_others(home, damaged):
    for name in ("broken", "sound"):
        create_dataset(home, name)
        insert_rows(home, name, pl.DataFrame({"a": [1]}))
    (home.dataset("broken") / damaged).write_text("{")
    broken, sound = list_datasets(home)
    assert broken["rows"] is None
    assert broken["error_message"]
    assert sound == {"dataset_name": "sound", "rows": 1, "columns": {"a": "Int64"}}
