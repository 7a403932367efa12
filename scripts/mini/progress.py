"""Checkpoints that survive a kill, and a line of progress now and then."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

_EVERY_S = 120


class Checkpoint:
    """One file, replaced atomically every two minutes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved = time.monotonic()

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Return what was saved last, None if nothing was."""
        if not self._path.exists():
            return None
        # Ours, of a moment ago: it holds the state of NumPy's and Python's generators too.
        return torch.load(self._path, map_location=device, weights_only=False)

    def is_due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self._saved > _EVERY_S

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the file by one of `state`."""
        unfinished = self._path.with_suffix(".tmp")
        torch.save(dict(state), unfinished)
        unfinished.replace(self._path)
        self._saved = time.monotonic()


class Log:
    """Means of the losses since the last line, to the terminal and to a file of JSON lines."""

    def __init__(self, path: Path, every: int) -> None:
        self._path, self._every = path, every
        self._sums: dict[str, float] = {}
        self._count = 0
        self._start = time.monotonic()

    def add(self, step: int, steps: int, figures: Mapping[str, float]) -> None:
        """Note one step; every so many, tell."""
        self._count += 1
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        if (step + 1) % self._every and step + 1 != steps:
            return
        means = {name: round(total / self._count, 4) for name, total in self._sums.items()}
        seconds = round((time.monotonic() - self._start) / self._count, 4)
        line = {"step": step + 1, "steps": steps, **means, "seconds_per_step": seconds}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)
        self._sums, self._count, self._start = {}, 0, time.monotonic()
