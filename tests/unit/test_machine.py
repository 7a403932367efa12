"""Disks and GPU drivers, as a machine shows them."""

import contextlib
import os

from sightline.machine import free_bytes, gpus, nearest_folder, write_obstacle


def driver(folder, script):
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return os.fspath(program)


def test_gpus_are_what_the_driver_lists(tmp_path):
    script = 'echo "NVIDIA T4, 15360 MiB, 570.1"; echo "NVIDIA L4, 23034 MiB, 570.1"'
    assert gpus(driver(tmp_path, script)) == [
        "NVIDIA T4, 15360 MiB, 570.1",
        "NVIDIA L4, 23034 MiB, 570.1",
    ]


def test_a_driver_that_fails_shows_no_gpu(tmp_path):
    assert gpus(driver(tmp_path, 'echo "No devices were found"; exit 6')) == []


def test_without_a_driver_nothing_is_known_of_gpus(tmp_path):
    assert gpus(os.fspath(tmp_path / "nvidia-smi")) is None


def test_a_folder_that_can_be_written_to_has_no_obstacle_and_nothing_is_left_in_it(tmp_path):
    assert write_obstacle(tmp_path) is None
    assert write_obstacle(tmp_path / "not" / "made" / "yet") is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be_is_an_obstacle(tmp_path):
    (tmp_path / "home").write_text("")
    assert "irectory" in write_obstacle(tmp_path / "home")
    assert str(tmp_path / "home") in write_obstacle(tmp_path / "home" / "below")


def test_a_full_disk_is_an_obstacle(tiny_disk):
    with (tiny_disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(65536)):
            pass
    assert write_obstacle(tiny_disk) == "No space left on device"
    assert free_bytes(tiny_disk / "below") < 65536


def test_the_nearest_folder_is_the_first_that_exists(tmp_path):
    assert nearest_folder(tmp_path / "a" / "b") == tmp_path
    assert nearest_folder(tmp_path) == tmp_path
