"""Arrays of vectors with their ids beside them, bound as tables."""

import numpy as np
import polars as pl
import pytest
from sightline.errors import ConnectorError
from sightline.sources.connect import open_source, read_table
from sightline.sources.fetch import run_queries

ROWS = [[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]]
IDS = "a\nb\nc\n"


@pytest.fixture
def save(tmp_path):
    """Save an array as vecs.npy and ids as text beside it; return the path of the array."""

    def write(array, ids=IDS, stem="vecs"):
        np.save(tmp_path / f"{stem}.npy", array)
        if ids is not None:
            (tmp_path / f"{stem}.ids.txt").write_text(ids)
        return tmp_path / f"{stem}.npy"

    return write


def report(path):
    return read_table(path, base_dir=path.parent)[1]


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_a_table_of_ids_and_float_lists(save, query, dtype, order):
    save(np.array(ROWS, dtype, order=order))
    frame = query("SELECT * FROM vecs ORDER BY id", vecs="vecs.npy")
    assert frame.schema == {"id": pl.String, "vector": pl.List(pl.Float32)}
    assert frame.rows() == list(zip("abc", ROWS, strict=True))


def test_vectors_join_the_items_they_are_of(save, query, tmp_path):
    save(np.array(ROWS, np.float32), "3\n1\n4\n")
    (tmp_path / "items.csv").write_text("item_id\n1\n2\n3\n")
    frame = query(
        "SELECT i.*, v.vector AS look FROM items i LEFT JOIN vecs v ON v.id = i.item_id ORDER BY 1",
        items="items.csv",
        vecs="vecs.npy",
    )
    assert frame["look"].to_list() == [ROWS[1], None, ROWS[0]]


def test_the_ids_may_be_an_array_of_numbers_or_text_or_bytes(save, query):
    for ids in (np.array([3, 1, 2]), np.array(["3", "1", "2"]), np.array([b"3", b"1", b"2"])):
        path = save(np.array(ROWS), None)
        np.save(path.with_name("vecs.ids.npy"), ids)
        assert query("FROM vecs", vecs=path)["id"].to_list() == ["3", "1", "2"]


def test_the_ids_may_be_the_first_column_of_a_parquet_file(save, query):
    path = save(np.array(ROWS), None)
    frame = pl.DataFrame({"sku": [7, 8, 9], "title": ["x", "y", "z"]})
    frame.write_parquet(path.with_name("vecs.ids.parquet"))
    assert query("FROM vecs", vecs=path)["id"].to_list() == ["7", "8", "9"]


@pytest.mark.parametrize("content", ["sku;title\nx,1;a\ny;b\nz;c\n", "sku\nx,1\ny\nz\n"])
def test_the_ids_may_be_the_first_column_of_a_csv_file(save, query, content):
    path = save(np.array(ROWS), None)
    text = content if ";" in content else content.replace("x,1", '"x,1"')
    path.with_name("vecs.ids.csv").write_text(text)
    assert query("FROM vecs", vecs=path)["id"].to_list() == ["x,1", "y", "z"]


def test_only_the_bound_tables_can_be_asked_after_ids_were_read_from_csv(save, query):
    path = save(np.array(ROWS), None)
    path.with_name("vecs.ids.csv").write_text("sku\na\nb\nc\n")
    assert query("FROM duckdb_tables()", vecs=path).height == 0


def test_text_ids_may_have_a_mark_windows_line_ends_and_blank_lines_behind(save, query):
    path = save(np.array(ROWS), None)
    path.with_name("vecs.ids.txt").write_bytes(
        b"\xef\xbb\xbfa\r\nb\xc3\xa9\xe2\x80\xa8 \r\nc\r\n\r\n\n"
    )
    assert query("FROM vecs", vecs=path)["id"].to_list() == ["a", "bé", "c"]


def test_several_arrays_are_one_table_and_arrays_of_ids_are_not_among_them(save, query):
    save(np.array(ROWS), stem="look_0")
    path = save(np.array(ROWS[:1]), None, stem="look_1")
    np.save(path.with_name("look_1.ids.npy"), np.array(["d"]))
    frame = query("FROM vecs ORDER BY id", vecs="look_*.npy")
    assert frame["id"].to_list() == ["a", "b", "c", "d"]


def test_of_a_repeated_id_the_last_row_stays_and_is_told(save, query):
    path = save(np.array(ROWS), "a\nb\na\n")
    assert query("FROM vecs ORDER BY id", vecs=path).rows() == [("a", ROWS[2]), ("b", ROWS[1])]
    assert report(path).dropped == {"repeated id": 1}
    assert report(path).examples == {"repeated id": ("a",)}


