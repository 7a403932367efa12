import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sightline.errors import (
    CorruptGenerationError,
    FormatTooNewError,
    ModelNotActiveError,
    StorageError,
)
from sightline.store.atomic import storage_errors
from sightline.store.generation import (
    Generation,
    GenerationWriter,
    active_number,
    active_stamp,
    open_active,
)


@pytest.fixture
def model(tmp_path):
    return tmp_path / "models" / "shop"


def write_generation(model, value=1.0):
    writer = GenerationWriter(model)
    writer.array("trend", np.full(3, value, np.float32))
    writer.commit({"model_name": "shop"})
    return writer.number


def test_committed_generation_is_active_and_holds_what_was_written(model):
    assert write_generation(model) == 1
    generation = open_active(model)
    assert generation.array("trend").tolist() == [1.0, 1.0, 1.0]
    assert generation.manifest["model_name"] == "shop"
    assert set(generation.manifest["files"]) == {"trend.npy"}


def test_generation_that_was_not_committed_is_invisible_and_swept_away(model):
    write_generation(model)
    abandoned = GenerationWriter(model)
    abandoned.array("trend", np.zeros(3, np.float32))
    assert active_number(model) == 1
    GenerationWriter(model)
    assert sorted(path.name for path in (model / "generations").iterdir()) == [
        ".partial-000002",
        "000001",
    ]
    assert not (abandoned.folder / "trend.npy").exists()


def test_kill_between_the_files_and_the_commit_leaves_the_active_generation(model):
    write_generation(model)
    script = (
        "import os, signal, sys, numpy as np; from pathlib import Path\n"
        "from sightline.store.generation import GenerationWriter\n"
        "writer = GenerationWriter(Path(sys.argv[1])); writer.array('trend', np.zeros(3))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(model)], check=False)
    assert open_active(model).array("trend").tolist() == [1.0, 1.0, 1.0]
    assert write_generation(model, 2.0) == 2


def test_the_generation_before_the_active_one_is_kept_and_older_ones_are_not(model):
    for value in range(4):
        write_generation(model, value)
    assert sorted(path.name for path in (model / "generations").iterdir()) == ["000003", "000004"]
    assert active_number(model) == 4


def test_model_made_again_under_its_name_has_another_stamp_for_the_same_number(model):
    assert active_stamp(model) is None
    write_generation(model)
    first = active_stamp(model)
    assert active_stamp(model) == first
    shutil.rmtree(model)
    write_generation(model)
    assert active_stamp(model)[0] == first[0] == 1
    assert active_stamp(model) != first


def test_files_of_a_commit_are_not_hashed_again_by_the_next_opening(model):
    writer = GenerationWriter(model)
    writer.array("trend", np.zeros(3, np.float32))
    os.utime(writer.folder / "trend.npy", (1, 1))
    writer.commit({})
    path = model / "generations" / "000001" / "trend.npy"
    with path.open("r+b") as file:  # the same file, size and time: only hashing tells
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    os.utime(path, (1, 1))
    assert open_active(model).number == 1


def test_commit_syncs_every_file_and_folder_and_opening_syncs_nothing_of_them(model, synced):
    writer = GenerationWriter(model)
    writer.array("trend", np.zeros(3, np.float32))
    (writer.folder / "index").mkdir()
    (writer.folder / "index" / "index.json").write_text("{}")
    writer.commit({})
    assert {"trend.npy", "index.json", "index", ".partial-000001", "generations"} <= set(synced)
    synced.clear()
    (model / ".verified-000001.json").unlink()
    open_active(model)
    assert not {"trend.npy", "index.json"} & set(synced)


def test_commit_that_cannot_point_to_its_generation_leaves_none(model):
    write_generation(model)
    writer = GenerationWriter(model)
    (model / "ACTIVE").unlink()
    (model / "ACTIVE").mkdir()
    with pytest.raises(StorageError):
        writer.commit({})
    assert [path.name for path in (model / "generations").iterdir()] == ["000001"]
    assert not list(model.glob(".verified-000002.json"))


def test_generation_whose_writer_was_killed_before_the_pointer_is_swept(model):
    for value in range(2):
        write_generation(model, value)
    shutil.copytree(model / "generations" / "000002", model / "generations" / "000003")
    write_generation(model)
    assert sorted(path.name for path in (model / "generations").iterdir()) == ["000002", "000003"]
    assert active_number(model) == 3


def test_damaged_file_in_a_subfolder_names_the_model_in_the_remedy(model):
    writer = GenerationWriter(model)
    (writer.folder / "index").mkdir()
    (writer.folder / "index" / "index.json").write_text("{}")
    writer.commit({})
    (model / "generations" / "000001" / "index" / "index.json").write_text("[]")
    with pytest.raises(CorruptGenerationError, match=r"index\.json .*--model-name shop"):
        open_active(model)


@pytest.mark.parametrize("hidden", ["ACTIVE", "generations", "generations/000001/manifest.json"])
def test_model_of_another_user_that_may_not_be_read_is_a_storage_error(
    shared_folder, as_another_user, hidden
):
    model = shared_folder / "shop"
    write_generation(model)
    (model / hidden).chmod(0o600)
    with as_another_user(), pytest.raises(StorageError, match=r"cannot read .*permission denied"):
        open_active(model)


def test_model_without_a_generation_is_not_active(model):
    with pytest.raises(ModelNotActiveError, match="view-model --model-name shop"):
        open_active(model)


def test_flipped_byte_is_refused_with_both_hashes(model):
    write_generation(model)
    path = model / "generations" / "000001" / "trend.npy"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(
        CorruptGenerationError, match=r"trend\.npy .* sha256 .* should hold .*update-model"
    ):
        open_active(model)


def test_damage_after_a_first_good_opening_is_still_seen(model):
    write_generation(model)
    open_active(model)
    path = model / "generations" / "000001" / "trend.npy"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CorruptGenerationError):
        open_active(model)


