"""Joins decoding and encoding: blocks of pictures become cached vectors, measures, signatures."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .encode.base import ImageTower
from .features import duplicates, visual
from .images.blocks import Block, Blocks, Square
from .images.picture import Picture
from .images.throughput import Throughput
from .store.home import Home
from .store.vectors import VectorCache
from .types import PixelFormat

__all__ = ["Derived"]

# Pictures of a batch: 64 of them up to a side of 224 in float32, fewer of larger ones.
_BATCH = 64
_BATCH_BYTES = 64 * 224 * 224 * 3 * 4
_FLUSH_EVERY_SECONDS = 5.0


class Derived:
    """What is computed from the pixels of a picture, by content hash; a context manager.

    Leaving it writes what was computed, also when a build is interrupted: the next one goes on
    there.

    Parameters
    ----------
    tower
        Turns pixels into vectors, which are cached by its fingerprint.
    home
        Where everything is cached.
    throughput
        Is told what encoding and measuring take.
    """

    def __init__(self, tower: ImageTower, home: Home, throughput: Throughput) -> None:
        self._tower = tower
        self._throughput = throughput
        self.vectors = VectorCache(home.vectors, tower.fingerprint, tower.dim)
        self.measures = VectorCache(home.vectors, visual.FINGERPRINT, len(visual.MEASURES))
        self.signatures = VectorCache(
            home.vectors, duplicates.FINGERPRINT, duplicates.SIGNATURE_DIM
        )
        self._flushed = time.monotonic()
        squares = (Square(tower.view, tower.format), Square(visual.VIEW, PixelFormat()))
        nbytes = max(square.nbytes for square in squares)
        self.blocks = Blocks(squares, rows=min(_BATCH, max(1, _BATCH_BYTES // nbytes)))

    def __contains__(self, content_hash: str) -> bool:
        return all(content_hash in cache for cache in self._caches)

    def fill(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """Pass `pictures` on; what is derived from them is computed whenever a block is full."""
        waiting: dict[Block, list[Picture]] = {}
        for picture in pictures:
            if (slot := picture.slot) is not None:
                members = waiting.setdefault(slot.block, [])
                members.append(picture)
                if len(members) == slot.block.rows:
                    self._compute(slot.block, waiting.pop(slot.block))
                    self.blocks.recycle(slot.block)
                    self._flush_when_due()
            yield picture
        for block, members in waiting.items():
            self._compute(block, members)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Write what was computed."""
        self._flush()

    @property
    def _caches(self) -> tuple[VectorCache, ...]:
        return self.vectors, self.measures, self.signatures

    def _flush_when_due(self) -> None:
        """Write every few seconds: a kill costs no more than that."""
        if time.monotonic() - self._flushed >= _FLUSH_EVERY_SECONDS:
            self._flush()

    def _flush(self) -> None:
        for cache in self._caches:
            cache.flush()
        self._flushed = time.monotonic()

    def _compute(self, block: Block, pictures: list[Picture]) -> None:
        """Compute what the caches lack of the pictures of a block."""
        pixels, levels = block.arrays
        pictures.sort(key=_row)

        def measured(rows: NDArray[Any], members: list[Picture]) -> NDArray[np.float32]:
            widths = np.array([picture.width for picture in members], np.int32)
            heights = np.array([picture.height for picture in members], np.int32)
            return visual.measure(rows, widths, heights)

        for cache, source, stage, derive in (
            (self.vectors, pixels, "encode", lambda rows, _: self._tower.encode_prepared(rows)),
            (self.measures, levels, "measure", measured),
            (self.signatures, levels, "signature", lambda rows, _: duplicates.signatures(rows)),
        ):
            self._add(cache, source, pictures, stage, derive)

    def _add(
        self,
        cache: VectorCache,
        source: NDArray[Any],
        pictures: list[Picture],
        stage: str,
        derive: "Callable[[NDArray[Any], list[Picture]], NDArray[np.float32]]",
    ) -> None:
        lacking = [picture for picture in pictures if _key(picture) not in cache]
        if not lacking:
            return
        # A full block goes as it is, without a copy.
        rows = source if len(lacking) == len(source) else source[[_row(one) for one in lacking]]
        with self._throughput.timed(stage, len(lacking)):
            derived = derive(rows, lacking)
        cache.add(dict(zip(map(_key, lacking), derived, strict=True)))


def _row(picture: Picture) -> int:
    return 0 if picture.slot is None else picture.slot.row


def _key(picture: Picture) -> str:
    return picture.content_hash or ""
