"""A `filter_predicate`, a SQL condition written by a stranger, parsed into a small tree."""

import re
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from ..errors import FilterError

__all__ = ["And", "Between", "Compare", "In", "Is", "Like", "Literal", "Not", "Or", "Predicate"]

MAX_LENGTH = 10_000
_MAX_DEPTH = 50
_MAX_DIGITS = 18  # what fits 64 bits

Literal: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Compare:
    """``column operator value``, the operator one of = <> < <= > >=; a bare column ``= TRUE``."""

    column: str
    operator: str
    value: Literal


@dataclass(frozen=True, slots=True)
class In:
    """``column IN (…)``."""

    column: str
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """``column LIKE pattern``: % any run, _ any one character, case matters."""

    column: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Between:
    """``column BETWEEN low AND high``, both ends included."""

    column: str
    low: Literal
    high: Literal


@dataclass(frozen=True, slots=True)
class Is:
    """``column IS NULL``, ``IS TRUE`` or ``IS FALSE``; never itself null."""

    column: str
    value: bool | None


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; of null, null."""

    operand: "Predicate"


@dataclass(frozen=True, slots=True)
class And:
    """All hold."""

    operands: "tuple[Predicate, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Any holds."""

    operands: "tuple[Predicate, ...]"


Predicate: TypeAlias = Compare | In | Like | Between | Is | Not | And | Or

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | '(?P<text>(?:[^']|'')*)'
    | "(?P<quoted>(?:[^"]|"")+)"
    | (?P<word>[^\W\d]\w*)
    | (?P<operator><=|>=|<>|!=|==|=|<|>)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_KEYWORDS = {"AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"}
_CONSTANTS: dict[str, bool | None] = {"NULL": None, "TRUE": True, "FALSE": False}
_SYNONYMS = {"!=": "<>", "==": "="}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse(source: str) -> Predicate:
    """Parse a predicate: comparisons, AND / OR / NOT, IN, LIKE, BETWEEN, IS, parentheses.

    A boolean column may stand alone: ``in_stock AND NOT discontinued``.

    Raises
    ------
    FilterError
        Where the text leaves the grammar; the message points at the place.
    """
    if len(source) > MAX_LENGTH:
        message = (
            f"filter_predicate is {len(source):,} characters long; keep it under {MAX_LENGTH:,}"
        )
        raise FilterError(message)
    parser = _Parser(source)
    predicate = parser.disjunction(0)
    parser.expect_end()
    return predicate


class _Parser:
    """Recursive descent, one method per rule, loosest binding first."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = _tokenize(source)
        self._next = 0

    def disjunction(self, depth: int) -> Predicate:
        operands = [self._conjunction(depth)]
        while self._accept("OR"):
            operands.append(self._conjunction(depth))
        return Or(tuple(operands)) if len(operands) > 1 else operands[0]

    def expect_end(self) -> None:
        if self._token.kind != "end":
            self._fail("AND, OR or the end")

    def _conjunction(self, depth: int) -> Predicate:
        operands = [self._negation(depth)]
        while self._accept("AND"):
            operands.append(self._negation(depth))
        return And(tuple(operands)) if len(operands) > 1 else operands[0]

    def _negation(self, depth: int) -> Predicate:
        if depth > _MAX_DEPTH:
            message = f"filter_predicate nests deeper than {_MAX_DEPTH} levels; flatten it"
            raise FilterError(message)
        if self._accept("NOT"):
            return Not(self._negation(depth + 1))
        if self._accept("("):
            inner = self.disjunction(depth + 1)
            self._expect(")")
            return inner
        return self._condition()

    def _condition(self) -> Predicate:
        column = self._column()
        if self._accept("IS"):
            negated = self._accept("NOT")
            condition: Predicate = Is(column, self._constant())
            return Not(condition) if negated else condition
        if self._token.kind == "operator":
            operator = self._take().text
            return Compare(column, _SYNONYMS.get(operator, operator), self._literal())
        if self._ends_condition():
            return Compare(column, "=", value=True)
        negated = self._accept("NOT")
        condition = self._membership(column)
        return Not(condition) if negated else condition

    def _ends_condition(self) -> bool:
        """Whether nothing follows a column name: it is then a condition by itself."""
        return self._token.kind == "end" or self._token.text in {"AND", "OR", ")"}

    def _membership(self, column: str) -> Predicate:
        if self._accept("IN"):
            self._expect("(")
            values = [self._literal()]
            while self._accept(","):
                values.append(self._literal())
            self._expect(")")
            return In(column, tuple(values))
        if self._accept("LIKE"):
            pattern = self._literal()
            if not isinstance(pattern, str):
                self._fail("a pattern in single quotes before")
            return Like(column, pattern)
        if self._accept("BETWEEN"):
            low = self._literal()
            self._expect("AND")
            return Between(column, low, self._literal())
        return self._fail("a comparison, IN, LIKE, BETWEEN or IS")

    def _column(self) -> str:
        if self._token.kind not in {"word", "quoted"}:
            self._fail("a column name")
        return self._take().text

    def _constant(self) -> bool | None:
        if self._token.kind != "keyword" or self._token.text not in _CONSTANTS:
            self._fail("NULL, TRUE or FALSE")
        return _CONSTANTS[self._take().text]

    def _literal(self) -> Literal:
        kind, text = self._token.kind, self._token.text
        if kind == "text":
            self._take()
            return text
        if kind == "number":
            self._take()
            return (
                float(text) if re.search(r"[.eE]", text) or len(text) > _MAX_DIGITS else int(text)
            )
        if kind == "keyword" and text in _CONSTANTS:
            return self._constant()
        return self._fail("a number, a text in single quotes, TRUE, FALSE or NULL")

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += 1
        return token

    def _accept(self, text: str) -> bool:
        token = self._token
        if token.kind not in {"keyword", "mark"} or token.text != text:
            return False
        self._next += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            self._fail(repr(text))

    def _fail(self, wanted: str) -> NoReturn:
        token = self._token
        found = "the end" if token.kind == "end" else repr(token.text)
        raise _error(self._source, token.position, f"expected {wanted}, found {found}")


def _tokenize(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    position, end = 0, len(source.rstrip())
    while position < end:
        match = _TOKEN.match(source, position)
        if match is None:
            start = position + len(source[position:]) - len(source[position:].lstrip())
            raise _error(source, start, f"cannot read {source[start]!r}")
        kind = str(match.lastgroup)
        start, text = match.start(kind), match[kind]
        if kind == "word" and text.upper() in _KEYWORDS:
            kind, text = "keyword", text.upper()
        elif kind == "text":
            text = text.replace("''", "'")
        elif kind == "quoted":
            text = text.replace('""', '"')
        tokens.append(_Token(kind, text, start))
        position = match.end()
    return [*tokens, _Token("end", "", end)]


def _error(source: str, position: int, what: str) -> FilterError:
    start = max(0, position - 30)
    shown = source[start : position + 30].replace("\n", " ")
    caret = " " * (position - start) + "^"
    return FilterError(
        f"filter_predicate: {what}, at character {position + 1}:\n  {shown}\n  {caret}"
    )
