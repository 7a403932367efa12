"""The trained towers into packs: `fp32` as they are, and the int8 one that Sightline carries.

The image tower is quantised with scales fixed beforehand (ONNX Runtime's static QDQ), so that the
vector of a picture does not depend on the pictures beside it. Its weights have seven bits: of
eight, sums can saturate on CPUs without VNNI. Of the text tower only the embeddings, most of it,
are stored as int8; its arithmetic is float32.
"""

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from sightline.encode.check import GOLDEN_TEXTS, golden_pixels
from sightline_models.graph import Graph, Value
from sightline_models.pack import Pack, TextualTower, VisualTower, file_sha256, write_pack
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .teacher import SIDE as KEPT_SIDE
from .towers import DIM, PATCH, SIDE, Images, Texts
from .vocabulary import CONTEXT

NAME = "sightline-mini"
_CALIBRATION = 768
_BATCH = 32


def write_packs(work: Path, output: Path, card: Path | None = None) -> None:
    """Write the packs ``<output>-fp32`` and `output`, int8, in place of earlier ones.

    Each has the vectors that the towers make of Sightline's golden inputs in PyTorch, which
    `sightline encoders check` and the tests hold it to. `card` goes into them as CARD.md.
    """
    saved = torch.load(work / "polished.pt", map_location="cpu", weights_only=False)
    images = Images().eval()
    images.load_state_dict(saved["averages"][0])
    texts = Texts(saved["texts"]["embedding.weight"].shape[0]).eval()
    texts.load_state_dict(saved["averages"][1])
    scale = float(saved["scale"].exp().clamp(max=60))
    pixels = np.load(work / "pixels.npy", mmap_mode="r")
    rows = np.random.default_rng(0).choice(len(pixels), _CALIBRATION, replace=False)
    for precision, folder in (("fp32", output.with_name(f"{output.name}-fp32")), ("int8", output)):
        shutil.rmtree(folder, ignore_errors=True)
        for tower in ("visual", "textual"):
            (folder / tower).mkdir(parents=True)
        _write_images(images, folder / "visual" / "model.onnx")
        if precision == "int8":
            _quantise(folder / "visual" / "model.onnx", _shown(pixels, np.sort(rows)))
        _write_texts(texts, folder / "textual" / "model.onnx", stored_as_int8=precision == "int8")
        tokenizer = json.loads((work / "tokenizer.json").read_text("utf-8"))
        small = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
        (folder / "textual" / "tokenizer.json").write_text(small, "utf-8")
        _write_golden(images, texts, folder)
        if card is not None:
            shutil.copy(card, folder / "CARD.md")
        _describe(folder, precision, scale)


@torch.no_grad()
def _write_golden(images: Images, texts: Texts, folder: Path) -> None:
    tokens = Tokenizer.from_file(str(folder / "textual" / "tokenizer.json"))
    tokens.enable_truncation(CONTEXT)
    pixels = torch.from_numpy(golden_pixels(SIDE)).permute(0, 3, 1, 2).float()
    ids = [tokens.encode(text).ids or [0] for text in GOLDEN_TEXTS]
    vectors = torch.cat([texts(torch.tensor([text])) for text in ids])
    np.save(folder / "reference_images.npy", images(pixels).numpy())
    np.save(folder / "reference_texts.npy", vectors.numpy())


class _Exported(nn.Module):
    """The image tower as it is run: uint8 pixels in, batch norms and deviations in the weights."""

    def __init__(self, images: Images) -> None:
        super().__init__()
        self.body = _without_norms(copy.deepcopy(images.body))
        std = images.std.flatten().repeat_interleave(PATCH**2)
        first = self.body[0]
        first.weight.data /= std.view(1, -1, 1, 1)
        self.projection = images.projection
        self.register_buffer("mean", images.mean.flatten().repeat_interleave(PATCH**2))

    def forward(self, pixels: Tensor) -> Tensor:
        side = SIDE // PATCH
        patches = pixels.reshape(-1, side, PATCH, side, PATCH, 3).permute(0, 5, 2, 4, 1, 3)
        patches = patches.reshape(-1, 3 * PATCH**2, side, side).float()
        maps = self.body(patches - self.mean.view(1, -1, 1, 1))
        return self.projection(maps.mean((2, 3)))


def _without_norms(module: nn.Module) -> nn.Module:
    """Fold every batch norm into the convolution before it."""
    for name, child in list(module.named_children()):
        if (
            isinstance(child, nn.Sequential)
            and len(child) >= 2
            and isinstance(child[-2], nn.Conv2d)
            and isinstance(child[-1], nn.BatchNorm2d)
        ):
            fused = fuse_conv_bn_eval(child[-2].eval(), child[-1].eval())
            setattr(module, name, fused)
        else:
            setattr(module, name, _without_norms(child))
    return module


