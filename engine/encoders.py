"""The encoders of a home: opened by name for a build, and by record for a query."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sightline_models.errors import CheckpointError, PackError
from sightline_models.pack import PACK_FILE, Pack, Precision, read_pack

from .encode.attributes import ABOUT, AttributesTower, attributes, is_attributes
from .encode.base import Encoder, ImageTower
from .encode.check import agreement, golden_vectors, speeds
from .encode.device import Compute, choose_device
from .encode.names import IMMICH, EncoderName, own_name, parse_name
from .encode.towers import open_pack
from .errors import EncoderError
from .packs import Entry, Packs, Seen, bundled_pack, details, own_files_only, summary
from .store.home import Home
from .store.seals import identity

if TYPE_CHECKING:
    from .encode.hub import Hub

__all__ = ["Encoders"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told the step, what of it is done, and how much there is; 0 where that is not known."""


class Encoders:
    """Opens encoders by name, and keeps the packs that they are made of; threads may share it.

    A name is ``sightline-mini`` or ``attributes``, which come with Sightline, a folder, a Hugging
    Face id ``owner/name`` with an optional ``@revision``, an immich id such as
    ``ViT-B-32__openai``, or what `build` was told; each with an optional precision, ``:fp32``,
    ``:fp16`` or ``:int8``.

    Parameters
    ----------
    home
        Where packs are kept, in its folder ``encoders``.
    compute
        The device and threads that encoders run on.
    hub
        Takes the place of the hub that ``HF_ENDPOINT`` names.
    """

    def __init__(
        self,
        home: Home,
        compute: Compute = Compute(),  # noqa: B008 - immutable
        *,
        hub: "Hub | None" = None,
    ) -> None:
        self._packs = Packs(home)
        self.compute = compute
        self._given_hub = hub
        self._opening = threading.Lock()
        self._opened: dict[Path, tuple[Pack, Encoder]] = {}

    def open(self, name: str, *, progress: Progress | None = None) -> Encoder:
        """Open the encoder of this name; on its first use it is downloaded and built into the home.

        Once the home has a pack of the name, nothing is asked of the network.

        Raises
        ------
        EncoderError
            If there is none of this name, it cannot be downloaded or built, or its files are
            damaged.
        StorageError
            If the home cannot be written.
        """
        wanted = parse_name(name)
        if is_attributes(wanted):
            return attributes()
        choose_device(self.compute)  # a GPU that is not there is told before the download
        entry = self._entry(wanted, progress or _silent)
        return self._open(entry, str(wanted))

    def record(self, encoder: Encoder) -> dict[str, Any]:
        """Return what a manifest keeps of an encoder, and `reopen` finds it by."""
        towers = {"images": encoder.images, "texts": encoder.texts}
        record: dict[str, Any] = {
            "name": encoder.name,
            "is_joint": encoder.is_joint,
            "logit_scale": encoder.logit_scale,
            "logit_bias": encoder.logit_bias,
            **{
                kind: tower and {"fingerprint": tower.fingerprint, "dim": tower.dim}
                for kind, tower in towers.items()
            },
        }
        entry = self._recorded(record)
        device = choose_device(self.compute).why if entry else None
        return {**record, "pack": entry.folder.name if entry else None, "device": device}

    def reopen(self, record: Mapping[str, Any]) -> Encoder:
        """Open the encoder that a generation was built with; never asks the network.

        Raises
        ------
        EncoderError
            If the home has it no more, or its files are damaged.
        """
        images, texts = _fingerprints(record)
        if (images, texts) == (AttributesTower.fingerprint, None):
            return attributes()
        entry = self._recorded(record)
        encoder = None if entry is None else self._open(entry, str(record["name"]))
        # Of words alone, the pictures are another encoder's, which may be another one by now.
        if encoder is None or encoder.images.fingerprint != images:
            message = (
                f"this model was built with another version of the encoder {record['name']!r} than "
                "those that are here, and vectors of two encoders cannot be compared: build it "
                "again with `sightline update-model`, or bring the encoder's folder back"
            )
            raise EncoderError(message)
        return encoder

    def _recorded(self, record: Mapping[str, Any]) -> Entry | None:
        images, texts = _fingerprints(record)
        if images == AttributesTower.fingerprint and texts is None:
            return None
        place = str(record.get("pack") or "")
        return self._packs.of((images, texts), place) or self._packs.of((None, texts), place)

    def list(self) -> "list[dict[str, Any]]":
        """Return a line on every encoder that is ready to use, those of Sightline first."""
        bundled, *made = self._packs.all()
        return [summary(bundled), dict(ABOUT), *map(summary, made)]

    def show(self, name: str) -> dict[str, Any]:
        """Say all that is known of one encoder; nothing is downloaded.

        Raises
        ------
        EncoderError
            If neither the home nor this version knows it.
        """
        wanted = parse_name(name)
        if is_attributes(wanted):
            return {**ABOUT, "fingerprints": {"images": AttributesTower.fingerprint}}
        entry = self._packs.newest(wanted.text, wanted.precision)
        if entry is not None:
            return details(entry)
        from sightline_models.cards import card_of

        if (card := card_of(wanted.text)) is not None:
            about = {"name": card.name, "dim": card.dim, "reads": card.towers}
            return {**about, "licence": card.licence, "folder": None}
        message = f"{str(wanted)!r} is not in this home: `sightline encoders pull {wanted}` first"
        raise EncoderError(message)

    def pull(self, name: str, *, progress: Progress | None = None) -> dict[str, Any]:
        """Fetch what the hub has of a name now; returns what `show` does.

        Models built with an earlier pack of that name keep it until they are built again.

        Raises
        ------
        EncoderError
            As of `open`; and if the name is of no encoder of the hub.
        """
        wanted = parse_name(name)
        repo = _repo(wanted)
        if repo is None:
            message = f"{str(wanted)!r} is no name of the hub, so there is nothing to pull"
            raise EncoderError(message)
        return details(self._from_hub(wanted, repo, progress or _silent, ask_again=True))

    def build(
        self,
        folder: Path,
        *,
        name: str | None = None,
        precision: Precision | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Make a pack of a local folder, anew; returns what `show` does.

        Parameters
        ----------
        folder
            A checkpoint, which is built into the home, or a pack or ready-made folder, which is
            used where it lies.
        name
            What it is to be chosen by; None: the path of the folder.
        precision
            None: fp32 of a checkpoint, the most exact that a ready-made folder has.

        Raises
        ------
        EncoderError
            If the folder is none of these, or the name is taken or unfit.
        """
        place = folder.expanduser().absolute()
        text = str(place) if name is None else own_name(name)
        wanted = EncoderName(text, precision, folder=place)
        return details(self._from_folder(wanted, progress or _silent, anew=True))

    def check(self, name: str, *, progress: Progress | None = None) -> dict[str, Any]:
        """Hash every file of an encoder, run it, and compare it with its reference.

        The reference are the vectors of golden inputs that the float32 graphs made on a CPU when
        the pack was built; of ready-made graphs, what they make on this CPU.

        Returns
        -------
        report
            What it is, the device and why it was chosen; under ``agreement`` the least cosine and
            the largest difference per tower; pictures and texts per second.

        Raises
        ------
        EncoderError
            As of `open`; if a file is damaged, the device fails, or vectors are not finite.
        """
        wanted = parse_name(name)
        tell = progress or _silent
        if is_attributes(wanted):
            return {**ABOUT, **speeds(attributes())}
        entry = self._entry(wanted, tell)
        tell("hashing files", 0, 0)
        self._packs.verify(entry, again=True)
        encoder = self._open(entry, str(wanted))
        device = choose_device(self.compute)
        tell(f"encoding golden inputs on {device}", 0, 0)
        own = encoder.images if entry.pack.visual else None
        vectors = golden_vectors(own, encoder.texts)
        from .weights import reference_of

        reference = reference_of(entry.files, entry.pack)
        if not reference:
            towers = open_pack(entry.files, entry.pack, Compute("cpu", self.compute.threads))
            reference = golden_vectors(*towers)
        tell("measuring speed", 0, 0)
        return {
            **summary(entry),
            "files": dict(entry.pack.files),
            "device": device.why,
            "agreement": {kind: agreement(vectors[kind], reference[kind]) for kind in vectors},
            **speeds(encoder),
        }

    def _entry(self, wanted: EncoderName, progress: Progress) -> Entry:
        if wanted.folder is not None:
            return self._from_folder(wanted, progress)
        entry = self._packs.newest(wanted.text, wanted.precision)
        if entry is not None:
            return entry
        if (repo := _repo(wanted)) is not None:
            return self._from_hub(wanted, repo, progress)
        from sightline_models.cards import near_names

        built = {entry.pack.name for entry in self._packs.all()}
        near = near_names(wanted.text, built)
        hint = f"; is {' or '.join(near)} meant?" if near else ""
        message = (
            f"there is no encoder {str(wanted)!r} here (`sightline encoders list`), and no hub id "
            f"is without an owner, as in 'owner/name'{hint}"
        )
        raise EncoderError(message)

    def _from_hub(
        self, wanted: EncoderName, repo: str, progress: Progress, *, ask_again: bool = False
    ) -> Entry:
        from .weights import find_at_hub, make_pack

        progress(f"looking for {wanted.text}", 0, 0)
        source = find_at_hub(wanted, repo, self._hub) if ask_again else None
        with _told(), self._packs.adding(lambda: progress("waiting for another pull", 0, 0)) as new:
            entry = self._packs.newest(wanted.text, wanted.precision)
            if entry is not None and (source is None or self._is_current(entry, source.revision)):
                return entry
            source = source or find_at_hub(wanted, repo, self._hub)
            pack = make_pack(source, new, wanted, self._hub, progress)
            return self._packs.keep(new, pack, is_default=_is_default(wanted, pack))

    def _from_folder(self, wanted: EncoderName, progress: Progress, *, anew: bool = False) -> Entry:
        folder = wanted.folder
        if folder is None or not folder.is_dir():
            message = f"there is no folder {folder}, so it cannot be an encoder"
            raise EncoderError(message)
        from .weights import is_checkpoint

        with _told():
            if not (folder / PACK_FILE).is_file() and is_checkpoint(folder):
                return self._from_checkpoint(wanted, folder, progress, anew=anew)
            return self._in_place(wanted, folder, progress)

    def _from_checkpoint(
        self, wanted: EncoderName, folder: Path, progress: Progress, *, anew: bool
    ) -> Entry:
        """Build the checkpoint in a folder, unless a pack of the very files is there."""
        from .weights import files_of_checkpoint, make_pack

        seen: Seen = {str(path): identity(path) for path in files_of_checkpoint(folder)}

        def made() -> Entry | None:
            entry = None if anew else self._packs.newest(wanted.text, wanted.precision)
            return entry if entry and entry.made_from == seen else None

        if (entry := made()) is not None:
            return entry
        with self._packs.adding(lambda: progress("waiting for another build", 0, 0)) as new:
            if (entry := made()) is not None:
                return entry
            pack = make_pack(folder, new, wanted, self._hub, progress)
            default = _is_default(wanted, pack)
            return self._packs.keep(new, pack, is_default=default, made_from=seen)

    def _in_place(self, wanted: EncoderName, folder: Path, progress: Progress) -> Entry:
        """Note a pack or ready-made folder, whose files stay where they are."""
        entry = self._packs.newest(wanted.text, wanted.precision)
        own = read_pack(folder) if (folder / PACK_FILE).is_file() else None
        if entry is not None and entry.files == folder:
            if own is not None and own.files == entry.pack.files:
                return entry
            if own is None and self._packs.is_intact(entry):
                return entry
        progress(f"reading {folder.name}", 0, 0)
        from sightline_models.layouts import read_layout

        pack = own or read_layout(folder, name=wanted.text, precision=wanted.precision)
        if wanted.precision not in {None, pack.precision}:
            message = f"{folder} is {pack.precision}, not {wanted.precision}"
            raise EncoderError(message)
        named = replace(own_files_only(pack, folder) if own else pack, name=wanted.text)
        with self._packs.adding(lambda: progress("waiting for another build", 0, 0)) as new:
            default = _is_default(wanted, named)
            return self._packs.keep(new, named, is_default=default, files=folder)

    def _is_current(self, entry: Entry, revision: str) -> bool:
        """Whether a pack is of the revision that the hub has now, and whole."""
        return entry.pack.revision == revision and self._packs.is_intact(entry)

    def _open(self, entry: Entry, name: str) -> Encoder:
        with self._opening:
            self._packs.verify(entry)
            kept = self._opened.get(entry.folder)
            if kept is None or kept[0] != entry.pack:
                images, texts = open_pack(entry.files, entry.pack, self.compute)
                pack = entry.pack
                encoder = Encoder(
                    name,
                    images or self._default_images(),
                    texts,
                    is_joint=pack.is_joint,
                    logit_scale=pack.logit_scale,
                    logit_bias=pack.logit_bias,
                )
                kept = self._opened[entry.folder] = (pack, encoder)
            return replace(kept[1], name=name)

    def _default_images(self) -> ImageTower:
        """Return what pictures are encoded by beside an encoder of words."""
        entry = bundled_pack()
        self._packs.verify(entry)
        images, _ = open_pack(entry.files, entry.pack, self.compute)
        return images or AttributesTower()

    @cached_property
    def _hub(self) -> "Hub":
        from .encode.hub import Hub  # a tenth of a second, which queries need not spend

        return self._given_hub or Hub()


def _repo(wanted: EncoderName) -> str | None:
    """Return the repository of a name, also of those that only look like the user's own."""
    from sightline_models.cards import IMMICH_NAMES

    return f"{IMMICH}/{wanted.text}" if wanted.text in IMMICH_NAMES else wanted.repo


def _is_default(wanted: EncoderName, pack: Pack) -> bool:
    return wanted.precision is None or pack.precision == "fp32"


def _fingerprints(record: Mapping[str, Any]) -> tuple[str | None, str | None]:
    images, texts = ((record.get(kind) or {}).get("fingerprint") for kind in ("images", "texts"))
    return images, texts


def _silent(*_: object) -> None:
    pass


@contextmanager
def _told() -> Iterator[None]:
    """Turn the errors of `sightline_models` into ours."""
    try:
        yield
    except (CheckpointError, PackError) as error:
        raise EncoderError(str(error)) from error
