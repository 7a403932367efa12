"""Generations: immutable folders, written beside the live one, checked by hash, swapped at once."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import (
    CorruptGenerationError,
    FormatTooNewError,
    ModelNotActiveError,
    SightlineError,
    StorageError,
)
from .atomic import storage_errors, sweep_partials, sync_folder, write_json, write_text
from .seals import digest, identity, stamp_of, sync_tree, vouches_for

__all__ = [
    "FORMAT_VERSION",
    "Generation",
    "GenerationWriter",
    "active_manifest",
    "active_number",
    "active_stamp",
    "new_generation",
    "open_active",
]

# 5 could not be synced, 4 searched by TF-IDF, 3 had no stand-ins, 2 fixed weights, 1 pictures only.
FORMAT_VERSION = 6
_KEEP = 2  # the active generation, and the one before it to roll back to


class GenerationWriter:
    """Collects the files of the next generation in a hidden folder until `commit`.

    The caller holds the model's lock. A kill at any moment leaves the active generation as it was;
    the half-written folder is swept away by the next writer.

    Parameters
    ----------
    model_folder
        Folder of the model.
    """

    def __init__(self, model_folder: Path) -> None:
        self._model_folder = model_folder
        self._generations = model_folder / "generations"
        with storage_errors(self._generations):
            self._generations.mkdir(parents=True, exist_ok=True)
            self._sweep()
            self.number = max(_numbers(self._generations), default=0) + 1
            self.folder = self._generations / f".partial-{self.number:06d}"
            self.folder.mkdir()

    def array(self, name: str, values: NDArray[Any]) -> None:
        """Write `values` as ``<name>.npy``, contiguous and little-endian."""
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        np.save(self.folder / f"{name}.npy", np.ascontiguousarray(little))

    def share(self, other: "Generation", name: str) -> None:
        """Take a file of another generation in as it is, without its bytes where links can be made.

        Files of a generation are never written to again, so that two may have one in common.
        """
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.hardlink_to(other.folder / name)
        except OSError:  # FAT and some network drives have no links
            shutil.copyfile(other.folder / name, place)

    def commit(self, manifest: Mapping[str, Any]) -> None:
        """Seal the files with their hashes, give the folder its number and make it the active one.

        Parameters
        ----------
        manifest
            What else the manifest says: config, encoder, versions, counts, metrics, coverage.
        """
        with storage_errors(self.folder):
            files = {name: digest(self.folder / name) for name in _files(self.folder)}
            document = {"format_version": FORMAT_VERSION, "generation": self.number, **manifest}
            write_json(self.folder / "manifest.json", {**document, "files": files})
            sync_tree(self.folder)
            sealed = self._generations / f"{self.number:06d}"
            self.folder.rename(sealed)
            try:
                sync_folder(self._generations)
                seen = {name: identity(sealed / name) for name in files}
                write_json(stamp_of(self._model_folder, self.number), seen)
                write_text(self._model_folder / "ACTIVE", f"{self.number}\n")
            except BaseException:
                if not _is_pointed_at(self._model_folder, self.number):
                    self._drop(self.number)
                raise
            for number in sorted(_numbers(self._generations))[:-_KEEP]:
                self._drop(number)

    def _sweep(self) -> None:
        """Remove what killed writers left: half-written folders, and whole ones never active."""
        for leftover in self._generations.glob(".partial-*"):
            shutil.rmtree(leftover)
        sweep_partials(self._model_folder)
        try:
            active = active_number(self._model_folder) or 0
        except CorruptGenerationError:
            return  # which one was active cannot be told; this build makes a new pointer
        for number in _numbers(self._generations):
            if number > active:
                self._drop(number)

    def _drop(self, number: int) -> None:
        shutil.rmtree(self._generations / f"{number:06d}", ignore_errors=True)
        with suppress(OSError):
            stamp_of(self._model_folder, number).unlink()


@contextmanager
def new_generation(model_folder: Path) -> Iterator[GenerationWriter]:
    """Give a writer; what it wrote is removed unless the block ends well.

    Raises
    ------
    StorageError
        If the disk is full, read-only, or refuses.
    """
    writer = GenerationWriter(model_folder)
    with storage_errors(writer.folder):
        try:
            yield writer
        except BaseException:
            shutil.rmtree(writer.folder, ignore_errors=True)
            raise


class Generation:
    """One sealed generation, read-only.

    Opening compares the sizes and times of the files with those noted when they were last hashed,
    as git's index does, so that a query in a fresh process does not read the whole model first.
    Where they differ, every file is checked against the manifest's sha256.

    Parameters
    ----------
    model_folder, number
        Which one.

    Raises
    ------
    FormatTooNewError
        If a newer Sightline wrote it.
    CorruptGenerationError
        If a file is missing or is not what was written.
    StorageError
        If a file may not be read.
    """

    def __init__(self, model_folder: Path, number: int) -> None:
        self.number = number
        self.folder = _folder(model_folder, number)
        self._model_folder = model_folder
        with storage_errors(self.folder, action="read"):
            self.manifest = _read_manifest(model_folder, number)
            self._check_files(stamp_of(model_folder, number))

    @property
    def model_folder(self) -> Path:
        """Folder of the model that it is a generation of."""
        return self._model_folder

    def array(self, name: str) -> NDArray[Any]:
        """Memory-map ``<name>.npy``."""
        # As a plain array: every small slice of a np.memmap costs microseconds of bookkeeping.
        return np.asarray(np.load(self.folder / f"{name}.npy", mmap_mode="r"))

    def _check_files(self, stamp: Path) -> None:
        files = self.manifest.get("files")
        if not isinstance(files, dict):
            raise _corrupt(self._model_folder, self.folder / "manifest.json", "names no files")
        seen = {name: identity(self.folder / name) for name in files}
        if vouches_for(stamp, seen):
            return
        for name, expected in files.items():
            path = self.folder / name
            if seen[name] is None:
                raise _corrupt(self._model_folder, path, "is missing")
            found = digest(path)
            if found != expected:
                facts = f"holds {found['bytes']} bytes, sha256 {found['sha256'][:12]}…"
                wanted = f"should hold {expected['bytes']}, sha256 {expected['sha256'][:12]}…"
                raise _corrupt(self._model_folder, path, f"{facts}; it {wanted}")
        with suppress(StorageError):  # a read-only home is only checked more often
            write_json(stamp, seen)


def active_number(model_folder: Path) -> int | None:
    """Return the number of the active generation, or None before the first one."""
    stamp = active_stamp(model_folder)
    return None if stamp is None else stamp[0]


def active_stamp(model_folder: Path) -> tuple[int, int, int] | None:
    """Return what tells this activation from every other, or None before the first one.

    The number alone does not: a model that was deleted and created again begins at 1 again. The
    pointer is a new file at every commit, so its time and inode tell the two apart.

    Returns
    -------
    number, mtime_ns, inode
        Of one reading of the pointer.

    Raises
    ------
    CorruptGenerationError
        If the pointer is damaged.
    StorageError
        If it may not be read.
    """
    path = model_folder / "ACTIVE"
    try:
        with (
            storage_errors(path, action="read"),
            suppress(FileNotFoundError),
            path.open(encoding="utf-8") as file,
        ):
            stat = os.fstat(file.fileno())
            return int(file.read()), stat.st_mtime_ns, stat.st_ino
    except ValueError as error:
        raise _corrupt(model_folder, path, "holds no generation number") from error
    return None


def active_manifest(model_folder: Path) -> dict[str, Any]:
    """Return what the active generation says of itself; nothing where that cannot be told.

    Its other files are not looked at: a build asks this, which may be what mends them.

    Raises
    ------
    StorageError
        If it may not be read.
    """
    with suppress(CorruptGenerationError, FormatTooNewError):
        number = active_number(model_folder)
        if number is not None:
            with storage_errors(model_folder, action="read"):
                return _read_manifest(model_folder, number)
    return {}


def open_active(model_folder: Path) -> Generation:
    """Open the active generation.

    Raises
    ------
    ModelNotActiveError
        If no build has ended yet.
    """
    number = active_number(model_folder)
    if number is None:
        name = model_folder.name
        message = (
            f"model {name!r} is not ACTIVE yet: it has no finished generation. "
            f"See `sightline view-model --model-name {name}`"
        )
        raise ModelNotActiveError(message)
    return Generation(model_folder, number)


def _read_manifest(model_folder: Path, number: int) -> dict[str, Any]:
    path = _folder(model_folder, number) / "manifest.json"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
        version = int(manifest["format_version"])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise _corrupt(model_folder, path, f"cannot be read ({error})") from error
    if version > FORMAT_VERSION:
        message = (
            f"{path.parent} has format {version}; this Sightline reads up to {FORMAT_VERSION}: "
            "upgrade it with `pip install -U sightline`, or build the model again"
        )
        raise FormatTooNewError(message)
    if version < FORMAT_VERSION:
        raise _corrupt(model_folder, path, f"is of the older format {version}")
    return manifest


def _folder(model_folder: Path, number: int) -> Path:
    return model_folder / "generations" / f"{number:06d}"


def _numbers(generations: Path) -> list[int]:
    return [int(entry.name) for entry in generations.iterdir() if entry.name.isdecimal()]


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def _is_pointed_at(model_folder: Path, number: int) -> bool:
    try:
        return active_number(model_folder) == number
    except SightlineError:
        return False


def _corrupt(model_folder: Path, path: Path, what: str) -> CorruptGenerationError:
    message = (
        f"{path} {what}; build the model again with "
        f"`sightline update-model --model-name {model_folder.name}` (caches are reused)"
    )
    return CorruptGenerationError(message)
