from decimal import Decimal

import polars as pl
import pytest
from sightline.errors import ConnectorError, QueryError
from sightline.sources.connect import open_source
from sightline.sources.fetch import run_queries

ITEMS = pl.DataFrame({"item_id": [1, 2], "title": ["a", "b"], "price": ["1.5", "free"]})
PRICES = pl.DataFrame({"item_id": [1, 2], "amount": [3.0, 4.0]})


def refused(query, sql):
    with pytest.raises(QueryError) as caught:
        query(sql, items=ITEMS, prices=PRICES)
    return str(caught.value)


def test_several_queries_run_over_several_sources(tmp_path):
    sources = {
        name: open_source(frame, connector=name, base_dir=tmp_path)
        for name, frame in (("items", ITEMS), ("prices", PRICES))
    }
    fetched = run_queries({"items": "SELECT title FROM items", "events": "FROM prices"}, sources)
    assert fetched.tables["items"]["title"].to_list() == ["a", "b"]
    assert fetched.tables["events"].equals(PRICES)
    assert {name: report.kept for name, report in fetched.sources.items()} == {
        "items": 2,
        "prices": 2,
    }


def test_notes_are_taken_out_before_the_query_runs(query):
    sql = "SELECT item_id, # the key; isn't it?\n '#1' AS rank FROM items # all\n"
    assert query(sql, items=ITEMS).row(0) == (1, "#1")


def test_a_last_semicolon_and_comments_are_fine(query):
    assert len(query("-- all\nSELECT * FROM items; -- done\n", items=ITEMS)) == 2


def test_a_connector_id_that_is_no_sql_name_can_be_quoted(query):
    assert len(query('FROM "shop-items 1"', **{"shop-items 1": ITEMS})) == 2


def test_columns_of_one_name_are_told_apart(query):
    sql = "SELECT i.*, p.* FROM items i JOIN prices p ON i.item_id = p.item_id"
    frame = query(sql, items=ITEMS, prices=PRICES)
    assert frame.columns == ["item_id", "title", "price", "item_id_1", "amount"]


def test_types_that_polars_does_not_have_become_text(query):
    sql = """
        SELECT {'a': 1} AS struct, [1.5, 2.5] AS list, [{'a': 1}] AS structs, MAP {'a': 1} AS map,
               INTERVAL 1 DAY AS interval, '{"a": 1}'::JSON AS json, ['{}'::JSON] AS jsons,
               uuid() IS NOT NULL AS uuid, 1::HUGEINT AS huge, NULL AS nothing, '101'::BIT AS bits,
               union_value(k := 1) AS united, TIME '01:02:03' AS time, 'x'::ENUM ('x', 'y') AS enum
    """
    assert query(sql).row(0, named=True) == {
        "struct": '{"a":1}',
        "list": [Decimal("1.5"), Decimal("2.5")],
        "structs": ["{'a': 1}"],
        "map": '{"a":1}',
        "interval": "1 day",
        "json": '{"a":1}',
        "jsons": ["{}"],
        "uuid": True,
        "huge": 1,
        "nothing": None,
        "bits": "101",
        "united": '{"k":1}',
        "time": "01:02:03",
        "enum": "x",
    }


def test_a_missing_column_is_answered_with_those_of_the_tables_read(query):
    message = refused(query, "SELECT nope FROM items")
    assert message.startswith("fetch.items: ")
    assert '"nope"' in message
    assert "items has the columns item_id, title, price" in message
    assert "amount" not in message


def test_a_missing_table_is_answered_with_the_connectors_bound(query):
    message = refused(query, "SELECT * FROM itemz")
    assert message == (
        "fetch.items: there is no table itemz (is items meant?). "
        "The connectors bound here are items, prices"
    )


def test_a_query_that_does_not_parse_names_the_line(query):
    message = refused(query, "SELECT title,\n  price,, item_id\nFROM items")
    assert message.startswith("fetch.items, line 2 (price,, item_id): syntax error")


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM items WHERE price > 1", "SELECT price + 1 AS p FROM items"]
)
def test_arithmetic_on_text_is_answered_with_try_cast(query, sql):
    assert "TRY_CAST" in refused(query, sql)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("", "nothing"),
        ("-- only a comment", "nothing"),
        ("# only a note", "nothing"),
        ("SELECT 1; SELECT 2", "SELECT and SELECT"),
        ("SELECT 1; DROP TABLE items", "SELECT and DROP"),
        ("INSERT INTO items VALUES (3, 'c', '1')", "INSERT"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
    ],
)
def test_a_query_is_exactly_one_select(query, sql, found):
    assert refused(query, sql) == f"fetch.items must be exactly one SELECT; it holds {found}"


def test_a_query_is_checked_before_any_source_is_read(tmp_path):
    class Unreachable:
        def load(self, connection, name):
            raise AssertionError

    with pytest.raises(QueryError):
        run_queries({"items": "SELEC 1"}, {"items": Unreachable()})


def test_connectors_that_differ_in_case_only_are_refused(query):
    with pytest.raises(ConnectorError, match="'items' and 'Items'"):
        query("FROM items", items=ITEMS, Items=PRICES)


def test_nothing_is_left_in_the_working_folder(query, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    query("SELECT * FROM items ORDER BY title", items=ITEMS)
    assert list(tmp_path.iterdir()) == []
