"""What every kind of connector becomes: one table that DuckDB can read under a name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import duckdb

__all__ = ["Loaded", "Source"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a source when it was put into DuckDB."""

    dropped: Mapping[str, int] = field(default_factory=dict)
    """Rows that could not be read, by reason."""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What else its owner should know, one sentence each."""
    files_read_later: tuple[str, ...] = ()
    """Files that a view reads only when a query runs, and so must stay readable until then."""


class Source(Protocol):
    """One table outside, bound to one connector id."""

    def load(self, connection: duckdb.DuckDBPyConnection, name: str) -> Loaded:
        """Make the table readable as `name`, as a table or as a view.

        Raises
        ------
        ConnectorError
            If it cannot be reached, found or read.
        """
        ...
