"""What a stranger's SQL must not reach."""

import os
from pathlib import Path

import polars as pl
import pytest
from sightline.errors import QueryError

hidden_frame = pl.DataFrame({"password": ["hunter2"]})


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A bound CSV and Parquet file beside files that are nobody's business."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGHTLINE_TEST_SECRET", "hunter2")
    (tmp_path / "items.csv").write_text("item_id\n1\n")
    (tmp_path / "secret.csv").write_text("password\nhunter2\n")
    pl.DataFrame({"item_id": [1]}).write_parquet(tmp_path / "bound.parquet")
    pl.DataFrame({"password": ["hunter2"]}).write_parquet(tmp_path / "secret.parquet")
    (tmp_path / "bound.parquet.bak").symlink_to(tmp_path / "secret.parquet")
    return tmp_path


@pytest.fixture
def attempt(world, query):
    def run(sql):
        before = {path: path.read_bytes() for path in world.iterdir()}
        hidden_local = hidden_frame  # noqa: F841 - what a replacement scan would find
        try:
            return query(
                sql.replace("{here}", str(world)), items="items.csv", bound="bound.parquet"
            )
        finally:
            assert {path: path.read_bytes() for path in world.iterdir()} == before

    return run


@pytest.mark.parametrize(
    "sql",
    [
        # other files, by every door
        "SELECT * FROM read_csv('{here}/secret.csv')",
        "SELECT * FROM read_csv('secret.csv')",
        "SELECT * FROM '{here}/secret.csv'",
        "SELECT * FROM 'secret.parquet'",
        "SELECT * FROM read_parquet('{here}/secret.parquet')",
        "SELECT * FROM read_parquet('{here}/*.parquet')",
        "SELECT * FROM read_parquet(['{here}/bound.parquet', '{here}/secret.parquet'])",
        "SELECT * FROM read_parquet('{here}/bound.parquet.bak')",
        "SELECT * FROM read_parquet('{here}/bound.parquet/../secret.parquet')",
        "SELECT * FROM parquet_metadata('{here}/secret.parquet')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM read_json('{here}/secret.csv')",
        "SELECT * FROM read_ndjson_objects('{here}/secret.csv')",
        "SELECT * FROM sniff_csv('{here}/secret.csv')",
        "SELECT * FROM glob('{here}/*')",
        "SELECT * FROM query('FROM read_text(''/etc/passwd'')')",
        "SELECT * FROM query_table('{here}/secret.csv')",
        # the network
        "SELECT * FROM read_csv('https://example.com/a.csv')",
        "SELECT * FROM 's3://bucket/a.parquet'",
        # the process
        "SELECT getenv('SIGHTLINE_TEST_SECRET') AS s",
        "SELECT * FROM hidden_frame",
        "SELECT * FROM hidden_local",
        # writing
        "COPY items TO '{here}/out.csv'",
        "COPY (SELECT 'x' AS item_id) TO '{here}/items.csv'",
        "COPY (SELECT 2 AS item_id) TO '{here}/bound.parquet'",
        "EXPORT DATABASE '{here}/out'",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO items VALUES (2)",
        "DELETE FROM items",
        "DROP TABLE items",
        "WITH added AS (INSERT INTO items VALUES (2) RETURNING *) SELECT * FROM added",
        "ATTACH '{here}/new.duckdb' AS other",
        "ATTACH '{here}/bound.parquet' AS other",
        # the settings
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "RESET lock_configuration",
        "PRAGMA enable_external_access",
        "PRAGMA database_list",
        "CALL enable_logging()",
        "SELECT * FROM enable_logging()",
        "SELECT 1; SET threads = 1",
        "SELECT 1; COPY items TO '{here}/out.csv'",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "CREATE MACRO f() AS 1",
        "CHECKPOINT",
        "BEGIN",
        "ROLLBACK",
        "USE memory",
    ],
)
def test_is_out_of_reach(attempt, sql):
    with pytest.raises(QueryError) as caught:
        attempt(sql)
    assert "hunter2" not in str(caught.value)


def test_the_bound_tables_themselves_can_be_read(attempt):
    assert attempt("SELECT * FROM items JOIN bound USING (item_id)").rows() == [(1,)]


def test_a_bound_link_opens_its_file_and_no_other(world, query):
    link = world / "link.parquet"
    link.symlink_to(world / "bound.parquet")
    assert query("FROM items", items=link).rows() == [(1,)]
    with pytest.raises(QueryError):
        query(f"FROM read_parquet('{world}/secret.parquet')", items=link)


def test_one_query_cannot_change_what_the_next_one_sees(attempt):
    with pytest.raises(QueryError, match="read-only"):
        attempt("WITH x AS (UPDATE items SET item_id = 9 RETURNING *) SELECT * FROM x")


def test_the_reason_says_what_a_query_may_read(attempt):
    with pytest.raises(
        QueryError, match=r"tables of its connectors \(items, bound\) and nothing else"
    ):
        attempt("SELECT * FROM read_text('/etc/passwd')")


def test_the_tests_would_notice_a_readable_secret():
    assert Path("/etc/passwd").exists()
    assert os.access("/proc/self/environ", os.R_OK)
