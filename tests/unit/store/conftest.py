"""A folder for all, a user who may not, and what was synced."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

_NOBODY = 65_534


@pytest.fixture
def shared_folder():
    """A folder that every user may enter; those of pytest are for the one who runs it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def as_another_user():
    """A context in which this process may do what the permissions of nobody allow."""
    if not hasattr(os, "seteuid") or os.geteuid() != 0:
        pytest.skip("becoming another user needs root")

    @contextmanager
    def change():
        os.seteuid(_NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)

    return change


@pytest.fixture
def synced(monkeypatch):
    """Names of the files and folders that were synced to disk, in order."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs Linux to tell which file a descriptor is of")
    names, sync = [], os.fsync

    def note(descriptor):
        names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return names
