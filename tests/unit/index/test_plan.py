import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sightline.errors import CorruptGenerationError
from sightline.index import plan
from sightline.index.exact import ExactIndex
from sightline.index.hnsw import HnswIndex
from sightline.index.plan import build_index, fresh_index, open_index
from unit_vectors import unit_rows

VECTORS = unit_rows(30)
PRESENT = np.ones(30, np.bool_)


def test_a_small_catalogue_is_searched_exactly(tmp_path):
    build_index(VECTORS, PRESENT, tmp_path / "index")
    assert isinstance(open_index(VECTORS, PRESENT, tmp_path / "index"), ExactIndex)


def test_a_large_catalogue_gets_a_graph(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "EXACT_ROWS", 29)
    build_index(VECTORS, PRESENT, tmp_path)
    assert isinstance(open_index(VECTORS, PRESENT, tmp_path), HnswIndex)


def test_only_rows_with_a_vector_count_for_the_choice(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "EXACT_ROWS", 29)
    build_index(VECTORS, np.arange(30) > 0, tmp_path)
    assert json.loads((tmp_path / "index.json").read_text(encoding="utf-8")) == {"kind": "exact"}


def test_the_choice_is_read_and_not_made_again(tmp_path, monkeypatch):
    build_index(VECTORS, PRESENT, tmp_path)
    monkeypatch.setattr(plan, "EXACT_ROWS", 1)
    assert isinstance(open_index(VECTORS, PRESENT, tmp_path), ExactIndex)


def test_a_fresh_index_answers_as_the_one_that_is_opened(tmp_path):
    build_index(VECTORS, PRESENT, tmp_path)
    opened = open_index(VECTORS, PRESENT, tmp_path).query(VECTORS[:3], 4)
    assert_array_equal(fresh_index(VECTORS, PRESENT).query(VECTORS[:3], 4).rows, opened.rows)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"kind": "oracle"}'])
def test_a_missing_or_unknown_choice_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "index.json").write_text(content, encoding="utf-8")
    with pytest.raises(CorruptGenerationError, match=r"index\.json"):
        open_index(VECTORS, PRESENT, tmp_path)


def test_vectors_that_are_not_finite_are_refused(tmp_path):
    broken = VECTORS.copy()
    broken[4, 2] = np.nan
    with pytest.raises(ValueError, match="the first is row 4"):
        build_index(broken, PRESENT, tmp_path)
    with pytest.raises(ValueError, match="the first is row 4"):
        fresh_index(broken, PRESENT)
    fresh_index(broken, np.arange(30) != 4)


def test_opening_an_exact_index_imports_neither_numba_nor_hnswlib(tmp_path):
    build_index(VECTORS, PRESENT, tmp_path)
    script = f"""
import sys
from pathlib import Path
import numpy as np
from sightline.index.plan import open_index
index = open_index(np.eye(9, dtype=np.float32), np.ones(9, bool), Path({str(tmp_path)!r}))
index.query(np.eye(9, dtype=np.float32), 2)
print({{"numba", "hnswlib", "polars"}} & set(sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
