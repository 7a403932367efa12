"""Candidates of one answer, gathered from several retrievers, and how the nearest were found."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from ..types import Rows

__all__ = ["LISTS", "PLANS", "Found", "Pool", "slowest"]

LISTS = "lists"
"""The plan of those who read the nearest from lists that the build prepared."""
PLANS = ("none", LISTS, "gather", "walk", "filtered walk", "scan")
"""Names of plans, those that take longer later: see `index.base.Plan` for all but the lists."""


class _Nearest(Protocol):
    @property
    def rows(self) -> Rows: ...

    @property
    def plan(self) -> str | None: ...


class Found(NamedTuple):
    """Rows, shape (m,), that are near to something, and by which of `PLANS` they were found.

    The plan is None where there was nothing to be near to.
    """

    rows: Rows
    plan: str | None


class Pool:
    """Gathers the candidates of one answer."""

    def __init__(self) -> None:
        self.plans: dict[str, str] = {}
        """By name of the space, how its nearest were found: see `slowest`."""
        self._brought: list[Rows] = []

    @property
    def rows(self) -> Rows:
        """All candidates so far, ascending, each once."""
        # As np.unique does in ten times the time: it would hash.
        rows = np.sort(np.concatenate([*self._brought, np.zeros(0, np.int32)]))
        is_first = np.ones(len(rows), np.bool_)
        np.not_equal(rows[1:], rows[:-1], out=is_first[1:])
        return rows[is_first].astype(np.int32, copy=False)

    @property
    def is_untouched(self) -> bool:
        """Whether nobody brought anything, not even nothing."""
        return not self._brought

    def add(self, rows: Rows) -> None:
        """Add candidates, in any order and of any shape."""
        self._brought.append(rows.ravel())

    def add_nearest(self, space: str, found: _Nearest) -> None:
        """Add the nearest of a space: ``looks``, ``meaning`` or ``taste``."""
        self.add(found.rows)
        if found.plan is not None:
            self.plans = slowest([self.plans, {space: found.plan}])


def slowest(plans: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Join plans by the name of the space: of several in one space, the one that takes longest."""
    found: dict[str, str] = {}
    for some in plans:
        for space, plan in some.items():
            found[space] = max(found.get(space, plan), plan, key=PLANS.index)
    return found
