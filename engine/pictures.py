"""Joins fetching and encoding: the image columns of the items become vectors and measures."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .encode.base import ImageTower
from .features import visual
from .images.cache import ImageCache
from .images.coverage import Coverage
from .images.load import load_pictures
from .images.outcome import Outcome
from .images.picture import Picture
from .images.query import read_query_image
from .store.home import Home
from .store.vectors import VectorCache
from .types import Mask, Pixels, Vectors, View

__all__ = ["Looks", "encode_query", "see_pictures"]

# Pictures encoded at a time: 64 of them up to a side of 384, fewer of larger ones.
_BATCH = 64
_BATCH_BYTES = 64 * 384 * 384 * 3
_FLUSH_EVERY_SECONDS = 5.0
_MEASURED = View(visual.SIDE)


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
    coverage: Coverage


def see_pictures(
    items: pl.DataFrame,
    image_columns: Collection[str],
    tower: ImageTower,
    *,
    home: Home,
    base_dir: Path,
    allow_hosts: Collection[str],
    progress: Callable[[str, int, int], None],
) -> Looks:
    """Fetch, decode, encode and measure every picture of the items, once per content.

    What an earlier run has cached is not computed again: of a content whose vector or whose
    measures are known, only the other part is.

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
    """
    cells = [cell for column in image_columns for cell in items[column].to_list()]
    caches = _Caches(tower, home)
    coverage = Coverage()
    hashes: list[str | None] = [None] * len(cells)
    columns = list(image_columns)
    with ImageCache(home.images) as cache, caches:
        pictures = load_pictures(
            cells,
            cache=cache,
            base_dir=base_dir,
            views=(tower.view, _MEASURED),
            have=caches.__contains__,
            allow_hosts=allow_hosts,
        )
        for done, picture in enumerate(caches.fill(pictures), start=1):
            column = columns[picture.index // items.height]
            coverage.count(column, picture, cells[picture.index])
            if picture.outcome is Outcome.OK:
                hashes[picture.index] = picture.content_hash
            progress("pictures", done, len(cells))
    by_column = [
        hashes[start : start + items.height] for start in range(0, len(cells), items.height)
    ]
    return _gather(by_column, caches, items.height, coverage)


class _Caches:
    """Vectors and measures by content hash, filled from decoded pictures in batches."""

    def __init__(self, tower: ImageTower, home: Home) -> None:
        self._tower = tower
        self._batch_size = min(_BATCH, max(1, _BATCH_BYTES // (3 * tower.view.side**2)))
        self.vectors = VectorCache(home.vectors, tower.fingerprint, tower.dim)
        self.measures = VectorCache(home.vectors, visual.FINGERPRINT, len(visual.MEASURES))
        self._flushed = time.monotonic()

    def __contains__(self, content_hash: str) -> bool:
        return content_hash in self.vectors and content_hash in self.measures

    def fill(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """Pass `pictures` on; those with pixels are computed on, a batch at a time."""
        batch: dict[str, Picture] = {}
        for picture in pictures:
            if picture.pixels is not None and picture.content_hash is not None:
                batch[picture.content_hash] = picture
            if len(batch) == self._batch_size:
                self._compute(batch)
                batch = {}
                self._flush_when_due()
            yield picture
        if batch:
            self._compute(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Write what was encoded, also when a build is interrupted: the next one goes on there."""
        self._flush()

    def _flush_when_due(self) -> None:
        """Write every few seconds: a kill costs no more than that."""
        if time.monotonic() - self._flushed >= _FLUSH_EVERY_SECONDS:
            self._flush()

    def _flush(self) -> None:
        self.vectors.flush()
        self.measures.flush()
        self._flushed = time.monotonic()

    def _compute(self, batch: dict[str, Picture]) -> None:
        unencoded = {key: picture for key, picture in batch.items() if key not in self.vectors}
        if unencoded:
            vectors = self._tower.encode(_pixels(unencoded.values(), view=0))
            self.vectors.add(dict(zip(unencoded, vectors, strict=True)))
        unmeasured = {key: picture for key, picture in batch.items() if key not in self.measures}
        if unmeasured:
            widths = np.array([picture.width for picture in unmeasured.values()], np.int32)
            heights = np.array([picture.height for picture in unmeasured.values()], np.int32)
            measures = visual.measure(_pixels(unmeasured.values(), view=1), widths, heights)
            self.measures.add(dict(zip(unmeasured, measures, strict=True)))


def _pixels(pictures: Iterable[Picture], *, view: int) -> Pixels:
    return np.stack([picture.pixels[view] for picture in pictures if picture.pixels is not None])


def _gather(
    by_column: list[list[str | None]], caches: _Caches, n_items: int, coverage: Coverage
) -> Looks:
    sums = np.zeros((n_items, caches.vectors.dim), np.float32)
    measures = np.zeros((n_items, caches.measures.dim), np.float32)
    presence = np.zeros(n_items, np.bool_)
    for hashes in by_column:
        rows = np.array([row for row, known in enumerate(hashes) if known is not None], np.int32)
        known_hashes = [known for known in hashes if known is not None]
        first = ~presence[rows]
        sums[rows] += caches.vectors.get(known_hashes)
        measures[rows[first]] = caches.measures.get(known_hashes)[first]
        presence[rows] = True
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    sums /= np.maximum(lengths, np.float32(1e-12))
    return Looks(sums, presence, measures, coverage)


def encode_query(
    image: str | os.PathLike[str] | bytes, tower: ImageTower, allow_hosts: Collection[str]
) -> NDArray[np.float32]:
    """Return the vector of one picture that is given as a query, shape (d,).

    Parameters
    ----------
    image
        A path, an http(s) URL or encoded bytes.
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
