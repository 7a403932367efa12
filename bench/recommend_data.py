"""Tables of ratings, items and pictures into a log of likes and a catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from quality_data import DataError
from recommend_splits import Log

__all__ = ["Ratings", "as_events", "movielens", "read_ratings"]

LIKED = 4
"""A rating from here on is a like; where there is no rating, every row is one."""
LEAST_LIKES = 10
"""People with fewer are left out."""

_USER = ("user_id", "userId", "user")
_ITEM = ("item_id", "movieId", "itemId", "item", "id")
_RATING = ("rating", "stars")
_TIME = ("timestamp", "time", "event_timestamp", "created_at")
_NO_GENRE = "(no genres listed)"
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif"}


@dataclass(frozen=True, slots=True)
class Ratings:
    """A log and what its rows stand for."""

    log: Log
    user_ids: list[str]
    items: pl.DataFrame
    """The catalogue in row order: item_id, the columns of its table, image where there are any."""

    def labels(self) -> NDArray[np.float32]:
        """Return what the lists of the catalogue hold, such as genres: 1 or 0, shape (n, g)."""
        lists = [column for column in self.items if column.dtype == pl.List(pl.String)]
        return np.hstack([np.zeros((self.items.height, 0), np.float32), *map(_held, lists)])


def _held(lists: pl.Series) -> NDArray[np.float32]:
    """Return a column for every value that a cell of `lists` holds, in sorted order."""
    values = lists.explode().drop_nulls().unique().sort()
    columns = [lists.list.contains(value).fill_null(value=False).to_numpy() for value in values]
    return np.array(columns, np.float32).reshape(len(columns), len(lists)).T


def as_events(
    log: Log, user_ids: Sequence[str], item_ids: Sequence[str] | pl.Series
) -> pl.DataFrame:
    """Return likes as a table of user_id, item_id, event_type and timestamp."""
    return pl.DataFrame(
        {
            "user_id": np.array(user_ids)[log.users],
            "item_id": np.array(item_ids)[log.items],
            "event_type": ["like"] * len(log),
            "timestamp": log.times,
        }
    )


def movielens(folder: Path) -> Ratings:
    """Read MovieLens with posters from the folder of the development data.

    Raises
    ------
    DataError
        If a table is missing.
    """
    names = ("ratings", "movies", "posters")
    return read_ratings(*(folder / f"movielens_{name}.parquet" for name in names))


def read_ratings(ratings: Path, items: Path, images: Path | None) -> Ratings:
    """Read any ratings table, CSV or Parquet; the files of MovieLens work as they come.

    Parameters
    ----------
    ratings
        Has a person (`userId`), an item (`movieId`) and a time (`timestamp`, seconds or a date);
        of a `rating`, 4 and above are likes.
    items
        Has the item under the same name, and what is known of it. `genres` may be parted by "|".
        Columns that end in "Id" are keys of other catalogues, and left out.
    images
        Folder of pictures that are named by item, or Parquet of item and image; None: no pictures.

    Raises
    ------
    DataError
        If a file or column is missing, or nobody has enough likes.
    """
    table = _read(ratings)
    user, item, time = (_column(table, names, ratings) for names in (_USER, _ITEM, _TIME))
    rating = next((name for name in _RATING if name in table.columns), None)
    if rating is not None:
        table = table.filter(pl.col(rating) >= LIKED)
    likes = table.select(
        user_id=pl.col(user).cast(pl.String),
        item_id=pl.col(item).cast(pl.String),
        time=_seconds(table[time]),
    )
    catalogue = _with_images(_catalogue(items), images)
    return _joined(likes, catalogue, ratings)


def _joined(likes: pl.DataFrame, catalogue: pl.DataFrame, ratings: Path) -> Ratings:
    rows = catalogue.select("item_id").with_row_index("item")
    likes = likes.join(rows, on="item_id", how="inner", maintain_order="left")
    likes = likes.sort("time", maintain_order=True).unique(
        ["user_id", "item_id"], keep="first", maintain_order=True
    )
    likes = likes.filter(pl.len().over("user_id") >= LEAST_LIKES)
    if likes.is_empty():
        message = f"nobody in {ratings} has {LEAST_LIKES} likes of items that the catalogue has"
        raise DataError(message)
    user_ids = likes["user_id"].unique(maintain_order=True).sort().to_list()
    people = pl.DataFrame({"user_id": user_ids}).with_row_index("user")
    likes = likes.join(people, on="user_id", maintain_order="left")
    likes = likes.sort("user", "time", maintain_order=True)
    log = Log(
        likes["user"].to_numpy().astype(np.int32),
        likes["item"].to_numpy().astype(np.int32),
        likes["time"].to_numpy().astype(np.int64),
        n_users=len(user_ids),
        n_items=catalogue.height,
    )
    return Ratings(log, user_ids, catalogue)


def _catalogue(file: Path) -> pl.DataFrame:
    table = _read(file)
    item = _column(table, _ITEM, file)
    kept = [name for name in table.columns if name != item and not name.endswith("Id")]
    table = table.select(pl.col(item).cast(pl.String).alias("item_id"), *kept).unique(
        "item_id", keep="first", maintain_order=True
    )
    if table.schema.get("genres") != pl.String:
        return table
    genres = pl.col("genres").replace(_NO_GENRE, None).str.split("|")
    return table.with_columns(genres)


def _with_images(catalogue: pl.DataFrame, images: Path | None) -> pl.DataFrame:
    """Add a column `image` of bytes; of an item without a picture it is null."""
    if images is None:
        return catalogue
    if images.is_dir():
        files = sorted(path for path in images.iterdir() if path.suffix.lower() in _SUFFIXES)
        pictures = pl.DataFrame(
            {"item_id": [p.stem for p in files], "image": [p.read_bytes() for p in files]},
            schema={"item_id": pl.String, "image": pl.Binary},
        )
    else:
        table = _read(images)
        item = _column(table, _ITEM, images)
        pictures = table.select(pl.col(item).cast(pl.String).alias("item_id"), "image")
    pictures = pictures.unique("item_id", keep="first")
    return catalogue.join(pictures, on="item_id", how="left", maintain_order="left")


def _seconds(times: pl.Series) -> pl.Series:
    if times.dtype.is_temporal():
        return times.cast(pl.Datetime("us")).dt.epoch("s")
    return times.cast(pl.Int64)


def _read(file: Path) -> pl.DataFrame:
    if not file.is_file():
        message = f"there is no file {file}"
        raise DataError(message)
    if file.suffix.lower() == ".parquet":
        return pl.read_parquet(file)
    return pl.read_csv(file, infer_schema_length=None)


def _column(table: pl.DataFrame, names: Sequence[str], file: Path) -> str:
    for name in names:
        if name in table.columns:
            return name
    message = f"{file} has no column {' or '.join(names)}, but {', '.join(table.columns)}"
    raise DataError(message)
