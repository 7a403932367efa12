"""How image models of transformers and timm want their pictures, read from their configs.

Both resize first and crop then. A pack resizes to a square; where the model sees only the middle of
it, the graph does the second step, so that nothing is lost or distorted on the way.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .checkpoint import read_json
from .errors import CheckpointError
from .pack import Fit, Resample

__all__ = ["PREPROCESSOR", "ImagePreparation", "timm_preparation", "transformers_preparation"]

PREPROCESSOR = "preprocessor_config.json"

# PIL's numbers, which preprocessor_config.json uses, and timm's words.
_RESAMPLES: Mapping[object, Resample] = {
    0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic",
    "nearest": "nearest", "lanczos": "lanczos", "bilinear": "bilinear", "bicubic": "bicubic",
}  # fmt: skip
_TIMM_FITS: Mapping[object, Fit] = {"squash": "squash", "border": "pad"}
# From here on ConvNeXt's preprocessing squashes instead of cropping.
_UNCROPPED_SIDE = 384


@dataclass(frozen=True, slots=True)
class ImagePreparation:
    """How pictures become what the model reads: resized to `side`, the middle `crop` of it used."""

    side: int
    crop: int
    fit: Fit
    resample: Resample
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: float = 1 / 255


def transformers_preparation(folder: Path) -> ImagePreparation:
    """Read preprocessor_config.json.

    Raises
    ------
    CheckpointError
        If there is none, or what it asks for cannot be done: squares only, three channels.
    """
    path = folder / PREPROCESSOR
    if not path.exists():
        message = (
            f"{folder} has no {PREPROCESSOR}, so it is no image model, or how its "
            f"pictures are resized and normalised is not known: take the file from the model that "
            f"this one was trained from"
        )
        raise CheckpointError(message)
    config = read_json(path)
    side, fit = _resized(config, path)
    crop = side
    if config.get("do_center_crop") and "crop_size" in config:
        crop = _square(config["crop_size"], path)
    if "crop_pct" in config:  # ConvNeXt: `size` is what is left after the crop
        crop, fit = side, "squash"
        if side < _UNCROPPED_SIDE:
            side, fit = int(side / float(config["crop_pct"])), "crop"
    rescale, normalise = config.get("do_rescale", True), config.get("do_normalize", True)
    return ImagePreparation(
        side=max(side, crop),
        crop=crop,
        fit=fit,
        resample=_resample(config.get("resample", 2), path),
        mean=_three(config.get("image_mean"), path) if normalise else (0.0, 0.0, 0.0),
        std=_three(config.get("image_std"), path) if normalise else (1.0, 1.0, 1.0),
        scale=float(config.get("rescale_factor", 1 / 255)) if rescale else 1.0,
    )


def _resized(config: Mapping[str, Any], path: Path) -> tuple[int, Fit]:
    size = config.get("size")
    if isinstance(size, Mapping) and "shortest_edge" in size:
        return int(size["shortest_edge"]), "crop"
    if isinstance(size, int):  # before 2022 a number, which meant both edges unless cropped
        return size, "crop" if config.get("do_center_crop") else "squash"
    return _square(size, path), "squash"


def _square(size: object, path: Path) -> int:
    match size:
        case int():
            return size
        case {"height": int(height), "width": int(width)} if height == width:
            return height
    message = f"{path} resizes pictures to {size}: only square inputs are exported"
    raise CheckpointError(message)


def timm_preparation(folder: Path, card: Mapping[str, Any]) -> ImagePreparation:
    """Read the ``pretrained_cfg`` of timm's config.json, given as `card`.

    Raises
    ------
    CheckpointError
        As of `transformers_preparation`.
    """
    path = folder / "config.json"
    size = card.get("input_size")
    if not (isinstance(size, list) and len(size) == 3 and size[0] == 3 and size[1] == size[2]):
        message = f"{path}: pretrained_cfg.input_size must be [3, side, side], not {size}"
        raise CheckpointError(message)
    crop = int(size[1])
    return ImagePreparation(
        side=math.floor(crop / float(card.get("crop_pct") or 0.875)),
        crop=crop,
        fit=_TIMM_FITS.get(card.get("crop_mode"), "crop"),
        resample=_resample(card.get("interpolation", "bilinear"), path),
        mean=_three(card.get("mean"), path),
        std=_three(card.get("std"), path),
    )


def _resample(value: object, path: Path) -> Resample:
    if value in _RESAMPLES:
        return _RESAMPLES[value]
    message = f"{path} resizes with {value!r}, which is none of {', '.join(map(str, _RESAMPLES))}"
    raise CheckpointError(message)


def _three(values: object, path: Path) -> tuple[float, float, float]:
    if isinstance(values, list) and len(values) == 3:
        return cast("tuple[float, float, float]", tuple(map(float, values)))
    message = f"{path} must give mean and standard deviation of three channels, not {values}"
    raise CheckpointError(message)
