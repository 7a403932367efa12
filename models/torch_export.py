"""Turn the image model of a transformers or timm folder into a pack, by tracing it with PyTorch.

For architectures that `sightline_models.build` has no builder of: ResNet, EfficientNet, Swin, DeiT,
DINOv2, ConvNeXt, the vision tower of BLIP and so on. Needs the optional extra ``torch``; nothing
else of Sightline does, and the pack that is written runs without it.
"""

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx

from .checkpoint import Checkpoint, read_json
from .errors import CheckpointError
from .image_preparation import (
    PREPROCESSOR,
    ImagePreparation,
    timm_preparation,
    transformers_preparation,
)
from .pack import Pack, Precision, VisualTower, file_sha256, write_pack
from .towers import VISUAL_FILE, graph_path

__all__ = ["TORCH_EXTRA", "can_export", "export_image_tower"]

TORCH_EXTRA = "pip install 'sightline[torch]'"

_Module: TypeAlias = Any  # a torch.nn.Module: PyTorch is imported where it is used, and only there

_LIBRARIES = ("torch", "transformers", "timm", "onnxscript", "onnxruntime")
_TALKATIVE = ("transformers", "torch.onnx", "torch.export", "onnxscript")
# Unit vectors of a trace and of the model itself, in float32.
_TOLERANCE = 1e-4
_LEAST_COSINE = 0.999  # in float16


@dataclass(frozen=True, slots=True)
class _Tower:
    """A model in evaluation mode, how to pool what it gives, and how it wants its pictures."""

    model: _Module
    pool: Callable[[Any], Any]
    preparation: ImagePreparation
    architecture: str
    licence: str = ""


def can_export(folder: Path) -> bool:
    """Whether a folder looks like an image model, and the extra ``torch`` is installed."""
    is_image_model = _is_timm(folder) or (folder / PREPROCESSOR).exists()
    return is_image_model and not _missing_libraries()


def export_image_tower(
    source: Path | str,
    destination: Path,
    *,
    name: str,
    precision: Precision = "fp32",
    origin: str = "",
    revision: str = "",
    licence: str = "",
) -> Pack:
    """Export the image tower of a model folder as an image-only pack.

    Its graph reads uint8 pictures, shape (batch, side, side, 3), crops and normalises them itself,
    and gives unit vectors, float32, shape (batch, dim). What a picture's vector is:

    - transformers: the model's ``pooler_output``. Where it has none, or the checkpoint holds no
      weights for the pooler (that of many ViT classifiers), the class token; where there is no
      such token, the mean of all positions.
    - timm: what the model feeds to its classifier.

    Where the model's preprocessing resizes to more than it then crops, `VisualTower.side` is the
    size before the crop.

    Parameters
    ----------
    source
        A folder as transformers saves it (config.json, preprocessor_config.json, safetensors), or
        timm's for the Hugging Face hub (a config.json with ``architecture``, safetensors).
    destination
        An existing folder, empty.
    name, origin, revision, licence
        Of the pack; see `Pack`.
    precision
        fp32, or fp16 for GPUs.

    Raises
    ------
    CheckpointError
        If the extra is missing, the folder holds no image model, weights are missing or pickled,
        its preprocessing is not known, or what PyTorch exports does not reproduce the model.

    Notes
    -----
    Of PyTorch's two exporters the TorchScript one comes first: over fourteen small models it took
    0.1-6 s against 3-28 s of the newer one, which fails on transformers' Swin. The newer one is
    tried if the first fails. Either's result is compared with the model on batches of one and
    three before it is accepted, since a trace can freeze the batch size unnoticed.
    """
    folder = Path(source)
    if missing := _missing_libraries():
        message = (
            f"{folder} can only be exported through PyTorch, but {', '.join(missing)} cannot be "
            f"imported: {TORCH_EXTRA}"
        )
        raise CheckpointError(message)
    if precision == "int8":
        message = (
            f"{folder} would be exported through PyTorch, which is done as fp32 or fp16, not "
            f"int8: build {name!r} as one of these"
        )
        raise CheckpointError(message)
    checkpoint = Checkpoint(folder)
    with _quietly():
        tower = _timm_tower(checkpoint) if _is_timm(folder) else _transformers_tower(checkpoint)
        path = graph_path(destination, VISUAL_FILE)
        dim = _export(tower, path, precision)
    visual = VisualTower(
        file=VISUAL_FILE,
        side=tower.preparation.side,
        dim=dim,
        fit=tower.preparation.fit,
        resample=tower.preparation.resample,
    )
    pack = Pack(
        name=name,
        precision=precision,
        visual=visual,
        source=origin or str(folder),
        revision=revision,
        licence=licence or tower.licence,
        architecture=tower.architecture,
        files={
            file.relative_to(destination).as_posix(): file_sha256(file)
            for file in sorted(path.parent.iterdir())
        },
    )
    write_pack(destination, pack)
    return pack


