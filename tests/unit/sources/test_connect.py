from pathlib import Path

import pytest
from sightline.errors import ConnectorError
from sightline.sources.connect import open_source


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "shop #1.csv").write_text("item_id\n1\n")
    return tmp_path / "shop #1.csv"


def test_paths_are_relative_to_the_base_folder(shop, query):
    assert len(query("FROM items", items=shop.name)) == 1


def test_path_objects_and_absolute_paths_work(shop, query):
    assert len(query("FROM items", items=Path(shop))) == 1
    assert len(query("FROM items", items=str(shop))) == 1


def test_a_file_address_works(shop, query):
    assert len(query("FROM items", items=shop.as_uri().replace("#", "%23"))) == 1


def test_a_home_folder_is_expanded(shop, query, monkeypatch):
    monkeypatch.setenv("HOME", str(shop.parent))
    assert len(query("FROM items", items=f"~/{shop.name}")) == 1


@pytest.mark.parametrize(
    "address", ["https://x.example/a.csv", "s3://bucket/a.parquet", "mysql://h/d"]
)
def test_an_address_of_another_kind_is_refused_by_name(tmp_path, address):
    with pytest.raises(
        ConnectorError, match=rf"'items' is bound to a {address.split(':', 1)[0]}://"
    ):
        open_source(address, connector="items", base_dir=tmp_path)
