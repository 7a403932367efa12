"""Tables passed between libraries as bare Arrow streams."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

__all__ = ["ArrowStream", "ArrowTable"]

# This module imports nothing of DuckDB or of the rest of this stage, and must not: Polars keeps the
# type of every object it reads a stream from until the process has ended, a type keeps what its
# module refers to, and with DuckDB's types among that DuckDB reports them as leaked on the way out.


@runtime_checkable
class ArrowTable(Protocol):
    """Any table of any library that speaks Arrow: Polars, pandas, PyArrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule of the table's batches."""
        ...


class ArrowStream:
    """A table that is nothing but its stream.

    DuckDB and Polars look at a table's type before they look for Arrow, and ask for PyArrow when
    they see one another. Neither recognises this.

    Parameters
    ----------
    export
        The table's own ``__arrow_c_stream__``.
    """

    def __init__(self, export: Callable[[object | None], Any]) -> None:
        self._export = export

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._export(requested_schema)
