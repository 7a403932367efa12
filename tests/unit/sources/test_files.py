import gzip
import json
from datetime import UTC, date, datetime

import duckdb
import polars as pl
import pytest
from sightline.errors import ConnectorError
from sightline.sources.connect import open_source, read_table
from sightline.sources.fetch import run_queries

ROWS = [
    {"item_id": 1, "title": 'Red, "round"\nvase', "price": 9.5},
    {"item_id": 2, "title": "é", "price": None},
]
CSV = 'item_id,title,price\n1,"Red, ""round""\nvase",9.5\n2,é,\n'


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("items.csv", CSV),
        ("items.CSV", CSV.replace("\n1", "\r\n1").replace(",\n", ",\r\n").replace("5\n", "5\r\n")),
        ("items.csv.gz", gzip.compress(CSV.encode())),
        ("items.tsv", CSV.replace(",", "\t").replace("Red\t", "Red,")),
        ("semicolon.csv", CSV.replace(",", ";").replace("Red;", "Red,")),
        ("bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("spreadsheet.csv", b"\xff\xfe" + CSV.encode("utf-16-le")),
        ("items.ndjson", "\n".join(json.dumps(row) for row in ROWS)),
        ("items.jsonl", "\n".join(json.dumps(row) for row in ROWS) + "\n\n"),
        ("items.jsonl.gz", gzip.compress("\n".join(json.dumps(row) for row in ROWS).encode())),
        ("items.json", json.dumps(ROWS)),
        ("pretty.json", json.dumps(ROWS, indent=2)),
        ("odd name's [1].csv", CSV),
    ],
)
def test_every_text_format_reads_the_same(tmp_path, query, name, content):
    write(tmp_path / name, content)
    frame = query("SELECT item_id, title, price FROM items", items=name)
    assert frame.to_dicts() == ROWS


def test_utf_16_the_other_way_round_is_refused_with_what_to_do(tmp_path, query):
    write(tmp_path / "items.csv", b"\xfe\xff" + CSV.encode("utf-16-be"))
    with pytest.raises(ConnectorError, match="save it as UTF-8"):
        query("FROM items", items="items.csv")


@pytest.mark.parametrize("name", ["items.parquet", "items.pq", "it's [1].parquet"])
def test_parquet_reads_the_same(tmp_path, query, name):
    pl.DataFrame(ROWS).write_parquet(tmp_path / name)
    assert query("FROM items", items=name).to_dicts() == ROWS


def test_zstandard_is_read(tmp_path, query):
    with duckdb.connect() as writer:
        writer.sql("SELECT 1 AS item_id, 'a' AS title").write_csv(str(tmp_path / "items.csv.zst"))
    assert query("FROM items", items="items.csv.zst").rows() == [(1, "a")]


def test_a_glob_is_one_table_with_columns_matched_by_name(tmp_path, query):
    write(tmp_path / "day1.csv", "user_id,item_id\nu,1\n")
    write(tmp_path / "day2.csv", "item_id,user_id,label\nx7,v,1\n")
    frame = query("SELECT user_id, item_id, label FROM events ORDER BY user_id", events="day*.csv")
    assert frame.rows() == [("u", "1", None), ("v", "x7", 1)]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1700000000", "2024-01-02T03:04:05Z", ["1700000000", "2024-01-02 03:04:05+00"]),
        ("2.5", "2024-01-02", ["2.5", "2024-01-02"]),
        ("12", "true", ["12", "true"]),
        ("12", "0012", ["12", "0012"]),
        ("1", "2.5", [1.0, 2.5]),
        (
            "2024-01-01",
            "2024-01-02 03:04:05",
            [datetime(2024, 1, 1), datetime(2024, 1, 2, 3, 4, 5)],
        ),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_column_of_two_kinds_in_two_files_is_text(tmp_path, query, one, other, expected, swapped):
    for name, cell in zip(("a", "b"), (other, one) if swapped else (one, other), strict=True):
        write(tmp_path / f"{name}.csv", f"id,{'sS'[name == 'a']}een\n{name},{cell}\n")
    seen = query("FROM log ORDER BY id", log="*.csv").to_series(1).to_list()
    assert seen == (expected[::-1] if swapped else expected)


def test_a_folder_of_parquet_segments_is_one_table(tmp_path, query):
    segments = tmp_path / "segments"
    segments.mkdir()
    pl.DataFrame({"user_id": [1], "item_id": ["a"]}).write_parquet(segments / "1.parquet")
    pl.DataFrame({"item_id": ["b"], "label": [2.5]}).write_parquet(segments / "2.parquet")
    write(segments / ".3.parquet", b"half written")
    frame = query("FROM events ORDER BY item_id", events=segments)
    assert frame.to_dicts() == [
        {"user_id": 1, "item_id": "a", "label": None},
        {"user_id": None, "item_id": "b", "label": 2.5},
    ]


def test_types_of_a_csv_are_found_and_codes_keep_their_zeros(tmp_path, query):
    write(
        tmp_path / "items.csv",
        "item_id,sku,price,sale,made,created_at\n"
        "1,0012,9.5,true,2024-02-29,2024-02-29T12:00:00+02:00\n"
        "2,0013,8,false,2024-03-01,2024-03-01T12:00:00Z\n",
    )
    assert query("FROM items", items="items.csv").row(0) == (
        1,
        "0012",
        9.5,
        True,
        date(2024, 2, 29),
        datetime(2024, 2, 29, 10, tzinfo=UTC),
    )


def report_of(tmp_path, name):
    source = open_source(name, connector="items", base_dir=tmp_path)
    fetched = run_queries({"items": "FROM items"}, {"items": source})
    return fetched.tables["items"], fetched.sources["items"]


