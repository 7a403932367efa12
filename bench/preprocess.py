"""How fast one thread turns a JPEG into a square of the encoder's batch, and how exactly.

From encoded bytes in memory to float32, channels first, normalised, in a slot of a batch: 224
pixels of the centre, bicubic, with CLIP's mean and deviation. Drawn pictures (`decode.draw`: smooth
shading under fine grain), 4:2:0, of three sizes; `jpeg_kb` says how large the files are. Quality is
75 in the figures without a mark, which is what Pillow, libjpeg and most services take if nobody
says otherwise; those that end in `q90` are of the same pictures at 90.

    ../peers/bin/python bench/preprocess.py --json   # beside the peers, see the README

The ways take turns, round after round, each on a whole batch of distinct pictures, in one thread,
as bulk work does it; milliseconds are of one picture, a ratio is the median over the rounds.

- `naive`: Pillow as fastembed and transformers use it: the whole picture decoded and resized, then
  cropped, then turned into numbers by NumPy.
- `draft`: Pillow at its best: `draft` to no less than twice the size, and `resize` of a box.
- `torchvision`: its transforms on a Pillow picture, as CLIP's own code does it; `torchvision_io`:
  the same on its own decoder's tensors, antialiased.
- `opencv`: imdecode, INTER_AREA (its other filters do not antialias), blobs by NumPy.
- `ours`: the native path of bulk work. `decode`: what of that libjpeg-turbo takes, alone.

`decode_share` is `decode` / `ours`. `level_diff` holds our numbers, brought back to levels of 255,
against those of `naive`: the mean and the 99.9th percentile, the worst of all pictures.
"""

import io
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from decode import draw
from harness import Figures, in_turn, main, ratio
from PIL import Image
from preprocess_ways import SIDE, STD, Ours, Slot, Way, naive, peers, pillow_draft

SIZES = {"500": (500, 500), "1200": (1200, 1600), "4000": (3000, 4000)}
BATCH = {"500": 32, "1200": 8, "4000": 2}
ROUNDS = {"500": 15, "1200": 11, "4000": 9}
QUALITIES = {"": 75, "_q90": 90}

_MARGIN = 96


def measure() -> Figures:
    """Time every size and quality; the differences are the worst over all pictures."""
    ways = _ways()
    figures: dict[str, Any] = {}
    agreement: list[tuple[float, float]] = []
    for name, size in SIZES.items():
        for mark, quality in QUALITIES.items():
            batch = draw_batch(size, BATCH[name], quality)
            figures[f"jpeg_kb_{name}{mark}"] = round(sum(map(len, batch)) / len(batch) / 1e3, 1)
            slots, seconds = _timed(ways, batch, rounds=ROUNDS[name])
            figures |= _speeds(f"{name}{mark}", seconds)
            pairs = zip(slots["ours"], slots["naive"], strict=True)
            agreement += [_level_diff(one, other) for one, other in pairs]
            if not mark:
                figures |= _peer_differences(name, slots)
    means, tails = zip(*agreement, strict=True)
    head = [f"{kind}_{name}" for kind in ("speedup", "decode_share") for name in SIZES]
    return {
        **{name: figures.pop(name) for name in head},
        "mean_level_diff": round(max(means), 3),
        "p999_level_diff": round(max(tails), 2),
        **figures,
    }


def draw_batch(size: tuple[int, int], count: int, quality: int) -> list[bytes]:
    """Draw so many JPEGs of a height and width, parts of one canvas."""
    height, width = size
    canvas = Image.fromarray(draw(height + _MARGIN, width + _MARGIN))
    rng = np.random.default_rng(1)
    batch = []
    for left, top in rng.integers(0, _MARGIN, (count, 2)).tolist():
        file = io.BytesIO()
        part = canvas.crop((left, top, left + width, top + height))
        part.save(file, "JPEG", quality=quality)
        batch.append(file.getvalue())
    return batch


def _ways() -> dict[str, Way]:
    ours = Ours()
    return {
        "naive": naive,
        "draft": pillow_draft,
        **peers(),
        "ours": ours.write,
        "decode": lambda data, _: ours.decode(data),
    }


def _timed(
    ways: Mapping[str, Way], batch: Sequence[bytes], *, rounds: int
) -> tuple[dict[str, Slot], dict[str, list[float]]]:
    """Return what every way makes of a batch, and the seconds of one picture, round by round."""
    slots = {name: np.zeros((len(batch), 3, SIDE, SIDE), np.float32) for name in ways}

    def write(name: str) -> None:
        for data, out in zip(batch, slots[name], strict=True):
            ways[name](data, out)

    seconds = in_turn({name: partial(write, name) for name in ways}, rounds=rounds)
    return slots, {name: [one / len(batch) for one in taken] for name, taken in seconds.items()}


def _speeds(name: str, seconds: Mapping[str, list[float]]) -> dict[str, float]:
    times = {f"{way}_{name}_ms": round(1e3 * median(taken), 3) for way, taken in seconds.items()}
    others = [way for way in seconds if way not in {"naive", "ours", "decode"}]
    return {
        f"speedup_{name}": round(ratio(seconds["naive"], seconds["ours"]), 3),
        f"decode_share_{name}": round(ratio(seconds["decode"], seconds["ours"]), 3),
        **{f"vs_{way}_{name}": round(ratio(seconds[way], seconds["ours"]), 3) for way in others},
        **times,
    }


def _level_diff(one: Slot, other: Slot) -> tuple[float, float]:
    """Return the mean and the 99.9th percentile of the difference, in levels of 255."""
    levels = np.abs(one - other) * 255 * np.array(STD, np.float32)[:, None, None]
    return float(levels.mean()), float(np.percentile(levels, 99.9))


def _peer_differences(name: str, slots: Mapping[str, Slot]) -> dict[str, float]:
    return {
        f"{way}_mean_level_diff_{name}": round(_level_diff(made, slots["naive"])[0], 3)
        for way, made in slots.items()
        if way not in {"naive", "ours", "decode"}
    }


if __name__ == "__main__":
    main(
        "preprocess",
        measure,
        question="How fast and how exactly does one thread turn JPEGs into an encoder's batch?",
    )
