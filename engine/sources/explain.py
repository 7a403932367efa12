"""DuckDB's errors turned into one sentence that says where to look."""

import difflib
import re
from collections.abc import Mapping, Sequence

from ..errors import QueryError
from .columns import listed

__all__ = ["query_error"]

_PLACE = re.compile(r"\bLINE (\d+): (.*)")
_MISSING_TABLE = re.compile(r"Table with name (.+?) does not exist")
_MISSING_COLUMN = re.compile(r'Referenced column "|does not have a column named "')
_OUTSIDE = re.compile(
    r"disabled (?:by|through) configuration|has been locked|in read-only mode|is not in the catalog"
)


def query_error(
    error: Exception, name: str, sql: str, bound: Mapping[str, Sequence[str]]
) -> QueryError:
    """Explain why a query failed.

    Parameters
    ----------
    error
        From DuckDB, or from Polars with DuckDB's message inside.
    name, sql
        The query.
    bound
        The tables it may read, with their columns.
    """
    text = str(error).removeprefix("got external error: ")
    reason = text.split("\n", 1)[0].split(": ", 1)[-1].rstrip("!. ")
    place = _PLACE.search(text)
    where = f"fetch.{name}, line {place[1]} ({place[2].strip()[:80]})" if place else f"fetch.{name}"
    if missing := _MISSING_TABLE.search(text):
        near = difflib.get_close_matches(missing[1], bound, n=1)
        reason = f"there is no table {missing[1]}" + (f" (is {near[0]} meant?)" if near else "")
        help_text = f"The connectors bound here are {listed(list(bound))}"
    elif _MISSING_COLUMN.search(text):
        read = {table: columns for table, columns in bound.items() if table.lower() in sql.lower()}
        found = [f"{table} has the columns {listed(columns)}" for table, columns in read.items()]
        help_text = "; ".join(found)
    elif _OUTSIDE.search(text):
        help_text = (
            f"A query reads the tables of its connectors ({listed(list(bound))}) and nothing else: "
            "no files, network, extensions or settings"
        )
    elif text.startswith("Conversion Error") or "VARCHAR" in reason:
        help_text = "TRY_CAST(… AS DOUBLE) reads what is not a number as NULL"
    else:
        help_text = ""
    return QueryError(f"{where}: {reason}. {help_text}".rstrip())
