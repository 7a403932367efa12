"""Reads what is searched for: words, pictures and items, weighted, added up and taken away.

The language of `text_query` is rclip's, ``2:red dress + ./photo.jpg - leather``, and more exact:

- Terms are joined by ``+`` or ``-`` with white space on both sides, or at the very beginning. Any
  other sign belongs to its word: ``t-shirt``, ``50-60``, ``C++``, ``-40 degrees``.
- A term may begin with a weight above 0 and a colon: ``2:red``, ``0.5:red``. A digit after the
  colon makes it a ratio, a scale or a time, and a space a title, which are words: ``16:9``,
  ``1:24 model car``, ``2001: A Space Odyssey``.
- A term is a picture where it begins with ``./``, ``../``, ``/``, ``~/`` or their like on Windows,
  where it is a URL, and after ``image:``. Only how it is written decides, not which files there
  are: ``photo.jpg`` is words.
- A term is an item after ``item:``, as in ``item:A-17``.
- Anything else is words. What stands in double quotes is words whatever it holds:
  ``"rock + roll"``, ``"2:one"``; quotes also keep an id or a path together: ``item:"a + b"``. A
  quote opens at the beginning of a word and closes at its end, so ``27" monitor`` has none.

What has no sign, weight, prefix or quote is one text, passed on as it is.
"""

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias

from .errors import QueryError

__all__ = ["MOST_PARTS", "Part", "Picture", "read_parts", "read_queries", "read_text_query"]

MOST_PARTS = 64
"""Parts of one query: every one costs a run of the encoder."""
HEAVIEST = 1_000.0

Picture: TypeAlias = str | os.PathLike[str] | bytes
"""A path, a URL or the encoded picture itself."""
Kind: TypeAlias = Literal["text", "image", "item_id"]