def _is_timm(folder: Path) -> bool:
    return isinstance(read_json(folder / "config.json").get("architecture"), str)


def _missing_libraries() -> list[str]:
    return [library for library in _LIBRARIES if not find_spec(library)]


def _transformers_tower(checkpoint: Checkpoint) -> _Tower:
    from transformers import AutoModel

    folder = checkpoint.folder
    preparation = transformers_preparation(folder)
    try:
        model, loading = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        message = f"transformers cannot load {folder}: {error}"
        raise CheckpointError(message) from error
    prefix = "vision_model." if hasattr(model, "vision_model") else ""
    if prefix:
        model = model.vision_model
    missing = sorted(
        key.removeprefix(prefix) for key in loading["missing_keys"] if key.startswith(prefix)
    )
    poolers = [key for key in missing if key.startswith("pooler.")]
    if others := [key for key in missing if key not in poolers]:
        message = (
            f"{folder} lacks {len(others)} tensors of its {type(model).__name__}, such as "
            f"{others[0]!r}: config and weights are not of one model"
        )
        raise CheckpointError(message)
    if getattr(model, "main_input_name", None) != "pixel_values":
        message = (
            f"{folder} holds a {type(model).__name__}, which reads {model.main_input_name}, not "
            f"pictures: only image models are exported through PyTorch"
        )
        raise CheckpointError(message)

    def pool(output: Any) -> Any:  # noqa: ANN401 - one of many classes of transformers
        pooled = None if poolers else getattr(output, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1)  # of a convolutional net: (batch, channels, 1, 1)
        states = output.last_hidden_state
        if states.ndim == 4:
            return states.mean((2, 3))
        return states[:, 0] if _has_class_token(model) else states.mean(1)

    architecture = str(checkpoint.config.get("model_type", type(model).__name__))
    return _Tower(model.float().eval(), pool, preparation, architecture)


def _has_class_token(model: _Module) -> bool:
    names = ("cls_token", "class_embedding")
    return any(name.rpartition(".")[2] in names for name, _ in model.named_parameters())


def _timm_tower(checkpoint: Checkpoint) -> _Tower:
    import timm
    import torch

    folder, config = checkpoint.folder, checkpoint.config
    card = config.get("pretrained_cfg") or {}
    architecture = str(config["architecture"])
    pooling = {"global_pool": config["global_pool"]} if config.get("global_pool") else {}
    try:
        model = timm.create_model(
            architecture, num_classes=0, **pooling, **(config.get("model_args") or {})
        )
    except (RuntimeError, TypeError, ValueError) as error:
        message = f"timm cannot make the model {architecture!r} of {folder}: {error}"
        raise CheckpointError(message) from error
    # Names that are in the checkpoint alone belong to the classifier, which is left off.
    state = {
        key: torch.from_numpy(checkpoint.take(key, tuple(tensor.shape))).to(tensor.dtype)
        for key, tensor in model.state_dict().items()
    }
    model.load_state_dict(state)
    return _Tower(
        model.eval(),
        lambda features: features.flatten(1),
        timm_preparation(folder, card),
        f"timm/{architecture}",
        licence=str(card.get("license") or ""),
    )


