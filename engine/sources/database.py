"""What SQLite and PostgreSQL share: choosing a table, and rows in batches into one frame."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ..errors import ConnectorError
from .columns import listed

__all__ = ["BATCH_ROWS", "TableChoice", "frame_of"]

BATCH_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class TableChoice:
    """Which table of a database a connector means."""

    connector: str
    named: str | None
    """The table the user named; None to look for one called like the connector."""
    likely: tuple[str, ...]
    """Names to look for when none was given, best first."""

    def pick(self, tables: Sequence[str], *, database: str) -> str:
        """Return one of `tables`, exactly as it is spelt there; case is a second try.

        Raises
        ------
        ConnectorError
            If there is none of that name; the message lists those there are.
        """
        wanted = (self.named,) if self.named is not None else self.likely
        for name in wanted:
            if name in tables:
                return name
        folded = {table.casefold(): table for table in reversed(tables)}
        for name in wanted:
            if name.casefold() in folded:
                return folded[name.casefold()]
        names = " or ".join(repr(name) for name in wanted)
        message = (
            f"{self.connector!r} is bound to {database}, which has no table {names}; "
            f"it has {listed(tables)}. Name one after a #, as in {database}#{(*tables, 'table')[0]}"
        )
        raise ConnectorError(message)


def frame_of(batches: Iterable[Sequence[Sequence[Any]]], schema: pl.Schema) -> pl.DataFrame:
    """Stack batches of rows, each row in the order of `schema`, into one frame."""
    frames = [pl.DataFrame(batch, schema=schema, orient="row") for batch in batches]
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)
