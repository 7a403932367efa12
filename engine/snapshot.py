"""What one generation holds: written by build, memory-mapped by serve, laid out only here."""

import threading
import weakref
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UnsupportedError
from .features.lexical import LexicalIndex, LexicalTable
from .features.visual import COLORS
from .features.words import WordIndex, WordTable
from .half import as_stored, halved, stored
from .index.carry import Earlier
from .index.neighbours import Listed
from .index.plan import open_index
from .indexing import Carried, write_index, write_taste
from .learn.factors import Factors
from .learn.interactions import Interactions
from .newcomers import NewcomerModel
from .rank.catalogue import Baskets, Catalogue
from .rank.facts import FACT_ARRAYS, Facts
from .rank.people import People
from .rank.policy import Policy
from .rank.space import Space
from .rank.taste import TasteSpace
from .scoring import FittedPolicy
from .store.generation import Generation, GenerationWriter
from .store.hidden import HiddenItems
from .store.ids import IdTable
from .store.records import RecordTable
from .types import Pairs, Rows

if TYPE_CHECKING:
    import polars as pl

    from .learn.taste_space import Projection
    from .learning import Lesson

__all__ = [
    "Carried",
    "Frozen",
    "FrozenTables",
    "Snapshot",
    "share_all",
    "write_again",
    "write_snapshot",
]

_CATALOGUE_ARRAYS = ("neighbours", "neighbour_scores")
_BASKET_ARRAYS = tuple(field.name for field in fields(Baskets))
_FACTOR_ARRAYS = ("factors", "gram")
_TASTE_ARRAYS = ("vectors", "presence", "crowding")
_TASTE_LISTS = ("neighbours", "cold_neighbours")
_SPACES = ("images", "texts")
_SPACE_ARRAYS = ("presence", "center")  # and the vectors, float32 or float16
_HISTORY_ARRAYS = tuple(field.name for field in fields(Interactions))
_PEOPLE_ARRAYS = tuple(field.name for field in fields(People))
_PROJECTION = "projection_"
_COLUMNS = "columns.parquet"
_ITEM_FILES = ("items.jsonl", "items_offsets.npy", _COLUMNS)
_PICTURES = "pictures.parquet"
_PAIR_ARRAYS = tuple(field.name for field in fields(Pairs))
_WORD_ARRAYS = tuple(field.name for field in fields(WordTable))
_LEXICAL_ARRAYS = ("idf", "offsets", "rows", "weights")


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
    pictures: "pl.DataFrame"
    """What became of every picture; see `images.coverage.picture_table`."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Everything that a generation is made of."""

    tables: FrozenTables
    lesson: "Lesson"
    words: WordTable
    lexicon: LexicalTable
    interactions: Interactions
    pairs: Pairs | None
    """None without `fetch.pairs`."""
    people: People
    policy: FittedPolicy
    newcomers: NewcomerModel | None
    """None where nothing is known of people but what they did."""
    baskets: Baskets | None
    """None where there are no events, or nothing is to be learnt from them."""