def test_rows_with_a_blank_id_are_dropped_and_counted(save, query):
    path = save(np.array(ROWS), "a\n \nc\n")
    assert query("FROM vecs ORDER BY id", vecs=path)["id"].to_list() == ["a", "c"]
    assert report(path).dropped == {"no id": 1}


def test_it_is_noted_which_ids_are_read_when_there_are_two_files(save):
    path = save(np.array(ROWS))
    np.save(path.with_name("vecs.ids.npy"), np.array([1, 2, 3]))
    note = "the ids of vecs.npy are those of vecs.ids.txt; vecs.ids.npy is not read"
    assert report(path).notes == (note,)


# What is not such a pair.


def complaint(path):
    source = open_source(path, connector="vecs", base_dir=path.parent)
    with pytest.raises(ConnectorError) as raised:
        run_queries({"items": "FROM vecs"}, {"vecs": source})
    return str(raised.value)


def test_an_array_without_ids_is_answered_with_the_files_looked_for(save):
    message = complaint(save(np.array(ROWS), None))
    for name in ("vecs.ids.txt", "vecs.ids.npy", "vecs.ids.parquet", "vecs.ids.csv"):
        assert name in message


@pytest.mark.parametrize(("ids", "count"), [("a\nb\n", "2"), (IDS + "d\n", "4"), ("", "0")])
def test_another_number_of_ids_is_answered_with_both_counts(save, ids, count):
    message = complaint(save(np.array(ROWS), ids))
    assert "3 rows" in message
    assert f"vecs.ids.txt has {count} ids" in message


def test_a_csv_without_a_header_is_told_of_the_header(save):
    path = save(np.array(ROWS), None)
    path.with_name("vecs.ids.csv").write_text("a\nb\nc\n")
    assert "has 2 ids" in complaint(path)
    assert "first line is the header" in complaint(path)


@pytest.mark.parametrize("shape", [(), (3,), (3, 1, 2), (0, 2), (3, 0)])
def test_an_array_that_is_not_rows_of_numbers_is_answered_with_its_shape(save, shape):
    assert f"shape {shape};" in complaint(save(np.zeros(shape)))


@pytest.mark.parametrize("dtype", ["int64", "uint8", "complex64", "bool", "<U3", "datetime64[s]"])
def test_an_array_of_anything_but_floats_is_answered_with_its_type(save, dtype):
    assert f"holds {np.dtype(dtype)}" in complaint(save(np.zeros((3, 2), dtype)))


def test_an_array_of_python_objects_is_refused_unopened(tmp_path):
    path = tmp_path / "vecs.npy"
    np.save(path, np.array([[1.0], [None]], object), allow_pickle=True)
    assert "cannot be read" in complaint(path)


@pytest.mark.parametrize("content", [b"garbage", b"\x93NUMPY\x01\x00", b"PK\x03\x04 not a zip"])
def test_a_file_that_is_no_array_is_told_as_such(tmp_path, content):
    path = tmp_path / "vecs.npy"
    path.write_bytes(content)
    assert f"cannot be read from {path}" in complaint(path)


def test_an_archive_of_arrays_under_the_name_of_one_is_told_as_such(tmp_path):
    path = tmp_path / "vecs.npy"
    with path.open("wb") as file:
        np.savez(file, a=np.zeros((3, 2)))
    assert "cannot be read" in complaint(path)


def test_an_array_cut_short_is_told_as_such(save):
    path = save(np.zeros((100, 100)), None)
    path.write_bytes(path.read_bytes()[:5_000])
    assert "cannot be read" in complaint(path)


def test_arrays_of_different_dimensions_are_not_one_table(save, tmp_path):
    save(np.array(ROWS), stem="look_0")
    save(np.zeros((3, 5)), stem="look_1")
    message = complaint(tmp_path / "look_*.npy")
    assert "have 2 numbers" in message
    assert "have 5" in message


@pytest.mark.parametrize("ids", [np.zeros((3, 1)), np.array([True, False, True])])
def test_an_array_of_ids_that_are_none_is_refused(save, ids):
    path = save(np.array(ROWS), None)
    np.save(path.with_name("vecs.ids.npy"), ids)
    assert "ids are numbers or text" in complaint(path)


@pytest.mark.parametrize("name", ["vecs.ids.txt", "vecs.ids.npy", "vecs.ids.parquet"])
def test_a_damaged_file_of_ids_is_named(save, name):
    path = save(np.array(ROWS), None)
    path.with_name(name).write_bytes(b"\xff\xfe\x00damaged")
    assert name in complaint(path)


def test_numbers_beyond_float32_are_infinite_and_no_warning(save, query):
    path = save(np.array([[1e300, 1.0]]), "a\n")
    assert query("FROM vecs", vecs=path)["vector"].to_list() == [[np.inf, 1.0]]
