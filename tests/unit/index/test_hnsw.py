import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sightline.errors import CorruptGenerationError, StorageError
from sightline.index import hnsw
from sightline.index.hnsw import HnswIndex
from unit_vectors import best_rows, unit_rows

VECTORS = unit_rows(400, 24)
PRESENCE = np.arange(400) % 10 > 0


@pytest.fixture
def folder(tmp_path):
    HnswIndex.build(VECTORS, PRESENCE).save(tmp_path)
    return tmp_path


def test_a_saved_graph_answers_as_before(folder):
    queries = unit_rows(5, 24, seed=1)
    before = HnswIndex.build(VECTORS, PRESENCE).query(queries, 8)
    after = HnswIndex.load(folder, VECTORS, PRESENCE).query(queries, 8)
    assert_array_equal(after.rows, before.rows)
    assert sorted(path.name for path in folder.iterdir()) == ["hnsw.bin", "hnsw.json"]


def test_the_graph_itself_finds_nearly_all_that_brute_force_finds(monkeypatch):
    monkeypatch.setattr("sightline.index.exact.ExactIndex.query", _not_to_be_called)
    vectors = unit_rows(3000, 24)
    present = np.ones(3000, np.bool_)
    queries = unit_rows(20, 24, seed=1)
    found = HnswIndex.build(vectors, present).query(queries, 10)
    hits = [
        len(set(rows) & set(best_rows(vectors, present, query, 10)))
        for rows, query in zip(found.rows.tolist(), queries, strict=True)
    ]
    assert sum(hits) >= 0.97 * 200


def test_a_wide_mask_is_answered_by_the_graph(monkeypatch):
    index = HnswIndex.build(VECTORS, PRESENCE)
    allowed = np.arange(400) % 2 == 0
    monkeypatch.setattr("sightline.index.exact.ExactIndex.query", _not_to_be_called)
    found = index.query(VECTORS[1:2], 10, allowed=allowed)
    assert found.rows[0].tolist() == best_rows(VECTORS, PRESENCE & allowed, VECTORS[1], 10)


def test_fetching_grows_until_there_are_enough_allowed_rows(monkeypatch):
    # The allowed quarter lies opposite the query: the first fetches find none of it.
    monkeypatch.setattr("sightline.index.exact.ExactIndex.query", _not_to_be_called)
    present = np.ones(400, np.bool_)
    allowed = np.zeros(400, np.bool_)
    allowed[np.argsort(VECTORS @ VECTORS[0])[:100]] = True
    found = HnswIndex.build(VECTORS, present).query(VECTORS[:1], 5, allowed=allowed)
    assert found.rows[0].tolist() == best_rows(VECTORS, allowed, VECTORS[0], 5)


def test_what_would_take_too_long_a_walk_is_scanned(monkeypatch):
    monkeypatch.setattr(hnsw, "_MOST_FETCHED", 20)
    found = HnswIndex.build(VECTORS, PRESENCE).query(VECTORS[1:2], 50)
    assert found.rows[0].tolist() == best_rows(VECTORS, PRESENCE, VECTORS[1], 50)


def _not_to_be_called(*_, **__):
    pytest.fail("the exact scan was used")


@pytest.mark.parametrize("name", ["hnsw.bin", "hnsw.json"])
def test_a_missing_file_is_an_error_with_its_name(folder, name):
    (folder / name).unlink()
    with pytest.raises(CorruptGenerationError, match=name):
        HnswIndex.load(folder, VECTORS, PRESENCE)


def test_a_truncated_graph_is_refused(folder):
    content = (folder / "hnsw.bin").read_bytes()
    (folder / "hnsw.bin").write_bytes(content[:-100])
    with pytest.raises(CorruptGenerationError, match="sha256"):
        HnswIndex.load(folder, VECTORS, PRESENCE)


def test_a_changed_byte_is_noticed(folder):
    content = bytearray((folder / "hnsw.bin").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "hnsw.bin").write_bytes(content)
    with pytest.raises(CorruptGenerationError, match="sha256"):
        HnswIndex.load(folder, VECTORS, PRESENCE)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"dim": 24, "colour": "red"}'])
def test_a_header_that_is_not_one_is_refused(folder, content):
    (folder / "hnsw.json").write_text(content, encoding="utf-8")
    with pytest.raises(CorruptGenerationError, match=r"hnsw\.json"):
        HnswIndex.load(folder, VECTORS, PRESENCE)


@pytest.mark.parametrize(
    ("vectors", "presence"),
    [(unit_rows(400, 25), PRESENCE), (VECTORS, ~PRESENCE)],
    ids=["dimension", "count"],
)
def test_other_vectors_than_the_graph_was_built_from_are_refused(folder, vectors, presence):
    with pytest.raises(CorruptGenerationError, match="360 vectors of 24 dimensions"):
        HnswIndex.load(folder, vectors, presence)


def test_the_header_says_how_the_graph_was_built(folder):
    header = json.loads((folder / "hnsw.json").read_text(encoding="utf-8"))
    assert len(header.pop("sha256")) == 64
    assert header == {"dim": 24, "count": 360, "m": 16, "ef_construction": 128, "ef": 128}


def test_a_graph_cut_short_by_a_full_disk_is_not_saved(tmp_path, monkeypatch):
    class ShortOfSpace:
        """Writes half a file without a word, as hnswlib does on a full disk."""

        def save_index(self, path):
            Path(path).write_bytes(b"x" * 50)

        def index_file_size(self):
            return 100

    index = HnswIndex.build(VECTORS, PRESENCE)
    monkeypatch.setattr(index, "_graph", ShortOfSpace())
    with pytest.raises(StorageError, match="50 of 100 bytes"):
        index.save(tmp_path)
    assert not (tmp_path / "hnsw.bin").exists()
