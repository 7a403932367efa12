"""The training pictures: which rows of which table, and what is known of each.

Only training splits are read. Kept out entirely are the classes of Tiny ImageNet whose WordNet
number is divisible by 5, also where the ImageNet sample has them, and every fifth of the sample:
they are what the quality bench measures on.
"""

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image
from sightline.demo.assortment import KINDS
from sightline.demo.draw import Look, draw_product
from sightline.demo.palette import SHADES
from sightline.demo.surface import PATTERNS

from .words import AXES, Attributes, Phrase, colour, describe, drawn, noun

SOURCES = ("flickr8k", "fashion", "grocery", "clothing", "tiny_imagenet", "imagenet_sample")
DRAWN = "drawn"
DRAWN_PICTURES = 5000
_DRAWN_SEED = 20_260
IS_HELD_OUT = pl.col("wnid").str.strip_prefix("n").cast(pl.Int64) % 5 == 0
"""Whether a class of ImageNet is kept out of training, by its WordNet id."""
_CAPTION_SHARE = 0.35
"""Of the texts of a picture that has a title and attributes, how many are the title."""


@dataclass(frozen=True, slots=True)
class Example:
    """One training picture."""

    source: str
    attributes: Attributes | None = None
    texts: tuple[str, ...] = ()
    """Captions or titles of this picture alone."""

    def phrase(self, rng: random.Random) -> Phrase:
        """Write a text for it."""
        own = self.texts and (self.attributes is None or rng.random() < _CAPTION_SHARE)
        if own or self.attributes is None:
            return Phrase(rng.choice(self.texts), ())
        return describe(self.attributes, rng)


@dataclass(slots=True)
class Corpus:
    """All training pictures, in the order of `SOURCES`, the drawn ones last."""

    data: Path
    examples: list[Example] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)
    """(axis, value) as one text, numbered in order of appearance."""

    def pictures(self) -> Iterator[Image.Image]:
        """Decode, or draw, one after the other."""
        for name in SOURCES:
            for content in _rows(self.data, name)["image"]:
                with Image.open(io.BytesIO(content)) as picture:
                    yield picture.convert("RGB")
        rng = np.random.default_rng(_DRAWN_SEED)
        for look in _looks():
            yield Image.fromarray(draw_product(look, width=160, height=160, rng=rng))

    def attribute_ids(self) -> np.ndarray:
        """Return shape (n, 1 + axes), int64: the picture itself, then a number per value or -2."""
        ids = np.full((len(self.examples), 1 + len(AXES)), -2, np.int64)
        ids[:, 0] = np.arange(len(self.examples))
        for row, example in enumerate(self.examples):
            if example.attributes is not None:
                for axis, value in example.attributes.values.items():
                    number = self.values.setdefault(f"{axis}={value}", len(self.values))
                    ids[row, 1 + AXES.index(axis)] = number
        return ids


def load(data: Path) -> Corpus:
    """Read what is known of the training pictures; the pictures themselves are read later."""
    corpus = Corpus(data)
    for name in SOURCES:
        for row in _rows(data, name).drop("image").iter_rows(named=True):
            corpus.examples.append(_example(name, row))
    for look in _looks():
        attributes = drawn(look.kind, look.colour, look.pattern, look.material)
        corpus.examples.append(Example(DRAWN, attributes))
    return corpus


def _rows(data: Path, name: str) -> pl.DataFrame:
    table = pl.read_parquet(data / f"{name}.parquet")
    if "split" in table.columns:
        table = table.filter(pl.col("split") == "train")
    if name == "imagenet_sample":
        table = table.with_row_index().filter(pl.col("index") % 5 != 0).drop("index")
        table = table.with_columns(wnid=pl.col("id").str.split("_").list.first())
    if "wnid" in table.columns:
        table = table.filter(~IS_HELD_OUT)
    return table


def _example(source: str, row: dict) -> Example:
    if source == "flickr8k":
        return Example(source, None, tuple(row["captions"]))
    if source != "fashion":
        forms = noun(row["label"])
        values = {"noun": forms[0]}
        if "coarse" in row:
            values["family"] = row["coarse"].lower().replace("-", " ")
        return Example(source, Attributes(values, forms))
    forms = noun(row["article"])
    values = {"noun": forms[0], "gender": row["gender"].lower()}
    if shade := colour(row["color"]):
        values["colour"] = shade
    return Example(source, Attributes(values, forms), (row["title"],))


def _looks() -> Iterator[Look]:
    """Draw what is drawn: every fifth combination of kind, shade and pattern is never trained."""
    rng = np.random.default_rng(_DRAWN_SEED + 1)
    kinds, shades, patterns = list(KINDS), list(SHADES), list(PATTERNS)
    made = 0
    while made < DRAWN_PICTURES:
        kind, shade, pattern = (int(rng.integers(len(x))) for x in (kinds, shades, patterns))
        if is_unseen_look(kind, shade, pattern):
            continue
        material = str(rng.choice(list(KINDS[kinds[kind]].materials)))
        yield Look(kinds[kind], shades[shade], patterns[pattern], material)
        made += 1


def is_unseen_look(kind: int, shade: int, pattern: int) -> bool:
    """Whether a combination, by position in the shop's lists, is kept out of training."""
    return (kind + 2 * shade + 3 * pattern) % 5 == 0