_TOKEN = re.compile(
    r"""(?P<quoted>(?<![^\s:])"(?P<inside>.*?)"(?!\S))  # closes at the end of a word
      | (?P<open>(?<![^\s:])")
      | (?P<sign>(?<!\S)[+-](?!\S))""",
    re.DOTALL | re.VERBOSE,
)
_WEIGHT = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+):(?=[^\s\d])")
_PATH = re.compile(r"(\.{0,2}/|~/|\.{1,2}\\|[a-z]:[\\/])\S|[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_PREFIXES: Mapping[str, Kind] = {"item:": "item_id", "image:": "image"}
_KINDS: tuple[Kind, ...] = ("text", "image", "item_id")
_SHOWN_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to be near to or, with a weight below 0, far from."""

    kind: Kind
    value: Picture
    """Words, a picture, or the id of an item."""
    weight: float = 1.0
    """From -1,000 to 1,000, not 0."""
    where: str = ""
    """What messages call it, such as ``part 2 of text_query ('leather', at character 13)``; empty
    where it is all there is."""

    @property
    def name(self) -> str:
        """What to say of it in a sentence."""
        kind = {"text": "the text", "image": "the picture", "item_id": "the item"}[self.kind]
        return self.where or kind


def read_parts(
    text_query: str | None,
    image: Picture | None,
    queries: Sequence[Mapping[str, Any]] | None,
) -> list[Part]:
    """Join what was asked for in each way; the arguments of `sightline.Client.retrieve`.

    Raises
    ------
    QueryError
        As `read_text_query` and `read_queries`, and for more than 64 parts.
    """
    parts = [] if text_query is None else read_text_query(text_query)
    if image is not None:
        parts.append(Part("image", image))
    if queries is not None:
        parts += read_queries(queries)
    if len(parts) > MOST_PARTS:
        message = f"a query may have {MOST_PARTS} parts, and this one has {len(parts)}"
        raise QueryError(message)
    return parts


def read_text_query(text: object) -> list[Part]:
    """Read the language of `text_query`, see the module: one part per term, in their order.

    Raises
    ------
    QueryError
        For a sign or a weight with nothing after it, a quote that is not closed, and a weight out
        of range. It names the term and the place.
    """
    if not isinstance(text, str):
        message = f"text_query must be a text, not {text!r}"
        raise QueryError(message)
    terms = list(_terms(text))
    if len(terms) == 1 and terms[0].is_plain:
        return [Part("text", text)]
    return [term.read(number) for number, term in enumerate(terms, 1)]


def read_queries(queries: Sequence[Mapping[str, Any]]) -> list[Part]:
    """Read parts that are given as mappings: ``{"text": …}``, ``{"image": …}``, ``{"item_id": …}``.

    Each may have a ``weight``, 1 if it has none, which below 0 takes the part away. Texts are taken
    literally, so this is how to search for what somebody else wrote.

    Raises
    ------
    QueryError
        For a mapping that has none or several of the three, or another key, or a value that cannot
        be one, and where there is no part at all.
    """
    if isinstance(queries, str | bytes | Mapping) or not isinstance(queries, Sequence):
        message = f"queries must be a list such as [{{'text': 'red dress'}}], not {queries!r}"
        raise QueryError(message)
    if not queries:
        message = "queries is empty: give at least one part such as {'text': 'red dress'}"
        raise QueryError(message)
    return [_part(query, f"queries[{place}]") for place, query in enumerate(queries)]


@dataclass(frozen=True, slots=True)
class _Term:
    """What stands between two signs of a text: without the white space around it, and where."""

    text: str
    start: int
    sign: int = 1

    @property
    def is_plain(self) -> bool:
        """Whether this is words and nothing else."""
        is_marked = _TOKEN.search(self.text) or _WEIGHT.match(self.text) or _PATH.match(self.text)
        return self.sign > 0 and not is_marked and _prefixed(self.text) is None

    def read(self, number: int) -> Part:
        """Return the part that this is, `number` counting from 1."""
        shown = self.text if len(self.text) <= _SHOWN_LENGTH else f"{self.text[:_SHOWN_LENGTH]}…"
        where = f"part {number} of text_query ({shown!r}, at character {self.start + 1})"
        weight, rest = 1.0, self.text
        if weighed := _WEIGHT.match(self.text):
            weight, rest = float(weighed[1]), self.text[weighed.end() :]
        kind, value = _meaning(rest)
        if not value.strip():
            message = f"{where} says nothing: write words, a picture or an item there"
            raise QueryError(message)
        return Part(kind, value, _weight(weight, where) * self.sign, where)


def _terms(text: str) -> Iterator[_Term]:
    """Cut a text at its signs."""
    sign, sign_at, start = 1, -1, 0
    for token in _TOKEN.finditer(text):
        if token["open"]:
            message = (
                f"text_query opens a quote at character {token.start() + 1} that is not closed at "
                "the end of a word"
            )
            raise QueryError(message)
        if not token["sign"]:
            continue
        if sign_at >= 0 or not _is_blank(text[: token.start()]):
            yield _term(text, start, token.start(), sign, sign_at)
        sign, sign_at, start = 1 if token["sign"] == "+" else -1, token.start(), token.end()
    yield _term(text, start, len(text), sign, sign_at)


def _term(text: str, start: int, end: int, sign: int, sign_at: int) -> _Term:
    content = text[start:end]
    stripped = content.strip()
    if sign_at >= 0 and not stripped:
        message = (
            f"nothing follows the {text[sign_at]!r} of text_query at character {sign_at + 1}: "
            'write a term after it, or quotes around what is to be found as it is, as in "a + b"'
        )
        raise QueryError(message)
    return _Term(stripped, start + len(content) - len(content.lstrip()), sign)


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _meaning(text: str) -> tuple[Kind, str]:
    """Say what a term without its weight is."""
    kind, value = _prefixed(text) or ("image" if _PATH.match(text) else "text", text)
    value = _unquoted(value)
    # Not of pathlib: a URL must stay as it is.
    return kind, os.path.expanduser(value) if kind == "image" else value  # noqa: PTH111


def _prefixed(text: str) -> tuple[Kind, str] | None:
    for prefix, kind in _PREFIXES.items():
        value = text.removeprefix(prefix)
        if value != text and value and not value[0].isspace():
            return kind, value
    return None


def _unquoted(text: str) -> str:
    return _TOKEN.sub(lambda token: token["inside"] or "" if token["quoted"] else token[0], text)


def _part(query: Any, where: str) -> Part:  # noqa: ANN401 - whatever was given
    if not isinstance(query, Mapping):
        message = f"{where} must be a mapping such as {{'text': 'red dress'}}, not {query!r}"
        raise QueryError(message)
    if unknown := sorted(str(key) for key in set(query) - {*_KINDS, "weight"}):
        named = ", ".join(unknown)
        message = f"{where} has {named}; it may have text, image or item_id, and a weight"
        raise QueryError(message)
    given = [kind for kind in _KINDS if query.get(kind) is not None]
    if len(given) != 1:
        named = " and ".join(given) or "none"
        message = f"{where} must have exactly one of text, image and item_id; it has {named}"
        raise QueryError(message)
    (kind,) = given
    value = query[kind]
    if kind == "item_id" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    accepted = str | bytes | os.PathLike if kind == "image" else str
    if not isinstance(value, accepted) or (isinstance(value, str) and _is_blank(value)):
        wanted = {"text": "words", "image": "a path, a URL or bytes", "item_id": "an id"}[kind]
        message = f"{where}: {kind} must be {wanted}, not {value!r}"
        raise QueryError(message)
    weight = query.get("weight")
    return Part(kind, value, _weight(1.0 if weight is None else weight, where), where)


def _weight(given: object, where: str) -> float:
    is_number = isinstance(given, Real) and not isinstance(given, bool)
    weight = float(given) if is_number else math.nan  # type: ignore[arg-type]
    if not 0 < abs(weight) <= HEAVIEST:
        message = (
            f"{where}: a weight must be a number other than 0 and no larger than {HEAVIEST:,.0f}, "
            f"not {given!r}"
        )
        raise QueryError(message)
    return weight
