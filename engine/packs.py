"""The encoder packs of a home: found by name or by fingerprint, verified, added whole or not."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import sightline_models
from sightline_models.errors import PackError
from sightline_models.pack import PACK_FILE, Pack, Precision, file_sha256, read_pack, write_pack

from .errors import EncoderError, StorageError
from .store.atomic import storage_errors, sync_folder, write_json
from .store.home import Home
from .store.lock import encoders_lock
from .store.seals import identity, sync_tree, vouches_for

__all__ = ["Entry", "Packs", "Seen", "bundled_pack", "details", "own_files_only", "summary"]

Seen = Mapping[str, list[int] | None]
"""Path to size, time of change and inode of a file; None where there is none."""

_BUNDLED = Path(sightline_models.__file__).parent / "mini"
_ENTRY_FILE = "entry.json"
_PARTIAL = ".partial-"
_REINSTALL = "install Sightline again: `pip install --force-reinstall --no-deps sightline`"


@dataclass(frozen=True, slots=True)
class Entry:
    """One pack that the home knows."""

    folder: Path
    """Where it is described."""
    files: Path
    """Where its files are: the same, or a ready-made folder that is used where it lies."""
    pack: Pack
    is_default: bool
    """Whether its name without a precision means it."""
    made_at: str | None
    """None of the pack that is installed with Sightline."""
    made_from: Seen
    """The files of the folder that it was built from, as they were then; empty for the hub's."""

    @property
    def fingerprints(self) -> tuple[str | None, str | None]:
        """Of the image and the text tower."""
        visual, textual = self.pack.visual, self.pack.textual
        return (
            self.pack.fingerprint(visual) if visual else None,
            self.pack.fingerprint(textual) if textual else None,
        )


class Packs:
    """The encoder packs of a home.

    Parameters
    ----------
    home
        Packs are in its folder ``encoders``, each in a folder of its own.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._root = home.encoders

    def all(self) -> list[Entry]:
        """Return the pack that comes with Sightline, then what was made, newest first.

        Folders of something else are passed over.
        """
        with storage_errors(self._root, action="read"):
            folders = [path for path in self._root.glob("*") if (path / _ENTRY_FILE).is_file()]
        entries = (self._read(folder) for folder in folders)
        made = sorted(filter(None, entries), key=lambda entry: entry.made_at or "", reverse=True)
        return [bundled_pack(), *made]

    def newest(self, name: str, precision: Precision | None) -> Entry | None:
        """Return the pack last made under a name; without a precision, that which it stands for."""
        for entry in self.all():
            fits = entry.is_default if precision is None else entry.pack.precision == precision
            if entry.pack.name == name and fits:
                return entry
        return None

    def of(self, fingerprints: tuple[str | None, str | None], place: str = "") -> Entry | None:
        """Return the pack whose towers have these fingerprints; None stands for no tower.

        `place` is where it was last: the name of its folder.
        """
        if place and PurePosixPath(place).name == place:
            entry = self._read(self._root / place)
            if entry is not None and entry.fingerprints == fingerprints:
                return entry
        return next((entry for entry in self.all() if entry.fingerprints == fingerprints), None)

    def verify(self, entry: Entry, *, again: bool = False) -> None:
        """Make sure that the files of a pack are those that it was made of.

        As with generations: every file is hashed at first, and when its size, time or inode has
        changed since; `again` hashes all in any case.

        Raises
        ------
        EncoderError
            If one is missing or is another.
        """
        stamp = self._stamp(entry.folder)
        seen = {name: identity(entry.files / name) for name in entry.pack.files}
        if not again and vouches_for(stamp, seen):
            return
        for name, sha256 in entry.pack.files.items():
            path = entry.files / name
            with storage_errors(path, action="read"):
                if seen[name] is None:
                    raise _damaged(entry, path, "is missing")
                if file_sha256(path) != sha256:
                    what = f"is not what it was: its sha256 should be {sha256[:12]}…"
                    raise _damaged(entry, path, what)
        if self._root.is_dir():  # not made for the pack that comes with Sightline
            with suppress(StorageError):  # a read-only home is only hashed more often
                write_json(stamp, seen)

    def is_intact(self, entry: Entry) -> bool:
        """Whether `verify` finds nothing amiss."""
        try:
            self.verify(entry)
        except (EncoderError, StorageError):
            return False
        return True

    @contextmanager
    def adding(self, on_wait: Callable[[], None]) -> Iterator[Path]:
        """Give an empty folder to make a pack in, while no other process makes one.

        What is not given to `keep` is gone afterwards.
        """
        with encoders_lock(self._home, on_wait), storage_errors(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
            for leftover in self._root.glob(f"{_PARTIAL}*"):  # of killed processes
                shutil.rmtree(leftover)
            folder = self._root / f"{_PARTIAL}pack"
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def keep(
        self,
        folder: Path,
        pack: Pack,
        *,
        is_default: bool,
        files: Path | None = None,
        made_from: Seen | None = None,
    ) -> Entry:
        """Take the folder of `adding` in, under a name of its own.

        Parameters
        ----------
        folder, pack
            The pack; its files are in `folder` unless `files` says where else.
        is_default, made_from
            See `Entry`.
        """
        final = self._root / _folder_name(pack, files)
        now = datetime.now(UTC).isoformat()
        entry = Entry(final, files or final, pack, is_default, now, made_from or {})
        write_pack(folder, pack)
        document = {
            "is_default": is_default,
            "made_at": now,
            "files": None if files is None else str(files),
            "made_from": dict(entry.made_from),
        }
        write_json(folder / _ENTRY_FILE, document)
        sync_tree(folder)
        if final.is_dir():
            _renew(final, folder, pack)
        else:
            folder.rename(final)
        sync_folder(self._root)
        self.verify(entry)
        return entry

    def _read(self, folder: Path) -> Entry | None:
        try:
            pack = read_pack(folder)
            document: dict[str, Any] = json.loads((folder / _ENTRY_FILE).read_text("utf-8"))
            place = document["files"]
            return Entry(
                folder,
                Path(place) if place else folder,
                pack,
                bool(document["is_default"]),
                str(document["made_at"]),
                dict(document["made_from"]),
            )
        except (OSError, PackError, ValueError, KeyError, TypeError):
            return None  # half deleted, or of a newer version: as if it were not there

    def _stamp(self, folder: Path) -> Path:
        return self._root / f".verified-{folder.name}.json"


def bundled_pack() -> Entry:
    """Return the pack that is installed with Sightline, sightline-mini.

    Raises
    ------
    EncoderError
        If the installation lacks it.
    """
    try:
        return Entry(
            _BUNDLED, _BUNDLED, read_pack(_BUNDLED), is_default=True, made_at=None, made_from={}
        )
    except PackError as error:
        message = f"{error}; it comes with Sightline: {_REINSTALL}"
        raise EncoderError(message) from error


def own_files_only(pack: Pack, folder: Path) -> Pack:
    """Return a pack whose files are all its own: a pack.toml may be a stranger's.

    Raises
    ------
    EncoderError
        If it names a file outside its folder, or one without a sha256.
    """
    named = [*pack.files, *(tower.file for tower in (pack.visual, pack.textual) if tower)]
    if pack.textual:
        named.append(pack.textual.tokenizer)
    for name in named:
        if Path(name).is_absolute() or ".." in Path(name).parts or name not in pack.files:
            message = f"{folder / PACK_FILE} names {name!r}, which is none of the pack's files"
            raise EncoderError(message)
    return pack


def summary(entry: Entry) -> dict[str, Any]:
    """Say in a line's worth of words what a pack is."""
    pack = entry.pack
    towers = [tower for tower in (pack.visual, pack.textual) if tower]
    kinds = [kind for kind, tower in (("pictures", pack.visual), ("texts", pack.textual)) if tower]
    return {
        "name": pack.name,
        "precision": pack.precision,
        "dim": towers[0].dim if towers else None,
        "reads": " and ".join(kinds),
        "licence": pack.licence or None,
        "source": pack.source,
        "revision": pack.revision or None,
        "made_at": entry.made_at,
    }