@pytest.mark.parametrize("name", ["trend.npy", "manifest.json"])
def test_missing_file_is_refused_by_name(model, name):
    write_generation(model)
    (model / "generations" / "000001" / name).unlink()
    with pytest.raises(CorruptGenerationError, match=name):
        open_active(model)


def test_truncated_manifest_is_refused(model):
    write_generation(model)
    path = model / "generations" / "000001" / "manifest.json"
    path.write_text(path.read_text()[:40])
    with pytest.raises(CorruptGenerationError, match="manifest"):
        Generation(model, 1)


@pytest.mark.parametrize("text", ["[]", '{"format_version": 2}', '{"format_version": "x"}'])
def test_manifest_that_is_none_is_refused(model, text):
    write_generation(model)
    (model / "generations" / "000001" / "manifest.json").write_text(text)
    with pytest.raises(CorruptGenerationError, match=r"manifest\.json .*update-model"):
        open_active(model)


def test_generation_of_a_newer_sightline_is_refused_with_the_remedy(model):
    write_generation(model)
    path = model / "generations" / "000001" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "format_version": 99}))
    with pytest.raises(FormatTooNewError, match=r"format 99.*upgrade"):
        open_active(model)


def test_generation_of_an_older_format_is_refused_with_the_remedy(model):
    write_generation(model)
    path = model / "generations" / "000001" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "format_version": 1}))
    with pytest.raises(CorruptGenerationError, match=r"older format 1.*update-model"):
        open_active(model)


def test_damaged_pointer_is_refused(model):
    write_generation(model)
    (model / "ACTIVE").write_text("seven\n")
    with pytest.raises(CorruptGenerationError, match="update-model --model-name shop"):
        active_number(model)


def test_home_that_is_a_file_is_a_storage_error_with_a_remedy(tmp_path):
    (tmp_path / "models").write_text("not a folder")
    with pytest.raises(StorageError, match="point --home"):
        GenerationWriter(tmp_path / "models" / "shop")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux' always-full device")
def test_full_disk_is_a_storage_error_that_says_so(model, tmp_path):
    with (
        pytest.raises(StorageError, match="disk is full"),
        storage_errors(tmp_path),
        Path("/dev/full").open("w") as full,
    ):
        full.write("x" * 100_000)
