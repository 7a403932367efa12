"""Joins encoding and its cache: the words of the items become vectors."""

import hashlib
import time
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from .encode.base import TextTower
from .store.home import Home
from .store.vectors import VectorCache
from .types import Modality

__all__ = ["item_texts", "read_texts"]

_BATCH = 256
_FLUSH_EVERY_SECONDS = 5.0


def item_texts(items: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Write the text of every item: its columns one after the other, parted by ". ".

    The columns with the shortest texts come first: an encoder reads only the beginning, and a long
    description shall not keep it from the title. Of a list, the entries are parted by ", ".

    Parameters
    ----------
    items
        The item table.
    columns
        Names of its columns that hold words.

    Returns
    -------
    texts
        One per item, without outer blanks; empty where an item has no words.
    """
    written = [_written(items[column]) for column in columns]
    written.sort(key=lambda texts: float(texts.str.len_chars().mean() or 0))  # type: ignore[arg-type]
    if not written:
        return pl.Series("text", [""] * items.height, dtype=pl.String)
    parts = pl.DataFrame([texts.alias(str(at)) for at, texts in enumerate(written)])
    joined = pl.concat_str(pl.all(), separator=". ", ignore_nulls=True)
    return parts.select(joined.fill_null("").alias("text")).to_series()


def read_texts(
    texts: Sequence[str],
    tower: TextTower,
    *,
    home: Home,
    progress: Callable[[str, int, int], None],
) -> Modality:
    """Encode the texts of the items, equal ones once, and only those never encoded before.

    Parameters
    ----------
    texts
        One per item, in item-row order; an item with an empty one has no vector.
    tower
        Turns texts into vectors.
    home
        Where vectors are cached.
    progress
        Called with the step, how many texts are done, and how many there are.
    """
    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
    presence = np.array([bool(text) for text in texts], np.bool_)
    cache = VectorCache(home.vectors, tower.fingerprint, tower.dim)
    distinct = {key: text for key, text in zip(keys, texts, strict=True) if text}
    # Of one length together: a batch takes as long as its longest text.
    missing = sorted((key for key in distinct if key not in cache), key=lambda k: len(distinct[k]))
    known = len(distinct) - len(missing)
    flushed = time.monotonic()
    try:
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            vectors = tower.encode([distinct[key] for key in batch])
            cache.add(dict(zip(batch, vectors, strict=True)))
            if time.monotonic() - flushed >= _FLUSH_EVERY_SECONDS:
                cache.flush()
                flushed = time.monotonic()
            progress("texts", known + start + len(batch), len(distinct))
    finally:
        cache.flush()
    vectors = np.zeros((len(texts), tower.dim), np.float32)
    vectors[presence] = cache.get([key for key, text in zip(keys, texts, strict=True) if text])
    return Modality(vectors, presence)


def _written(column: pl.Series) -> pl.Series:
    """Return the words of a column as text, null where there are none."""
    if isinstance(column.dtype, pl.List | pl.Array):
        entries = column.cast(pl.List(pl.String))
        text = entries.list.drop_nulls().list.join(", ")
    else:
        text = column.cast(pl.String)
    text = text.str.strip_chars()
    return text.set(text == "", None)
