"""The words of every item, weighed by field, and how well they answer those of a query: BM25F.

Robertson & Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009. What does not
depend on the query is worked out when the table is built, as in BM25S (Lù, 2024).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import Rows, Scores
from .terms import Word, code_of, is_one_off, read_words

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LexicalIndex", "LexicalTable", "Vocabulary", "build_lexical"]

K1 = 1.2
"""How soon a word that an item repeats has said all it can."""
B = 0.75
"""How much a long field takes from its words, 0 to 1."""

_PIECE = 0.25
"""What a piece of a word counts for, of an item as of a query: see `terms.Word`."""
_BELOW_WHOLE = 0.9
"""Share of the least score of a code that all its parts together may reach, and of the least score
of a word asked for that all guesses together may."""
_SHORTEST_GUESSED = 4
_MOST_GUESSED, _MOST_GUESSES, _MOST_COMPARED = 4, 8, 2_000
"""Words of a query that are guessed at, guesses for each, and words that each is compared with."""


@dataclass(frozen=True, slots=True)
class LexicalTable:
    """What every word says of the items that have it.

    Word w's items, ascending, are ``offsets[w]:offsets[w + 1]`` of `rows`, and `weights` there are
    their scores for a query of that word alone: all of BM25 that depends on no query. They are
    below ``idf[w]``.
    """

    vocabulary: list[str]
    idf: Scores
    offsets: NDArray[np.int64]
    rows: Rows
    weights: Scores


class Vocabulary(Protocol):
    """Finds words; see `store.ids.IdTable`."""

    def row(self, item: str) -> int | None:
        """Row of a word, None where it is unknown."""
        ...

    def beginning(self, start: str, limit: int) -> list[tuple[str, int]]:
        """Words that begin with `start`, in their order and at most so many, with their rows."""
        ...


def build_lexical(
    frame: "pl.DataFrame", fields: Mapping[str, float], ids: Sequence[str] = ()
) -> LexicalTable:
    """Weigh the words of every row of `frame`.

    A word's weight is ``idf * tf / (K1 + tf)``, where ``tf`` sums over the fields how often it is
    there, times the weight of the field, divided by ``1 - B + B * length / mean length`` (BM25F),
    and ``idf`` is ``ln(1 + (n - df + 0.5) / (df + 0.5))``. Of one field of weight 1 that is BM25 as
    Lucene has it. The length is in words as they are written, the mean is over items that have the
    field.

    Parameters
    ----------
    frame
        The items.
    fields
        Columns, strings or lists of strings, and how much a word in each of them counts.
    ids
        Of the items, if these are searched as well; see `terms.code_of`.
    """
    import polars as pl  # building only; a query in a fresh process does without

    chunks = _chunks(frame, list(fields))
    distinct = chunks.select(pl.col("chunk").unique().sort()).with_row_index("chunk_row")
    numbers: dict[str, int] = {}
    lengths, forms = _read_chunks(distinct["chunk"].to_list(), numbers)
    chunks = chunks.join(distinct.with_columns(words=lengths), on="chunk").drop("chunk")
    found = (
        chunks.join(_shares(chunks, list(fields.values())), on=["item", "field"])
        .select("item", "chunk_row", tf=pl.col("count") * pl.col("share"))
        .join(forms, on="chunk_row")
        .select("item", "term", tf=pl.col("tf") * pl.col("part"))
    )
    codes = _codes(ids, numbers, max(fields.values(), default=1.0))
    entries = pl.concat([found, codes]).group_by("term", "item").agg(pl.col("tf").sum())
    return _weighed(entries, numbers, frame.height)


class LexicalIndex:
    """Finds items by the words of a query; threads may share it.

    Parameters
    ----------
    table
        The arrays; may be memory-mapped.
    vocabulary
        Finds the words of the table.
    n_items
        How many items there are, with or without words.
    """

    def __init__(self, table: LexicalTable, vocabulary: Vocabulary, n_items: int) -> None:
        self._table = table
        self._vocabulary = vocabulary
        self._n_items = n_items

    def of_text(self, text: str) -> Scores:
        """Score every item by the words of `text`, shape (n,); 0 where it has none of them.

        Every word counts, as often as it is asked for. A code such as AB-1234, where the catalogue
        has it, is worth more than all its parts: for that word, no item that has only these comes
        before one that has it whole. Nor does one that has only what `guesses` gives for a word
        come before one that has a word of `text`.
        """
        asked: dict[int, float] = {}
        unknown = []
        for word, count in Counter(_joined(list(read_words(text)))).items():
            forms = list(self._asked(word))
            for row, weight in forms:
                asked[row] = asked.get(row, 0.0) + count * weight
            if not forms:
                unknown.append(word)
        guessed = [row for near in self._near(unknown).values() for _, row in near]
        if guessed:
            least = min((self._least(row) * weight for row, weight in asked.items()), default=None)
            share = 1.0 if least is None else self._share_below(least, guessed)
            asked |= {row: share for row in guessed if row not in asked}
        table = self._table
        scores = np.zeros(self._n_items, np.float32)
        for row, weight in asked.items():
            start, end = table.offsets[row : row + 2]
            # A word names an item once, so plain indexing adds up; np.add.at would be 20x slower.
            scores[table.rows[start:end]] += np.float32(weight) * table.weights[start:end]
        return scores

    def guesses(self, text: str) -> dict[str, list[str]]:
        """Return what is searched for in place of words that no item has.

        Of a code that is its parts. For a word of four letters and more, it is the most frequent
        words that begin with it or are one slip off, see `terms.is_one_off`, with the same first
        two letters. Numbers and codes are never taken for others: they are right or they are not.
        """
        words = dict.fromkeys(read_words(text))
        unknown = [word for word in words if not self._is_known(word.whole)]
        parts = {
            word.whole: [part for part in (*word.words, *word.pieces) if self._is_known(part)]
            for word in unknown
            if word.has_digit
        }
        unfound = [word for word in unknown if not any(True for _ in self._asked(word))]
        near = {word: [other for other, _ in some] for word, some in self._near(unfound).items()}
        return {word: found for word, found in (parts | near).items() if found}

    def code_share(self, text: str) -> float:
        """Say how many of the words of `text` are numbers and codes that the catalogue has, 0 to 1.

        They mean nothing but themselves.
        """
        words = list(read_words(text))
        is_code = [word.has_digit and self._is_known(word.whole) for word in words]
        for place, (one, other) in enumerate(pairwise(words)):
            if (both := _join(one, other)) and self._is_known(both.whole):
                is_code[place] = is_code[place + 1] = True
        return sum(is_code) / max(len(words), 1)

    def _is_known(self, word: str) -> bool:
        return self._vocabulary.row(word) is not None

    def _asked(self, word: Word) -> Iterator[tuple[int, float]]:
        """Yield the rows that a word of a query is found by, and how much each counts."""
        find = self._vocabulary.row
        whole = find(word.whole)
        words = [row for part in word.words if (row := find(part)) is not None]
        pieces = [row for part in word.pieces if (row := find(part)) is not None]
        if whole is None:
            yield from ((row, 1.0) for row in words)
            yield from ((row, _PIECE if word.words else 1.0) for row in pieces)
            return
        yield whole, 1.0
        if not word.has_digit:
            yield from ((row, 1.0) for row in words)
            yield from ((row, _PIECE) for row in pieces)
        elif parts := [*words, *pieces]:
            share = self._share_below(self._least(whole), parts)
            yield from ((row, share) for row in parts)

    def _least(self, row: int) -> float:
        """Return the least that an item scores for a word that it has."""
        start, end = self._table.offsets[row : row + 2]
        return float(self._table.weights[start:end].min())

    def _share_below(self, score: float, rows: Sequence[int]) -> float:
        """Return what words may count for, 1 at most, if all of them together stay below a score.

        A word's weights are below its idf.
        """
        return min(_BELOW_WHOLE * score / float(self._table.idf[rows].sum()), 1.0)

    def _near(self, unknown: Sequence[Word]) -> dict[str, list[tuple[str, int]]]:
        """Return the words that unknown ones are guessed to be, with their rows."""
        wholes = [word.whole for word in unknown if not word.has_digit]
        tried = [whole for whole in wholes if len(whole) >= _SHORTEST_GUESSED][:_MOST_GUESSED]
        offsets = self._table.offsets
        found = {}
        for whole in tried:
            near = [
                (other, row)
                for other, row in self._vocabulary.beginning(whole[:2], _MOST_COMPARED)
                if other.startswith(whole)
                or (abs(len(other) - len(whole)) < 2 and is_one_off(whole, other))
            ]
            near.sort(key=lambda one: (offsets[one[1]] - offsets[one[1] + 1], one[0]))
            found[whole] = near[:_MOST_GUESSES]
        return found


def _joined(words: Sequence[Word]) -> Iterator[Word]:
    """Yield words, and codes that were written in two: AB 1234."""
    yield from words
    yield from (both for one, other in pairwise(words) if (both := _join(one, other)))


def _join(one: Word, other: Word) -> Word | None:
    return Word(one.whole + other.whole) if one.has_digit or other.has_digit else None


def _chunks(frame: "pl.DataFrame", columns: Sequence[str]) -> "pl.DataFrame":
    """Columns item, field, chunk, count: what blanks part, once for every item and field."""
    import polars as pl

    if not columns:
        schema = {"item": pl.UInt32, "field": pl.Int32, "chunk": pl.String, "count": pl.UInt32}
        return pl.DataFrame(schema=schema)
    texts = [
        pl.col(column).cast(pl.List(pl.String)).list.join(" ", ignore_nulls=True)
        if frame.schema[column] == pl.List
        else pl.col(column).cast(pl.String)
        for column in columns
    ]
    parts = [
        frame.lazy()
        .select(chunk=text.str.extract_all(r"\S+"))
        .with_row_index("item")
        .explode("chunk")
        .drop_nulls()
        .group_by("item", "chunk")
        .len("count")
        .select("item", pl.lit(field, pl.Int32).alias("field"), "chunk", "count")
        for field, text in enumerate(texts)
    ]
    return pl.concat(parts).collect()


def _read_chunks(
    chunks: Sequence[str], numbers: dict[str, int]
) -> tuple["pl.Series", "pl.DataFrame"]:
    """Return how many words each chunk holds, and what it is found by: chunk_row, term, part.

    Terms are numbered in `numbers`, which grows by those that are new.
    """
    import polars as pl

    lengths, rows, terms, parts = [], [], [], []
    for row, chunk in enumerate(chunks):
        length = 0
        for word in read_words(chunk):
            length += max(len(word.words), 1)
            wholes = (word.whole, *(part for part in word.words if part != word.whole))
            for term in (*wholes, *word.pieces):
                rows.append(row)
                terms.append(numbers.setdefault(term, len(numbers)))
                parts.append(1.0 if term in wholes else _PIECE)
        lengths.append(length)
    forms = pl.DataFrame(
        {"chunk_row": rows, "term": terms, "part": parts},
        schema={"chunk_row": pl.UInt32, "term": pl.UInt32, "part": pl.Float64},
    )
    return pl.Series("words", lengths, pl.UInt32), forms


def _shares(chunks: "pl.DataFrame", weights: Sequence[float]) -> "pl.DataFrame":
    """Columns item, field, share: what a word counts for there."""
    import polars as pl

    length = pl.col("length")
    return (
        chunks.group_by("item", "field")
        .agg((pl.col("words") * pl.col("count")).sum().cast(pl.Float64).alias("length"))
        .filter(length > 0)
        .join(
            pl.DataFrame(
                {"field": range(len(weights)), "weight": weights},
                schema={"field": pl.Int32, "weight": pl.Float64},
            ),
            on="field",
        )
        .select(
            "item",
            "field",
            share=pl.col("weight") / (1 - B + B * length / length.mean().over("field")),
        )
    )


def _codes(ids: Sequence[str], numbers: dict[str, int], weight: float) -> "pl.DataFrame":
    """Columns item, term, tf: the ids that are telling, numbered as `_read_chunks` does."""
    import polars as pl

    codes = [(item, code) for item, name in enumerate(ids) if (code := code_of(name)) is not None]
    return pl.DataFrame(
        {
            "item": [item for item, _ in codes],
            "term": [numbers.setdefault(code, len(numbers)) for _, code in codes],
            "tf": [weight] * len(codes),
        },
        schema={"item": pl.UInt32, "term": pl.UInt32, "tf": pl.Float64},
    )


def _weighed(entries: "pl.DataFrame", numbers: Mapping[str, int], n_items: int) -> LexicalTable:
    vocabulary = sorted(numbers)
    places = np.zeros(len(numbers), np.int64)
    places[[numbers[term] for term in vocabulary]] = np.arange(len(vocabulary))
    terms = places[entries["term"].to_numpy()]
    items = entries["item"].to_numpy().astype(np.int32)
    order = np.lexsort((items, terms))
    terms, items, tf = terms[order], items[order], entries["tf"].to_numpy()[order]
    df = np.bincount(terms, minlength=len(vocabulary))
    idf = np.log1p((n_items - df + 0.5) / (df + 0.5))
    offsets = np.zeros(len(vocabulary) + 1, np.int64)
    np.cumsum(df, out=offsets[1:])
    return LexicalTable(
        vocabulary=vocabulary,
        idf=idf.astype(np.float32),
        offsets=offsets,
        rows=items,
        weights=(idf[terms] * tf / (K1 + tf)).astype(np.float32),
    )
