"""Write golden/sentence.json: vectors of tiny folders as sentence-transformers computes them.

Run where it is installed, from the checkout, with the packages and the helpers on the path:
PYTHONPATH=.typing:tests python tests/models/make_sentence_golden.py
The committed file is of sentence-transformers 6.2, transformers 5.23 and torch 2.14, on a CPU.
"""

import json
import tempfile
from pathlib import Path

from sentence_checkpoints import CASES, TEXTS, reference_vectors, write_sentence_folder

GOLDEN = Path(__file__).parent / "golden" / "sentence.json"
COMPONENTS = 6


def main() -> None:
    """Replace the golden file: the first components of each text's vector."""
    golden = {}
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            vectors = reference_vectors(write_sentence_folder(Path(folder), case), TEXTS)
        golden[name] = [[round(float(x), 7) for x in row[:COMPONENTS]] for row in vectors]
    lines = (f" {json.dumps(name)}: {json.dumps(rows)}" for name, rows in golden.items())
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
