"""Where the weights of an encoder are, at the hub or in a folder, and how they become a pack."""

import os
import posixpath
import shutil
import tempfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sightline_models.build import architecture_of, build_pack
from sightline_models.cards import card_of, near_names
from sightline_models.errors import CheckpointError
from sightline_models.layouts import read_layout, sibling
from sightline_models.listing import (
    checkpoint_files,
    file_names,
    find_layouts,
    find_pickle,
)
from sightline_models.pack import Pack, Precision, file_sha256

from .encode.check import golden_vectors
from .encode.device import Compute
from .encode.hub import Hub, Listing, Progress
from .encode.names import EncoderName
from .encode.towers import open_pack
from .errors import EncoderError
from .types import Vectors

__all__ = [
    "Source",
    "files_of_checkpoint",
    "find_at_hub",
    "is_checkpoint",
    "make_pack",
    "reference_of",
]

_CONFIGS = ("config.json", "open_clip_config.json", "preprocessor_config.json")
_REFERENCES = {"images": "reference_images.npy", "texts": "reference_texts.npy"}
_HOW_TO_CONVERT = (
    "convert it where you trust it, with safetensors.torch.save_file(torch.load(…, "
    'weights_only=True), "model.safetensors"), put that into a folder with its config and '
    "tokenizer, and name the folder"
)


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be downloaded, and what it is."""

    listing: Listing
    files: tuple[str, ...]
    is_ready: bool
    """Whether it is ONNX as it comes, rather than a checkpoint to build from."""
    origin: str
    """What the pack says of where it is from."""
    other: "Source | None" = None
    """The second repository of a pair, one for pictures and one for texts."""

    @property
    def revision(self) -> str:
        """The commits that are meant."""
        return "+".join(one.listing.commit for one in (self, self.other) if one)


def find_at_hub(name: EncoderName, repo: str, hub: Hub) -> Source:
    """Choose what to download for a name, of what there is.

    In this order: a safetensors checkpoint that can be built; ready-made ONNX of the precision; a
    checkpoint that the hub's converter offers in a pull request; the repository in which a
    well-known name's weights are ready-made.

    Raises
    ------
    EncoderError
        If there is none of these, the name is unknown to the hub, or the hub cannot be reached.
    """
    try:
        listing = hub.listing(repo, name.revision)
    except EncoderError as error:
        if card_of(name.text) is None and (near := near_names(name.text)):
            message = f"{error}. Is {' or '.join(near)} meant?"
            raise EncoderError(message) from error
        raise
    found, obstacle = _checkpoint(listing, hub)
    found = found or _ready(listing, name.precision, hub)
    if found is None and not obstacle and name.revision is None:
        found = _converted(listing, hub)
    if found is None and (card := card_of(name.text)) and card.ready:
        ready = hub.listing(card.ready)
        why = f"{card.ready} (the same weights as ONNX, as {repo} has none that can be read)"
        found = _ready(ready, name.precision, hub)
        found = found and replace(found, origin=why)
    if found is None:
        message = f"{str(name)!r} cannot be had: {_why(listing, name, obstacle)}"
        raise EncoderError(message)
    return found


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds a checkpoint that can be built here, weights included."""
    try:
        return checkpoint_files(file_names(folder)) is not None and _is_known(folder)
    except OSError:
        return False


def files_of_checkpoint(folder: Path) -> list[Path]:
    """Return the files that a pack is built from."""
    return [folder / name for name in checkpoint_files(file_names(folder)) or ()]


def make_pack(
    source: Source | Path, destination: Path, name: EncoderName, hub: Hub, progress: Progress
) -> Pack:
    """Make the files of a pack in an empty folder, and return what they are.

    Parameters
    ----------
    source
        What to download, or the folder of a checkpoint.
    destination, name
        The folder, and what the pack is called; the precision is that of the name, else fp32.

    Raises
    ------
    CheckpointError, PackError
        If what there is cannot be read or built.
    EncoderError
        If it cannot be downloaded.
    """
    if isinstance(source, Path):
        return _build(source, destination, name, progress)
    folder = hub.download(source.listing, source.files, progress)
    known = card_of(name.text)
    licence = source.listing.licence or (known.licence if known else "")
    if not source.is_ready:
        pack = _build(folder, destination, name, progress)
    else:
        pack = _take_ready(source, folder, destination, name, hub, progress)
    return replace(pack, source=source.origin, revision=source.revision, licence=licence)


def reference_of(folder: Path, pack: Pack) -> dict[str, Vectors]:
    """Return the vectors of the golden inputs that a pack was built with; none of ready-made ones.

    They are those of its float32 graphs on a CPU.
    """
    return {
        kind: np.load(folder / file) for kind, file in _REFERENCES.items() if file in pack.files
    }


