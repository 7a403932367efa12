"""The baselines that ranking is measured against, and how each one is tuned."""

import importlib.util
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import product
from math import inf
from typing import Any, TypeAlias

import recommend_libraries as libraries
import recommend_simple as simple
from recommend_libraries import Content
from recommend_splits import Log
from sightline.types import Scores

__all__ = [
    "BASELINES",
    "FALLBACK",
    "Baseline",
    "Settings",
    "absent_packages",
    "peer_versions",
    "tune",
]

Settings: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A method, the settings that are tried, and what it needs."""

    name: str
    fit: Callable[..., Scores]
    """Turns a log, with content if `reads_content`, and settings into scores, (users, items)."""
    grid: Sequence[Settings] = ({},)
    packages: Sequence[str] = ()
    """What has to be importable."""
    is_personal: bool = True
    """Whether people without a like in training are strangers to it: they get the `FALLBACK`'s."""
    reads_content: bool = False
    needs_pictures: bool = False

    def scores(self, log: Log, content: Content, settings: Settings) -> Scores:
        """Fit to `log` and score every item for every person."""
        if self.reads_content:
            return self.fit(log, content, **settings)
        return self.fit(log, **settings)

    def absent(self) -> list[str]:
        """Name the packages that this interpreter does not have."""
        return [name for name in self.packages if importlib.util.find_spec(name) is None]


def _grid(**values: Iterable[Any]) -> tuple[Settings, ...]:
    return tuple(dict(zip(values, each, strict=True)) for each in product(*values.values()))


FALLBACK = Baseline(
    "trend",
    simple.trend,
    _grid(half_life_days=(30, 100, 365, 1000, 3000, inf)),
    is_personal=False,
)
"""Also what personal baselines show to people without a like in training."""

BASELINES = (
    Baseline("popularity", simple.popularity, is_personal=False),
    FALLBACK,
    Baseline(
        "ItemKNN",
        simple.item_knn,
        _grid(neighbours=(20, 50, 100, 200, 500), shrink=(5, 20, 50, 100)),
    ),
    Baseline("EASE", simple.ease, _grid(regularisation=(30, 50, 100, 200, 300, 500, 1000, 3000))),
    Baseline(
        "implicit ALS",
        libraries.als,
        _grid(factors=(16, 32, 64, 128), regularization=(0.1, 1, 10, 30), alpha=(1, 3, 10)),
        packages=("implicit",),
    ),
    Baseline(
        "implicit BPR",
        libraries.bpr,
        _grid(
            factors=(16, 32, 64, 128),
            learning_rate=(0.01, 0.05),
            regularization=(0.001, 0.01, 0.1),
            iterations=(20, 50, 200),
        ),
        packages=("implicit",),
    ),
    Baseline(
        "LightFM",
        libraries.lightfm,
        _grid(
            factors=(32, 64, 128),
            learning_rate=(0.02, 0.05),
            item_alpha=(0.0, 1e-4),
            epochs=(10, 30, 100),
        ),
        packages=("lightfm",),
        reads_content=True,
    ),
    Baseline(
        "Cornac VBPR",
        libraries.vbpr,
        _grid(
            factors=(64,),
            learning_rate=(0.001, 0.005),
            regularization=(0.01, 2.0),
            epochs=(20, 50),
        ),
        packages=("cornac", "torch"),
        reads_content=True,
        needs_pictures=True,
    ),
)
"""In the order they are run."""


def absent_packages() -> list[str]:
    """Name what baselines need and this interpreter does not have, once each, by name."""
    return sorted({name for baseline in BASELINES for name in baseline.absent()})


def peer_versions() -> dict[str, str]:
    """Return the versions of the distributions that the packages of baselines come from."""
    of_module = metadata.packages_distributions()
    needed = sorted({name for baseline in BASELINES for name in baseline.packages})
    found = sorted({one for name in needed for one in of_module.get(name, [])})
    return {name: metadata.version(name) for name in found}


def tune(
    baseline: Baseline, log: Log, content: Content, worth: Callable[[Scores], float]
) -> Settings:
    """Return the settings of the grid that are worth most; of equals, the first.

    Parameters
    ----------
    baseline
        What to tune.
    log
        The part of the training likes that is fitted to.
    content
        Of the items.
    worth
        Judges scores by the validation slice.
    """
    if len(baseline.grid) == 1:
        return baseline.grid[0]
    return max(baseline.grid, key=lambda settings: worth(baseline.scores(log, content, settings)))
