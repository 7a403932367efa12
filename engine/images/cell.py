"""What a cell of an image column refers to: a URL and its host, or something on this machine."""

import re
from typing import TypeAlias
from urllib.parse import urlsplit

Cell: TypeAlias = str | bytes
"""A path or URL, or the encoded picture itself."""

_SHOWN_LENGTH = 200
_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://|(data|file):", re.IGNORECASE)


def is_url(text: str) -> bool:
    """Whether the text has a scheme. Whether it is one that is fetched is for the fetch to say."""
    return _SCHEME.match(text) is not None


def url_host(cell: Cell) -> str | None:
    """Return the host and port of a URL in lower case, empty if unclear; None if it is no URL."""
    if isinstance(cell, bytes) or not is_url(cell):
        return None
    try:
        return urlsplit(cell).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def shown(cell: Cell | None) -> str:
    """Write a cell for people to read: shortened, and without the password it may hold."""
    if not isinstance(cell, str):
        return f"{len(cell or b'')} bytes"
    text = _CREDENTIALS.sub("//...@", cell.strip())
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."
