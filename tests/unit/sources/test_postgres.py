import sys
from datetime import UTC, date, datetime

import polars as pl
import pytest
from sightline.errors import ConnectorError
from sightline.sources.connect import open_source
from sightline.sources.fetch import run_queries
from sightline.sources.postgres import redacted


@pytest.fixture(scope="module")
def shop(postgres):
    postgres.execute(
        "CREATE TYPE colour AS ENUM ('red', 'blue')",
        "CREATE DOMAIN euros AS numeric(10, 2)",
        """
        CREATE TABLE items (
            item_id integer PRIMARY KEY, small smallint, big bigint, price numeric, cost euros,
            weight real, active boolean, made date, created_at timestamptz, local_time timestamp,
            sku uuid, details jsonb, tags text[], sizes integer[], grid integer[], colour colour,
            image bytea, description text, "Odd ""name" varchar
        )
        """,
        """
        INSERT INTO items VALUES (
            1, 2, 9007199254740993, 12.5, 3.25, 0.5, true, '2024-02-29',
            '2024-01-01 12:00:00.123456+02', '2024-01-01 12:00:00',
            'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, 2]}', ARRAY['x', NULL, 'y, "z"'],
            ARRAY[38, 40], ARRAY[[1, 2], [3, 4]], 'red', '\\x00ff', E'line\none', 'x'
        )
        """,
        "INSERT INTO items (item_id) VALUES (2)",
        """
        INSERT INTO items (item_id, price, weight, made, created_at, description, tags)
        VALUES (3, 'NaN', 'Infinity', 'infinity', '-infinity', '', '{}'), (4, '1e400', 'NaN',
                NULL, NULL, NULL, NULL)
        """,
        "CREATE SCHEMA archive",
        "CREATE TABLE archive.items AS SELECT 7 AS item_id",
        "CREATE TABLE archive.old AS SELECT 8 AS item_id",
        "CREATE VIEW cheap AS SELECT item_id, price FROM items WHERE price < 100",
        "CREATE TABLE many AS SELECT i AS n, 'user ' || i AS who FROM generate_series(1, 50000) i",
    )
    return postgres


def test_every_type_survives(shop, query):
    frame = query("SELECT * FROM items ORDER BY item_id", items=shop.uri)
    assert frame.row(0, named=True) == {
        "item_id": 1,
        "small": 2,
        "big": 9007199254740993,
        "price": 12.5,
        "cost": 3.25,
        "weight": 0.5,
        "active": True,
        "made": date(2024, 2, 29),
        "created_at": datetime(2024, 1, 1, 10, 0, 0, 123456, tzinfo=UTC),
        "local_time": datetime(2024, 1, 1, 12),
        "sku": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "details": '{"a": [1, 2]}',
        "tags": ["x", None, 'y, "z"'],
        "sizes": [38, 40],
        "grid": [1, 2, 3, 4],
        "colour": "red",
        "image": b"\x00\xff",
        "description": "line\none",
        'Odd "name': "x",
    }


def test_null_is_null_in_every_type(shop, query):
    frame = query("SELECT * EXCLUDE (item_id) FROM items WHERE item_id = 2", items=shop.uri)
    assert frame.null_count().row(0) == (1,) * frame.width


def test_values_without_a_counterpart_do_not_end_the_run(shop, query):
    frame = query("SELECT * FROM items WHERE item_id > 2 ORDER BY item_id", items=shop.uri)
    assert frame["made"].to_list() == [None, None]
    assert frame["created_at"].to_list() == [None, None]
    assert not frame["price"].is_finite().any()
    assert frame["description"].to_list() == ["", None]
    assert frame["tags"].to_list() == [[], None]


def test_all_rows_come_in_batches(shop, query):
    frame = query("SELECT count(*) AS rows, sum(n) AS total, max(who) FROM many", many=shop.uri)
    assert frame.row(0) == (50_000, 1_250_025_000, "user 9999")


def test_a_schema_and_a_view_can_be_named(shop, query):
    sql = "SELECT item_id FROM shop"
    assert query(sql, shop=f"{shop.uri}#archive.old").to_series().to_list() == [8]
    assert query(sql, shop=f"{shop.uri}#archive.items").to_series().to_list() == [7]
    assert query(sql, shop=f"{shop.uri}#cheap").to_series().to_list() == [1]


def test_the_table_may_be_called_like_the_connector_or_given_beside_it(shop, tmp_path):
    for wanted in ({"name": "items"}, {"table": "public.items"}):
        source = open_source(shop.uri, connector="items_source", base_dir=tmp_path, **wanted)
        fetched = run_queries({"items": "FROM items_source"}, {"items_source": source})
        assert len(fetched.tables["items"]) == 4


def test_an_empty_table_keeps_its_columns(shop, query):
    shop.execute("CREATE TABLE bare (user_id text, at timestamptz, tags text[])")
    frame = query("SELECT * FROM bare", bare=shop.uri)
    assert frame.schema == {
        "user_id": pl.String,
        "at": pl.Datetime("us", "UTC"),
        "tags": pl.List(pl.String),
    }


def test_a_missing_table_is_answered_with_those_there_are(shop, query):
    with pytest.raises(ConnectorError, match=r"no table 'nope'; it has .*archive\.old"):
        query("FROM items", items=f"{shop.uri}#nope")


def test_the_database_is_never_written(shop, query):
    shop.execute("CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    shop.execute(
        "CREATE FUNCTION sneak() RETURNS int LANGUAGE plpgsql AS "
        "$$ BEGIN CREATE TABLE stolen (a int); RETURN 1; END $$",
        "CREATE VIEW trap AS SELECT sneak() AS item_id",
    )
    with pytest.raises(ConnectorError, match="read-only transaction"):
        query("FROM trap", trap=shop.uri)


@pytest.mark.parametrize(
    "change",
    [("shop:", "shop:wrong-"), ("/postgres?", "/nowhere?"), ("?host=", "?host=/nonexistent")],
)
def test_a_failed_connection_never_shows_the_password(shop, query, change):
    uri = shop.uri.replace(*change)
    with pytest.raises(ConnectorError) as caught:
        query("FROM items", items=uri)
    shown = f"{caught.value} {caught.value.__cause__} {caught.value.__context__!r}"
    assert "w0rd" not in shown
    assert "postgresql://" in str(caught.value)


@pytest.mark.parametrize("password", ["s3c/ret", "s3c#ret", "s3c?ret", "s3c@ret", "s3c[ret"])
def test_an_unquoted_password_never_shows_either(query, password):
    with pytest.raises(ConnectorError) as caught:
        query("FROM items", items=f"postgresql://shop:{password}@127.0.0.1:1/db")
    assert "s3c" not in str(caught.value)
    assert "ret" not in str(caught.value)


def test_a_source_does_not_show_its_password_when_printed(tmp_path):
    uri = "postgresql://shop:s3cret@host/db"
    assert "s3cret" not in repr(open_source(uri, connector="items", base_dir=tmp_path))


def test_redacted_keeps_the_place_and_nothing_else():
    assert redacted("postgres://u:p@ss@db:5432/shop?password=x") == "postgres://db:5432/shop"
    assert redacted("postgresql:///shop?user=a@b&password=x") == "postgresql://b"
    assert redacted("postgresql://db/shop") == "postgresql://db/shop"


def test_without_psycopg_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "sightline.sources.postgres", raising=False)
    with pytest.raises(ConnectorError, match=r"sightline\[postgres\]"):
        open_source("postgresql://host/db", connector="items", base_dir=tmp_path)
