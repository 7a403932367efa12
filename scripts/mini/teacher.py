"""Pictures into what training reads: pixels of two views of each, and the teacher's features.

The teacher sees the very pixels that the student will: features of the whole picture say little of
a crop of it (Beyer et al., "Knowledge distillation: a good teacher is patient and consistent",
CVPR 2022).
"""

import multiprocessing
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from .corpus import load

SIDE = 128
"""Height and width of a kept view."""
VIEWS = 2
"""The whole picture, and a random part of it."""
_TEACHER_SIDE = 224
_BATCH = 32
_CROP_AREA = (0.3, 0.8)
_CROP_ASPECT = (3 / 4, 4 / 3)


def prepare(data: Path, work: Path, teacher: Path, processes: int = 2) -> None:
    """Write `pixels.npy` (n, 2, 128, 128, 3), uint8, and `features.npy` (n, 2, 1280), float16.

    Each process keeps `part-K.done`; what is there already is not done again.
    """
    count = len(load(data).examples)
    shapes = {"pixels": (SIDE, SIDE, 3), "features": (1280,)}
    kinds = {"pixels": np.uint8, "features": np.float16}
    for name, shape in shapes.items():
        path = work / f"{name}.npy"
        if not path.exists():
            np.lib.format.open_memmap(path, "w+", kinds[name], (count, VIEWS, *shape)).flush()
    context = multiprocessing.get_context("spawn")
    jobs = [
        context.Process(target=_part, args=(data, work, teacher, part, processes))
        for part in range(processes)
        if not (work / f"part-{part}-of-{processes}.done").exists()
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    if any(job.exitcode for job in jobs):
        message = "a process that prepares pictures failed; its error is above"
        raise RuntimeError(message)


def _part(data: Path, work: Path, teacher: Path, part: int, parts: int) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(teacher, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    pixels = np.load(work / "pixels.npy", mmap_mode="r+")
    features = np.load(work / "features.npy", mmap_mode="r+")
    mine = islice(enumerate(load(data).pictures()), part, None, parts)
    done = 0
    while batch := list(islice(mine, _BATCH)):
        rows = [row for row, _ in batch]
        for view in range(VIEWS):
            shown = [picture.crop(_box(row, view, picture.size)) for row, picture in batch]
            pixels[rows, view] = [_square(picture, SIDE) for picture in shown]
            large = np.stack([_square(picture, _TEACHER_SIDE) for picture in shown])
            features[rows, view] = session.run(None, {name: large})[0].reshape(len(rows), -1)
        done += len(rows)
        if done % (50 * _BATCH) == 0:
            print(f"process {part}: {done} pictures prepared", flush=True)
    pixels.flush()
    features.flush()
    (work / f"part-{part}-of-{parts}.done").touch()


def _square(picture: Image.Image, side: int) -> np.ndarray:
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))


def _box(row: int, view: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return what a view shows: left, top, right, bottom; chance comes from the row alone."""
    width, height = size
    if view == 0:
        return (0, 0, width, height)
    rng = np.random.default_rng([row, view])
    area = rng.uniform(*_CROP_AREA)
    aspect = np.exp(rng.uniform(*np.log(_CROP_ASPECT)))
    wide, high = min(1, (area * aspect) ** 0.5), min(1, (area / aspect) ** 0.5)
    left, top = rng.uniform(0, 1 - wide), rng.uniform(0, 1 - high)
    box = (left * width, top * height, (left + wide) * width, (top + high) * height)
    return tuple(round(edge) for edge in box)


def centred(features: np.ndarray) -> Iterator[np.ndarray]:
    """Yield unit-norm features about their mean, a view at a time, float32."""
    mean = features.astype(np.float32).mean((0, 1))
    for view in range(features.shape[1]):
        rows = features[:, view].astype(np.float32) - mean
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        yield rows
