import datetime as dt
import tracemalloc

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.store.ids import IdTable
from sightline.store.records import RecordTable


@given(st.lists(st.text(min_size=0, max_size=8), unique=True, max_size=30), st.text(max_size=8))
def test_every_id_finds_its_row_and_no_other_does(tmp_path_factory, ids, other):
    ids = [item for item in ids if item.isprintable()]
    folder = tmp_path_factory.mktemp("ids")
    IdTable.write(folder, "item_ids", ids)
    table = IdTable(folder, "item_ids")
    assert [table.row(item) for item in ids] == list(range(len(ids)))
    assert [table[row] for row in range(len(table))] == ids
    if other.isprintable() and other not in ids:
        assert table.row(other) is None


def test_mistyped_id_is_near_the_right_one(tmp_path):
    IdTable.write(tmp_path, "item_ids", ["item_0123", "mug-7", "item_0999"])
    assert IdTable(tmp_path, "item_ids").near("itme_0123")[0] == "item_0123"
    assert IdTable(tmp_path, "item_ids").near("MUG-7") == ["mug-7"]


def test_id_with_half_a_surrogate_pair_is_unknown(tmp_path):
    IdTable.write(tmp_path, "item_ids", ["mug-7", "mug-\N{GRINNING FACE}"])
    table = IdTable(tmp_path, "item_ids")
    assert table.row("mug-\ud83d") is None
    assert table.near("mug-\ud83d")


def test_ids_that_begin_with_what_was_typed_are_nearest_also_among_many(tmp_path):
    IdTable.write(tmp_path, "item_ids", [f"sku-{number:05d}" for number in range(20_000)])
    near = IdTable(tmp_path, "item_ids").near("sku-1234")
    assert near == ["sku-12340", "sku-12341", "sku-12342"]


def test_ids_that_begin_alike_are_listed_in_order_up_to_a_limit(tmp_path):
    IdTable.write(tmp_path, "item_ids", ["cup", "mug-7", "mud", "mug-10", "näh"])
    table = IdTable(tmp_path, "item_ids")
    assert table.beginning("mu", 9) == [("mud", 2), ("mug-10", 3), ("mug-7", 1)]
    assert table.beginning("mug", 1) == [("mug-10", 3)]
    assert table.beginning("nä", 9) == [("näh", 4)]
    assert table.beginning("z", 9) == table.beginning("mux", 9) == []


def test_records_come_back_as_json_values_in_the_order_asked_for(tmp_path):
    frame = pl.DataFrame(
        {
            "id": ["a", 'b\n"quoted"'],
            "price": [1.5, float("nan")],
            "when": [dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), None],
            "day": [dt.date(2026, 1, 2), None],
            "tags": [["x"], None],
            "picture": [b"\xff", b"\x00"],
        }
    )
    RecordTable.write(tmp_path, "items", frame)
    second, first = RecordTable(tmp_path, "items").rows([1, 0])
    assert first == {
        "id": "a",
        "price": 1.5,
        "when": "2026-01-02T03:00:00.000000+00:00",
        "day": "2026-01-02",
        "tags": ["x"],
    }
    assert (second["id"], second["price"], second["when"]) == ('b\n"quoted"', None, None)


@pytest.mark.parametrize("height", [0, 3])
def test_table_without_a_column_to_show_has_empty_records(tmp_path, height):
    RecordTable.write(tmp_path, "items", pl.DataFrame({"picture": [b"x"] * height}))
    assert RecordTable(tmp_path, "items").rows(range(height)) == [{}] * height


def test_writing_records_does_not_hold_them_in_memory_as_text(tmp_path):
    frame = pl.DataFrame({"text": ["x" * 1_000] * 20_000})
    tracemalloc.start()
    RecordTable.write(tmp_path, "items", frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (tmp_path / "items.jsonl").stat().st_size / 2
    assert RecordTable(tmp_path, "items").rows([19_999]) == [{"text": "x" * 1_000}]