def _build(folder: Path, destination: Path, name: EncoderName, progress: Progress) -> Pack:
    """Build a checkpoint, and keep what its float32 graphs make of the golden inputs."""
    progress("building", 0, 0)
    precision = name.precision or "fp32"
    pack = build_pack(folder, destination, name=name.text, precision=precision)
    progress("encoding golden inputs", 0, 0)
    if precision == "fp32":
        vectors = golden_vectors(*open_pack(destination, pack, Compute("cpu")))
    else:
        with tempfile.TemporaryDirectory(dir=destination.parent, prefix=destination.name) as exact:
            plain = build_pack(folder, Path(exact), name=name.text)
            vectors = golden_vectors(*open_pack(Path(exact), plain, Compute("cpu")))
    hashes = {}
    for kind, file in _REFERENCES.items():
        if kind in vectors:
            np.save(destination / file, vectors[kind])
            hashes[file] = file_sha256(destination / file)
    return replace(pack, files={**pack.files, **hashes})


def _checkpoint(listing: Listing, hub: Hub) -> tuple[Source | None, str]:
    """Return the checkpoint of a repository, or why it cannot be built."""
    files = checkpoint_files(listing.files)
    if files is None:
        return None, ""
    folder = hub.download(listing, [name for name in _CONFIGS if name in listing.files])
    try:
        architecture_of(folder)
    except CheckpointError as error:
        return None, str(error).replace(str(folder), listing.repo)
    return Source(listing, tuple(files), is_ready=False, origin=listing.repo), ""


def _ready(listing: Listing, precision: Precision | None, hub: Hub) -> Source | None:
    layouts = find_layouts(listing.files)
    if not layouts:
        return None
    best = next(iter(layouts.values()))
    # What precision a lone graph has is told by its content.
    chosen = best if best.style == "single" else layouts.get(precision or best.precision)
    if chosen is None:
        return None
    source = Source(listing, chosen.files, is_ready=True, origin=listing.repo)
    other = sibling(listing.repo)
    if chosen.style == "single" and other and hub.exists(other):
        beside = hub.listing(other)
        halves = find_layouts(beside.files).values()
        half = next((layout for layout in halves if layout.style == "single"), None)
        if half is not None:
            second = Source(beside, half.files, is_ready=True, origin=other)
            return replace(source, other=second, origin=f"{listing.repo} and {other}")
    return source


def _converted(listing: Listing, hub: Hub) -> Source | None:
    """Return the checkpoint in a pull request of the hub's converter, if it can be built."""
    offered = hub.conversion(listing.repo)
    found = _checkpoint(offered, hub)[0] if offered else None
    return found and replace(found, origin=f"{listing.repo}@{found.listing.revision}")


def _why(listing: Listing, name: EncoderName, obstacle: str) -> str:
    if layouts := find_layouts(listing.files):
        return (
            f"{listing.repo} is ready-made as {' and '.join(layouts)}, not as {name.precision}: "
            "leave the precision out, or name the checkpoint that it was made from"
        )
    if obstacle:
        return obstacle
    if pickle := find_pickle(listing.files):
        return (
            f"{listing.repo} has its weights only as {pickle}, which can run any code when it is "
            f"opened, so it is not downloaded: {_HOW_TO_CONVERT}"
        )
    held = ", ".join(listing.files[:4]) or "nothing"
    return f"{listing.repo} holds neither safetensors with a config.json nor ONNX, but {held}"


def _take_ready(
    source: Source,
    folder: Path,
    destination: Path,
    name: EncoderName,
    hub: Hub,
    progress: Progress,
) -> Pack:
    """Bring ready-made files into the pack's folder, unchanged, and describe them."""
    if source.other is None:
        _bring(folder, source.files, destination)
        return read_layout(destination, name=name.text, precision=name.precision)
    beside = hub.download(source.other.listing, source.other.files, progress)
    halves = [one.listing.repo.rpartition("/")[2] for one in (source, source.other)]
    _bring(folder, source.files, destination / halves[0])
    _bring(beside, source.other.files, destination / halves[1])
    pack = read_layout(destination / halves[0], name=name.text, precision=name.precision)
    return _seen_from_above(pack, halves[0])


def _bring(folder: Path, files: Collection[str], destination: Path) -> None:
    """Link files, or copy them where that cannot be: the hub's cache may be emptied later."""
    for file in files:
        target = destination / file
        target.parent.mkdir(parents=True, exist_ok=True)
        original = (folder / file).resolve()  # the cache's names are links themselves
        with suppress(OSError):
            os.link(original, target)
            continue
        shutil.copyfile(original, target)


def _seen_from_above(pack: Pack, folder: str) -> Pack:
    """Name the files of a pack from the folder above its own."""

    def moved(file: str) -> str:
        return posixpath.normpath(f"{folder}/{file}")

    visual = pack.visual and replace(pack.visual, file=moved(pack.visual.file))
    textual = pack.textual and replace(
        pack.textual, file=moved(pack.textual.file), tokenizer=moved(pack.textual.tokenizer)
    )
    files = {moved(file): sha256 for file, sha256 in pack.files.items()}
    return replace(pack, visual=visual, textual=textual, files=files)


def _is_known(folder: Path) -> bool:
    try:
        architecture_of(folder)
    except CheckpointError:
        return False
    return True