def details(entry: Entry) -> dict[str, Any]:
    """Say all that is known of a pack."""
    pack = entry.pack
    return {
        **summary(entry),
        "architecture": pack.architecture or None,
        "side": pack.visual.side if pack.visual else None,
        "context": pack.textual.context if pack.textual else None,
        "logit_scale": pack.logit_scale,
        "fingerprints": dict(zip(("images", "texts"), entry.fingerprints, strict=True)),
        "folder": str(entry.files),
        "files": dict(pack.files),
    }


def _renew(final: Path, folder: Path, pack: Pack) -> None:
    """Bring what was made again over the same that is there: descriptions, and damaged files."""
    for name in pack.files:
        if (folder / name).is_file() and (
            identity(final / name) is None or file_sha256(final / name) != pack.files[name]
        ):
            (final / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).replace(final / name)
    for name in (PACK_FILE, _ENTRY_FILE):
        (folder / name).replace(final / name)


def _folder_name(pack: Pack, files: Path | None) -> str:
    told = [pack.name, pack.precision, str(files or ""), sorted(pack.files.items())]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
    slug = re.sub(r"[^a-z0-9]+", "-", pack.name.lower())[-60:].strip("-")
    return f"{slug}-{digest}"


def _damaged(entry: Entry, path: Path, what: str) -> EncoderError:
    name = f"{entry.pack.name}:{entry.pack.precision}"
    if entry.folder == _BUNDLED:
        return EncoderError(f"{path} {what}; {_REINSTALL}")
    remedy = f"`sightline encoders pull {name}` fetches it anew"
    if entry.files != entry.folder:
        remedy = (
            f"restore it, or build the models of {entry.pack.name} again with what is there now"
        )
    elif entry.made_from:
        remedy = f"`sightline encoders build {entry.pack.source}` makes it anew"
    return EncoderError(f"{path} {what}; {remedy}")