def _export(tower: _Tower, path: Path, precision: Precision) -> int:
    """Write the ONNX file with whichever exporter gets it right; return the vectors' length."""
    import torch

    whole = _whole(tower)
    side = tower.preparation.side
    pixels = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), np.uint8)
    with torch.no_grad():
        expected = whole(torch.from_numpy(pixels)).numpy()
    if precision == "fp16":
        tower.model.half()
    reasons = []
    for newer in (False, True):
        try:
            _trace(whole, torch.from_numpy(pixels[:2]), path, newer=newer)
            reason = _disagreement(path, pixels, expected, precision)
        except Exception as error:  # exporters raise whatever lies beneath them
            reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        if not reason:
            return int(expected.shape[1])
        reasons.append(reason)
    for file in path.parent.iterdir():
        file.unlink()
    message = (
        f"{tower.architecture} cannot be exported through PyTorch {torch.__version__}; its "
        f"exporters say: {'; '.join(reasons)}"
    )
    raise CheckpointError(message)


def _whole(tower: _Tower) -> _Module:
    """Wrap a model so that it reads uint8 pictures and gives unit vectors."""
    import torch

    prepare = tower.preparation
    border = (prepare.side - prepare.crop) // 2
    middle = slice(border, border + prepare.crop)
    # x * factor + shift is (x * scale - mean) / std.
    factor = prepare.scale / torch.tensor(prepare.std)
    shift = -torch.tensor(prepare.mean) / torch.tensor(prepare.std)

    class Whole(torch.nn.Module):  # type: ignore[misc,unused-ignore]  # Any without torch
        def __init__(self) -> None:
            super().__init__()
            self.model = tower.model

        def forward(self, pixels: Any) -> Any:  # noqa: ANN401 - a tensor
            scaled = pixels[:, middle, middle].to(torch.float32) * factor + shift
            dtype = next(self.model.parameters()).dtype
            output = self.model(scaled.permute(0, 3, 1, 2).to(dtype))
            return torch.nn.functional.normalize(tower.pool(output).to(torch.float32), dim=1)

    return Whole().eval()


def _trace(whole: _Module, pixels: Any, path: Path, *, newer: bool) -> None:  # noqa: ANN401
    import torch

    raw = path.with_name("traced.onnx")
    names = {"input_names": ["pixels"], "output_names": ["vectors"]}
    if newer:
        batch = {"pixels": {0: torch.export.Dim("batch", min=1, max=4096)}}
        torch.onnx.export(whole, (pixels,), raw, dynamo=True, dynamic_shapes=batch, **names)
    else:
        axes = {"pixels": {0: "batch"}, "vectors": {0: "batch"}}
        with torch.no_grad():
            torch.onnx.export(
                whole, (pixels,), raw, dynamo=False, dynamic_axes=axes, opset_version=17, **names
            )
    model = onnx.load(raw)
    for file in path.parent.iterdir():
        file.unlink()
    onnx.save_model(
        model, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=1024
    )


def _disagreement(
    path: Path, pixels: np.ndarray, expected: np.ndarray, precision: Precision
) -> str:
    """Say how the exported graph differs from the model; nothing if it does not."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        (vectors,) = session.run(None, {"pixels": pixels[:batch]})
        if vectors.shape != (batch, expected.shape[1]):
            return f"{batch} pictures gave an output of shape {vectors.shape}"
        error = float(np.abs(vectors - expected[:batch]).max())
        cosine = float((vectors * expected[:batch]).sum(1).min())
        if precision == "fp32" and not error <= _TOLERANCE:
            return f"vectors are off by {error:.1e}"
        if not cosine >= _LEAST_COSINE:
            return f"vectors have a cosine of {cosine:.4f} with the model's"
    return ""


@contextmanager
def _quietly() -> Iterator[None]:
    """Hold back what transformers and the exporters tell: warnings, progress, advice."""
    told = io.StringIO()
    levels = {name: logging.getLogger(name).level for name in _TALKATIVE}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(told), redirect_stderr(told):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
