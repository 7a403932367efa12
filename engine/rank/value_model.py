"""A `value_model`, an arithmetic expression by a stranger, made into a function of whole columns.

The text is parsed by Python's own parser and never run: each node that is on the list below becomes
a NumPy step, and any other is refused.
"""

import ast
import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..types import Scores

__all__ = ["ValueModel", "compile_value_model"]

MAX_LENGTH = 2_000
_MAX_DEPTH = 100
_MAX_NODES = 500
_MAX_EXPONENT = 64

Values: TypeAlias = NDArray[np.float64]
_Run: TypeAlias = Callable[[Mapping[str, Values]], Values]

_JINJA = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)  # {{- … -}} takes blanks away around it


@dataclass(frozen=True, slots=True)
class ValueModel:
    """An expression that scores candidates; made by `compile_value_model`.

    `names` are the signals it reads, ``score`` among them if it does; `columns` the columns, as
    ``item.price`` or ``user.age``.
    """

    text: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    _run: _Run

    def evaluate(
        self, signals: Mapping[str, Scores], columns: Callable[[str], NDArray[Any]]
    ) -> Scores:
        """Return the value of every candidate, shape (m,), float32; higher is better.

        Computed in float64. A candidate whose value is no finite number, because a column it
        depends on is null or a step has no result, gets -inf: it comes last, and is to be counted.

        Parameters
        ----------
        signals
            By name, each of shape (m,): ``score`` and every signal that there is.
        columns
            Returns a column by its name in `columns`: numbers or truth values, shape (m,) or one
            for all, NaN where it is null.

        Raises
        ------
        ConfigError
            If a name is no signal, or a column holds no numbers.
        """
        values: dict[str, Values] = {}
        for name in self.names:
            if name not in signals:
                message = f"value_model: {_unknown('signal', name, signals)}"
                raise ConfigError(message)
            values[name] = np.asarray(signals[name], np.float64)
        for name in self.columns:
            values[name] = _numbers(name, columns(name))
        with np.errstate(all="ignore"):
            value = self._run(values)
            scores = np.broadcast_to(value, np.shape(signals["score"])).astype(np.float32)
        scores[~np.isfinite(scores)] = -np.inf
        return scores