def _write_images(images: Images, path: Path) -> None:
    example = torch.zeros((2, SIDE, SIDE, 3), dtype=torch.uint8)
    torch.onnx.export(
        _Exported(images).eval(),
        (example,),
        path,
        input_names=["pixels"],
        output_names=["vectors"],
        dynamic_axes={"pixels": {0: "batch"}, "vectors": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )


def _quantise(path: Path, pictures: Iterator[NDArray[np.uint8]]) -> None:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, Any] | None:
            batch = next(pictures, None)
            return None if batch is None else {"pixels": batch}

    prepared = path.with_name("prepared.onnx")
    quant_pre_process(path, prepared)
    quantize_static(
        prepared,
        path,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        # The ends of the graph are little work and most of the loss.
        nodes_to_exclude=["/body/body.0/Conv", "/projection/Gemm"],
        # A few large numbers shall not make the steps of all others coarse.
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={"CalibPercentile": 99.99},
        reduce_range=True,
        weight_type=QuantType.QInt8,
        activation_type=QuantType.QUInt8,
        op_types_to_quantize=["Conv", "Gemm", "Add", "AveragePool", "GlobalAveragePool"],
    )
    prepared.unlink()


def _shown(pixels: NDArray[np.uint8], rows: NDArray[np.intp]) -> Iterator[NDArray[np.uint8]]:
    """Bring kept pictures to the side that the tower reads, a batch at a time."""
    assert pixels.shape[2] == KEPT_SIDE
    for batch in np.array_split(rows, len(rows) // _BATCH):
        kept = torch.from_numpy(pixels[batch, 0]).permute(0, 3, 1, 2)
        small = functional.interpolate(kept, size=(SIDE, SIDE), mode="bilinear", antialias=True)
        yield small.permute(0, 2, 3, 1).contiguous().numpy()


def _write_texts(texts: Texts, path: Path, *, stored_as_int8: bool) -> None:
    weights = {name: value.numpy() for name, value in texts.state_dict().items()}
    with Graph(path) as graph:
        ids = graph.input("input_ids", np.int64, ["batch", "length"])
        words = _embedded(graph, ids, weights["embedding.weight"], stored_as_int8=stored_as_int8)
        padded = graph.add("Pad", words, graph.integers([0, 1, 0, 0, 1, 0]))
        end = graph.integers([np.iinfo(np.int64).max])
        axis = graph.integers([1])
        before = graph.add("Slice", padded, graph.integers([0]), graph.integers([-2]), axis)
        after = graph.add("Slice", padded, graph.integers([2]), end, axis)
        around = graph.add("Concat", before, words, after, axis=2)
        mixed = _linear(graph, around, weights, "neighbours")
        words = graph.add("Add", words, graph.add("Tanh", mixed))
        logits = graph.add(
            "Squeeze", _linear(graph, words, weights, "attention"), graph.integers([2])
        )
        is_pad = graph.add("Equal", ids, graph.constant(np.array(0, np.int64)))
        masked = graph.add("Where", is_pad, graph.constant(np.array(-1e4, np.float32)), logits)
        shares = graph.add("Unsqueeze", graph.add("Softmax", masked, axis=1), graph.integers([2]))
        pooled = graph.add("ReduceSum", graph.add("Mul", shares, words), axis, keepdims=0)
        vectors = _linear(graph, pooled, weights, "projection")
        graph.output("vectors", vectors, np.float32, ["batch", DIM])
    onnx.checker.check_model(str(path))


def _embedded(
    graph: Graph, ids: Value, table: NDArray[np.float32], *, stored_as_int8: bool
) -> Value:
    if not stored_as_int8:
        return graph.add("Gather", graph.constant(table, "embedding"), ids)
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-8) / 127
    rounded = np.rint(table / scales).astype(np.int8)
    numbers = graph.add("Gather", graph.constant(rounded, "embedding"), ids)
    numbers = graph.add("Cast", numbers, to=onnx.TensorProto.FLOAT)
    scale = graph.add("Gather", graph.constant(scales.astype(np.float32), "scales"), ids)
    return graph.add("Mul", numbers, scale)


def _linear(graph: Graph, x: Value, weights: dict[str, NDArray[np.float32]], name: str) -> Value:
    product = graph.add("MatMul", x, graph.weight(weights[f"{name}.weight"].T, name))
    return graph.add("Add", product, graph.weight(weights[f"{name}.bias"], f"{name}_bias"))


def _describe(folder: Path, precision: str, scale: float) -> None:
    visual = VisualTower("visual/model.onnx", SIDE, DIM, fit="squash", resample="bilinear")
    textual = TextualTower(
        "textual/model.onnx", "textual/tokenizer.json", context=CONTEXT, dim=DIM, lowercase=True
    )
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    pack = Pack(
        name=NAME,
        precision=precision,
        visual=visual,
        textual=textual,
        source="trained by scripts/train_mini.py; see CARD.md",
        licence="Apache-2.0",
        architecture="4 x 4 patches, ResNet of 3 x 3 convolutions; attention-pooled word pieces",
        logit_scale=scale,
        fixed_scales=precision == "int8",
        files={path.relative_to(folder).as_posix(): file_sha256(path) for path in files},
    )
    write_pack(folder, pack)
