"""What the stage says about one cell: its outcome, and where its pixels are."""

import hashlib
from dataclasses import dataclass

from .blocks import Slot
from .outcome import Outcome


@dataclass(frozen=True, slots=True)
class Picture:
    """One cell of an image column, dealt with.

    Parameters
    ----------
    index
        Position of the cell in what was given to `load_pictures`.
    outcome
        What became of it.
    detail
        In a few words why it failed, e.g. ``"HTTP 403"``; empty where nothing did.
    content_hash
        sha256 of the encoded bytes, in hex; None unless bytes were had.
    slot
        Where its squares were written. None where there are none, and where this content was known
        to `have` or has been handed over with another cell already.
    width, height
        Of the original as displayed, in pixels; 0 where it was not decoded in this run.
    """

    index: int
    outcome: Outcome
    detail: str = ""
    content_hash: str | None = None
    slot: Slot | None = None
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """Encoded bytes and their sha256 in hex."""

    data: bytes
    content_hash: str


def content_of(data: bytes) -> Content:
    """Hash bytes that have just been had."""
    return Content(data, hashlib.sha256(data).hexdigest())
