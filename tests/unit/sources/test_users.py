import polars as pl
import pytest
from sightline.errors import SchemaError
from sightline.sources.users import user_table


@pytest.mark.parametrize("name", ["user_id", "userId", "customer_id", "visitorid", "id"])
def test_the_user_column_is_found(name):
    table = user_table(pl.DataFrame({"age": [30, 40], name: [1.0, 2.0]}))
    assert table.ids == ["1", "2"]
    assert table.frame.columns == [name, "age"]


def test_the_rules_of_items_hold():
    table = user_table(pl.DataFrame({"user_id": ["a", "a", None], "age": [1.0, 2.0, 3.0]}))
    assert table.frame.rows() == [("a", 2.0)]
    assert table.report.dropped == {"no id": 1, "repeated id": 1}


def test_no_users_is_fine():
    assert user_table(pl.DataFrame({"user_id": []}, schema={"user_id": pl.String})).ids == []


def test_no_user_column_is_answered_with_the_columns_found():
    with pytest.raises(SchemaError, match=r"fetch\.users has no id column: its columns are who"):
        user_table(pl.DataFrame({"who": ["a"]}))
