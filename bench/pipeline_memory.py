"""What memory the bulk path takes over many pictures of 12 megapixels, in a process of its own.

The child notes its resident memory as it goes; the peak is what the kernel saw (VmHWM). Everything
is in it: Python, the libraries, the encoder, the caches of downloads and vectors.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

__all__ = ["PICTURES", "memory_figures", "slope_mb_per_1000"]

PICTURES = 10_000
_NOTED = (2_000, 5_000, 10_000)
_SETTLED = 2_000
_EVERY = 100


def memory_figures(count: int = PICTURES) -> dict[str, Any]:
    """Run `count` pictures through a child; see the module's docstring.

    Returns `rss_peak_mb`, `rss_mb_at_2000` and so on, `rss_slope_mb_per_1000`, a straight line
    through what was noted from picture 2,000 on, and the rate, `large_per_s`.
    """
    from pipeline_pictures import write_large_pictures

    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as place:
        paths = write_large_pictures(Path(place), count)
        mean_kb = sum(path.stat().st_size for path in paths) / len(paths) / 1e3
        finished = subprocess.run(
            [sys.executable, __file__, place], check=True, stdout=subprocess.PIPE, text=True
        )
    noted = json.loads(finished.stdout)
    at, rss = noted["at"], noted["rss_mb"]
    return {
        "rss_peak_mb": round(noted["peak_mb"], 1),
        "rss_slope_mb_per_1000": round(slope_mb_per_1000(at, rss), 2),
        **{
            f"rss_mb_at_{pictures}": round(rss[at.index(pictures)], 1)
            for pictures in _NOTED
            if pictures in at
        },
        "large_pictures": count,
        "large_megapixels": 12,
        "large_jpeg_kb": round(mean_kb, 1),
        "large_per_s": round(count / noted["seconds"], 1),
    }


def slope_mb_per_1000(at: Sequence[int], rss_mb: Sequence[float]) -> float:
    """Return by how much memory grows in 1,000 pictures, once it has settled."""
    settled = [place for place, pictures in enumerate(at) if pictures >= _SETTLED]
    chosen = settled if len(settled) > 1 else list(range(len(at)))
    pictures = np.array(at, np.float64)[chosen]
    slope, _ = np.polyfit(pictures / 1_000, np.array(rss_mb)[chosen], 1)
    return float(slope)


def _memory_mb(kind: str) -> float:
    status = Path("/proc/self/status").read_text("ascii")
    found = re.search(rf"^{kind}:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        message = f"/proc/self/status has no {kind}: this part of the bench needs Linux"
        raise RuntimeError(message)
    return int(found[1]) * 1024 / 1e6


def _child(folder: Path) -> dict[str, Any]:
    import polars as pl
    from sightline.encode.device import Compute
    from sightline.encode.towers import open_pack
    from sightline.packs import bundled_pack
    from sightline.pictures import see_pictures
    from sightline.store.home import Home

    mini = bundled_pack()
    tower, _ = open_pack(mini.folder, mini.pack, Compute("cpu"))
    assert tower is not None
    at: list[int] = []
    rss: list[float] = []

    def note(_: str, done: int, total: int) -> None:
        if done % _EVERY == 0 or done == total:
            at.append(done)
            rss.append(_memory_mb("VmRSS"))

    paths = sorted(str(path) for path in folder.iterdir())
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as home:
        started = perf_counter()
        looks = see_pictures(
            pl.DataFrame({"image": paths}),
            ["image"],
            tower,
            home=Home(Path(home)),
            base_dir=folder,
            allow_hosts=(),
            progress=note,
        )
        seconds = perf_counter() - started
    if not looks.presence.all():
        message = f"pictures are missing: {looks.outcomes['outcome'].value_counts()}"
        raise RuntimeError(message)
    return {"at": at, "rss_mb": rss, "peak_mb": _memory_mb("VmHWM"), "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(_child(Path(sys.argv[1]))))
