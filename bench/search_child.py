"""Opens an index in a fresh process; prints, as JSON, how long the first answer took, and memory.

    python bench/search_child.py FOLDER

``open_ms`` is from the files to the first answer, imports not counted; ``resident_gb`` what the
process holds after queries of every kind, its mapped pages among it.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from sightline.index.exact import COMPONENTS_BEFORE_KERNEL
from sightline.index.plan import open_index


def main(folder: Path) -> None:
    """Open, ask, and print."""
    query = np.load(folder / "queries.npy")
    start = perf_counter()
    vectors = np.asarray(np.load(folder / "vectors.npy", mmap_mode="r"))
    index = open_index(vectors, np.ones(len(vectors), np.bool_), folder)
    index.query(query[:1], 10)
    open_ms = 1e3 * (perf_counter() - start)

    for place in range(COMPONENTS_BEFORE_KERNEL // vectors.size + 20):  # until loops are awake
        index.query(query[place % len(query)][None], 10)
    rng = np.random.default_rng(0)
    for share in (0.5, 0.1, 0.01, 0.001):
        allowed = rng.random(len(vectors)) < share
        for row in range(100):
            index.query(query[row : row + 1], 10, allowed=allowed)
    for row in range(len(query)):
        index.query(query[row : row + 1], 10)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    lines = dict(line.split(":", 1) for line in status.splitlines())
    held = {name: int(lines[name].split()[0]) * 1024 / 1e9 for name in ("VmRSS", "RssAnon")}
    print(
        json.dumps(
            {
                "open_ms": round(open_ms, 1),
                "resident_gb": round(held["VmRSS"], 3),
                "anonymous_gb": round(held["RssAnon"], 3),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
