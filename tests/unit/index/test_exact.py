import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sightline.index.exact import ExactIndex
from unit_vectors import unit_rows

PRESENT = np.ones(500, np.bool_)


def test_bytes_and_floats_give_the_same_rows_and_scores():
    vectors, queries = unit_rows(500, 96), unit_rows(20, 96, seed=1)
    in_floats = ExactIndex(vectors, PRESENT).query(queries, 10)
    in_bytes = ExactIndex(vectors, PRESENT, components_before_kernel=0).query(queries, 10)
    assert_array_equal(in_bytes.rows, in_floats.rows)
    assert_array_equal(in_bytes.scores, in_floats.scores)


def test_gathering_few_rows_gives_the_scores_of_scanning_all():
    vectors, queries = unit_rows(500, 96), unit_rows(3, 96, seed=1)
    index = ExactIndex(vectors, PRESENT)
    scanned = index.query(queries, 500)
    gathered = index.query(queries, 500, allowed=np.arange(500) < 20)
    for scanned_rows, scanned_scores, rows, scores in zip(
        scanned.rows, scanned.scores, gathered.rows, gathered.scores, strict=True
    ):
        kept = scanned_rows < 20
        assert_array_equal(rows, scanned_rows[kept])
        assert_array_equal(scores, scanned_scores[kept])


@pytest.mark.parametrize(("queries", "awake"), [(3, False), (4, True)])
def test_the_byte_scan_wakes_once_enough_has_been_scanned(queries, awake):
    script = f"""
import sys
import numpy as np
from sightline.index.exact import ExactIndex
vectors = np.eye(100, dtype=np.float32)
index = ExactIndex(vectors, np.ones(100, bool), components_before_kernel=30_000)
for _ in range({queries}):
    index.query(vectors[:1], 2)
print("numba" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(awake)


def test_presence_of_another_length_is_refused():
    with pytest.raises(ValueError, match="do not go with a presence"):
        ExactIndex(unit_rows(3), np.ones(4, np.bool_))


def test_many_queries_are_answered_in_blocks(monkeypatch):
    vectors = unit_rows(500, 16)
    whole = ExactIndex(vectors, PRESENT).query(vectors[:9], 3)
    monkeypatch.setattr("sightline.index.exact._BLOCK_SCORES", 1000)
    assert_array_equal(ExactIndex(vectors, PRESENT).query(vectors[:9], 3).rows, whole.rows)
