"""Which files of a repository or folder make an encoder, told from their names alone."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from .pack import Precision

__all__ = [
    "Layout",
    "Style",
    "checkpoint_files",
    "file_names",
    "find_layouts",
    "find_pickle",
]

Style: TypeAlias = Literal["immich", "towers", "sentence", "single"]
"""immich's folders; transformers.js's two towers; one text model in ``onnx/``; one ``model.onnx``.
"""

_SUFFIXES: dict[Precision, tuple[str, ...]] = {
    "fp32": ("",),
    "fp16": ("_fp16", "_O4"),
    # Unsigned before signed: u8 x s8 kernels of CPUs without VNNI saturate.
    "int8": ("_quantized", "_uint8", "_quint8_avx2", "_int8", "_qint8_avx512_vnni"),
}
_SINGLE = ("model.onnx", "model_optimized.onnx", "model_quantized.onnx")
_SETTINGS = re.compile(
    r"((config|preprocessor_config|processor_config|tokenizer|tokenizer_config|"
    r"special_tokens_map|modules|sentence_[\w-]+_config|config_sentence_transformers|"
    r"preprocess_cfg|open_clip_config|added_tokens|vocab)\.json|vocab\.txt|merges\.txt|"
    r"\d+_\w+/config\.json)"
)
_OTHER_RUNTIMES = (".armnn", ".rknn", ".md")
_WEIGHTS = re.compile(r"(open_clip_)?model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")
_MODULE_WEIGHTS = re.compile(r"\d+_\w+/model\.safetensors")
_PICKLE = re.compile(r"(.*/)?[^/]+\.(bin|pt|pth|ckpt|pkl|h5|msgpack)")


@dataclass(frozen=True, slots=True)
class Layout:
    """A ready-made encoder: where its graphs are and all files that belong to it."""

    style: Style
    precision: Precision
    """As the names tell it; of a single graph they do not, and fp32 stands for any."""
    visual: str | None
    """Graph of the pictures, or None; of a lone graph the content tells which it is."""
    textual: str | None
    files: tuple[str, ...]


def file_names(folder: Path) -> list[str]:
    """Return the files of a folder and of the folders in it, as paths relative to it, sorted."""
    return sorted(
        path.relative_to(folder).as_posix()
        for parent in (folder, *(path for path in folder.iterdir() if path.is_dir()))
        for path in parent.iterdir()
        if path.is_file()
    )


def find_layouts(names: Collection[str]) -> dict[Precision, Layout]:
    """Find the ready-made encoders among these files, by precision."""
    names = sorted(names)
    if "visual/model.onnx" in names or "textual/model.onnx" in names:
        return {"fp32": _immich(names)}
    found: dict[Precision, Layout] = {}
    for precision, suffixes in _SUFFIXES.items():
        towers = [
            _variant(names, f"onnx/{stem}", suffixes) for stem in ("vision_model", "text_model")
        ]
        wanted = [_has_any(names, f"onnx/{stem}") for stem in ("vision_model", "text_model")]
        if any(wanted) and [tower is not None for tower in towers] == wanted:
            found[precision] = _layout("towers", precision, names, *towers)
        elif not any(wanted) and (model := _variant(names, "onnx/model", suffixes)):
            found[precision] = _layout("sentence", precision, names, None, model)
    if not found and (single := next((name for name in _SINGLE if name in names), None)):
        found["fp32"] = _layout("single", "fp32", names, single, None)
    return found


def checkpoint_files(names: Collection[str]) -> list[str] | None:
    """Return the files of a safetensors checkpoint, or None where there is none.

    Weights in the formats of other libraries, and pickles, are never among them.
    """
    weights = [name for name in names if _WEIGHTS.fullmatch(name)]
    if not any(name.endswith(".safetensors") for name in weights):
        return None
    for stem in ("model", "open_clip_model"):  # one whole file before several of the same weights
        if f"{stem}.safetensors" in weights:
            weights = [f"{stem}.safetensors"]
            break
    modules = [name for name in names if _MODULE_WEIGHTS.fullmatch(name)]
    return sorted([*_settings(names), *weights, *modules])


def find_pickle(names: Collection[str]) -> str | None:
    """Return a file of weights that would run code when opened, or is of another framework."""
    return next((name for name in sorted(names) if _PICKLE.fullmatch(name)), None)


def _immich(names: list[str]) -> Layout:
    inside = [
        name
        for name in names
        if re.fullmatch(r"(visual|textual)/[^/]+", name) and not name.endswith(_OTHER_RUNTIMES)
    ]
    visual, textual = (
        f"{tower}/model.onnx" if f"{tower}/model.onnx" in names else None
        for tower in ("visual", "textual")
    )
    return Layout("immich", "fp32", visual, textual, (*_settings(names), *inside))


def _layout(
    style: Style, precision: Precision, names: list[str], visual: str | None, textual: str | None
) -> Layout:
    graphs = [name for graph in (visual, textual) if graph for name in _with_data(names, graph)]
    return Layout(style, precision, visual, textual, (*_settings(names), *graphs))


def _settings(names: Collection[str]) -> Iterator[str]:
    return (name for name in names if _SETTINGS.fullmatch(name))


def _with_data(names: Collection[str], graph: str) -> list[str]:
    """Return a graph and the files of its weights: ``model.onnx_data``, ``model.onnx.data``."""
    return [name for name in names if name.startswith(graph)]


def _variant(names: Collection[str], stem: str, suffixes: tuple[str, ...]) -> str | None:
    return next((file for end in suffixes if (file := f"{stem}{end}.onnx") in names), None)


def _has_any(names: Collection[str], stem: str) -> bool:
    every = [end for ends in _SUFFIXES.values() for end in ends]
    return _variant(names, stem, tuple(every)) is not None