@lru_cache(maxsize=64)
def compile_value_model(text: str) -> ValueModel:
    """Compile an expression such as ``score * (1 + 0.2 * item.margin) if item.stock > 0 else 0``.

    It may hold numbers, names of signals, ``score``, columns as ``item.price`` and ``user.age``,
    ``+ - * / % **``, comparisons, ``and or not``, ``a if b else c``, parentheses and the functions
    abs, ceil, clip, coalesce, exp, floor, log, log10, log1p, log2, max, min, pow, round, sqrt; all
    mean what they do in Python, except that nothing is an error of its own: 1 / 0 is infinite and
    log(-1) has no result. ``coalesce(item.rating, 3)`` is the first that is not null. What is
    computed from a null is null, a comparison too; of ``a if b else c`` only the side chosen
    counts. ``{{ }}`` around the whole, as in Jinja, may be there.

    Raises
    ------
    ConfigError
        Where the text leaves this grammar, is longer than 2,000 characters, has more than 500 parts
        or nests deeper than 100, or has a constant part that is no finite number; the message
        points at the place.
    """
    if len(text) > MAX_LENGTH:
        message = f"value_model is {len(text):,} characters long; keep it under {MAX_LENGTH:,}"
        raise ConfigError(message)
    source = text.strip()
    if (jinja := _JINJA.fullmatch(source)) is not None:
        source = jinja[1].strip()
    source = re.sub(r"[\r\n]", " ", source)
    if "#" in source:  # else the parser would drop what follows, now that all is one line
        _fail(source, source.index("#"), "a comment cannot be part of it")
    try:
        tree = ast.parse(source, mode="eval")
    except SyntaxError as error:
        place = error.offset - 1 if error.offset else len(source)  # 0 is where it breaks off
        _fail(source, place, f"it is no expression ({error.msg})")
    except (ValueError, MemoryError, RecursionError):
        _fail(source, 0, "it is no expression that can be read")
    compiler = _Compiler(source)
    part = compiler.part(tree.body)
    return ValueModel(text, tuple(compiler.names), tuple(compiler.columns), part.run)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the expression; `constant` is its value where that hangs on no candidate."""

    run: _Run
    constant: float | None = None


@dataclass(slots=True)
class _Compiler:
    """Turns nodes into steps, innermost first, and takes note of what they read."""

    source: str
    names: dict[str, None] = field(default_factory=dict)
    columns: dict[str, None] = field(default_factory=dict)
    n_nodes: int = 0

    def part(self, node: ast.expr, depth: int = 0) -> _Part:
        self.n_nodes += 1
        if depth > _MAX_DEPTH:
            self._refuse(node, f"it nests deeper than {_MAX_DEPTH} levels")
        if self.n_nodes > _MAX_NODES:
            self._refuse(node, f"it has more than {_MAX_NODES} parts")
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return self._constant(node, value)
            case ast.Name(id=name):
                return self._signal(node, name)
            case ast.Attribute(value=ast.Name(id="item" | "user" as owner), attr=column):
                return self._read(f"{owner}.{column}", self.columns)
        function = self._function(node)
        operands = [self.part(operand, depth + 1) for operand in _operands(node)]
        if function is np.power:
            self._check_exponent(node, operands[1])
        return self._apply(node, function, operands)

    def _constant(self, node: ast.expr, value: float) -> _Part:
        try:
            number = np.float64(value)
        except OverflowError:
            number = np.float64(math.inf)
        if not np.isfinite(number):
            self._refuse(node, "this is no finite number")
        constant: Values = np.asarray(number)
        return _Part(lambda _: constant, float(number))

    def _signal(self, node: ast.expr, name: str) -> _Part:
        if name in {"item", "user"}:
            self._refuse(node, f"{name} needs one of its columns, as in {name}.price")
        if name in _FUNCTIONS or name.startswith("__"):
            self._refuse(node, f"{name!r} is no signal")
        return self._read(name, self.names)

    def _read(self, name: str, into: dict[str, None]) -> _Part:
        into[name] = None
        return _Part(lambda values: values[name])

    def _function(self, node: ast.expr) -> Callable[..., Values]:
        """Return what a node does with its operands."""
        match node:
            case ast.BinOp(op=operator) if type(operator) in _BINARY:
                return _BINARY[type(operator)]
            case ast.UnaryOp(op=sign) if type(sign) in _UNARY:
                return _UNARY[type(sign)]
            case ast.BoolOp(op=ast.And()):
                return lambda *operands: reduce(_and, operands)
            case ast.BoolOp(op=ast.Or()):
                return lambda *operands: reduce(_or, operands)
            case ast.Compare(ops=operators) if all(type(one) in _COMPARE for one in operators):
                return _chain([_COMPARE[type(one)] for one in operators])
            case ast.IfExp():
                return _choose
            case ast.Call(func=ast.Name(id=name), args=operands, keywords=[]):
                return self._call(node, name, len(operands))
        wanted = "it is arithmetic over signals and columns, as in score * item.price"
        return self._refuse(node, f"this cannot be part of it: {wanted}")

    def _call(self, node: ast.expr, name: str, n_operands: int) -> Callable[..., Values]:
        if name not in _FUNCTIONS:
            self._refuse(node, _unknown("function", name, _FUNCTIONS))
        function, least, most = _FUNCTIONS[name]
        if not least <= n_operands <= most:
            wanted = f"{least}" if least == most else f"at least {least}"
            self._refuse(node, f"{name} takes {wanted} values, not {n_operands}")
        return function

    def _check_exponent(self, node: ast.expr, exponent: _Part) -> None:
        if exponent.constant is not None and abs(exponent.constant) > _MAX_EXPONENT:
            self._refuse(node, f"an exponent may be {_MAX_EXPONENT} at most")

    def _apply(
        self, node: ast.expr, function: Callable[..., Values], operands: list[_Part]
    ) -> _Part:
        """Let a function follow its operands; of constants alone it is computed at once."""
        runs = [operand.run for operand in operands]
        if any(operand.constant is None for operand in operands):
            return _Part(lambda values: function(*[run(values) for run in runs]))
        with np.errstate(all="ignore"):
            return self._constant(node, float(function(*[run({}) for run in runs])))

    def _refuse(self, node: ast.expr, what: str) -> NoReturn:
        # The parser counts bytes, a reader characters.
        before = self.source.encode()[: node.col_offset].decode(errors="ignore")
        _fail(self.source, len(before), what)


def _operands(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.BoolOp(values=values):
            return values
        case ast.Compare(left=left, comparators=comparators):
            return [left, *comparators]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return [test, body, orelse]
        case ast.Call(args=operands):
            return operands
    return []


# NaN is null: a step that has one among what it depends on has no result.


def _choose(test: Values, chosen: Values, other: Values) -> Values:
    return np.where(np.isnan(test), np.nan, np.where(test != 0, chosen, other))


def _and(one: Values, other: Values) -> Values:
    return _choose(one, other, one)


def _or(one: Values, other: Values) -> Values:
    return _choose(one, one, other)


def _not(one: Values) -> Values:
    return np.where(np.isnan(one), np.nan, one == 0)


def _first_known(one: Values, other: Values) -> Values:
    return np.where(np.isnan(one), other, one)


def _chain(comparisons: list[np.ufunc]) -> Callable[..., Values]:
    """Return ``a < b <= c`` as Python means it: every one holds of its neighbours."""

    def compare(*operands: Values) -> Values:
        held = [
            np.where(np.isnan(left) | np.isnan(right), np.nan, comparison(left, right))
            for comparison, left, right in zip(comparisons, operands, operands[1:], strict=False)
        ]
        return reduce(_and, held)

    return compare


def _all_of(function: Callable[[Values, Values], Values]) -> Callable[..., Values]:
    return lambda *operands: reduce(function, operands)


_BINARY: dict[type[ast.operator], Callable[..., Values]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_UNARY: dict[type[ast.unaryop], Callable[..., Values]] = {
    ast.USub: np.negative,
    ast.UAdd: np.positive,
    ast.Not: _not,
}
_COMPARE: dict[type[ast.cmpop], np.ufunc] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
# Function, and how many values it takes at least and at most.
_FUNCTIONS: dict[str, tuple[Callable[..., Values], int, int]] = {
    "abs": (np.abs, 1, 1),
    "ceil": (np.ceil, 1, 1),
    "clip": (lambda value, low, high: np.minimum(np.maximum(value, low), high), 3, 3),
    "coalesce": (_all_of(_first_known), 2, MAX_LENGTH),
    "exp": (np.exp, 1, 1),
    "floor": (np.floor, 1, 1),
    "log": (np.log, 1, 1),
    "log10": (np.log10, 1, 1),
    "log1p": (np.log1p, 1, 1),
    "log2": (np.log2, 1, 1),
    "max": (_all_of(np.maximum), 2, MAX_LENGTH),
    "min": (_all_of(np.minimum), 2, MAX_LENGTH),
    "pow": (np.power, 2, 2),
    "round": (np.rint, 1, 1),
    "sqrt": (np.sqrt, 1, 1),
}


def _numbers(name: str, column: NDArray[Any]) -> Values:
    values = np.asarray(column)
    if values.dtype.kind not in "biuf":
        message = f"value_model: {name} holds {values.dtype}, not numbers"
        raise ConfigError(message)
    return values.astype(np.float64)


def _unknown(kind: str, name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
    return f"there is no {kind} {name!r}; {hint}"


def _fail(source: str, position: int, what: str) -> NoReturn:
    start = max(0, position - 30)
    near = source[start : position + 30]
    shown = "".join(character if character.isprintable() else "?" for character in near)
    caret = " " * (position - start) + "^"
    message = f"value_model: {what}, at character {position + 1}:\n  {shown}\n  {caret}"
    raise ConfigError(message)
