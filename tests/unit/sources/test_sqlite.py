import sqlite3
from contextlib import closing

import polars as pl
import pytest
from sightline.errors import ConnectorError
from sightline.sources import sqlite as sqlite_source
from sightline.sources.connect import open_source
from sightline.sources.fetch import run_queries


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            """
            CREATE TABLE items (item_id INTEGER, title TEXT, price REAL, active BOOLEAN, image BLOB,
                                mixed, "odd ""name" TEXT, never TEXT);
            INSERT INTO items VALUES (1, 'a', 1.5, 1, X'00ff', 12, 'x', NULL),
                                     (2, NULL, 2, 0, NULL, 'twelve', 'y', NULL),
                                     (3, 'c', NULL, NULL, X'', 1.25, NULL, NULL);
            CREATE VIEW cheap AS SELECT item_id FROM items WHERE price < 2;
            CREATE TABLE events_source (user_id TEXT, label INTEGER);
            """
        )
    return path


def test_every_type_survives(shop, query):
    frame = query("FROM items ORDER BY item_id", items=shop)
    assert frame.to_dict(as_series=False) == {
        "item_id": [1, 2, 3],
        "title": ["a", None, "c"],
        "price": [1.5, 2.0, None],
        "active": [True, False, None],
        "image": [b"\x00\xff", None, b""],
        "mixed": ["12", "twelve", "1.25"],
        'odd "name': ["x", "y", None],
        "never": [None, None, None],
    }


def test_a_boolean_column_with_other_numbers_stays_numbers(shop, query):
    with closing(sqlite3.connect(shop)) as db, db:
        db.execute("UPDATE items SET active = 7 WHERE item_id = 1")
    assert query("SELECT active FROM items", items=shop).to_series().to_list() == [7, 0, None]


def test_text_that_is_not_utf8_does_not_end_the_run(shop, query):
    with closing(sqlite3.connect(shop)) as db, db:
        db.execute("UPDATE items SET title = CAST(X'636166e9' AS TEXT) WHERE item_id = 1")
    assert query("SELECT title FROM items", items=shop)["title"][0] == "caf\ufffd"


@pytest.mark.parametrize(
    ("binding", "ids"),
    [
        ("shop.db", [1, 2, 3]),
        ("shop.db#cheap", [1]),
        ("shop.db#ITEMS", [1, 2, 3]),
        ("sqlite:///shop.db", [1, 2, 3]),
        ("sqlite:///shop.db#cheap", [1]),
    ],
)
def test_every_address_of_a_table_works(shop, query, binding, ids):
    assert query("SELECT item_id FROM items", items=binding).to_series().to_list() == ids


@pytest.mark.parametrize("slashes", ["sqlite://", "sqlite:///"])
def test_an_absolute_path_works_with_three_slashes_and_with_four(shop, query, slashes):
    assert len(query("FROM items", items=f"{slashes}{shop}")) == 3


def test_the_table_may_be_called_like_the_connector(shop, tmp_path):
    source = open_source("shop.db", connector="source_1", name="items", base_dir=tmp_path)
    assert len(run_queries({"items": "FROM source_1"}, {"source_1": source}).tables["items"]) == 3


def test_all_rows_come_in_batches(tmp_path, query):
    with closing(sqlite3.connect(tmp_path / "big.sqlite")) as db, db:
        db.execute("CREATE TABLE many (n INTEGER, who TEXT)")
        db.executemany("INSERT INTO many VALUES (?, ?)", ((n, f"u{n}") for n in range(50_001)))
    frame = query("SELECT count(*) AS rows, sum(n)::BIGINT AS total FROM many", many="big.sqlite")
    assert frame.row(0) == (50_001, 1_250_025_000)


def test_an_empty_table_keeps_its_columns(tmp_path, query):
    with closing(sqlite3.connect(tmp_path / "empty.db")) as db, db:
        db.execute("CREATE TABLE items (item_id INTEGER, title TEXT)")
    assert query("FROM items", items="empty.db").schema == {
        "item_id": pl.String,
        "title": pl.String,
    }


def test_a_missing_table_is_answered_with_those_there_are(shop, query):
    with pytest.raises(ConnectorError, match="no table 'nope'; it has cheap, events_source, items"):
        query("FROM items", items="shop.db#nope")


def test_a_missing_file_is_not_created(tmp_path, query):
    with pytest.raises(ConnectorError, match="does not exist"):
        query("FROM items", items="nothing.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind_is_said_to_be_one(tmp_path, query):
    (tmp_path / "shop.db").write_text("item_id,title\n1,a\n" * 100)
    with pytest.raises(ConnectorError, match="not a database"):
        query("FROM items", items="shop.db")


def test_rows_written_meanwhile_do_not_change_the_types(tmp_path, query, monkeypatch):
    path = tmp_path / "live.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as shop:
        shop.execute("PRAGMA journal_mode = WAL")
        shop.execute("CREATE TABLE items (price)")
        shop.execute("INSERT INTO items VALUES (1)")
        asked = sqlite_source._columns

        def ask_and_lose_the_race(db, table):
            columns = asked(db, table)
            shop.execute("INSERT INTO items VALUES ('on request')")
            return columns

        monkeypatch.setattr(sqlite_source, "_columns", ask_and_lose_the_race)
        assert query("FROM items", items=path)["price"].to_list() == [1]


def test_the_file_is_never_written(shop, query):
    before = shop.read_bytes()
    query("FROM items", items=shop)
    assert shop.read_bytes() == before
    assert list(shop.parent.iterdir()) == [shop]
