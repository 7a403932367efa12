from datetime import UTC, datetime

import polars as pl
import pytest
from sightline.errors import ConnectorError


class OtherLibrary:
    """A table of a library that is neither Polars nor DuckDB, such as pandas or PyArrow."""

    def __init__(self, frame):
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self._frame.__arrow_c_stream__(requested_schema)


FRAME = pl.DataFrame(
    {
        "item_id": [1, None],
        "title": ["a", None],
        "tags": [["x", None], None],
        "made": [datetime(2024, 1, 1, tzinfo=UTC), None],
        "image": [b"\x00", None],
    }
)


@pytest.mark.parametrize("table", [FRAME, FRAME.lazy(), OtherLibrary(FRAME)])
def test_every_kind_of_table_in_memory_is_read(query, table):
    assert query("FROM items", items=table).equals(FRAME)


def test_a_table_can_be_read_more_than_once(query):
    sql = "SELECT count(*) AS pairs FROM items AS a, items AS b"
    assert query(sql, items=FRAME).item() == 4


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series([None, None]), [None, None]),
        (pl.Series([[None], None]), [[None], None]),
        (pl.Series([{"a": None}, None]), ['{"a":null}', None]),
        (pl.Series([2**70, None], dtype=pl.Int128), [2.0**70, None]),
        (pl.Series([1.5, None], dtype=pl.Float16), [1.5, None]),
        (pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2)), [[1, 2], None]),
        (pl.Series(["x", None], dtype=pl.Categorical), ["x", None]),
        (pl.Series(["x", None], dtype=pl.Enum(["x"])), ["x", None]),
        (pl.Series([2**64 - 1, None], dtype=pl.UInt64), [2**64 - 1, None]),
    ],
)
def test_types_without_a_counterpart_in_duckdb_come_through(query, column, expected):
    assert query("FROM items", items=column.alias("a").to_frame())["a"].to_list() == expected


def test_a_zone_becomes_utc(query):
    paris = pl.Series("at", [datetime(2024, 1, 1, 13)]).dt.replace_time_zone("Europe/Paris")
    frame = query("FROM items", items=paris.to_frame())
    assert frame["at"].to_list() == [datetime(2024, 1, 1, 12, tzinfo=UTC)]


def test_python_objects_are_refused_by_column(query):
    with pytest.raises(ConnectorError, match=r"column 'o'.*'items'.*Python objects"):
        query("FROM items", items=pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}))


def test_a_table_without_columns_is_refused(query):
    with pytest.raises(ConnectorError, match="no columns"):
        query("FROM items", items=pl.DataFrame())


def test_a_lazy_table_that_fails_names_its_connector(query):
    with pytest.raises(ConnectorError, match="'items'"):
        query("FROM items", items=pl.LazyFrame({"a": [1]}).select("nope"))
