"""Run a tower of a pack in ONNX Runtime, with nothing of the engine around it."""

from pathlib import Path

import numpy as np
import onnxruntime
from sightline_models.pack import Pack


def seeded_pixels(side: int, count: int = 3, *, seed: int = 7) -> np.ndarray:
    """Return pictures of noise, (count, side, side, 3), uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def picture_vectors(
    folder: Path, pack: Pack, pixels: np.ndarray, *, optimised: bool = True
) -> np.ndarray:
    """Run the visual tower."""
    return _run(folder / pack.visual.file, pack.visual.input, pixels, optimised=optimised)


def text_vectors(
    folder: Path, pack: Pack, ids: np.ndarray, *, optimised: bool = True
) -> np.ndarray:
    """Run the textual tower on int64 token ids, (texts, length)."""
    return _run(folder / pack.textual.file, pack.textual.input, ids, optimised=optimised)


def least_cosine(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the cosine of the two unit vectors that agree the least, row by row."""
    return float((found * expected).sum(axis=1).min())


def _run(file: Path, name: str, values: np.ndarray, *, optimised: bool) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if not optimised:
        # As one-shot queries are answered: nothing is rewritten, weights stay where they are.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.disable_prepacking", "1")
    session = onnxruntime.InferenceSession(str(file), options, ["CPUExecutionProvider"])
    (vectors,) = session.run(None, {name: values})
    return vectors
