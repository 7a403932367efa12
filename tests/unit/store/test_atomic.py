import os
import stat
import time

import numpy as np
import polars as pl
import pytest
from sightline.errors import StorageError
from sightline.store.atomic import replacement, storage_errors, sweep_partials, write_text
from sightline.store.generation import new_generation

BIG = pl.DataFrame({"a": np.random.default_rng(0).random(1_000_000)})

WRITES = {
    "parquet": BIG.write_parquet,
    "json lines": BIG.write_ndjson,
    "numpy": lambda path: np.save(path, BIG["a"].to_numpy()),
}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_full_disk_is_told_whichever_library_met_it(tiny_disk, write):
    with (
        pytest.raises(StorageError, match=r"tiny.*disk is full"),
        storage_errors(tiny_disk / "file.npy"),
    ):
        write(tiny_disk / "file.npy")


def test_full_disk_in_a_new_generation_is_told_and_leaves_nothing(tiny_disk):
    with (
        pytest.raises(StorageError, match="disk is full"),
        new_generation(tiny_disk / "shop") as writer,
    ):
        BIG.write_parquet(writer.folder / "columns.parquet")
    assert list((tiny_disk / "shop" / "generations").iterdir()) == []


def test_polars_error_that_is_not_the_disk_s_stays_what_it_is(tmp_path):
    with pytest.raises(pl.exceptions.ColumnNotFoundError), storage_errors(tmp_path):
        BIG.select("b")


def test_replacement_that_fails_leaves_the_old_content_and_no_partial(tmp_path):
    write_text(tmp_path / "file", "old")
    with pytest.raises(TypeError), replacement(tmp_path / "file") as file:
        file.writelines([b"ne", "w"])
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_files_have_the_permissions_that_the_umask_gives(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert mode(tmp_path / "file") == 0o640


def test_partial_left_by_a_kill_is_swept_and_one_being_written_is_not(tmp_path):
    for name in (".old-1.partial", ".new-1.partial"):
        (tmp_path / name).write_text("half")
    yesterday = time.time() - 86_400
    os.utime(tmp_path / ".old-1.partial", (yesterday, yesterday))
    sweep_partials(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".new-1.partial"]
