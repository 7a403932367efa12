import polars as pl
import pytest
from sightline.errors import ConfigError, DatasetExistsError, DatasetNotFoundError
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