def test_a_bad_number_in_row_50000_does_not_end_the_run(tmp_path):
    lines = [f"{row},{row / 2}" for row in range(60_000)]
    lines[50_000] = "50000,oops"
    write(tmp_path / "items.csv", "\n".join(["item_id,price", *lines]))
    frame, report = report_of(tmp_path, "items.csv")
    assert len(frame) == 60_000
    assert frame["price"][50_000] == "oops"
    assert report.dropped == {}


def test_lines_with_the_wrong_number_of_cells_are_dropped_and_counted(tmp_path):
    lines = [f"{row},title {row},1.5" for row in range(30_000)]
    lines[20_000] = "20000,short"
    lines[25_000] = "25000,long,1.5,x,y"
    write(tmp_path / "items.csv", "\n".join(["item_id,title,price", *lines]))
    frame, report = report_of(tmp_path, "items.csv")
    assert len(frame) == report.kept == 29_998
    assert report.rows == 30_000
    assert report.dropped == {"missing columns": 1, "too many columns": 1}
    assert report.examples["missing columns"] == ("items.csv line 20002: 20000,short",)


def test_bytes_that_are_not_utf8_are_counted(tmp_path):
    write(tmp_path / "items.csv", b"item_id,title\n1,good\n2,caf\xe9\n3,good\n")
    frame, report = report_of(tmp_path, "items.csv")
    assert frame["item_id"].to_list() == [1, 3]
    assert report.dropped == {"invalid encoding": 1}


def test_a_quotation_that_never_closes_takes_only_what_it_swallows(tmp_path):
    lines = [f'{row},"a, {row}"' for row in range(30_000)]
    lines[29_990] = '29990,"never closed'
    write(tmp_path / "items.csv", "\n".join(["item_id,title", *lines]))
    frame, report = report_of(tmp_path, "items.csv")
    assert frame["title"][0] == "a, 0"
    assert report.rows == report.kept + sum(report.dropped.values())
    assert 29_990 <= report.kept < 30_000


def test_line_ends_may_be_mixed(tmp_path, query):
    write(tmp_path / "items.csv", b"a,b\r\n1,2\n3,4\r\n")
    assert query("FROM items", items="items.csv").rows() == [(1, 2), (3, 4)]


def test_broken_json_lines_are_dropped_and_counted(tmp_path):
    lines = [json.dumps({"item_id": row, "title": f"t{row}"}) for row in range(30_000)]
    lines[10] = '{"item_id": 10, "title": '
    lines[20_000] = "null"
    lines[25_000] = "[1, 2]"
    write(tmp_path / "items.ndjson", "\n".join(lines))
    frame, report = report_of(tmp_path, "items.ndjson")
    assert len(frame) == report.kept == 29_997
    assert report.dropped == {"not a JSON object": 3}
    assert frame.row(0, named=True) == {"item_id": 0, "title": "t0"}


def test_a_json_value_of_another_type_makes_text_without_quotes(tmp_path, query):
    write(tmp_path / "items.ndjson", '{"id": 1, "price": 1.5}\n{"id": 2, "price": "free"}\n')
    assert query("FROM items ORDER BY id", items="items.ndjson")["price"].to_list() == [
        "1.5",
        "free",
    ]


def test_lists_in_json_stay_lists(tmp_path, query):
    write(tmp_path / "items.ndjson", '{"id": 1, "tags": ["a", "b"], "sizes": [1, 2]}\n')
    assert query("FROM items", items="items.ndjson").row(0) == (1, ["a", "b"], [1, 2])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("items.json", '[{"a": 1}, {"a": ', "Malformed JSON"),
        ("items.parquet", b"not parquet at all", "cannot be read"),
        ("items.csv", b"", "is empty"),
        ("items.ndjson", b"\n\n", "no line"),
        ("items.ndjson", b"1\n2\n", "no line"),
        ("items.xlsx", b"PK", r"read are \.csv"),
        ("items", b"a,b\n1,2", r"read are \.csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    tmp_path, query, name, content, reason
):
    write(tmp_path / name, content)
    with pytest.raises(ConnectorError, match=reason) as caught:
        query("FROM items", items=name)
    assert name in str(caught.value)


def test_a_header_alone_is_a_table_without_rows(tmp_path, query):
    write(tmp_path / "items.csv", "item_id,title\n")
    frame = query("FROM items", items="items.csv")
    assert (frame.columns, len(frame)) == (["item_id", "title"], 0)


@pytest.mark.parametrize("binding", ["missing.csv", "missing/*.csv"])
def test_what_is_not_there_is_said_by_its_full_path(tmp_path, query, binding):
    with pytest.raises(ConnectorError, match="does not exist") as caught:
        query("FROM items", items=binding)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_without_segments_says_how_to_bind_other_files(tmp_path, query):
    write(tmp_path / "a.csv", "a\n1\n")
    with pytest.raises(ConnectorError, match=r"\*\.csv"):
        query("FROM items", items=tmp_path)


def test_a_glob_of_mixed_formats_is_refused(tmp_path, query):
    write(tmp_path / "a.csv", "a\n1\n")
    write(tmp_path / "a.json", "[]")
    with pytest.raises(ConnectorError, match="neighbours"):
        query("FROM items", items="a.*")


def test_read_table_gives_rows_and_report(tmp_path):
    write(tmp_path / "rows.csv", "user_id,item_id\nu,a\nv\n")
    frame, report = read_table("rows.csv", base_dir=tmp_path)
    assert frame.rows() == [("u", "a")]
    assert report.dropped == {"missing columns": 1}
