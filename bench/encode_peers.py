"""The encoders that `encode.py` compares with, each as its users call it."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sightline.encode.base import TextTower
from sightline.types import Pixels, Vectors

__all__ = ["FastEmbed", "Transformers", "with_float_input"]

_CONTEXT = 77


class Transformers:
    """Hugging Face's CLIPModel in eager PyTorch, given tensors that are prepared already."""

    def __init__(self, checkpoint: Path, *, device: str = "cpu", half: bool = False) -> None:
        import torch
        from transformers import CLIPModel

        self._torch = torch
        self._device = device
        self._dtype = torch.float16 if half else torch.float32
        model = CLIPModel.from_pretrained(checkpoint, dtype=self._dtype)
        self._model = model.eval().to(device)
        settings = json.loads((checkpoint / "preprocessor_config.json").read_text("utf-8"))
        self._mean = torch.tensor(settings["image_mean"]).view(1, 3, 1, 1)
        self._std = torch.tensor(settings["image_std"]).view(1, 3, 1, 1)

    def images(self, pixels: Pixels) -> Vectors:
        """Encode pictures of the model's own size."""
        torch = self._torch
        channels_first = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        prepared = ((channels_first - self._mean) / self._std).to(self._device, self._dtype)
        with torch.inference_mode():
            return self._unit(self._model.get_image_features(pixel_values=prepared))

    def texts(self, texts: list[str], tower: TextTower) -> Vectors:
        """Encode texts with the token ids that `tower` would use, padded as one batch."""
        del tower
        rows = [[int(word.removeprefix("word")) for word in text.split()] for text in texts]
        rows = [[49_406, *words[: _CONTEXT - 2], 49_407] for words in rows]
        longest = max(map(len, rows))
        ids = np.array([row + [49_407] * (longest - len(row)) for row in rows])
        torch = self._torch
        with torch.inference_mode():
            prepared = torch.from_numpy(ids).to(self._device)
            return self._unit(self._model.get_text_features(input_ids=prepared))

    def _unit(self, features: object) -> Vectors:
        pooled = getattr(features, "pooler_output", features)
        vectors: NDArray[np.float32] = pooled.float().cpu().numpy()  # type: ignore[attr-defined]
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


class FastEmbed:
    """fastembed's ImageEmbedding on the very graph of our pack, given PIL pictures."""

    def __init__(self, pack: Path, checkpoint: Path) -> None:
        from fastembed import ImageEmbedding

        folder = pack.with_name("fastembed")
        folder.mkdir()
        shutil.copy(checkpoint / "preprocessor_config.json", folder)
        settings = json.loads((checkpoint / "preprocessor_config.json").read_text("utf-8"))
        with_float_input(pack / "visual", folder, settings["image_mean"], settings["image_std"])
        self._model = ImageEmbedding(
            "Qdrant/clip-ViT-B-32-vision",
            specific_model_path=str(folder),
            providers=["CPUExecutionProvider"],
        )

    def images(self, pixels: Pixels) -> Vectors:
        """Encode pictures of the model's own size, preparing them as fastembed does."""
        pictures = [Image.fromarray(picture) for picture in pixels]
        return np.stack(list(self._model.embed(pictures, batch_size=len(pictures))))


def with_float_input(
    visual: Path, folder: Path, mean: list[float], std: list[float], *, side: int = 224
) -> None:
    """Put what fastembed prepares, normalised floats, channels first, in front of our graph."""
    weights = visual / "model.onnx.data"
    if weights.exists():
        shutil.copy(weights, folder)
    model = onnx.load(visual / "model.onnx", load_external_data=False)
    graph = model.graph
    (pixels,) = graph.input
    constants = {
        "spread": 255 * np.array(std, np.float32).reshape(1, 3, 1, 1),
        "middle": 255 * np.array(mean, np.float32).reshape(1, 3, 1, 1),
    }
    nodes = [
        helper.make_node("Mul", ["pixel_values", "spread"], ["levels"]),
        helper.make_node("Add", ["levels", "middle"], ["moved"]),
        helper.make_node("Round", ["moved"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["bytes"], to=TensorProto.UINT8),
        helper.make_node("Transpose", ["bytes"], [pixels.name], perm=[0, 2, 3, 1]),
    ]
    for node in reversed(nodes):
        graph.node.insert(0, node)
    graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in constants.items())
    del graph.input[:]
    shape: list[str | int | None] = ["batch", 3, side, side]
    graph.input.append(helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape))
    onnx.save(model, folder / "model.onnx")
