"""People who choose product photos by looks that no column tells: the generator, from a seed.

The things are the products of `fashion.parquet`: a draw of its train split, four for each one of
its dev split. Those of the dev split, which the bundled encoder has never seen, are new: nobody
has picked one before the test. What is hidden from every model, and steers the people, is

- gender, article and color, as the table has them;
- pattern: plain, some or busy. The table has no such column, so it is measured: the mean gradient
  of brightness in the middle of the thing, in thirds within each article. It tells a striped shirt
  from a plain one, and is noisy where light plays on leather.

Everyone has one, two or three interests (0.4, 0.4, 0.2). An interest starts from a product drawn at
random and asks for its gender (unisex goes with either), for its article and up to two more of the
same subcategory, for its colour and up to two more of the same family, and in half of all cases
for its pattern. What a product has of these adds up: article 5, gender 4, colour 4, pattern 2.5.
To that comes how good a product is, alike for all, drawn with a spread of 0.5, which no picture
shows. Someone who picks takes one of their interests, then one product they have not picked, with
odds of e to that sum: many picks are off the interest in something.

Everyone picks 5 to 20 old products (8 on average) at random moments of half a year, then 3 to 7 new
ones (5 on average), which are the test. The worths were set by one figure, before any model was
asked: whoever knows everyone's odds ranks the new products with an NDCG@10 of about 0.55, so there
is much to be found and much that nobody can find. Nothing was changed after.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image
from quality_data import DataError
from recommend_splits import Log, Split
from sightline.types import Scores, Vectors

__all__ = ["ATTRIBUTES", "Products", "World", "draw_world", "read_products", "texture"]

PEOPLE = 2_000
OLD_PER_NEW = 4
PATTERNS = ("plain", "some", "busy")
ATTRIBUTES = ("gender", "article", "color", "pattern")

_NUMBER_OF_INTERESTS = (0.4, 0.4, 0.2)
_MOST_ARTICLES = _MOST_COLORS = 3
_PATTERN_MATTERS = 0.5
_WORTH = {"article": 5.0, "gender": 4.0, "color": 4.0, "pattern": 2.5}
_QUALITY_SPREAD = 0.5
_FEWEST, _MOST, _MEAN = 5, 20, 8
_FEWEST_NEW, _MOST_NEW = 3, 7
_HALF_A_YEAR = 182 * 86_400
_START = 1_750_000_000
_UNISEX = "Unisex"
_FAMILIES = (
    ("Red", "Pink", "Maroon", "Magenta", "Burgundy", "Peach", "Rust"),
    ("Blue", "Navy Blue", "Turquoise Blue", "Teal"),
    ("Black", "Charcoal", "Grey", "Grey Melange"),
    ("White", "Off White", "Cream", "Beige", "Skin", "Nude"),
    ("Brown", "Tan", "Khaki", "Coffee Brown", "Taupe", "Copper", "Bronze"),
    ("Yellow", "Orange", "Mustard", "Gold"),
    ("Green", "Olive", "Sea Green", "Fluorescent Green"),
    ("Purple", "Lavender"),
    ("Silver", "Steel", "Metallic"),
)
_SIDE = 96
_BACKGROUND = 245


@dataclass(frozen=True, slots=True)
class Products:
    """What is sold: `table` has item_id, image, is_new, subcategory and the hidden attributes."""

    table: pl.DataFrame

    def __len__(self) -> int:
        return self.table.height

    @property
    def is_new(self) -> NDArray[np.bool_]:
        """Which are new at test time, shape (n,)."""
        return self.table["is_new"].to_numpy()

    def hidden(self) -> Vectors:
        """Return the hidden attributes as vectors: a one for each value, shape (n, values)."""
        return np.hstack([_one_hot(self.table[name]) for name in ATTRIBUTES])


@dataclass(frozen=True, slots=True)
class World:
    """Products, what people pick of the old ones, then of the new ones, and how they chose."""

    products: Products
    picks: Split
    """`train` holds picks of old products alone, `test` of new ones."""
    odds: Scores
    """How likely everyone is to pick every product next, shape (users, n): the best order."""

    def user_ids(self) -> list[str]:
        """Name the people in row order."""
        return [f"person-{row:04}" for row in range(self.picks.train.n_users)]


def read_products(folder: Path) -> pl.DataFrame:
    """Read the fashion table, with the pattern measured.

    Raises
    ------
    DataError
        If there is no such table.
    """
    file = folder / "fashion.parquet"
    if not file.is_file():
        message = f"{folder} has no fashion.parquet, so visual taste cannot be measured"
        raise DataError(message)
    columns = ["id", "split", "gender", "article", "color", "subcategory", "image"]
    table = pl.read_parquet(file, columns=columns).rename({"id": "item_id"})
    energy = pl.Series("texture", [texture(image) for image in table["image"]])
    place = pl.col("texture").rank("ordinal").over("article") - 1
    third = place * len(PATTERNS) // pl.len().over("article")
    pattern = third.replace_strict(dict(enumerate(PATTERNS))).alias("pattern")
    return table.with_columns(energy).with_columns(pattern).drop("texture")


def texture(image: bytes) -> float:
    """Return the mean gradient of brightness in the middle of what is not white background."""
    with Image.open(io.BytesIO(image)) as picture:
        small = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    brightness = np.asarray(small, np.float32)
    thing = brightness < _BACKGROUND
    rows = _middle(np.any(thing, axis=1), 0.30, 0.60)
    columns = _middle(np.any(thing, axis=0), 0.33, 0.67)
    across, along = np.gradient(brightness[rows, columns])
    return float(np.hypot(across, along).mean())


def _middle(taken: NDArray[np.bool_], start: float, stop: float) -> slice:
    """Return a part of the span that is taken; of the whole where hardly anything is."""
    places = np.flatnonzero(taken)
    if len(places) <= len(taken) // 10:
        places = np.array([0, len(taken)])
    first, length = int(places[0]), int(places[-1] - places[0])
    return slice(first + int(start * length), first + int(stop * length) + 2)


def draw_world(table: pl.DataFrame, *, seed: int, people: int = PEOPLE) -> World:
    """Draw products, people and their picks.

    Parameters
    ----------
    table
        As of `read_products`.
    seed
        Of everything that is drawn; the same makes the same world.
    people
        How many.
    """
    rng = np.random.default_rng(seed)
    products = _draw_products(table, rng)
    quality = rng.normal(0, _QUALITY_SPREAD, len(products)).astype(np.float32)
    old, new = np.flatnonzero(~products.is_new), np.flatnonzero(products.is_new)
    picked, later, odds = [], [], np.empty((people, len(products)), np.float32)
    for person in range(people):
        interests = _draw_interests(products.table, rng) + quality
        count = min(_FEWEST + int(rng.geometric(1 / (_MEAN - _FEWEST + 1))) - 1, _MOST)
        picked.append(_pick(interests, old, count, rng))
        later.append(_pick(interests, new, int(rng.integers(_FEWEST_NEW, _MOST_NEW + 1)), rng))
        odds[person] = np.mean([_softmax(interest) for interest in interests], axis=0)
    train = _log(picked, rng, since=_START, n_items=len(products))
    test = _log(later, rng, since=_START + _HALF_A_YEAR, n_items=len(products))
    return World(products, Split(train, test), odds)


def _draw_products(table: pl.DataFrame, rng: np.random.Generator) -> Products:
    is_new = (table["split"] == "dev").to_numpy()
    old, new = np.flatnonzero(~is_new), np.flatnonzero(is_new)
    drawn = rng.choice(old, min(len(old), OLD_PER_NEW * len(new)), replace=False)
    rows = np.sort(np.concatenate([drawn, new]))
    flagged = table.with_columns(pl.Series("is_new", is_new)).drop("split")
    return Products(flagged[rows.tolist()])


def _draw_interests(table: pl.DataFrame, rng: np.random.Generator) -> Scores:
    """Return what every product is worth to the interests of one person, shape (k, n)."""
    count = 1 + int(rng.choice(len(_NUMBER_OF_INTERESTS), p=_NUMBER_OF_INTERESTS))
    return np.stack([_draw_interest(table, rng) for _ in range(count)])


def _draw_interest(table: pl.DataFrame, rng: np.random.Generator) -> Scores:
    start = table.row(int(rng.integers(table.height)), named=True)
    of_kind = table.filter(pl.col("subcategory") == start["subcategory"])["article"]
    family = next((names for names in _FAMILIES if start["color"] in names), ())
    wanted = {
        "gender": {start["gender"], _UNISEX},
        "article": _with_more(start["article"], of_kind.unique().sort(), _MOST_ARTICLES, rng),
        "color": _with_more(start["color"], family, _MOST_COLORS, rng),
        "pattern": {start["pattern"]} if rng.random() < _PATTERN_MATTERS else set(),
    }
    if start["gender"] == _UNISEX:
        wanted["gender"] = set(table["gender"].unique())
    matches = [
        _WORTH[name] * table[name].is_in(sorted(values)).to_numpy().astype(np.float32)
        for name, values in wanted.items()
    ]
    worth: Scores = np.sum(matches, axis=0, dtype=np.float32)
    return worth


def _with_more(
    start: str, others: Sequence[str] | pl.Series, most: int, rng: np.random.Generator
) -> set[str]:
    left = [other for other in others if other != start]
    more = min(int(rng.integers(most)), len(left))
    return {start, *rng.choice(left, more, replace=False).tolist()} if more else {start}


def _pick(
    interests: Scores, rows: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Pick products one after the other, each for an interest of its own, none twice."""
    left = np.ones(len(rows), np.bool_)
    picks = []
    for _ in range(count):
        interest = interests[int(rng.integers(len(interests))), rows]
        noise = rng.gumbel(size=len(rows))  # the largest of sums with it has odds of e to the sum
        pick = int(np.argmax(np.where(left, interest + noise, -np.inf)))
        left[pick] = False
        picks.append(rows[pick])
    return np.array(picks, np.int64)


def _log(
    picks: list[NDArray[np.int64]], rng: np.random.Generator, *, since: int, n_items: int
) -> Log:
    users = np.repeat(np.arange(len(picks), dtype=np.int32), [len(each) for each in picks])
    times = [np.sort(rng.integers(0, _HALF_A_YEAR, len(each))) + since for each in picks]
    items = np.concatenate(picks).astype(np.int32)
    return Log(users, items, np.concatenate(times), n_users=len(picks), n_items=n_items)


def _softmax(worth: Scores) -> Scores:
    odds = np.exp(worth - worth.max())
    normal: Scores = odds / odds.sum()
    return normal


def _one_hot(column: pl.Series) -> Vectors:
    values = sorted(column.unique().to_list())
    ones: Vectors = (column.to_numpy()[:, None] == np.array(values, object)).astype(np.float32)
    return ones
