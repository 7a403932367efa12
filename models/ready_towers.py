"""The towers of ready-made folders: what their graphs want, told by graph and settings."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from .cards import card_of
from .errors import PackError
from .listing import Style
from .pack import Fit, Resample, TextualTower, VisualTower
from .signature import Port, Signature
from .towers import CLIP_MEAN, CLIP_STD, read_preparation
from .vocabulary import context_of, has_token, pad_id_of, settings_of

__all__ = ["picture_port", "textual_tower", "token_port", "visual_tower"]

_VECTORS = (
    "image_embeds", "text_embeds", "sentence_embedding", "embedding", "embeddings", "vectors",
    "image_features", "text_features",
)  # fmt: skip
_TOKENS = ("last_hidden_state", "token_embeddings")
_POOLED = "pooler_output"  # of a whole tower the vector, of a bare BERT something untrained
_FITS: dict[str, Fit] = {"shortest": "crop", "squash": "squash", "longest": "pad"}
_POOLINGS: dict[str, Literal["mean", "cls", "last"]] = {
    "mean": "mean",
    "mean_tokens": "mean",
    "cls": "cls",
    "cls_token": "cls",
    "lasttoken": "last",
}
_RESAMPLES: tuple[Resample, ...] = ("bicubic", "bilinear", "lanczos", "nearest")


def visual_tower(folder: Path, graph: str, signature: Signature, style: Style) -> VisualTower:
    """Describe the graph of the pictures; `graph` is relative to `folder`.

    Raises
    ------
    PackError
        If it reads or gives something unknown, or nothing says how pictures are prepared.
    """
    port = picture_port(signature)
    if port is None:
        message = f"{folder / graph} has no input for pictures: {_ports(signature.inputs)}"
        raise PackError(message)
    is_nhwc = port.shape[-1] == 3
    output = _output(folder / graph, signature, (*_VECTORS, _POOLED))
    tower = VisualTower(
        graph,
        side=0,
        dim=_dim(folder, graph, output),
        input=port.name,
        output=output.name,
        pixels="uint8-nhwc" if is_nhwc else "uint8-nchw" if port.dtype == "uint8" else "float-nchw",
    )
    if is_nhwc and port.dtype != "uint8":
        message = f"{folder / graph} reads {port.dtype} with channels last, which is not known here"
        raise PackError(message)
    if style == "immich":
        tower = _prepared_by_open_clip(tower, settings_of(folder / "visual/preprocess_cfg.json"))
    else:
        tower = _prepared_by_transformers(tower, folder)
    fixed = port.shape[1 if is_nhwc else 2]
    if not (side := fixed or tower.side):
        message = f"neither {folder / graph} nor its settings say how large its pictures are"
        raise PackError(message)
    return replace(tower, side=side)


def _prepared_by_open_clip(tower: VisualTower, settings: Mapping[str, Any]) -> VisualTower:
    fit, resample = settings.get("resize_mode", "shortest"), settings.get("interpolation")
    if fit not in _FITS or (resample is not None and resample not in _RESAMPLES):
        message = f"preprocess_cfg.json: {fit!r} or {resample!r} is no way to resize known here"
        raise PackError(message)
    return replace(
        tower,
        side=_side(settings.get("size")),
        fit=_FITS[fit],
        resample=resample or "bicubic",
        mean=tuple(settings.get("mean", CLIP_MEAN)),
        std=tuple(settings.get("std", CLIP_STD)),
    )


def _prepared_by_transformers(tower: VisualTower, folder: Path) -> VisualTower:
    settings = settings_of(folder / "preprocessor_config.json")
    prepared = read_preparation(folder)
    # What the graph is given is (x / 255 - mean) / std; settings may scale by something else.
    scale = settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else 1.0
    factor = 1.0 / (255.0 * scale)
    return replace(
        tower,
        side=_side(settings.get("crop_size")) or _side(settings.get("size")),
        fit=prepared.fit,
        resample=prepared.resample,
        mean=cast("tuple[float, float, float]", tuple(round(m * factor, 9) for m in prepared.mean)),
        std=cast("tuple[float, float, float]", tuple(round(s * factor, 9) for s in prepared.std)),
    )


def textual_tower(
    folder: Path, graph: str, signature: Signature, style: Style, name: str
) -> TextualTower:
    """Describe the graph of the texts; `graph` is relative to `folder`, `name` is the pack's.

    Raises
    ------
    PackError
        If it reads or gives something unknown, or there is no tokenizer.json.
    """
    port = token_port(signature)
    if port is None or port.dtype not in {"int64", "int32"}:
        message = f"{folder / graph} has no input for token ids: {_ports(signature.inputs)}"
        raise PackError(message)
    known = {"attention_mask", "token_type_ids", port.name}
    if unknown := [given.name for given in signature.inputs if given.name not in known]:
        message = f"{folder / graph} wants {unknown[0]!r}, which is not known here"
        raise PackError(message)
    wanted = (*_VECTORS, *((_POOLED,) if style in {"towers", "immich"} else ()))
    output = _output(folder / graph, signature, (*wanted, *_TOKENS))
    home = folder / "textual" if style == "immich" else folder
    tokenizer = home / "tokenizer.json"
    if not tokenizer.is_file():
        message = f"{home} has no tokenizer.json: copy it from where the model is from"
        raise PackError(message)
    config = settings_of(folder / "config.json")
    length = port.shape[-1]
    inputs = {given.name for given in signature.inputs}
    kind = str(config.get("model_type", ""))
    return TextualTower(
        graph,
        tokenizer.relative_to(folder).as_posix(),
        context=length or context_of(folder, config),
        dim=_dim(folder, graph, output),
        input=port.name,
        output=output.name,
        mask="attention_mask" if "attention_mask" in inputs else None,
        token_types="token_type_ids" if "token_type_ids" in inputs else None,
        ids_dtype=cast("Literal['int64', 'int32']", port.dtype),
        pad_id=pad_id_of(home, config),
        pad_to_context=length is not None or kind.startswith("siglip"),
        lowercase=kind.startswith("siglip") or _is_canonical(config),
        # SigLIP 2 of a fixed size says "siglip" too; its Gemma tokenizer keeps punctuation.
        strip_punctuation=(kind == "siglip" and not has_token(home, "<eos>"))
        or _is_canonical(config),
        pooling="none" if len(output.shape) < 3 else _pooling(folder, name),
    )


def _is_canonical(config: Mapping[str, Any]) -> bool:
    """Whether an open_clip config asks for texts without capitals and punctuation."""
    text = config.get("text_cfg", {})
    return bool(text.get("tokenizer_kwargs", {}).get("clean") == "canonicalize")


def _pooling(folder: Path, name: str) -> Literal["mean", "cls", "last"]:
    """Read how a sentence-transformers folder makes one vector of many; else the card tells."""
    for module in _modules(folder):
        kind = str(module.get("type", "")).rpartition(".")[2]
        if kind not in {"Transformer", "Pooling", "Normalize"}:
            message = (
                f"{folder} has a {kind} layer behind its pooling, which its ONNX file does not "
                "hold: build it from its safetensors instead"
            )
            raise PackError(message)
    found = next(iter(sorted(folder.glob("*_Pooling/config.json"))), None)
    if found is None:
        config = settings_of(folder / "config.json")
        cards = (card_of(name), card_of(str(config.get("_name_or_path", ""))))
        return next((card.pooling for card in cards if card and card.pooling), "mean")
    settings = settings_of(found)
    modes = {
        key.removeprefix("pooling_mode_")
        for key, value in settings.items()
        if value is True and key.startswith("pooling_mode_")
    }
    mode = str(settings.get("pooling_mode") or ", ".join(sorted(modes)))
    if mode not in _POOLINGS:
        message = f"{found} pools by {mode or 'nothing'}; known are {', '.join(_POOLINGS)}"
        raise PackError(message)
    return _POOLINGS[mode]


def _modules(folder: Path) -> list[Mapping[str, Any]]:
    path = folder / "modules.json"
    if not path.is_file():
        return []
    found = _json(path)
    return [module for module in found if isinstance(module, dict)] if found else []


def _output(path: Path, signature: Signature, wanted: tuple[str, ...]) -> Port:
    ports = {port.name: port for port in signature.outputs}
    for name in wanted:
        if name in ports:
            return ports[name]
    flat = [port for port in signature.outputs if len(port.shape) == 2]
    deep = [port for port in signature.outputs if len(port.shape) == 3]
    if len(flat) == 1:
        return flat[0]
    if "last_hidden_state" in wanted and len(deep) == 1:
        return deep[0]
    message = f"{path} gives no vector per picture or text: {_ports(signature.outputs)}"
    raise PackError(message)


def _dim(folder: Path, graph: str, output: Port) -> int:
    config = settings_of(folder / "config.json")
    told = (config.get(key) for key in ("embed_dim", "projection_dim", "hidden_size"))
    dim = (output.shape[-1] if output.shape else None) or next(filter(None, told), None)
    if not isinstance(dim, int):
        message = f"neither {folder / graph} nor its config.json says how long its vectors are"
        raise PackError(message)
    return dim


def picture_port(signature: Signature) -> Port | None:
    """Return the input of the pictures, if there is one."""
    return next((port for port in signature.inputs if len(port.shape) == 4), None)


def token_port(signature: Signature) -> Port | None:
    """Return the input of the token ids, if there is one."""
    ids = [port for port in signature.inputs if port.name in {"input_ids", "text", "tokens"}]
    return ids[0] if ids else None


def _ports(ports: tuple[Port, ...]) -> str:
    return ", ".join(f"{port.name} {port.dtype}{list(port.shape)}" for port in ports)


def _side(size: Any) -> int:  # noqa: ANN401 - from JSON
    """Read a size as 224, [224, 224], {"shortest_edge": 224} or {"height": 224, "width": 224}."""
    if isinstance(size, Mapping):
        size = [size[key] for key in ("shortest_edge", "height", "width") if key in size]
    sizes = set(size) if isinstance(size, list) else {size} if size else set()
    if len(sizes) > 1 or not all(isinstance(side, int) for side in sizes):
        message = f"pictures of the size {size} are not square, which is not known here"
        raise PackError(message)
    return cast("int", sizes.pop()) if sizes else 0


def _json(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read as JSON ({error}): download it again"
        raise PackError(message) from error
