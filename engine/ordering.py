"""Joins scored candidates with the columns of the items: value models, then the order shown."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError
from .rank.catalogue import Catalogue
from .rank.fuse import Ranked, best_first
from .rank.query import Query
from .rank.reorder import reorder
from .rank.signals import SIGNALS
from .rank.value_model import compile_value_model
from .types import Mask, Rows, Scores, Vectors

__all__ = ["Ordering"]

_BOOST_COLUMN = "boost"
_ORIGINAL_COLUMN = "near_duplicate_of"
_NOBODY = np.zeros(0, np.int32)


class Ordering:
    """Puts candidates in the order in which they are shown, for one generation.

    Parameters
    ----------
    catalogue
        The items.
    columns
        Returns the table of every column that a filter may name, a Polars frame; called only where
        a query names one.
    rows_of
        Returns the row of each id, None where there is none.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        columns: Callable[[], Any],
        rows_of: Callable[[Iterable[str]], Mapping[str, int | None]],
    ) -> None:
        self._catalogue = catalogue
        self._columns = columns
        self._rows_of = rows_of
        self._known_originals: NDArray[np.int64] | None = None

    def arranged(
        self, found: Ranked, query: Query, rng: np.random.Generator, notes: list[str]
    ) -> Ranked:
        """Return the results of a query from all candidates, best first.

        Raises
        ------
        ConfigError
            If the value model or `diversity_attributes` name what the items do not have, or it is
            not known which pictures are near duplicates.
        """
        inference = query.inference
        if inference.value_model is not None:
            found = self._valued(inference.value_model, found, notes)
        return reorder(
            found,
            query.limit,
            inference,
            vectors=self._vectors,
            attributes={name: self._codes(name) for name in inference.diversity_attributes},
            originals=lambda rows: self.originals()[rows],
            uncertainty=self._uncertainty() if inference.exploration_factor else None,
            boost=self._boost() if inference.boosting_factor else None,
            rng=rng,
        )

    def best(self, find: Callable[[int], Ranked], query: Query, besides: Rows = _NOBODY) -> Ranked:
        """Return the best results of a query that has no other order than that of its scores.

        Parameters
        ----------
        find
            Returns so many results, best first, or all there are.
        query
            Says how many are wanted, and whether copies of pictures are dropped.
        besides
            What is seen beside the results: copies of these are dropped with them.

        Raises
        ------
        ConfigError
            As `originals`.
        """
        if not query.inference.drop_near_duplicates:
            return find(query.limit)
        originals, size = self.originals(), 2 * query.limit
        while True:
            found = find(size)
            codes, best = np.unique(originals[found.rows], return_index=True)
            kept = np.sort(best[~np.isin(codes, originals[besides])])[: query.limit]
            if len(kept) == query.limit or len(found.rows) < size:
                return found.take(kept)
            size *= 2

    def originals(self) -> NDArray[np.int64]:
        """Return the row of the item whose picture each item shows or copies, shape (n,).

        Raises
        ------
        ConfigError
            If the generation was built before copies were told.
        """
        if self._known_originals is None:
            self._known_originals = self._read_originals()
        return self._known_originals

    def _read_originals(self) -> NDArray[np.int64]:
        import polars as pl

        columns = self._columns()
        if _ORIGINAL_COLUMN not in columns.columns:
            message = (
                f"drop_near_duplicates needs the column {_ORIGINAL_COLUMN!r}, which this model was "
                "built without: build it again with update-model"
            )
            raise ConfigError(message)
        ids = columns[_ORIGINAL_COLUMN].cast(pl.String)
        copies = ids.is_not_null().arg_true()
        known = self._rows_of(ids.drop_nulls().unique().to_list())
        originals = np.arange(len(ids), dtype=np.int64)
        for copy, original in zip(copies.to_list(), ids.gather(copies).to_list(), strict=True):
            row = known.get(original)
            originals[copy] = copy if row is None else row
        return originals

    def _valued(self, expression: str, found: Ranked, notes: list[str]) -> Ranked:
        model = compile_value_model(expression)
        nothing = np.zeros(len(found.rows), np.float32)
        signals = {name: found.parts.get(name, nothing) for name in SIGNALS}
        values = model.evaluate(
            {**signals, "score": found.scores}, lambda name: self._numbers(name)[found.rows]
        )
        if unknown := int(np.isneginf(values).sum()):
            notes.append(f"the value model says nothing of {unknown} candidates: they come last")
        return best_first(replace(found, scores=values), len(found.rows))

    def _numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column for a value model, shape (n,); times are seconds since 1970."""
        import polars as pl  # most queries do without

        column = self._column(name.removeprefix("item."), "value_model")
        if isinstance(column.dtype, pl.Date | pl.Datetime):
            column = column.cast(pl.Datetime("us")).to_physical() / 1e6
        return _as_numbers(column, "value_model")

    def _codes(self, name: str) -> NDArray[np.int64]:
        """Return the values of a column as numbers from 0, -1 where there is none, shape (n,)."""
        import polars as pl

        column = self._column(name, "diversity_attributes")
        try:
            if isinstance(column.dtype, pl.List | pl.Array):
                column = column.cast(pl.List(pl.String)).list.sort().list.join("\x1f")
            ranks = column.rank("dense")
        except pl.exceptions.PolarsError as error:
            message = f"diversity_attributes cannot tell the values of {name!r} apart: {error}"
            raise ConfigError(message) from error
        codes: NDArray[np.int64] = ranks.cast(pl.Int64).fill_null(0).to_numpy() - 1
        return codes

    def _column(self, name: str, asked_by: str) -> Any:  # noqa: ANN401 - a Polars series
        columns = self._columns()
        if name not in columns.columns:
            message = (
                f"{asked_by} names the column {name!r}, which the items do not have; "
                f"they have {', '.join(columns.columns)}"
            )
            raise ConfigError(message)
        return columns[name]

    def _vectors(self, rows: Rows) -> Vectors:
        """Vectors to tell items apart by: of pictures, or of words where there are none."""
        images, texts = self._catalogue.images, self._catalogue.texts
        space = images if images.presence.any() else texts
        present: Mask = space.presence[rows]
        vectors = np.zeros((len(rows), space.dim), np.float32)
        vectors[present] = space.centered(rows[present])
        return vectors

    def _uncertainty(self) -> Scores:
        """Return the width of a confidence interval, up to a factor: 1 / sqrt(1 + picks)."""
        known = 1 + self._catalogue.facts.events.astype(np.float32)
        return (1 / np.sqrt(known)).astype(np.float32)

    def _boost(self) -> Scores:
        """Return what the shop promotes by its own column `boost`, else what is popular."""
        columns = self._columns()
        if _BOOST_COLUMN not in columns.columns:
            return self._catalogue.facts.popularity
        given = _as_numbers(columns[_BOOST_COLUMN], "boosting_factor")
        boost: Scores = np.clip(np.nan_to_num(given), 0, 1).astype(np.float32)
        return boost


def _as_numbers(column: Any, asked_by: str) -> NDArray[np.float64]:  # noqa: ANN401
    """Return numbers or truth values, NaN where there is none."""
    import polars as pl

    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        message = f"{asked_by} needs numbers, but the column {column.name!r} is {column.dtype}"
        raise ConfigError(message)
    # Decimals, and truth values of which some are null, would be Python objects to NumPy.
    numbers: NDArray[np.float64] = column.cast(pl.Float64).to_numpy()
    return numbers
