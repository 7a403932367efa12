import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sightline.errors import CorruptGenerationError, StorageError
from sightline.index import plan
from sightline.index.exact import ExactIndex
from sightline.index.hnsw import HnswIndex
from sightline.index.plan import build_index, fresh_index, open_index
from unit_vectors import unit_rows

VECTORS = unit_rows(300)
PRESENT = np.ones(300, np.bool_)
FILES = ("codes", "scales", "errors", "neighbours", "entries")


@pytest.fixture(scope="module")
def graph_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    build_index(VECTORS, PRESENT, folder, exact_rows=299)
    return folder


@pytest.fixture
def copied(graph_folder, tmp_path):
    for file in graph_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_a_small_catalogue_is_searched_exactly(tmp_path):
    record = build_index(VECTORS, PRESENT, tmp_path / "index")
    assert isinstance(open_index(VECTORS, PRESENT, tmp_path / "index"), ExactIndex)
    assert record == {"kind": "exact", "count": 300, "dim": 8}


def test_a_large_catalogue_gets_a_graph(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "EXACT_ROWS", 299)
    record = build_index(VECTORS, PRESENT, tmp_path)
    assert isinstance(open_index(VECTORS, PRESENT, tmp_path), HnswIndex)
    assert record["kind"] == "graph"
    assert set(record["recall_at_10"]) >= {"no filter", "10 % anywhere", "1 % alike"}


def test_only_rows_with_a_vector_count_for_the_choice(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "EXACT_ROWS", 299)
    assert build_index(VECTORS, np.arange(300) > 0, tmp_path)["kind"] == "exact"


def test_the_choice_is_read_and_not_made_again(tmp_path, monkeypatch):
    build_index(VECTORS, PRESENT, tmp_path)
    monkeypatch.setattr(plan, "EXACT_ROWS", 1)
    assert isinstance(open_index(VECTORS, PRESENT, tmp_path), ExactIndex)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_vectors_are_searched_exactly_or_by_a_graph_of_them(tmp_path, count):
    presence = np.arange(300) < count
    build_index(VECTORS, presence, tmp_path, exact_rows=0)
    found = open_index(VECTORS, presence, tmp_path).query(VECTORS[:1], 5)
    assert found.rows.tolist() == fresh_index(VECTORS, presence).query(VECTORS[:1], 5).rows.tolist()


def test_items_without_any_vector_have_an_index(tmp_path):
    nothing, nobody = np.zeros((4, 0), np.float32), np.zeros(4, np.bool_)
    build_index(nothing, nobody, tmp_path)
    assert open_index(nothing, nobody, tmp_path).query(nothing[:1], 3).rows.shape == (1, 0)


@pytest.mark.parametrize("exact_rows", [299, 300])
def test_a_fresh_index_answers_as_the_one_that_is_opened(tmp_path, exact_rows):
    build_index(VECTORS, PRESENT, tmp_path, exact_rows=exact_rows)
    opened = open_index(VECTORS, PRESENT, tmp_path).query(VECTORS[:3], 4)
    assert_array_equal(fresh_index(VECTORS, PRESENT).query(VECTORS[:3], 4).rows, opened.rows)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"format": 2}', '{"kind": "exact"}'])
def test_a_missing_or_foreign_header_is_refused(copied, content):
    (copied / "index.json").unlink()
    if content is not None:
        (copied / "index.json").write_text(content, encoding="utf-8")
    with pytest.raises(CorruptGenerationError, match=r"index\.json"):
        open_index(VECTORS, PRESENT, copied)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "oracle"}, "unknown kind 'oracle'"),
        ({"format": 3}, "has format 3, not 2"),
        ({"ef": None}, "no graph to walk in"),
        ({"ef": 0}, "no graph to walk in"),
        ({"files": None}, "codes.npy is"),
    ],
)
def test_a_header_that_says_something_else_is_refused(copied, changed, message):
    header = json.loads((copied / "index.json").read_text(encoding="utf-8"))
    (copied / "index.json").write_text(json.dumps({**header, **changed}), encoding="utf-8")
    with pytest.raises(CorruptGenerationError, match=message):
        open_index(VECTORS, PRESENT, copied)


@pytest.mark.parametrize(
    ("vectors", "presence", "what"),
    [
        (unit_rows(300, 9), PRESENT, "dim is 8"),
        (unit_rows(301), np.ones(301, np.bool_), "rows is 300"),
        (VECTORS, np.arange(300) > 0, "count is 300"),
        (unit_rows(300, seed=1), PRESENT, "vectors is"),
    ],
    ids=["dimension", "rows", "presence", "values"],
)
def test_other_vectors_than_it_was_built_from_are_refused(graph_folder, vectors, presence, what):
    with pytest.raises(CorruptGenerationError, match=f"other vectors: {what}"):
        open_index(vectors, presence, graph_folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_an_error_with_its_name(copied, name):
    (copied / f"{name}.npy").unlink()
    with pytest.raises(CorruptGenerationError, match=rf"{name}\.npy"):
        open_index(VECTORS, PRESENT, copied)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_refused(copied, name):
    path = copied / f"{name}.npy"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CorruptGenerationError, match=rf"{name}\.npy is"):
        open_index(VECTORS, PRESENT, copied)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_other_content_is_refused(copied, name):
    path = copied / f"{name}.npy"
    path.write_bytes(path.read_bytes()[:-4] + b"abcd")
    with pytest.raises(CorruptGenerationError, match=rf"{name}\.npy is"):
        open_index(VECTORS, PRESENT, copied)


def test_the_header_says_how_the_graph_was_built(graph_folder):
    header = json.loads((graph_folder / "index.json").read_text(encoding="utf-8"))
    about = {name: header[name] for name in ("kind", "dim", "count", "m", "ef_construction")}
    assert about == {"kind": "graph", "dim": 8, "count": 300, "m": 16, "ef_construction": 128}
    assert header["ef"] == 24
    assert len(header["vectors"]) == 64


def test_a_full_disk_is_said(tiny_disk):
    vectors = unit_rows(30_000, 100)
    with pytest.raises(StorageError, match="could not be written"):
        build_index(vectors, np.ones(30_000, np.bool_), tiny_disk)


def test_vectors_that_are_not_finite_are_refused(tmp_path):
    broken = VECTORS.copy()
    broken[4, 2] = np.nan
    with pytest.raises(ValueError, match="the first is row 4"):
        build_index(broken, PRESENT, tmp_path)
    with pytest.raises(ValueError, match="the first is row 4"):
        fresh_index(broken, PRESENT)
    fresh_index(broken, np.arange(300) != 4)


@pytest.mark.parametrize("exact_rows", [299, 300])
def test_opening_and_a_first_query_import_neither_numba_nor_hnswlib(tmp_path, exact_rows):
    np.save(tmp_path / "vectors.npy", VECTORS)
    build_index(VECTORS, PRESENT, tmp_path, exact_rows=exact_rows)
    script = f"""
import sys
from pathlib import Path
import numpy as np
from sightline.index.plan import open_index
folder = Path({str(tmp_path)!r})
vectors = np.load(folder / "vectors.npy", mmap_mode="r")
index = open_index(vectors, np.ones(300, bool), folder)
index.query(np.asarray(vectors[:2]), 2)
print({{"numba", "hnswlib", "polars"}} & set(sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
