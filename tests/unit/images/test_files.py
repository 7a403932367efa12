"""Local files: as many bytes as there are, and never more than the cap."""

import os
from pathlib import Path

import pytest
from sightline.images.files import file_facts, read_file
from sightline.images.outcome import Outcome, PictureError

CAP = 200_000


@pytest.mark.parametrize("size", [0, 1, 65_536, CAP])
def test_a_file_is_read_to_its_end(size, tmp_path):
    data = os.urandom(size)
    (path := tmp_path / "a.jpg").write_bytes(data)
    assert read_file(path, file_facts(path, max_bytes=CAP), max_bytes=CAP) == data


@pytest.mark.parametrize("added", [1, 100_000])
def test_a_file_that_has_grown_is_read_to_its_new_end(added, tmp_path):
    (path := tmp_path / "a.jpg").write_bytes(b"begun")
    facts = file_facts(path, max_bytes=CAP)
    path.write_bytes(b"begun" + bytes(added))
    assert len(read_file(path, facts, max_bytes=CAP)) == 5 + added


def test_a_file_that_has_grown_beyond_the_cap_is_too_large(tmp_path):
    (path := tmp_path / "a.jpg").write_bytes(b"begun")
    facts = file_facts(path, max_bytes=CAP)
    path.write_bytes(bytes(CAP + 1))
    with pytest.raises(PictureError) as failure:
        read_file(path, facts, max_bytes=CAP)
    assert failure.value.outcome is Outcome.TOO_LARGE


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a file without an end")
def test_of_a_file_without_an_end_no_more_than_the_cap_is_read():
    endless = Path("/dev/zero")
    with pytest.raises(PictureError) as failure:
        read_file(endless, endless.stat(), max_bytes=CAP)
    assert failure.value.outcome is Outcome.TOO_LARGE
