"""A `filter_predicate`, a SQL condition written by a stranger, parsed into a small tree."""

import difflib
import math
from typing import NoReturn

from ..errors import FilterError
from .filter_tokens import MAX_LENGTH, Token, fault, next_token
from .filter_tree import (
    And,
    Cast,
    Column,
    Compare,
    Constant,
    Has,
    In,
    Is,
    Like,
    Matches,
    Node,
    Not,
    Or,
)

__all__ = ["parse"]

_MAX_DEPTH = 50
_MAX_CASTS = 50
_MAX_CONDITIONS = 1_000
_MAX_VALUES = 20_000  # of all lists together
_CONSTANTS: dict[str, bool | None] = {"NULL": None, "TRUE": True, "FALSE": False}
_SYNONYMS = {"!=": "<>", "==": "="}
_CLOSING = {"(": ")", "[": "]"}
_FUNCTIONS = ("array_has", "array_has_all", "array_has_any", "cast", "regexp_match", "try_cast")


def parse(source: str) -> Node:
    """Parse a predicate.

    The grammar, loosest binding first; words and functions in any case:

    - ``a OR b``, ``a AND b``, ``NOT a``, ``(a)``
    - ``a = b`` and ``<> != < <= > >=``, between columns, casts and literals;
      ``a [NOT] IN (1, 2)``, ``a [NOT] LIKE 'x%'``, ``a [NOT] BETWEEN 1 AND 2``
    - ``a IS [NOT] NULL``, ``TRUE`` or ``FALSE``
    - ``regexp_match(a, 'pattern')``, ``array_has(a, 'x')``, ``array_has_any(a, ['x', 'y'])``,
      ``array_has_all(a, ['x', 'y'])``
    - ``CAST(a AS type)``, ``TRY_CAST(a AS type)``, ``a::type``

    A boolean column may stand alone: ``in_stock AND NOT discontinued``. A list is written
    ``['x', 'y']``, ``ARRAY['x', 'y']`` or ``make_array('x', 'y')``, that of IN in brackets of
    either kind. Inside of lists, where there are no columns, Shaped's users write texts in double
    quotes; elsewhere these quote names of columns.

    Raises
    ------
    FilterError
        Where the text leaves the grammar; the message points at the place. Also where it is longer,
        nests deeper or has more conditions than anyone writes.
    """
    if len(source) > MAX_LENGTH:
        message = (
            f"filter_predicate is {len(source):,} characters long; keep it under {MAX_LENGTH:,}"
        )
        raise FilterError(message)
    return _Parser(source).whole()


