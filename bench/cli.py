"""How long one command takes as a whole process, from the shell to the last byte printed.

The model is the demo's: 600 drawn products, 300 people. `pass` is Python itself starting and
ending, measured in the same run; nothing can be faster.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import Figures, main, time_calls

COMMANDS = {
    "help": ["--help"],
    "rank": ["rank", "--model-name", "demo", "--user-id", "U001", "--json"],
    "rank_table": ["rank", "--model-name", "demo", "--user-id", "U001"],
    "rank_filtered": [
        *["rank", "--model-name", "demo", "--user-id", "U001", "--json"],
        *["--filter-predicate", "price < 100 AND dominant_color = 'red'"],
    ],
    "similar": ["similar", "--model-name", "demo", "--item-id", "P0001", "--json"],
    "view_model": ["view-model", "--model-name", "demo", "--json"],
}
REPEATS = 15


def measure() -> Figures:
    """Build the demo, then run every command several times."""
    with tempfile.TemporaryDirectory() as home:
        sightline = str(Path(sys.executable).with_name("sightline"))
        environment = {**os.environ, "SIGHTLINE_HOME": home}

        def run(*command: str) -> str:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            return done.stdout

        demo = json.loads(run(sightline, "demo", "--json"))
        python = time_calls(lambda: run(sys.executable, "-c", "pass"), repeats=REPEATS)
        figures = {"pass_ms": round(python.median_s * 1e3, 1)}
        for name, arguments in COMMANDS.items():
            timing = time_calls(lambda: run(sightline, *arguments), repeats=REPEATS)  # noqa: B023
            figures[f"{name}_ms"] = round(timing.median_s * 1e3, 1)
            figures[f"{name}_p95_ms"] = round(timing.p95_s * 1e3, 1)
    return {
        **figures,
        "demo_ndcg_at_10": demo["ndcg_at_10"],
        "demo_popularity_ndcg_at_10": demo["popularity_ndcg_at_10"],
    }


if __name__ == "__main__":
    main("cli", measure, question="How long does one command take as a whole process?")
