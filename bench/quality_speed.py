"""How fast one thread of an encoder is, how soon it is ready, and how large its pack is."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from harness import time_calls
from quality_tasks import joint_texts, views_of
from sightline.encode.base import Encoder
from sightline.encode.device import Compute
from sightline.encoders import Encoders
from sightline.store.home import Home

__all__ = ["speed"]

_ONE_THREAD = Compute("cpu", threads=1)
_PICTURES = 32
_TEXTS = 512
_LOADS = 5

# Timed from the name to a vector of each tower, in a process of its own that has imported what a
# client has by then; the files are in the page cache from the first round, which does not count.
_LOAD = """
import sys, time
import numpy, onnxruntime
from sightline.encode.device import Compute
from sightline.encoders import Encoders
from sightline.store.home import Home
name, side = sys.argv[1], int(sys.argv[2])
pixels = numpy.zeros((1, side, side, 3), numpy.uint8) + 128
start = time.perf_counter()
encoder = Encoders(Home(), Compute("cpu", threads=1)).open(name)
encoder.images.encode(pixels)
if encoder.is_joint:
    encoder.texts.encode(["a red dress"])
print(time.perf_counter() - start)
"""


def speed(name: str, pictures: Sequence[bytes], captions: Sequence[str]) -> dict[str, float]:
    """Time an encoder on real pictures and captions.

    Returns
    -------
    figures
        `images_per_s`, decoded beforehand, 32 at a time; `texts_per_s`; `load_ms`, from the name
        to the first vectors; `pack_mb`. Without words or a pack, without the figure of it.
    """
    encoders = Encoders(Home(), _ONE_THREAD)
    encoder = encoders.open(name)
    pixels = views_of(pictures[:_PICTURES], encoder.images.view)
    # Three calls go past the point at which towers load for the long run.
    timing = time_calls(lambda: encoder.images.encode(pixels), repeats=15, warm_up=3)
    figures = {"images_per_s": round(len(pixels) / timing.median_s, 1)}
    if (texts := joint_texts(encoder)) is not None:
        some = captions[:_TEXTS]
        timing = time_calls(lambda: texts.encode(some), repeats=7, warm_up=2)
        figures["texts_per_s"] = round(len(some) / timing.median_s, 1)
    figures["load_ms"] = round(1e3 * _seconds_to_load(name, encoder), 1)
    if (folder := encoders.show(name).get("folder")) is not None:
        figures["pack_mb"] = round(_bytes_in(Path(folder)) / 1e6, 3)
    return figures


def _seconds_to_load(name: str, encoder: Encoder) -> float:
    command = [sys.executable, "-P", "-c", _LOAD, name, str(encoder.images.view.side)]
    seconds = []
    for _ in range(1 + _LOADS):
        finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds.append(float(finished.stdout))
    return median(seconds[1:])


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
