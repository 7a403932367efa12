"""Contents into pictures, each content once however many cells hold it."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from ..types import View
from . import codec
from .outcome import Outcome, PictureError
from .picture import Content, Picture


class Decoder:
    """Decodes contents and remembers what became of each; for several threads.

    Parameters
    ----------
    views
        What squares to make of a picture.
    max_pixels
        Cap on width times height.
    have
        Whether the pixels of the content of this sha256 are not needed.
    """

    def __init__(
        self, *, views: Sequence[View], max_pixels: int, have: Callable[[str], bool]
    ) -> None:
        self._views = views
        self._max_pixels = max_pixels
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
        without_pixels = replace(picture, pixels=None)
        with self._lock:
            self._done[content.content_hash] = without_pixels
            del self._under_way[content.content_hash]
        mine.set_result(without_pixels)
        return picture

    def _decoded(self, index: int, content: Content) -> Picture:
        try:
            decoded = codec.decode(content.data, views=self._views, max_pixels=self._max_pixels)
        except PictureError as error:
            return Picture(index, error.outcome, error.detail, content.content_hash)
        return Picture(
            index,
            Outcome.OK,
            content_hash=content.content_hash,
            pixels=decoded.pixels,
            width=decoded.width,
            height=decoded.height,
        )