class _Parser:
    """Recursive descent, one method per rule, loosest binding first."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._conditions = self._casts = self._values = 0
        self._token = next_token(source, 0)

    def whole(self) -> Node:
        node = self._disjunction(0)
        if self._token.kind != "end":
            self._fail("AND, OR or the end")
        return node

    def _disjunction(self, depth: int) -> Node:
        operands = [self._conjunction(depth)]
        while self._accept("OR"):
            operands.append(self._conjunction(depth))
        return Or(tuple(operands)) if len(operands) > 1 else operands[0]

    def _conjunction(self, depth: int) -> Node:
        operands = [self._negation(depth)]
        while self._accept("AND"):
            operands.append(self._negation(depth))
        return And(tuple(operands)) if len(operands) > 1 else operands[0]

    def _negation(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            self._refuse(f"nests deeper than {_MAX_DEPTH} levels; flatten it")
        if self._accept("NOT"):
            return Not(self._negation(depth + 1))
        self._conditions += 1
        if self._conditions > _MAX_CONDITIONS:
            self._refuse(f"has more than {_MAX_CONDITIONS:,} conditions; IN (…) takes many values")
        condition = self._condition(depth)
        position = self._token.position
        if self._accept("IS"):
            negated = self._accept("NOT")
            condition = Is(condition, self._constant(), position)
            return Not(condition) if negated else condition
        return condition

    def _condition(self, depth: int) -> Node:
        left, token = self._operand(depth), self._token
        if token.kind == "operator":
            self._take()
            operator = _SYNONYMS.get(token.text, token.text)
            return Compare(left, operator, self._operand(depth), token.position)
        negated = self._accept("NOT")
        if self._accept("IN"):
            found: Node = In(left, self._list(), token.position)
        elif self._accept("LIKE"):
            found = Like(left, self._text("a pattern in single quotes"), token.position)
        elif self._accept("BETWEEN"):
            low = self._operand(depth)
            self._expect("AND")
            found = And(
                (
                    Compare(left, ">=", low, token.position),
                    Compare(left, "<=", self._operand(depth), token.position),
                )
            )
        elif negated:
            self._fail("IN, LIKE or BETWEEN")
        else:
            return left
        return Not(found) if negated else found

    def _operand(self, depth: int) -> Node:
        operand, token = self._primary(depth), self._token
        while self._accept("::"):
            operand = self._cast(operand, token.position)
            token = self._token
        return operand

    def _primary(self, depth: int) -> Node:
        token = self._token
        if self._accept("("):
            inner = self._disjunction(depth + 1)
            self._expect(")")
            return inner
        if token.kind in {"text", "number"} or self._is_constant():
            return self._literal()
        if token.kind not in {"word", "quoted"}:
            self._fail("a column name, a function or a literal")
        self._take()
        if token.kind == "word" and self._token.text == "(" and self._token.kind == "mark":
            return self._call(token, depth)
        return Column(token.text, token.position)

    def _call(self, name: Token, depth: int) -> Node:
        function = name.text.lower()
        if function not in _FUNCTIONS:
            near = difflib.get_close_matches(function, _FUNCTIONS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            what = f"there is no function {name.text!r}; {hint}known are {', '.join(_FUNCTIONS)}"
            raise fault(self._source, name.position, what)
        self._expect("(")
        operand = self._disjunction(depth + 1)
        node: Node
        if function in {"cast", "try_cast"}:
            if self._token.kind != "word" or self._token.text.upper() != "AS":
                self._fail("AS and a type")
            self._take()
            node = self._cast(operand, name.position)
        else:
            self._expect(",")
            node = self._about(function, operand, name.position)
        self._expect(")")
        return node

    def _about(self, function: str, operand: Node, position: int) -> Node:
        if function == "regexp_match":
            return Matches(operand, self._text("a pattern in single quotes"), position)
        values = (self._element(),) if function == "array_has" else self._list()
        return Has(operand, values, function == "array_has_all", position)

    def _cast(self, operand: Node, position: int) -> Cast:
        self._casts += 1
        if self._casts > _MAX_CASTS:
            self._refuse(f"has more than {_MAX_CASTS} casts")
        if self._token.kind != "word":
            self._fail("a type, such as INT or VARCHAR")
        target = self._take().text.upper()
        if target == "DOUBLE" and self._token.text.upper() == "PRECISION":
            self._take()
        return Cast(operand, target, position)

    def _list(self) -> tuple[Constant, ...]:
        """Read the literals of a list, however it is bracketed."""
        before = self._token.text.upper() if self._token.kind == "word" else ""
        if before in {"ARRAY", "MAKE_ARRAY"}:
            self._take()
        opening = self._token.text if self._token.kind == "mark" else ""
        if opening not in _CLOSING:
            self._fail("a list such as ('a', 'b') or ['a', 'b']")
        self._take()
        closing = _CLOSING[opening]
        if self._accept(closing):
            return ()
        values = [self._element()]
        while self._accept(","):
            values.append(self._element())
        self._expect(closing)
        return tuple(values)

    def _element(self) -> Constant:
        """Read a literal of a list: there are no columns, so double quotes hold a text too."""
        token = self._token
        self._values += 1
        if self._values > _MAX_VALUES:
            self._refuse(f"lists more than {_MAX_VALUES:,} values")
        if token.kind == "quoted":
            self._take()
            return Constant(token.text, token.position)
        return self._literal()

    def _text(self, wanted: str) -> Constant:
        if self._token.kind not in {"text", "quoted"}:
            self._fail(wanted)
        return self._element()

    def _literal(self) -> Constant:
        token = self._token
        if token.kind == "text":
            self._take()
            return Constant(token.text, token.position)
        if token.kind == "number":
            self._take()
            return Constant(self._number(token), token.position)
        if self._is_constant():
            return Constant(self._constant(), token.position)
        return self._fail("a number, a text in single quotes, TRUE, FALSE or NULL")

    def _number(self, token: Token) -> int | float:
        near = float(token.text)
        if math.isinf(near):
            raise fault(self._source, token.position, "the number is beyond what a DOUBLE holds")
        try:
            return int(token.text)
        except ValueError:  # with a point or an exponent
            return near

    def _constant(self) -> bool | None:
        if not self._is_constant():
            self._fail("NULL, TRUE or FALSE")
        return _CONSTANTS[self._take().text]

    def _is_constant(self) -> bool:
        return self._token.kind == "keyword" and self._token.text in _CONSTANTS

    def _take(self) -> Token:
        token = self._token
        self._token = next_token(self._source, token.stop)
        return token

    def _accept(self, text: str) -> bool:
        token = self._token
        if token.text != text or token.kind not in {"keyword", "mark"}:
            return False
        self._take()
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            self._fail(repr(text))

    def _fail(self, wanted: str) -> NoReturn:
        token = self._token
        shown = token.text if len(token.text) <= 40 else f"{token.text[:40]}…"
        found = "the end" if token.kind == "end" else repr(shown)
        raise fault(self._source, token.position, f"expected {wanted}, found {found}")

    def _refuse(self, what: str) -> NoReturn:
        raise fault(self._source, self._token.position, f"it {what}")
