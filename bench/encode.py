"""How fast and how faithful encoder packs are, beside the machine's limit and other encoders.

A CLIP of ViT-B/32's shapes and random weights, built into float32 and int8 packs and encoded on the
CPU; on an NVIDIA GPU too, where one really works. What is compared is timed in turn, round after
round, so that a machine busy with other work slows all of it alike; a ratio is the median over the
rounds. Peers that are not installed (transformers with torch, fastembed) are left out.

    pip install torch transformers fastembed   # in an environment with sightline
    python bench/encode.py --json

`fp32_vs_floor` holds the image tower against what a matrix product of 2048 squared does in the same
round, at the model's full arithmetic. `int8_min_cosine` is of random weights, which flatter int8.
`query_vs_padded` is what not padding a query of 8 tokens to 77 is worth. `cli_vs_default_load` is
the time from nothing to the first picture's vector in a fresh process, as a fraction of the same
with ONNX Runtime's defaults; `cli_text_vs_default_load` with a text.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import util
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import encode_gpu
import numpy as np
import onnxruntime as ort
from encode_peers import FastEmbed, Transformers
from harness import Figures, main
from sightline.encode.base import ImageTower, TextTower
from sightline.encode.device import Compute
from sightline.encode.towers import open_pack
from sightline.types import Pixels
from sightline_models.build import build_pack
from sightline_models.pack import Precision, read_pack
from vit_b32 import GFLOP_PER_IMAGE, query_of, write_checkpoint

ROUNDS = 5
BATCH = 16
CPU = Compute("cpu")
_EDGE = 2048

_FROM_NOTHING = """
import sys, time
import numpy, onnxruntime
folder, way, kind = sys.argv[1:]
pixels = numpy.zeros((1, 224, 224, 3), numpy.uint8)
ids = numpy.array([[49406, 1, 2, 3, 4, 5, 6, 49407]])
if way == "ours":
    from pathlib import Path
    from sightline.encode.device import Compute
    from sightline.encode.towers import open_pack
    from sightline_models.pack import read_pack
    start = time.perf_counter()
    images, texts = open_pack(Path(folder), read_pack(Path(folder)), Compute("cpu"))
    images.encode(pixels) if kind == "visual" else texts.encode(["word1 word2 word3 word4 word5 word6"])
else:
    start = time.perf_counter()
    if kind == "textual":
        import tokenizers
        tokenizers.Tokenizer.from_file(f"{folder}/textual/tokenizer.json")
    session = onnxruntime.InferenceSession(f"{folder}/{kind}/model.onnx", providers=["CPUExecutionProvider"])
    session.run(None, {"pixels": pixels} if kind == "visual" else {"input_ids": ids})
print(time.perf_counter() - start)
"""  # noqa: E501 - a program of its own


def measure() -> Figures:
    """Build the packs, then measure one question after the other."""
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as place:
        checkpoint = Path(place, "checkpoint")
        write_checkpoint(checkpoint)
        packs = {precision: _built(checkpoint, precision) for precision in ("fp32", "int8")}
        fp32, int8 = (_opened(packs[precision]) for precision in ("fp32", "int8"))
        transformers = Transformers(checkpoint) if _installed("torch", "transformers") else None
        fastembed = FastEmbed(packs["fp32"], checkpoint) if _installed("fastembed") else None
        return {
            **_agreement(fp32, int8, transformers),
            **_images(fp32[0], int8[0], transformers, fastembed),
            **_texts(fp32[1], int8[1], transformers, packs["fp32"]),
            **_one_shot(packs["fp32"]),
            **encode_gpu.figures(checkpoint),
        }


def _built(checkpoint: Path, precision: Precision) -> Path:
    folder = checkpoint.with_name(precision)
    folder.mkdir()
    build_pack(checkpoint, folder, name="bench", precision=precision)
    return folder


def _opened(folder: Path) -> tuple[ImageTower, TextTower]:
    images, texts = open_pack(folder, read_pack(folder), CPU)
    if images is None or texts is None:
        message = "the bench's own pack lacks a tower"
        raise RuntimeError(message)
    return images, texts


def _installed(*names: str) -> bool:
    return all(util.find_spec(name) is not None for name in names)


def _pictures(count: int) -> Pixels:
    """Draw smooth shading under fine grain, each picture another."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[0:224, 0:224].astype(np.float32)
    pictures = []
    for _ in range(count):
        lengths = rng.uniform(15, 120, (3, 2))
        waves = [np.sin(rows / down) * np.cos(columns / across) for down, across in lengths]
        grain = rng.normal(0, 12, (224, 224, 3))
        pictures.append(np.clip(128 + 100 * np.stack(waves, axis=-1) + grain, 0, 255))
    return np.stack(pictures).astype(np.uint8)


def _sentences(count: int) -> list[str]:
    rng = np.random.default_rng(2)
    return [
        " ".join(f"word{word}" for word in rng.integers(0, 40_000, rng.integers(1, 60)))
        for _ in range(count)
    ]


def _agreement(
    fp32: tuple[ImageTower, TextTower],
    int8: tuple[ImageTower, TextTower],
    transformers: Transformers | None,
) -> dict[str, Any]:
    pixels, texts = _pictures(64), _sentences(64)
    ours = fp32[0].encode(pixels), fp32[1].encode(texts)
    quantised = int8[0].encode(pixels), int8[1].encode(texts)
    pairs = zip(ours, quantised, strict=True)
    cosines = [float((one * other).sum(axis=1).min()) for one, other in pairs]
    figures: dict[str, Any] = {
        "int8_min_cosine": round(min(cosines), 6),
        "int8_min_cosine_images": round(cosines[0], 6),
        "int8_min_cosine_texts": round(cosines[1], 6),
    }
    if transformers is not None:
        theirs = transformers.images(pixels), transformers.texts(texts, fp32[1])
        differences = [np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True)]
        figures["parity_max_abs"] = float(max(differences))
    return figures


