"""Outcomes of pictures, column by column, into the counts and examples that a report shows."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from .cell import Cell, shown
from .outcome import Outcome
from .picture import Picture

_EXAMPLES = 3


@dataclass
class ColumnCoverage:
    """How the cells of one image column, or of all together, came out.

    Parameters
    ----------
    counts
        Cells by outcome.
    examples
        By failure, up to three cells that met it, each with its detail.
    """

    counts: Counter[Outcome] = field(default_factory=Counter)
    examples: defaultdict[Outcome, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def ok(self) -> int:
        """Cells whose picture was had."""
        return self.counts[Outcome.OK]

    @property
    def missing(self) -> int:
        """Cells without a picture to be had."""
        return self.counts[Outcome.MISSING]

    @property
    def failed(self) -> int:
        """Cells whose picture could not be had, for whatever reason."""
        return sum(count for outcome, count in self.counts.items() if outcome.is_failure)

    def count(self, picture: Picture, cell: Cell | None) -> None:
        """Count one picture; `cell` is what it came from."""
        self.counts[picture.outcome] += 1
        examples = self.examples[picture.outcome] if picture.outcome.is_failure else None
        if examples is not None and len(examples) < _EXAMPLES:
            examples.append(f"{shown(cell)} ({picture.detail})")

    def merge(self, other: "ColumnCoverage") -> None:
        """Add the counts of another column, and its examples as far as there is room."""
        self.counts.update(other.counts)
        for outcome, examples in other.examples.items():
            self.examples[outcome] = (self.examples[outcome] + examples)[:_EXAMPLES]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values; outcomes in the order of `Outcome`, absent ones left out."""
        return {
            "ok": self.ok,
            "missing": self.missing,
            "failed": self.failed,
            "reasons": {
                str(outcome): {"count": self.counts[outcome], "examples": self.examples[outcome]}
                for outcome in Outcome
                if outcome.is_failure and self.counts[outcome]
            },
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "ColumnCoverage":
        """Read what `to_dict` returned."""
        coverage = cls()
        coverage.counts[Outcome.OK] = document["ok"]
        coverage.counts[Outcome.MISSING] = document["missing"]
        for reason, found in document["reasons"].items():
            coverage.counts[Outcome(reason)] = found["count"]
            coverage.examples[Outcome(reason)] = list(found["examples"])
        return coverage


class Coverage:
    """How the cells of every image column came out."""

    def __init__(self) -> None:
        self.columns: dict[str, ColumnCoverage] = {}

    def count(self, column: str, picture: Picture, cell: Cell | None) -> None:
        """Count one picture of a column; `cell` is what it came from."""
        self.columns.setdefault(column, ColumnCoverage()).count(picture, cell)

    def total(self) -> ColumnCoverage:
        """Add up all columns."""
        total = ColumnCoverage()
        for column in self.columns.values():
            total.merge(column)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values: the total, and each column by name."""
        columns = {name: column.to_dict() for name, column in self.columns.items()}
        return {"total": self.total().to_dict(), "columns": columns}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Coverage":
        """Read what `to_dict` returned."""
        coverage = cls()
        for name, column in document["columns"].items():
            coverage.columns[name] = ColumnCoverage.from_dict(column)
        return coverage
