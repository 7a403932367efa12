"""What became of a table's rows and cells, as counts a person can read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TableReport"]


@dataclass(frozen=True, slots=True)
class TableReport:
    """How many rows came, stayed and went, and why: ``rows == kept + sum(dropped.values())``."""

    name: str
    """The table, such as ``items``, or the id of the connector it was read from."""
    rows: int
    """Rows read."""
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason to number of rows."""
    nulled: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Column to reason to number of cells that became null in rows that stayed."""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Reason to a few of the values it was given for."""
    notes: tuple[str, ...] = ()
    """Choices made on the user's behalf, one sentence each."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers, ready for JSON."""
        return {
            "name": self.name,
            "rows": self.rows,
            "kept": self.kept,
            "dropped": dict(self.dropped),
            "nulled": {column: dict(reasons) for column, reasons in self.nulled.items()},
            "examples": {reason: list(values) for reason, values in self.examples.items()},
            "notes": list(self.notes),
        }
