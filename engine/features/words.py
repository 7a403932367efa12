"""The words of every item as TF-IDF weights: what is known of it when it has no picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..types import Rows, Scores

if TYPE_CHECKING:
    import polars as pl

__all__ = ["WordIndex", "WordTable", "build_words", "no_words"]

# Letters and digits of any script, in composed form.
_WORD = r"[\p{L}\p{N}]+"
# A word of half the catalogue has this idf: of two items that share it, it says nothing.
_TINY = float(np.finfo(np.float32).tiny)
_TELLING_IDF = math.log1p(2)


@dataclass(frozen=True, slots=True)
class WordTable:
    """Weights of the words of items, both ways round.

    By item (CSR): item i's words are ``offsets[i]:offsets[i + 1]`` of `words` and `weights`; an
    item's weights have unit length, so sums of products are cosines. By word (the same entries,
    transposed): word w's items are ``posting_offsets[w]:posting_offsets[w + 1]`` of
    `posting_rows` and `posting_weights`. `idf` is per word.
    """

    idf: Scores
    offsets: NDArray[np.int64]
    words: NDArray[np.int32]
    weights: Scores
    posting_offsets: NDArray[np.int64]
    posting_rows: Rows
    posting_weights: Scores


def build_words(frame: "pl.DataFrame", columns: Sequence[str]) -> WordTable:
    """Weigh the words of `columns`, strings or lists of strings, in every row of `frame`.

    Weights are ``(1 + ln tf) * ln(1 + n / df)``, scaled to unit length per item (Salton & Buckley,
    1988).
    """
    import polars as pl  # building only; a query in a fresh process does without

    entries = _count_words(frame, columns)
    n_items = frame.height
    vocabulary = entries.group_by("word").len("df").sort("word").with_row_index("word_row")
    weighed = (
        entries.join(vocabulary, on="word")
        .with_columns(
            weight=(1 + pl.col("tf").log()) * (1 + n_items / pl.col("df")).log(),
        )
        .with_columns(pl.col("weight") / pl.col("weight").pow(2).sum().sqrt().over("item"))
        .sort("item", "word_row")
    )
    items = weighed["item"].to_numpy().astype(np.int32)
    words = weighed["word_row"].to_numpy().astype(np.int32)
    weights = weighed["weight"].to_numpy().astype(np.float32)
    by_word = np.argsort(words, kind="stable")
    return WordTable(
        idf=np.log1p(n_items / vocabulary["df"].to_numpy()).astype(np.float32),
        offsets=_offsets(items, n_items),
        words=words,
        weights=weights,
        posting_offsets=_offsets(words, vocabulary.height),
        posting_rows=items[by_word],
        posting_weights=weights[by_word],
    )


def no_words(n_items: int) -> "WordIndex":
    """Return the index of items that have no words."""
    rows, weights = np.zeros(0, np.int32), np.zeros(0, np.float32)
    nothing, none = np.zeros(n_items + 1, np.int64), np.zeros(1, np.int64)
    return WordIndex(WordTable(weights, nothing, rows, weights, none, rows, weights))


class WordIndex:
    """Scores items by the words they share.

    Parameters
    ----------
    table
        The arrays; may be memory-mapped.
    """

    def __init__(self, table: WordTable) -> None:
        self._table = table

    def of_items(self, rows: Rows, weights: Scores) -> Scores:
        """Mean cosine of every item to the given items, shape (n,), by the weights of those.

        Words that half of the catalogue has are passed over.
        """
        words, shares = self._profile(rows, weights)
        scores = np.zeros(len(self._table.offsets) - 1, np.float32)
        for word, share in zip(words.tolist(), shares.tolist(), strict=True):
            start, end = self._table.posting_offsets[word : word + 2]
            # A word names an item once, so plain indexing adds up; np.add.at would be 20x slower.
            scores[self._table.posting_rows[start:end]] += (
                np.float32(share) * self._table.posting_weights[start:end]
            )
        return scores

    def among(self, rows: Rows, weights: Scores, pool: Rows) -> Scores:
        """Return what `of_items` says of the items of `pool` alone, shape (m,).

        Faster where they are few: it reads the words of these rather than the items of the words.
        """
        scores = np.zeros(len(pool), np.float32)
        if len(self._table.words) == 0 or len(pool) == 0:
            return scores
        words, shares = self._profile(rows, weights)
        if len(words) == 0:
            return scores
        entries, counts = self._entries(pool)
        mine = self._table.words[entries]
        place = np.minimum(np.searchsorted(words, mine), len(words) - 1)
        products = np.where(words[place] == mine, shares[place], 0) * self._table.weights[entries]
        some = counts > 0
        starts = np.cumsum(counts) - counts
        scores[some] = np.add.reduceat(products, starts[some])
        return scores

    def presence(self) -> NDArray[np.bool_]:
        """Say which items have any word, shape (n,)."""
        return self._presence

    def by_item(
        self,
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], Scores, NDArray[np.bool_]]:
        """Return `offsets`, `words` and `weights` of the table, and which words count.

        Between items all count but those that half of the catalogue has, see `of_items`; by word,
        shape (v,).
        """
        table = self._table
        return table.offsets, table.words, table.weights, table.idf > _TELLING_IDF

    @cached_property
    def _presence(self) -> NDArray[np.bool_]:
        return np.diff(self._table.offsets) > 0

    def _profile(self, rows: Rows, weights: Scores) -> tuple[NDArray[np.int32], Scores]:
        """Return the telling words of some items, ascending, and how much each counts."""
        total = max(float(weights.sum()), _TINY)
        entries, counts = self._entries(rows)
        words = self._table.words[entries]
        shares = self._table.weights[entries] * np.repeat(weights / np.float32(total), counts)
        telling = self._table.idf[words] > _TELLING_IDF
        found, places = np.unique(words[telling], return_inverse=True)
        sums = np.bincount(places, shares[telling], minlength=len(found))
        return found, sums.astype(np.float32)

    def _entries(self, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the words of some items are, one item after the other, and how many."""
        starts = self._table.offsets[rows]
        counts = self._table.offsets[rows + 1] - starts
        before = np.cumsum(counts) - counts
        return np.arange(counts.sum()) + np.repeat(starts - before, counts), counts


def _count_words(frame: "pl.DataFrame", columns: Sequence[str]) -> "pl.DataFrame":
    """Columns item, word, tf: one row per item and word."""
    import polars as pl

    texts = [
        pl.col(column).cast(pl.List(pl.String)).list.join(" ", ignore_nulls=True)
        if frame.schema[column] == pl.List
        else pl.col(column).cast(pl.String)
        for column in columns
    ]
    text = pl.concat_str(texts, separator=" ", ignore_nulls=True) if texts else pl.lit("")
    return (
        frame.lazy()
        .select(word=text.str.normalize("NFC").str.to_lowercase().str.extract_all(_WORD))
        .with_row_index("item")
        .explode("word")
        .drop_nulls()
        .group_by("item", "word")
        .len("tf")
        .collect()
    )


def _offsets(groups: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    offsets = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(groups, minlength=size), out=offsets[1:])
    return offsets
