"""What one generation holds: written by build, memory-mapped by serve, laid out only here."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from .features.words import WordIndex, WordTable
from .index.plan import build_index, open_index
from .learn.interactions import Interactions
from .rank.catalogue import Catalogue
from .rank.people import People
from .rank.space import Space
from .store.generation import Generation, GenerationWriter
from .store.ids import IdTable
from .store.records import RecordTable

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FrozenTables", "Snapshot", "write_again", "write_snapshot"]

_CATALOGUE_ARRAYS = ("neighbours", "neighbour_scores", "trend")
_SPACES = ("images", "texts")
_SPACE_ARRAYS = ("vectors", "presence", "center")
_HISTORY_ARRAYS = tuple(field.name for field in fields(Interactions))
_PEOPLE_ARRAYS = tuple(field.name for field in fields(People))
_ITEM_FILES = ("items.jsonl", "items_offsets.npy", "columns.parquet")
_WORD_ARRAYS = tuple(field.name for field in fields(WordTable) if field.name != "vocabulary")


@dataclass(frozen=True, slots=True)
class FrozenTables:
    """The tables of a generation before they are frozen, rows in item or user order."""

    item_ids: Sequence[str]
    items: "pl.DataFrame"
    """The catalogue's own columns, then those of labels: what a response shows as metadata."""
    columns: "pl.DataFrame"
    """Every column that a filter may name: these, visual attributes, derived ones."""
    user_ids: Sequence[str]
    users: "pl.DataFrame"
    """One row per user id, at least the id."""


def write_snapshot(
    writer: GenerationWriter,
    tables: FrozenTables,
    catalogue: Catalogue,
    words: WordTable,
    interactions: Interactions,
    people: People,
) -> None:
    """Write everything that serving needs into the folder of `writer`."""
    folder = writer.folder
    IdTable.write(folder, "item_ids", tables.item_ids)
    IdTable.write(folder, "user_ids", tables.user_ids)
    IdTable.write(folder, "vocabulary", words.vocabulary)
    _write_items(folder, tables.items, tables.columns)
    RecordTable.write(folder, "users", tables.users)
    for name in _CATALOGUE_ARRAYS:
        writer.array(name, getattr(catalogue, name))
    for name in _WORD_ARRAYS:
        writer.array(f"words_{name}", getattr(words, name))
    for name in _HISTORY_ARRAYS:
        writer.array(f"history_{name}", getattr(interactions, name))
    for name in _PEOPLE_ARRAYS:
        writer.array(f"people_{name}", getattr(people, name))
    for name in _SPACES:
        space: Space = getattr(catalogue, name)
        for array in _SPACE_ARRAYS:
            writer.array(f"{name}_{array}", getattr(space, array))
        build_index(space.vectors, space.presence, folder / "index" / name)


def write_again(
    writer: GenerationWriter,
    generation: Generation,
    items: "pl.DataFrame",
    columns: "pl.DataFrame",
) -> None:
    """Write what a generation holds once more, with other columns of the same items.

    `items` and `columns` are as of `FrozenTables`; all other files the two generations share.
    """
    for name in generation.manifest["files"]:
        if name not in _ITEM_FILES:
            writer.share(generation, name)
    _write_items(writer.folder, items, columns)


def _write_items(folder: Path, items: "pl.DataFrame", columns: "pl.DataFrame") -> None:
    RecordTable.write(folder, "items", items)
    columns.write_parquet(folder / "columns.parquet")


class Snapshot:
    """The contents of an open generation; arrays are mapped, nothing is read until it is used."""

    def __init__(self, generation: Generation) -> None:
        self._folder = generation.folder
        self.item_ids = IdTable(self._folder, "item_ids")
        self.user_ids = IdTable(self._folder, "user_ids")
        self.items = RecordTable(self._folder, "items")
        self.users = RecordTable(self._folder, "users")
        histories = {name: generation.array(f"history_{name}") for name in _HISTORY_ARRAYS}
        self.interactions = Interactions(**histories)
        self.people = People(
            **{name: generation.array(f"people_{name}") for name in _PEOPLE_ARRAYS}
        )
        vocabulary = IdTable(self._folder, "vocabulary")
        words = WordTable(
            vocabulary=[],  # words are looked up on disk
            **{name: generation.array(f"words_{name}") for name in _WORD_ARRAYS},
        )
        arrays = {name: generation.array(name) for name in _CATALOGUE_ARRAYS}
        images, texts = (self._space(generation, name) for name in _SPACES)
        self.catalogue = Catalogue(images, texts, **arrays, words=WordIndex(words, vocabulary.row))

    def _space(self, generation: Generation, name: str) -> Space:
        arrays = {array: generation.array(f"{name}_{array}") for array in _SPACE_ARRAYS}
        index = open_index(arrays["vectors"], arrays["presence"], self._folder / "index" / name)
        return Space(**arrays, index=index)

    def columns(self) -> "pl.DataFrame":
        """Read the columns that a filter may name."""
        import polars as pl  # a query without a filter does without

        return pl.read_parquet(self._folder / "columns.parquet")
