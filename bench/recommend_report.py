"""What the parts of the ranking bench found: flat figures, and a table with intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quality_measures import Estimate

__all__ = ["Part", "Row", "printed"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one method, with its interval."""

    part: str
    split: str
    method: str
    figure: str
    estimate: Estimate
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What tuning chose, for those that are tuned."""

    def to_dict(self) -> dict[str, Any]:
        """Return the row as it stands under `table`; what has no finite value is null."""
        value, low, high = (
            round(number, 5) if math.isfinite(number) else None
            for number in (self.estimate.value, self.estimate.low, self.estimate.high)
        )
        named = {name: getattr(self, name) for name in ("part", "split", "method", "figure")}
        row = {**named, "value": value, "low": low, "high": high, "n": self.estimate.n}
        settings = {
            name: value if not isinstance(value, float) or math.isfinite(value) else str(value)
            for name, value in self.settings.items()
        }
        return {**row, "settings": settings} if settings else row


@dataclass(frozen=True, slots=True)
class Part:
    """The figures of one part of the bench, and the rows behind them."""

    figures: Mapping[str, float | int | str]
    rows: Sequence[Row] = ()
    notes: Sequence[str] = ()
    """What could not be measured, and why."""


def printed(rows: Sequence[Row]) -> str:
    """Set rows as a table for the terminal."""
    cells = [
        (row.part, row.split, row.method, row.figure, *_numbers(row.estimate), _settings(row))
        for row in rows
    ]
    head = ("part", "split", "method", "figure", "value", "low", "high", "n", "settings")
    widths = [max(len(line[place]) for line in (head, *cells)) for place in range(len(head) - 1)]
    lines = (
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=False))
        + f"  {line[-1]}"
        for line in (head, *cells)
    )
    return "\n".join(line.rstrip() for line in lines)


def _numbers(estimate: Estimate) -> tuple[str, str, str, str]:
    shown = (f"{value:.4f}" for value in (estimate.value, estimate.low, estimate.high))
    return (*shown, str(estimate.n))  # type: ignore[return-value]


def _settings(row: Row) -> str:
    return " ".join(f"{name}={value}" for name, value in row.settings.items())
