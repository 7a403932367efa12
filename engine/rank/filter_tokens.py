"""The text of a `filter_predicate` cut into tokens, and errors that point into it."""

import re
from typing import NamedTuple

from ..errors import FilterError

__all__ = ["KEYWORDS", "MAX_LENGTH", "Token", "fault", "next_token"]

MAX_LENGTH = 400_000
"""Characters: a list of ten thousand ids, and a few of them."""

KEYWORDS = {"AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"}

# Digits are those of ASCII, and so are the letters of keywords: a look-alike is no SQL. A dot joins
# names, as in Shaped's `note.email`, so that the error names the whole of it.
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<mark>[(),\[\]]|::)
    | '(?P<text>(?:[^']|'')*)'
    | (?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
    | (?P<operator><=|>=|<>|!=|==|=|<|>)
    | "(?P<quoted>(?:[^"]|"")+)"
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_AROUND = 30  # characters of the predicate that an error shows before and after its place


class Token(NamedTuple):
    """A piece of a predicate: its kind, the text it stands for, and where it begins and ends.

    Kinds are mark, text, number, word, keyword (in capitals), operator, quoted and end.
    """

    kind: str
    text: str
    position: int
    stop: int


def next_token(source: str, position: int) -> Token:
    """Read the token at or after `position`, blanks passed over.

    Raises
    ------
    FilterError
        If what is there begins none.
    """
    match = _TOKEN.match(source, position)
    if match is None:
        start = position + len(source[position:]) - len(source[position:].lstrip())
        raise fault(source, start, _unreadable(source, start))
    kind = match.lastgroup or "end"
    start, text = match.start(kind), match[kind]
    if kind == "word" and text.isascii() and text.upper() in KEYWORDS:
        kind, text = "keyword", text.upper()
    elif kind == "text":
        start, text = start - 1, text.replace("''", "'")
    elif kind == "quoted":
        start, text = start - 1, text.replace('""', '"')
    return Token(kind, text, start, match.end())


def fault(source: str, position: int, what: str) -> FilterError:
    """Make an error that says what is wrong with a predicate and points at the place."""
    start = max(0, position - _AROUND)
    near = source[start : position + _AROUND]
    shown = "".join(character if character.isprintable() else " " for character in near)
    caret = " " * (position - start) + "^"
    return FilterError(
        f"filter_predicate: {what}, at character {position + 1}:\n  {shown}\n  {caret}"
    )


def _unreadable(source: str, position: int) -> str:
    character = source[position]
    if character in "'\"":
        return f"cannot read {character!r}: nothing closes it"
    if character == ";" or source.startswith(("--", "/*"), position):
        return f"cannot read {character!r}: a filter is one condition, without comments or `;`"
    return f"cannot read {character!r}"
