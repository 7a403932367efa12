"""How fast one thread turns a JPEG into a square of the encoder's batch, and how exactly.

From encoded bytes in memory to float32, channels first, normalised, in a slot of a batch: 224
pixels of the centre, bicubic, with CLIP's mean and deviation. Drawn pictures (`decode.draw`: smooth
shading under fine grain), 4:2:0, of three sizes; `jpeg_kb` says how large the files are. Quality is
75 in the figures without a mark, which is what Pillow, libjpeg and most services take if nobody
says otherwise; those that end in `q90` are of the same pictures at 90.

    ../peers/bin/python bench/preprocess.py --json   # beside the peers, see the README

The ways are timed in turn, round after round, in one thread; a ratio is the median over the rounds.

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
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import numpy as np
from decode import draw
from harness import Figures, in_turn, main, ratio
from numpy.typing import NDArray
from PIL import Image
from preprocess_ways import SIDE, STD, Ours, naive, peers, pillow_draft

SIZES = {"500": (500, 500), "1200": (1200, 1600), "4000": (3000, 4000)}
ROUNDS = {"500": 40, "1200": 15, "4000": 7}
QUALITIES = {"": 75, "_q90": 90}

Slot = NDArray[np.float32]


def measure() -> Figures:
    """Time every size and quality; the differences are the worst over them."""
    ours = Ours()
    figures: dict[str, Any] = {}
    agreement: list[tuple[float, float]] = []
    for name, (height, width) in SIZES.items():
        pixels = draw(height, width)
        for mark, quality in QUALITIES.items():
            data = _jpeg(pixels, quality)
            figures[f"jpeg_kb_{name}{mark}"] = round(len(data) / 1e3, 1)
            slots, seconds = _timed(_ways(data, ours), rounds=ROUNDS[name])
            figures |= _speeds(f"{name}{mark}", seconds)
            agreement.append(_level_diff(slots["ours"], slots["naive"]))
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


def _jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _ways(data: bytes, ours: "Ours") -> dict[str, Callable[[Slot], object]]:
    return {
        "naive": lambda out: naive(data, out),
        "draft": lambda out: pillow_draft(data, out),
        **peers(data),
        "ours": lambda out: ours.write(data, out),
        "decode": lambda _: ours.decode(data),
    }


def _timed(
    ways: Mapping[str, Callable[[Slot], object]], *, rounds: int
) -> tuple[dict[str, Slot], dict[str, list[float]]]:
    slots = {name: np.zeros((3, SIDE, SIDE), np.float32) for name in ways}
    calls = {name: lambda way=way, out=slots[name]: way(out) for name, way in ways.items()}
    return slots, in_turn(calls, rounds=rounds)


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
    """Return the mean and the 99.9th percentile of the difference in levels of 255."""
    levels = np.abs(one - other) * 255 * np.array(STD, np.float32)[:, None, None]
    return float(levels.mean()), float(np.percentile(levels, 99.9))


def _peer_differences(name: str, slots: Mapping[str, Slot]) -> dict[str, float]:
    return {
        f"{way}_mean_level_diff_{name}": round(_level_diff(slot, slots["naive"])[0], 3)
        for way, slot in slots.items()
        if way not in {"naive", "ours", "decode"}
    }


if __name__ == "__main__":
    main(
        "preprocess",
        measure,
        question="How fast and how exactly does one thread turn JPEGs into an encoder's batch?",
    )