def write_snapshot(
    writer: GenerationWriter,
    frozen: Frozen,
    vectors: str = "float32",
    *,
    carried: Carried | None = None,
) -> dict[str, Any]:
    """Write everything that serving needs into the folder of `writer`.

    The vectors of pictures and of texts are written, and indexed, as `vectors` says: float32, or
    rounded to float16. The indexes are those of `carried`, brought up to date; None builds them.

    Returns
    -------
    index
        How the vectors of each space are searched, and what is found: see `plan.build_index`.
    """
    folder, tables = writer.folder, frozen.tables
    IdTable.write(folder, "item_ids", tables.item_ids)
    IdTable.write(folder, "user_ids", tables.user_ids)
    IdTable.write(folder, "vocabulary", frozen.lexicon.vocabulary)
    _write_items(folder, tables.items, tables.columns)
    RecordTable.write(folder, "users", tables.users)
    tables.pictures.write_parquet(folder / _PICTURES)
    catalogue = frozen.lesson.catalogue
    groups: list[tuple[str, Sequence[str], object | None]] = [
        ("", _CATALOGUE_ARRAYS, catalogue),
        ("facts_", FACT_ARRAYS, catalogue.facts),
        ("factors_", _FACTOR_ARRAYS, frozen.lesson.collaborative),
        ("taste_", _TASTE_ARRAYS, frozen.lesson.taste),
        ("words_", _WORD_ARRAYS, frozen.words),
        ("lexical_", _LEXICAL_ARRAYS, frozen.lexicon),
        ("history_", _HISTORY_ARRAYS, frozen.interactions),
        ("people_", _PEOPLE_ARRAYS, frozen.people),
        *((f"{name}_", _SPACE_ARRAYS, getattr(catalogue, name)) for name in _SPACES),
        ("pairs_", _PAIR_ARRAYS, frozen.pairs),
        ("baskets_", _BASKET_ARRAYS, frozen.baskets),
    ]
    for prefix, names, holder in (group for group in groups if group[2] is not None):
        for name in names:
            writer.array(f"{prefix}{name}", getattr(holder, name))
    for name, values in frozen.policy.arrays.items():
        writer.array(f"policy_{name}", values)
    if frozen.newcomers is not None:
        for name, values in frozen.newcomers.arrays().items():
            writer.array(f"newcomers_{name}", values)
    indexed = {}
    for name in _SPACES:
        space: Space = getattr(catalogue, name)
        kept = halved(space.vectors[:]) if vectors == "float16" else space.vectors
        writer.array(f"{name}_vectors", as_stored(kept))
        indexed[name] = write_index(folder, name, kept, space.presence, carried)
    taste = frozen.lesson.taste
    for name, values in taste.projection.arrays().items():
        writer.array(f"{_PROJECTION}{name}", values)
    indexed["taste"], lists = write_taste(folder, taste, catalogue.facts.is_cold, carried)
    for name, others in lists.items():
        writer.array(f"taste_{name}", others)
    return indexed


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


def share_all(writer: GenerationWriter, generation: Generation) -> None:
    """Make a generation of the files of another one, for what only its manifest says anew."""
    for name in generation.manifest["files"]:
        writer.share(generation, name)


def _write_items(folder: Path, items: "pl.DataFrame", columns: "pl.DataFrame") -> None:
    RecordTable.write(folder, "items", items)
    columns.write_parquet(folder / _COLUMNS)


