"""What a process that used this stage leaves behind on its way out."""

import subprocess
import sys

import pytest

FETCH = """
import polars as pl
from pathlib import Path
from sightline.errors import SightlineError
from sightline.sources.connect import open_source
from sightline.sources.fetch import run_queries

source = open_source(pl.DataFrame({"item_id": [1]}), connector="items", base_dir=Path())
try:
    print(run_queries({"items": "SELECT SQL FROM items"}, {"items": source}).tables["items"])
except SightlineError as error:
    print(error)
"""


@pytest.mark.parametrize("column", ["item_id", "nope"])
def test_it_ends_without_a_word_on_stderr(column):
    program = FETCH.replace("SELECT SQL", f"SELECT {column}")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "item_id" in done.stdout
    assert done.stderr == ""
