"""Ready-made folders of other tools, described as packs without changing them.

Read are the layouts of immich (``visual/model.onnx``, ``textual/model.onnx``), transformers.js
(``onnx/vision_model.onnx``, ``onnx/text_model.onnx``), sentence-transformers (``onnx/model.onnx``)
and fastembed (one ``model.onnx``; pictures and texts in two folders ``X-vision`` and ``X-text``).
"""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from .errors import CheckpointError, PackError
from .listing import Layout, file_names, find_layouts
from .pack import Pack, Precision, TextualTower, VisualTower, file_sha256
from .ready_towers import picture_port, textual_tower, token_port, visual_tower
from .signature import read_signature
from .vocabulary import settings_of

__all__ = ["read_layout", "sibling"]

_HALVES = {"-vision": "-text", "-text": "-vision"}
_Tower = TypeVar("_Tower", VisualTower, TextualTower)


def read_layout(folder: Path, *, name: str, precision: Precision | None = None) -> Pack:
    """Describe a ready-made folder as a pack.

    Parameters
    ----------
    folder
        The folder. Of a pair ``X-vision`` and ``X-text`` either one; the paths of the other's files
        begin with ``../``.
    name
        What the pack is called.
    precision
        Which of several variants; None takes the most exact there is.

    Returns
    -------
    pack
        With the sha256 of every file that it is made of.

    Raises
    ------
    PackError
        If the folder is none of the layouts, lacks the precision, or is damaged.
    """
    try:
        layout = _choose(folder, precision)
        pack = _describe(folder, layout, name)
        other = sibling(folder.name)
        if layout.style == "single" and other and folder.with_name(other).is_dir():
            pack = _paired(pack, other, _half(folder.with_name(other), name))
    except (CheckpointError, PackError) as error:
        raise PackError(str(error)) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"{folder}: its settings are not those of an encoder: {error}"
        raise PackError(message) from error
    if precision not in {None, pack.precision}:
        message = f"{folder} is {pack.precision}, not {precision}: leave the precision out"
        raise PackError(message)
    if pack.visual and pack.textual and pack.visual.dim != pack.textual.dim:
        message = (
            f"{folder}: pictures have {pack.visual.dim} dimensions, texts {pack.textual.dim}: "
            "the two graphs are not of one model"
        )
        raise PackError(message)
    return pack


def sibling(name: str) -> str | None:
    """Return what the other half of a pair ``X-vision`` and ``X-text`` is called."""
    for ours, other in _HALVES.items():
        if name.endswith(ours):
            return name.removesuffix(ours) + other
    return None


def _choose(folder: Path, precision: Precision | None) -> Layout:
    try:
        layouts = find_layouts(file_names(folder))
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror or error}"
        raise PackError(message) from error
    if not layouts:
        message = (
            f"{folder} holds no encoder: neither pack.toml nor visual/model.onnx (immich), "
            "onnx/vision_model.onnx (transformers.js), onnx/model.onnx (sentence-transformers) "
            "or model.onnx (fastembed)"
        )
        raise PackError(message)
    best = next(iter(layouts.values()))
    if best.style == "single":
        return best  # its precision is told by its content
    if precision is not None and precision not in layouts:
        message = f"{folder} has {' and '.join(layouts)}, not {precision}"
        raise PackError(message)
    return layouts[precision or best.precision]


def _describe(folder: Path, layout: Layout, name: str) -> Pack:
    read = set(layout.files)
    precision = layout.precision
    visual = textual = None
    for graph in {layout.visual, layout.textual} - {None}:
        path = folder / str(graph)
        signature = read_signature(path)
        read |= {
            (path.parent / data).relative_to(folder).as_posix() for data in signature.data_files
        }
        if layout.style == "single":
            precision = signature.precision
            if picture_port(signature) and token_port(signature):
                message = (
                    f"{path} reads pictures and texts at once, so neither can be encoded alone: "
                    "use a model of two graphs, such as vision_model.onnx and text_model.onnx"
                )
                raise PackError(message)
        if graph == layout.textual or not picture_port(signature):
            textual = textual_tower(folder, str(graph), signature, layout.style, name)
        else:
            visual = visual_tower(folder, str(graph), signature, layout.style)
    return Pack(
        name,
        precision,
        visual,
        textual,
        source=str(folder),
        architecture=str(settings_of(folder / "config.json").get("model_type", "")),
        files={file: _hash(folder, file) for file in sorted(read)},
    )


def _half(folder: Path, name: str) -> Pack:
    layout = _choose(folder, None)
    if layout.style != "single":
        message = f"{folder} holds no model.onnx, so it is no half of a pair"
        raise PackError(message)
    return _describe(folder, layout, name)


def _paired(pack: Pack, other: str, half: Pack) -> Pack:
    """Join the halves of a pair; the second one's files lie beside the first one's folder."""
    if (pack.visual is None) == (half.visual is None):
        message = f"{pack.source} and {half.source} are not one of pictures and one of texts"
        raise PackError(message)
    if pack.precision != half.precision:
        message = f"{pack.source} is {pack.precision}, but {half.source} {half.precision}"
        raise PackError(message)
    visual = pack.visual or (half.visual and _beside(half.visual, other))
    textual = pack.textual or (half.textual and _beside(half.textual, other))
    files = {f"../{other}/{file}": sha256 for file, sha256 in half.files.items()}
    return replace(pack, visual=visual, textual=textual, files={**pack.files, **files})


def _beside(tower: _Tower, other: str) -> _Tower:
    if isinstance(tower, TextualTower):
        tower = replace(tower, tokenizer=f"../{other}/{tower.tokenizer}")
    return replace(tower, file=f"../{other}/{tower.file}")


def _hash(folder: Path, file: str) -> str:
    try:
        return file_sha256(folder / file)
    except OSError as error:
        message = f"{folder / file} cannot be read: {error.strerror or error}; download it again"
        raise PackError(message) from error