class Snapshot:
    """The contents of an open generation; arrays are mapped, nothing is read until it is used.

    All that queries need is opened at once: one that goes on while newer generations push this one
    out still has everything.
    """

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
        words = WordTable(**{name: generation.array(f"words_{name}") for name in _WORD_ARRAYS})
        lists = {name: generation.array(name) for name in _CATALOGUE_ARRAYS}
        images, texts = (self._space(generation, name) for name in _SPACES)
        factors = {name: generation.array(f"factors_{name}") for name in _FACTOR_ARRAYS}
        self.catalogue = Catalogue(
            images,
            texts,
            **lists,
            words=WordIndex(words),
            facts=Facts(**{name: generation.array(f"facts_{name}") for name in FACT_ARRAYS}),
            taste=self._taste(generation),
            factors=Factors(**factors) if factors["factors"].shape[1] else None,
            lexical=self._lexical(generation),
            baskets=self._baskets(generation),
        )
        self._generation = generation
        self.hidden = HiddenItems(self._folder, generation.manifest["files"])
        self.newcomers = self._newcomers(generation)
        """What features of people say; None without `fetch.users`."""
        self._columns: dict[str, pl.Series] = {}
        self._column_types: dict[str, pl.DataType] | None = None
        self._column_file = (self._folder / _COLUMNS).open("rb")
        weakref.finalize(self, self._column_file.close)
        self._reading = threading.Lock()

    @property
    def colors(self) -> tuple[str, ...]:
        """Names of the columns of the palettes."""
        return COLORS

    def fitted_policy(self) -> FittedPolicy:
        """Return the scoring policy as it was learnt."""
        record = self._generation.manifest["policy"]
        names = record.get("arrays", ())
        return FittedPolicy(
            record, {name: self._generation.array(f"policy_{name}") for name in names}
        )

    def policy(self) -> Policy:
        """Open the scoring policy."""
        return self.fitted_policy().open()

    @property
    def pairs(self) -> Pairs | None:
        """What somebody said is alike, or not; None without `fetch.pairs`."""
        if "pairs_first.npy" not in self._generation.manifest["files"]:
            return None
        return Pairs(**{name: self._generation.array(f"pairs_{name}") for name in _PAIR_ARRAYS})

    def _newcomers(self, generation: Generation) -> NewcomerModel | None:
        record = generation.manifest["newcomers"]
        if record is None:
            return None
        names = ("rows", "offsets", "items", "lifts", "weights")
        arrays = {name: generation.array(f"newcomers_{name}") for name in names}
        return NewcomerModel.open(record, arrays)

    def _lexical(self, generation: Generation) -> LexicalIndex:
        table = LexicalTable(
            vocabulary=[],  # words are looked up on disk
            **{name: generation.array(f"lexical_{name}") for name in _LEXICAL_ARRAYS},
        )
        return LexicalIndex(table, IdTable(self._folder, "vocabulary"), len(self.item_ids))

    def _baskets(self, generation: Generation) -> Baskets | None:
        if "baskets_neighbours.npy" not in generation.manifest["files"]:
            return None
        return Baskets(**{name: generation.array(f"baskets_{name}") for name in _BASKET_ARRAYS})

    def _taste(self, generation: Generation) -> TasteSpace:
        names = (*_TASTE_ARRAYS, *_TASTE_LISTS)
        arrays = {name: generation.array(f"taste_{name}") for name in names}
        index = open_index(arrays["vectors"], arrays["presence"], self._folder / "index" / "taste")
        return TasteSpace(**arrays, index=index)

    @property
    def projection(self) -> "Projection":
        """The way from pictures and words to the space of tastes."""
        from .learn.taste_space import Projection  # queries do without

        names = [
            name.removeprefix(_PROJECTION).removesuffix(".npy")
            for name in self._generation.manifest["files"]
            if name.startswith(_PROJECTION)
        ]
        return Projection.open(
            {name: self._generation.array(f"{_PROJECTION}{name}") for name in names}
        )

    def carried(self, was: Mapping[str, Rows]) -> Carried:
        """Return what indexes are carried over from; `was` as of `Carried`."""
        taste, facts = self.catalogue.taste, self.catalogue.facts
        among = {"neighbours": taste.presence, "cold_neighbours": taste.presence & facts.is_cold}
        spaces = {name: getattr(self.catalogue, name) for name in was}
        return Carried(
            {
                name: Earlier(self._folder / "index" / name, space.vectors, space.presence)
                for name, space in spaces.items()
            },
            {
                name: Listed(self._generation.array(f"taste_{name}"), others)
                for name, others in among.items()
            },
            was,
        )

    def _space(self, generation: Generation, name: str) -> Space:
        arrays = {array: generation.array(f"{name}_{array}") for array in _SPACE_ARRAYS}
        vectors = stored(generation.array(f"{name}_vectors"))
        index = open_index(vectors, arrays["presence"], self._folder / "index" / name)
        return Space(vectors, **arrays, index=index)

    def column_types(self) -> "dict[str, pl.DataType]":
        """Return the types of the columns that a filter may name."""
        if self._column_types is None:
            import polars as pl  # a query without a filter does without

            with self._reading:
                self._column_types = dict(pl.read_parquet_schema(self._column_file))
        return self._column_types

    def columns(self, names: Collection[str] | None = None) -> "pl.DataFrame":
        """Return the columns that a filter may name, or just some of them; each is read once."""
        import polars as pl

        wanted = list(dict.fromkeys(self.column_types() if names is None else names))
        with self._reading:
            if new := [name for name in wanted if name not in self._columns]:
                read = pl.read_parquet(self._column_file, columns=new)
                self._columns |= {name: read[name] for name in new}
        return pl.DataFrame([self._columns[name] for name in wanted])

    def pictures(self) -> "pl.DataFrame":
        """Read what became of every picture; see `images.coverage.picture_table`.

        Raises
        ------
        UnsupportedError
            If the generation was built before there was such a table.
        """
        if _PICTURES not in self._generation.manifest["files"]:
            name = self._generation.model_folder.name
            message = (
                f"generation {self._generation.number} of model {name!r} was built before its "
                "pictures were listed one by one; build it again with "
                f"`sightline update-model --model-name {name}` (caches are reused)"
            )
            raise UnsupportedError(message)
        import polars as pl

        return pl.read_parquet(self._folder / _PICTURES)