def _images(
    fp32: ImageTower,
    int8: ImageTower,
    transformers: Transformers | None,
    fastembed: FastEmbed | None,
) -> dict[str, Any]:
    pixels = _pictures(BATCH)
    square = np.random.default_rng(0).standard_normal((_EDGE, _EDGE), np.float32)
    ways: dict[str, Callable[[], object]] = {
        "gemm": lambda: square @ square,
        "fp32": lambda: fp32.encode(pixels),
        "int8": lambda: int8.encode(pixels),
    }
    if transformers is not None:
        ways["transformers"] = lambda: transformers.images(pixels)
    if fastembed is not None:
        ways["fastembed"] = lambda: fastembed.images(pixels)
    for _ in range(6):  # past the point at which towers load for the long run
        fp32.encode(pixels[:1])
        int8.encode(pixels[:1])
    rounds = _rounds(ways, repeats=3)
    floor = [BATCH * GFLOP_PER_IMAGE / (2 * _EDGE**3 / 1e9 / gemm) for gemm in rounds["gemm"]]
    figures = {
        f"{name}_images_per_s": round(BATCH / median(seconds), 2)
        for name, seconds in rounds.items()
        if name != "gemm"
    }
    figures |= {
        "gemm_gflop_per_s": round(median(2 * _EDGE**3 / 1e9 / gemm for gemm in rounds["gemm"]), 1),
        "fp32_vs_floor": _ratio(floor, rounds["fp32"]),
        "int8_vs_fp32": _ratio(rounds["fp32"], rounds["int8"]),
    }
    for peer in ("transformers", "fastembed"):
        if peer in rounds:
            figures[f"fp32_vs_{peer}"] = _ratio(rounds[peer], rounds["fp32"])
    return figures


def _texts(
    fp32: TextTower, int8: TextTower, transformers: Transformers | None, pack: Path
) -> dict[str, Any]:
    query = [query_of(8)]
    batch = [query_of(8)] * 32
    options = ort.SessionOptions()
    options.log_severity_level = 3
    textual = pack / "textual" / "model.onnx"
    session = ort.InferenceSession(textual, options, providers=["CPUExecutionProvider"])
    padded = np.full((1, 77), 49_407)
    padded[0, :7] = [49_406, *range(6)]
    for _ in range(50):  # past the point at which a tower loads for the long run
        fp32.encode(query)
        int8.encode(query)
    pair: dict[str, Callable[[], object]] = {
        "padded": lambda: session.run(None, {"input_ids": padded}),
        "fp32": lambda: fp32.encode(query),
    }
    alone = _rounds(pair, repeats=10)  # among peers, whose threads spin on, a query waits
    ways = {
        **pair,
        "int8": lambda: int8.encode(query),
        "fp32_batch": lambda: fp32.encode(batch),
        "int8_batch": lambda: int8.encode(batch),
    }
    if transformers is not None:
        ways["transformers"] = lambda: transformers.texts(query, fp32)
        ways["transformers_batch"] = lambda: transformers.texts(batch, fp32)
    rounds = _rounds(ways, repeats=10)
    figures = {
        f"{name}_query_ms": round(1e3 * median(rounds[name]), 2)
        for name in ("padded", "fp32", "int8", "transformers")
        if name in rounds
    }
    figures |= {
        f"{name.removesuffix('_batch')}_texts_per_s": round(len(batch) / median(seconds), 1)
        for name, seconds in rounds.items()
        if name.endswith("_batch")
    }
    return {**figures, "query_vs_padded": _ratio(alone["padded"], alone["fp32"])}


def _one_shot(pack: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for kind, prefix in (("visual", "cli"), ("textual", "cli_text")):
        rounds: dict[str, list[float]] = {"ours": [], "default": []}
        for _ in range(ROUNDS):
            for way, seconds in rounds.items():
                seconds.append(_from_nothing(pack, way, kind))
        figures |= {
            f"{prefix}_ms": round(1e3 * median(rounds["ours"]), 1),
            f"{prefix}_default_load_ms": round(1e3 * median(rounds["default"]), 1),
            f"{prefix}_vs_default_load": _ratio(rounds["ours"], rounds["default"]),
        }
    return figures


def _from_nothing(pack: Path, way: str, kind: str) -> float:
    finished = subprocess.run(
        [sys.executable, "-c", _FROM_NOTHING, str(pack), way, kind],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    return float(finished.stdout)


def _rounds(
    ways: Mapping[str, Callable[[], object]], *, repeats: int = 1
) -> dict[str, list[float]]:
    """Time every way once a round, in an order that turns; the first round does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(ROUNDS + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            ways[name]()  # the threads of the way before it spin for a while
            start = perf_counter()
            for _ in range(repeats):
                ways[name]()
            if turn:
                seconds[name].append((perf_counter() - start) / repeats)
    return seconds


def _ratio(above: list[float], below: list[float]) -> float:
    return round(median(one / other for one, other in zip(above, below, strict=True)), 3)


if __name__ == "__main__":
    main(
        "encode",
        measure,
        question="How fast and how faithful are encoder packs, beside the limit and the peers?",
    )
