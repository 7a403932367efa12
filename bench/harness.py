"""Times calls; turns figures into a table and a JSON record of what they were taken on."""

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

import numpy as np

__all__ = [
    "CHECKOUT",
    "Comparison",
    "Figures",
    "Timing",
    "environment",
    "in_turn",
    "main",
    "ratio",
    "side_by_side",
    "table",
    "time_calls",
    "write_record",
]

CHECKOUT = Path(__file__).parents[1]
RESULTS = CHECKOUT / "bench" / "results"
DISTRIBUTIONS = (
    "sightline",
    "numpy",
    "numba",
    "polars",
    "duckdb",
    "pillow",
    "pillow-simd",
    "onnxruntime",
    "onnxruntime-gpu",
    "hnswlib",
)

Figures = Mapping[str, float | int | str | bool]
"""One flat table: a name with its unit in it (`build_s`, `recall_at_10`) -> the figure."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall-clock seconds of repeated calls."""

    median_s: float
    p95_s: float
    repeats: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two ways to do one thing, timed in turn."""

    baseline: Timing
    candidate: Timing
    speedup: float
    """Median over the pairs of baseline / candidate: above 1, the candidate is faster."""


def time_calls(call: Callable[[], object], *, repeats: int, warm_up: int = 1) -> Timing:
    """Time `repeats` calls, after `warm_up` calls that compile and fill caches and do not count."""
    for _ in range(warm_up):
        call()
    return _timing([_seconds(call) for _ in range(repeats)])


def side_by_side(
    baseline: Callable[[], object],
    candidate: Callable[[], object],
    *,
    repeats: int,
    warm_up: int = 1,
) -> Comparison:
    """Time two calls in pairs, so that a machine busy with other work slows both alike.

    The order within a pair alternates: neither side always finds the caches the other one left.
    """
    for _ in range(warm_up):
        baseline()
        candidate()
    pairs = [_pair(baseline, candidate, baseline_first=n % 2 == 0) for n in range(repeats)]
    return Comparison(
        baseline=_timing([one for one, _ in pairs]),
        candidate=_timing([other for _, other in pairs]),
        speedup=median(one / other for one, other in pairs),
    )


def in_turn(
    ways: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    repeats: int = 1,
    warm_up: int = 1,
    rest_s: float = 0.0,
) -> dict[str, list[float]]:
    """Time several ways to do one thing, each once a round, in an order that turns.

    Parameters
    ----------
    ways
        What is timed, by name.
    rounds
        How often each is timed.
    repeats
        Calls of one timing.
    warm_up
        Rounds before these that do not count.
    rest_s
        Seconds before each timing, for threads of the way before that still spin.

    Returns
    -------
    seconds
        Of one call, by name and round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(warm_up + rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            sleep(rest_s)
            taken = _seconds(lambda: [ways[name]() for _ in range(repeats)])  # noqa: B023
            if turn >= warm_up:
                seconds[name].append(taken / repeats)
    return seconds


def ratio(above: list[float], below: list[float]) -> float:
    """Return the median over the rounds of one way's seconds / another one's."""
    return median(one / other for one, other in zip(above, below, strict=True))


def _pair(
    baseline: Callable[[], object], candidate: Callable[[], object], *, baseline_first: bool
) -> tuple[float, float]:
    if baseline_first:
        one = _seconds(baseline)
        return one, _seconds(candidate)
    other = _seconds(candidate)
    return _seconds(baseline), other


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _timing(seconds: list[float]) -> Timing:
    return Timing(median(seconds), float(np.percentile(seconds, 95)), len(seconds))


def environment() -> dict[str, Figures]:
    """Describe what the figures were taken on: `code` (the commit), `versions` and `machine`."""
    return {"code": _code(), "versions": _versions(), "machine": _machine()}


def _code() -> Figures:
    # Results themselves change with every run: they do not make the measured code another.
    changed = _git("status", "--porcelain", "--", ".", ":!bench/results")
    return {"commit": _git("rev-parse", "HEAD") or "not a git checkout", "modified": bool(changed)}


def _git(*arguments: str) -> str:
    try:
        finished = subprocess.run(
            ["git", *arguments], cwd=CHECKOUT, check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return finished.stdout.strip()


def _versions() -> Figures:
    versions = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        with suppress(metadata.PackageNotFoundError):  # of pillow and pillow-simd there is one
            versions[name] = metadata.version(name)
    return versions


def _machine() -> Figures:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(memory / 2**30, 1),
        "os": platform.platform(),
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def main(name: str, measure: Callable[[], Figures], *, question: str) -> None:
    """Run one bench as a command: measure, write `bench/results/<name>.json`, print.

    Prints a table; with ``--json``, one line with the figures as a flat JSON object.

    Parameters
    ----------
    name
        The bench's name, as in ``bench/<name>.py``.
    measure
        Does the work and returns the figures.
    question
        What the figures answer, in one line; shown with them and by ``--help``.
    """
    parser = argparse.ArgumentParser(description=question)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object")
    as_json = parser.parse_args().json
    figures = dict(measure())
    write_record(name, question, figures)
    print(json.dumps(figures) if as_json else table(question, figures))


def write_record(name: str, question: str, figures: Figures, **more: object) -> None:
    """Write `bench/results/<name>.json`: the figures, `more` as it is, and the environment."""
    record = {"bench": name, "question": question, "figures": figures, **more, **environment()}
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(record, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def table(question: str, figures: Figures) -> str:
    """Write the question and the figures one below the other, for people."""
    width = max(map(len, figures), default=0)
    return "\n".join([question, *(f"  {key:<{width}}  {_shown(figures[key])}" for key in figures)])


def _shown(figure: float | str) -> str:
    if not isinstance(figure, float):
        return str(figure)
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.4g}"
