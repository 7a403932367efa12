"""The tables that quality is measured on: of each, the rows that no training has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from quality_measures import Labels

__all__ = ["Captioned", "DataError", "Labelled", "Sample", "Tables", "read_captioned"]

FASHION_LABELS = {"article": 20, "color": 10}
"""How many of the most frequent labels of a column of the fashion table are asked for."""
_TEACHER = Path("teacher", "mobilenet_v2_features_1280_u8nhwc.onnx")


class DataError(Exception):
    """Something that is to be measured on is not there, or is not what it should be."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Pictures, as encoded bytes, and what each shows."""

    pictures: list[bytes]
    labels: Labels


@dataclass(frozen=True, slots=True)
class Captioned:
    """Pictures, as encoded bytes, and texts about them."""

    pictures: list[bytes]
    captions: list[str]
    picture_of: NDArray[np.int64]
    """Per caption, the position of its picture."""


@dataclass(frozen=True, slots=True)
class Products:
    """Pictures with the titles that shops gave them, and what they show."""

    pictures: list[bytes]
    titles: list[str]
    labels: list[dict[str, str]]
    """By ``color`` and ``article``."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of each of many classes; rows that training has not seen are the queries."""

    pictures: list[bytes]
    names: list[str]
    unseen_rows: list[int]


@dataclass(frozen=True, slots=True)
class Tables:
    """The folder of Parquet tables; each is read when it is asked for.

    Held out of training are the splits dev and test, the classes of Tiny ImageNet whose WordNet
    number is divisible by 5, also where the ImageNet sample has them, and every fifth of its rows.
    """

    folder: Path

    def flickr(self) -> Captioned:
        """Return the dev photos of Flickr8k with all their captions."""
        table = self._read("flickr8k", ["id", "split", "captions", "image"], splits=["dev"])
        return _captioned(table)

    def fashion(self, column: str) -> Labelled:
        """Return the dev product shots that have one of the most frequent labels of a column."""
        counts = self._read("fashion", [column]).get_column(column).value_counts()
        frequent = counts.sort("count", column, descending=[True, False]).head(
            FASHION_LABELS[column]
        )
        table = self._read("fashion", ["split", column, "image"], splits=["dev"])
        return _labelled(table.filter(pl.col(column).is_in(frequent[column].to_list())), column)

    def products(self) -> Products:
        """Return all dev product shots with their titles."""
        columns = ["split", "title", "color", "article", "image"]
        table = self._read("fashion", columns, splits=["dev"])
        labels = table.select("color", "article").to_dicts()
        return Products(table["image"].to_list(), table["title"].to_list(), labels)

    def clothing(self) -> Labelled:
        """Return the test split of what people photographed of their clothes."""
        return _labelled(self._read("clothing", ["split", "label", "image"], splits=["test"]))

    def grocery(self, split: str) -> Labelled:
        """Return one split of the shelf photos."""
        return _labelled(self._read("grocery", ["split", "label", "image"], splits=[split]))

    def unseen_classes(self) -> Labelled:
        """Return all pictures of the classes of Tiny ImageNet that were kept out of training."""
        table = self._read("tiny_imagenet", ["wnid", "image"])
        return _labelled(table.filter(_is_unseen_class(pl.col("wnid"))), "wnid")

    def imagenet_sample(self) -> Sample:
        """Return one picture of each class of ImageNet."""
        table = self._read("imagenet_sample", ["id", "label", "image"]).with_row_index()
        wnid = pl.col("id").str.split("_").list.first()
        unseen = table.filter((pl.col("index") % 5 == 0) | _is_unseen_class(wnid))
        return Sample(table["image"].to_list(), table["label"].to_list(), unseen["index"].to_list())

    @property
    def teacher(self) -> Path:
        """The graph that turns pictures of 224 x 224 into the teacher's features."""
        return self._existing(_TEACHER)

    def _read(
        self, name: str, columns: Sequence[str], *, splits: Sequence[str] = ()
    ) -> pl.DataFrame:
        table = pl.scan_parquet(self._existing(Path(f"{name}.parquet"))).select(columns)
        if splits:
            table = table.filter(pl.col("split").is_in(splits))
        return table.collect()

    def _existing(self, path: Path) -> Path:
        if not (self.folder / path).is_file():
            message = f"{self.folder} has no {path}, so quality cannot be measured on it"
            raise DataError(message)
        return self.folder / path


def read_captioned(captions: Path, images: Path) -> Captioned:
    """Read photos and captions of your own from two Parquet files, or twice the same.

    Parameters
    ----------
    captions
        Has `image_id`, else `id`, and `caption`, one text, or `captions`, a list of them.
    images
        Has `id` and `image`, encoded bytes.

    Raises
    ------
    DataError
        If a column is missing, or no caption has its picture.
    """
    key = _first_column(captions, ("image_id", "id"))
    text = _first_column(captions, ("captions", "caption"))
    _first_column(images, ("id",))
    _first_column(images, ("image",))
    texts = pl.read_parquet(captions, columns=[key, text]).select(
        pl.col(key).cast(pl.String).alias("id"), pl.col(text).alias("captions")
    )
    if isinstance(texts.schema["captions"], pl.List):
        texts = texts.explode("captions")
    texts = texts.drop_nulls().group_by("id", maintain_order=True).agg("captions")
    pictures = pl.read_parquet(images, columns=["id", "image"]).drop_nulls()
    pictures = pictures.with_columns(pl.col("id").cast(pl.String)).unique("id", keep="first")
    table = texts.join(pictures, on="id", how="inner", maintain_order="left")
    if table.is_empty():
        message = f"no caption of {captions} has its picture in {images}: do the ids match?"
        raise DataError(message)
    return _captioned(table)


def _captioned(table: pl.DataFrame) -> Captioned:
    rows = table.select("captions").with_row_index().explode("captions").drop_nulls()
    picture_of = rows["index"].to_numpy().astype(np.int64)
    return Captioned(table["image"].to_list(), rows["captions"].to_list(), picture_of)


def _labelled(table: pl.DataFrame, column: str = "label") -> Labelled:
    return Labelled(table["image"].to_list(), np.array(table[column].to_list()))


def _is_unseen_class(wnid: pl.Expr) -> pl.Expr:
    return wnid.str.strip_prefix("n").cast(pl.Int64) % 5 == 0


def _first_column(file: Path, names: Sequence[str]) -> str:
    if not file.is_file():
        message = f"there is no file {file}"
        raise DataError(message)
    columns = pl.read_parquet_schema(file)
    for name in names:
        if name in columns:
            return name
    message = f"{file} has no column {' or '.join(names)}, but {', '.join(columns)}"
    raise DataError(message)
