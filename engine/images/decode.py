"""Contents into pictures, each content once however many cells hold it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from .blocks import Blocks
from .native import NativeDecoder
from .outcome import Outcome, PictureError
from .picture import Content, Picture


class Decoder:
    """Decodes contents and remembers what became of each; for several threads.

    Parameters
    ----------
    native
        Turns bytes into the squares of `blocks`.
    blocks
        Where pixels are written.
    have
        Whether the pixels of the content of this sha256 are not needed.
    """

    def __init__(
        self, native: NativeDecoder, blocks: Blocks, *, have: Callable[[str], bool]
    ) -> None:
        self._native = native
        self._blocks = blocks
        self._have = have
        self._lock = threading.Lock()
        self._done: dict[str, Picture] = {}
        self._under_way: dict[str, Future[Picture]] = {}

    def recall(self, index: int, content_hash: str) -> Picture | None:
        """Return the picture, without pixels, if this content needs no decoding."""
        with self._lock:
            done = self._done.get(content_hash)
        if done is not None:
            return replace(done, index=index)
        if self._have(content_hash):
            return Picture(index, Outcome.OK, content_hash=content_hash)
        return None

    def decode(self, index: int, content: Content) -> Picture:
        """Return the picture; the first of this content has the pixels, if they are needed."""
        with self._lock:
            other = self._under_way.get(content.content_hash)
            mine: Future[Picture] = Future()
            if other is None:
                self._under_way[content.content_hash] = mine
        if other is not None:
            return replace(other.result(), index=index)
        try:
            picture = self.recall(index, content.content_hash) or self._decoded(index, content)
        except BaseException as error:
            mine.set_exception(error)
            raise
        without_pixels = replace(picture, slot=None)
        with self._lock:
            self._done[content.content_hash] = without_pixels
            del self._under_way[content.content_hash]
        mine.set_result(without_pixels)
        return picture

    def _decoded(self, index: int, content: Content) -> Picture:
        slot = self._blocks.take()
        try:
            width, height = self._native.decode_into(content.data, slot.arrays)
        except PictureError as error:
            self._blocks.give_back(slot)
            return Picture(index, error.outcome, error.detail, content.content_hash)
        return Picture(
            index,
            Outcome.OK,
            content_hash=content.content_hash,
            slot=slot,
            width=width,
            height=height,
        )
