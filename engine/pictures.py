"""Joins fetching and encoding: the image columns of the items become vectors and measures."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .derived import Derived
from .encode.base import ImageTower
from .errors import ConfigError
from .features.duplicates import near_duplicates, placeholders
from .images.cache import ImageCache
from .images.cell import Cell, shown
from .images.load import THREADS, load_pictures
from .images.outcome import Outcome
from .images.picture import Picture
from .images.query import read_query_image
from .images.throughput import Throughput
from .store.home import Home
from .types import Mask, Rows, Vectors

__all__ = ["Looks", "encode_query", "open_image_cache", "see_pictures"]

_CACHE_GB = "SIGHTLINE_IMAGE_CACHE_GB"


@dataclass(frozen=True, slots=True)
class Looks:
    """What the pictures of all items say, in item-row order.

    `vectors`, shape (n, d), are unit rows where `presence`, shape (n,), is true and zero elsewhere;
    an item with several pictures has their mean direction. `measures`, shape (n, a), are those of
    its first readable picture.
    """

    vectors: Vectors
    presence: Mask
    measures: NDArray[np.float32]
    outcomes: pl.DataFrame
    """One row per item and image column, in item-row order column by column: ``item_row`` (Int32),
    ``column``, ``cell`` (as it is shown to people), ``outcome``, ``detail``, and ``content_hash``,
    null unless there is a picture."""
    firsts: Rows
    """Per row of `outcomes`, the row of the first picture that this one is a near copy of: itself
    where there is none, or no picture."""
    placeholders: Mask
    """Per row of `outcomes`, whether it is one picture behind many items."""
    pipeline: Mapping[str, Any]
    """What each stage took; see `images.throughput.Throughput.to_dict`."""


def see_pictures(
    items: pl.DataFrame,
    image_columns: Collection[str],
    tower: ImageTower,
    *,
    home: Home,
    base_dir: Path,
    allow_hosts: Collection[str],
    progress: Callable[[str, int, int], None],
    without_placeholders: bool = False,
    titles: Sequence[str] | None = None,
) -> Looks:
    """Fetch, decode, encode and measure every picture of the items, once per content.

    What an earlier run has cached is not computed again: of a content of which something is known,
    only the rest is.

    Parameters
    ----------
    items
        The item table, in item-row order.
    image_columns
        Its columns that hold pictures: paths, URLs or bytes.
    tower
        Turns pixels into vectors, which are cached by its fingerprint.
    home
        Where downloads and vectors are cached.
    base_dir
        What relative paths are relative to.
    allow_hosts
        Hosts that may be on private addresses.
    progress
        Called with the step, how many pictures are done, and how many there are.
    without_placeholders
        Whether one picture behind many items is taken for a missing one.
    titles
        What tells the items apart for people, one per item: many items of one title may well share
        their picture.
    """
    columns = list(image_columns)
    cells = [cell for column in columns for cell in items[column].to_list()]
    throughput = Throughput(THREADS)
    derived = Derived(tower, home, throughput)
    done: list[Picture | None] = [None] * len(cells)
    with open_image_cache(home) as cache, derived:
        pictures = load_pictures(
            cells,
            cache=cache,
            base_dir=base_dir,
            blocks=derived.blocks,
            have=derived.__contains__,
            throughput=throughput,
            allow_hosts=allow_hosts,
        )
        for count, picture in enumerate(derived.fill(pictures), start=1):
            done[picture.index] = picture
            progress("pictures", count, len(cells))
    pictures_of = _Cells(items.height, columns, cells, [one for one in done if one is not None])
    firsts = pictures_of.firsts(derived)
    placeholders = pictures_of.placeholders(firsts, titles)
    left_out = placeholders if without_placeholders else np.zeros(len(cells), np.bool_)
    return Looks(
        *pictures_of.gathered(derived, left_out),
        outcomes=pictures_of.outcomes(left_out),
        firsts=firsts,
        placeholders=placeholders,
        pipeline=throughput.to_dict(len(cells)),
    )


def open_image_cache(home: Home) -> ImageCache:
    """Open the downloads of a home, bounded by ``SIGHTLINE_IMAGE_CACHE_GB`` where that is set.

    Raises
    ------
    ConfigError
        If it is not a number of gigabytes above 0.
    StorageError
        If the cache cannot be opened.
    """
    given = os.environ.get(_CACHE_GB)
    if not given:
        return ImageCache(home.images)
    try:
        max_bytes = int(float(given) * 1e9)
    except (ValueError, OverflowError):
        max_bytes = 0
    if max_bytes <= 0:
        message = f"{_CACHE_GB} must be a number of gigabytes above 0, such as 20, not {given!r}"
        raise ConfigError(message)
    return ImageCache(home.images, max_bytes=max_bytes)


@dataclass(frozen=True, slots=True)
class _Cells:
    """All cells of the image columns, column by column, and what became of them."""

    n_items: int
    columns: Sequence[str]
    cells: Sequence[Cell | None]
    pictures: Sequence[Picture]

    def hashes(self) -> list[str | None]:
        """Content hashes of the cells that have a picture."""
        return [
            picture.content_hash if picture.outcome is Outcome.OK else None
            for picture in self.pictures
        ]

    def firsts(self, derived: Derived) -> Rows:
        """For every cell, the first one whose picture its own is a near copy of; else itself."""
        first_cells: dict[str, int] = {}
        for place, content_hash in enumerate(hashes := self.hashes()):
            if content_hash is not None:
                first_cells.setdefault(content_hash, place)
        signatures = derived.signatures.get(list(first_cells))
        originals = near_duplicates(signatures)
        places = np.fromiter(first_cells.values(), np.int32, len(first_cells))
        first_of = dict(zip(first_cells, places[originals].tolist(), strict=True))
        return np.array(
            [place if key is None else first_of[key] for place, key in enumerate(hashes)], np.int32
        )

    def placeholders(self, firsts: Rows, titles: Sequence[str] | None) -> Mask:
        """Which cells hold one of the pictures that stand behind many items."""
        has_picture = np.array([key is not None for key in self.hashes()], np.bool_)
        codes: dict[str, int] = {}
        of_items = [codes.setdefault(title, len(codes)) if title else -1 for title in titles or ()]
        return placeholders(
            np.where(has_picture, firsts, -1),
            np.tile(np.arange(self.n_items, dtype=np.int32), len(self.columns)),
            np.array(of_items or [-1] * self.n_items, np.int32),
        )

    def outcomes(self, left_out: Mask) -> pl.DataFrame:
        """Tell what became of every cell; see `Looks`."""
        ends = [
            Outcome.PLACEHOLDER if out else picture.outcome
            for picture, out in zip(self.pictures, left_out.tolist(), strict=True)
        ]
        return pl.DataFrame(
            {
                "item_row": list(range(self.n_items)) * len(self.columns),
                "column": [column for column in self.columns for _ in range(self.n_items)],
                "cell": [shown(cell) for cell in self.cells],
                "outcome": [str(end) for end in ends],
                "detail": [picture.detail for picture in self.pictures],
                "content_hash": self.hashes(),
            },
            schema={
                "item_row": pl.Int32,
                "column": pl.String,
                "cell": pl.String,
                "outcome": pl.String,
                "detail": pl.String,
                "content_hash": pl.String,
            },
        )

    def gathered(
        self, derived: Derived, left_out: Mask
    ) -> tuple[Vectors, Mask, NDArray[np.float32]]:
        """Return the vectors, the presence and the measures of all items."""
        sums = np.zeros((self.n_items, derived.vectors.dim), np.float32)
        measures = np.zeros((self.n_items, derived.measures.dim), np.float32)
        presence = np.zeros(self.n_items, np.bool_)
        hashes = self.hashes()
        for column in range(len(self.columns)):
            start = column * self.n_items
            known = {
                row: key
                for row in range(self.n_items)
                if (key := hashes[start + row]) is not None and not left_out[start + row]
            }
            rows = np.fromiter(known, np.int32, len(known))
            first = ~presence[rows]
            sums[rows] += derived.vectors.get(list(known.values()))
            measures[rows[first]] = derived.measures.get(list(known.values()))[first]
            presence[rows] = True
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        sums /= np.maximum(lengths, np.float32(1e-12))
        return sums, presence, measures


def encode_query(
    image: str | os.PathLike[str] | bytes, tower: ImageTower, allow_hosts: Collection[str]
) -> NDArray[np.float32]:
    """Return the vector of one picture that is given as a query, shape (d,).

    Parameters
    ----------
    image
        A path, a URL (http, https, or of an object store) or encoded bytes.
    tower
        Of the encoder that the queried vectors are from.
    allow_hosts
        Hosts that may be on private addresses.

    Raises
    ------
    UnreadableImageError
        If it is not a picture that can be read.
    """
    source = image if isinstance(image, str | bytes) else Path(image)
    decoded = read_query_image(source, view=tower.view, allow_hosts=allow_hosts)
    vector: NDArray[np.float32] = tower.encode(decoded.pixels[0][None])[0]
    return vector
