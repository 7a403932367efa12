"""Decode hostile files on both ways, in a process of its own that may die of one.

    python tests/hostile_run.py SEED FIRST COUNT
    python tests/hostile_run.py LABEL...    (of bombs, in several threads)

A line before each file tells which it is; the last line tells, as JSON, what was seen.
"""

import json
import resource
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from hostile_bombs import BOMBS, bomb
from hostile_files import damaged, originals
from sightline.images.blocks import Square
from sightline.images.codec import decode
from sightline.images.limits import MAX_PIXELS
from sightline.images.native import NativeDecoder
from sightline.images.outcome import PictureError
from sightline.images.throughput import Throughput
from sightline.types import PixelFormat, View

VIEWS = (View(32, "crop"), View(24, "pad", "bilinear"))
# So that nothing takes the machine with it; what runs into it is counted as a fault.
_ADDRESS_SPACE = 8 << 30
# By the clock, on a machine that may be busy: the process is ended, whatever it is in.
_HANG_SECONDS = 40


def main(arguments):
    """Run what the command line asks for."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    run = Run()
    run.see("warm-up", originals()["png"])
    start = peak_mb()
    if arguments[0] in BOMBS:
        # Several at a time, as bulk work has them: of large ones, one at a time.
        files = {label: bomb(label) for label in arguments}
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(run.decode_natively, [*files] * 2, [*files.values()] * 2))
        for label, data in files.items():
            run.see(label, data)
    else:
        seed, first, count = map(int, arguments)
        wholes = originals()
        for number in range(first, first + count):
            name, data = damaged(wholes, seed, number)
            run.see(f"{number} {name}", data)
    write_line(json.dumps(run.report() | {"peak_mb": round(peak_mb() - start)}))


def write_line(text):
    """Write a line at once: the process may not come to write another."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def peak_mb():
    """Return the most memory this process ever held, in MB; ru_maxrss begins with its parent's."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1000


class Run:
    """What became of the files so far."""

    def __init__(self):
        squares = [Square(view, PixelFormat()) for view in VIEWS]
        self._native = NativeDecoder(squares, max_pixels=MAX_PIXELS, throughput=Throughput(1))
        self._ends = Counter()
        self._faults = []
        self._unlike = []
        self._apart = []
        self._slowest = (0.0, "")

    def see(self, label, data):
        """Decode a file on both ways and compare."""
        write_line(label)
        signal.alarm(_HANG_SECONDS)
        pillow = self._end_of(label, self._decode_with_pillow, data)
        native = self._end_of(label, self._decode_into, data)
        signal.alarm(0)
        ends = [end if isinstance(end, str) else "ok" for end in (pillow, native)]
        self._ends[ends[0]] += 1
        if ends[0] != ends[1]:
            self._unlike.append([label, *ends])
        elif ends == ["ok", "ok"]:
            apart = [np.abs(n.astype(int) - p).mean() for n, p in zip(native, pillow, strict=True)]
            self._apart.append((max(apart), label))

    def decode_natively(self, label, data):
        """Decode a file on the way of bulk work alone."""
        self._end_of(label, self._decode_into, data)

    def report(self):
        """Return what was seen, as JSON values."""
        return {
            "files": sum(self._ends.values()),
            "ends": dict(self._ends),
            "faults": self._faults,
            "unlike": self._unlike,
            "apart": sorted(self._apart, reverse=True)[:20],
            "slowest": self._slowest,
        }

    def _end_of(self, label, decode, data):
        start = time.thread_time()
        try:
            end = decode(data)
        except PictureError as error:
            end = error.outcome.value
            if isinstance(error.__cause__, MemoryError):
                self._faults.append([label, "out of memory"])
        except Exception as error:
            end = type(error).__name__
            self._faults.append([label, repr(error)])
        self._slowest = max(self._slowest, (time.thread_time() - start, label))
        return end

    def _decode_with_pillow(self, data):
        return decode(data, views=VIEWS, max_pixels=MAX_PIXELS).pixels

    def _decode_into(self, data):
        outs = [PixelFormat().empty(1, view.side)[0] for view in VIEWS]
        self._native.decode_into(data, outs)
        return outs


if __name__ == "__main__":
    main(sys.argv[1:])
