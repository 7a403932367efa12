"""Write golden/clip.json: vectors of tiny CLIPs as transformers and open_clip compute them.

Run where these are installed, from the checkout, with the packages and the helpers on the path:
PYTHONPATH=.typing:tests python tests/models/make_golden.py
The committed file is of transformers 5.23, open_clip 3.3 and torch 2.14, on a CPU.
"""

import json
import tempfile
from pathlib import Path

from clip_cases import CASES, reference_vectors, write_case

GOLDEN = Path(__file__).parent / "golden" / "clip.json"


def main() -> None:
    """Replace the golden file."""
    golden = {}
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            vectors = reference_vectors(write_case(Path(folder), case), case)
        golden[name] = {
            tower: [[round(float(value), 8) for value in row] for row in rows]
            for tower, rows in vectors.items()
        }
    GOLDEN.parent.mkdir(exist_ok=True)
    lines = (f" {json.dumps(name)}: {json.dumps(towers)}" for name, towers in golden.items())
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
