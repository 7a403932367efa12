"""A `filter_predicate` applied to the item table: which rows may be returned."""

import difflib
from collections.abc import Mapping
from typing import NoReturn

import numpy as np
import polars as pl

from ..types import Mask
from .filter_grammar import parse
from .filter_patterns import MAX_WEIGHT, PatternError, found_in, like, like_weight, weight
from .filter_tokens import fault
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
from .filter_values import TYPES, Value, cast, compare, compare_with, fitting, lookup_type, value_of

__all__ = ["compile_filter", "filter_mask", "passing"]

_FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_FEW = 8
"""Values up to which a list is asked for each of them: of more, its elements are looked up."""
_KNOWN_COLUMNS = 20  # that an error names


def compile_filter(predicate: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Compile a predicate to an expression that is true of the rows that pass, and never null.

    The text becomes a Polars expression over named columns; no part of it is ever run as SQL. See
    `filter_grammar.parse` for what it may say.

    Null behaves as in SQL: a comparison with it is neither true nor false, and a row is returned
    only where the whole predicate is true. Where databases differ: a cell that cannot be cast is
    null; ``regexp_match`` is true or false rather than the match, and ``IS NULL`` of it asks
    whether there is none; NaN equals itself and is larger than every number; a list that is empty
    has all of no values and none of any; nulls in lists equal nothing.

    Parameters
    ----------
    predicate
        Written by a stranger.
    schema
        Types of the columns that it may name.

    Raises
    ------
    FilterError
        If it does not parse, names a column the items do not have, compares a column with a value
        of another type, or has a pattern that cannot be run. The message points at the place.
    """
    compiler = _Compiler(predicate, dict(schema))
    return compiler.condition(parse(predicate)).fill_null(value=False)


def passing(condition: pl.Expr, items: pl.DataFrame, n_items: int) -> Mask:
    """Say which items a compiled filter lets through, shape (n_items,).

    `items` has the columns that `condition` names, one row per item.
    """
    if not condition.meta.root_names():  # the same of every item
        return np.full(n_items, pl.select(condition).item(), np.bool_)
    return items.select(condition).to_series().to_numpy()


def filter_mask(predicate: str, items: pl.DataFrame) -> Mask:
    """Say which rows of `items` satisfy a predicate, shape (n,); see `compile_filter`."""
    return passing(compile_filter(predicate, items.schema), items, items.height)


class _Compiler:
    """Turns the nodes of one predicate into expressions over the columns of `schema`."""

    def __init__(self, source: str, schema: dict[str, pl.DataType]) -> None:
        self._source = source
        self._schema = schema
        self._weight = 0

    def condition(self, node: Node) -> pl.Expr:
        """Compile what is true, false or null."""
        match node:
            case And(operands):
                return pl.all_horizontal([self.condition(operand) for operand in operands])
            case Or(operands):
                return pl.any_horizontal([self.condition(operand) for operand in operands])
            case Not(operand):
                return ~self.condition(operand)
            case Constant() | Column() | Cast():
                return self._alone(node)
            case _:
                return self._asked(node)

    def _asked(self, node: Compare | In | Like | Matches | Has | Is) -> pl.Expr:
        match node:
            case Compare():
                return self._compare(node)
            case In():
                return self._in(node)
            case Like() | Matches():
                return self._pattern(node)
            case Has():
                return self._has(node)
            case Is():
                return self._is(node)

    def _alone(self, node: Constant | Column | Cast) -> pl.Expr:
        value = self._value(node)
        if value.dtype == pl.Null:
            return pl.lit(None, pl.Boolean)
        if value.dtype != pl.Boolean:
            self._fail(node.position, f"{_said(value)}; it is no condition by itself")
        return value.expr

    def _value(self, node: Node) -> Value:
        match node:
            case Constant(literal, _):
                return value_of(literal)
            case Column(_, _):
                return self._column(node)
            case Cast(_, _, _):
                return self._cast(node)
            case _:
                return Value(self.condition(node), pl.Boolean(), "the condition")

    def _column(self, column: Column) -> Value:
        """Find a column as SQL does: exactly, else regardless of case when only one fits."""
        name = column.name
        if name not in self._schema:
            alike = [known for known in self._schema if known.lower() == name.lower()]
            if len(alike) != 1:
                self._unknown(column)
            name = alike[0]
        return Value(pl.col(name), self._schema[name], name)

    def _unknown(self, column: Column) -> NoReturn:
        near = difflib.get_close_matches(column.name, self._schema, n=1)
        if near:
            hint = f"did you mean {near[0]!r}?"
        else:
            shown = ", ".join(list(self._schema)[:_KNOWN_COLUMNS])
            more = len(self._schema) - _KNOWN_COLUMNS
            hint = f"columns: {shown}{f' and {more} more' if more > 0 else ''}"
        if self._source.startswith('"', column.position):
            hint += "; a text is written in single quotes"
        self._fail(column.position, f"the items have no column {column.name!r}; {hint}")

    def _cast(self, node: Cast) -> Value:
        if node.target not in TYPES:
            what = f"there is no type {node.target}; known are {', '.join(TYPES)}"
            self._fail(node.position, what)
        value = self._value(node.operand)
        found = cast(value, node.target)
        if found is None:
            self._fail(node.position, f"{_said(value)}; it cannot be cast to {node.target}")
        if isinstance(node.operand, Constant) and value.dtype != pl.Null:
            is_lost = pl.select(found.expr.is_null()).item()
            if is_lost:  # of a cell that is its own affair, here somebody wrote it
                self._fail(node.operand.position, f"{value.name} is no {node.target}")
        return found

    def _compare(self, node: Compare) -> pl.Expr:
        left, operator, right = node.left, node.operator, node.right
        if isinstance(left, Constant) and not isinstance(right, Constant):
            left, operator, right = right, _FLIPPED[operator], left
        value = self._value(left)
        if isinstance(right, Constant):
            found = compare_with(value, operator, right.value)
            if found is None:
                self._misfit(value, right)
            return found
        other = self._value(right)
        found = compare(value, operator, other)
        if found is None:
            what = f"{_said(value)} and {_said(other)}; they do not compare: CAST one of them"
            self._fail(node.position, what)
        return found

    def _in(self, node: In) -> pl.Expr:
        value = self._value(node.operand)
        found = self._looked_up(value, node.values, value.dtype)
        if found is None:
            return pl.lit(None, pl.Boolean)
        expr = _as_looked_up(value.expr, value.dtype).is_in(found.implode())
        if any(constant.value is None for constant in node.values):
            return pl.when(expr).then(statement=True)  # whether one equals NULL is not known
        return expr

    def _looked_up(
        self, value: Value, constants: tuple[Constant, ...], dtype: pl.DataType
    ) -> pl.Series | None:
        """Type the values of a list as `dtype`; None where all is null."""
        if dtype == pl.Null:
            return None
        found, misfit = fitting([constant.value for constant in constants], dtype)
        if misfit is not None:
            self._misfit(Value(value.expr, dtype, value.name), constants[misfit])
        return found

    def _pattern(self, node: Like | Matches) -> pl.Expr:
        value, pattern = self._value(node.operand), str(node.pattern.value)
        if value.dtype == pl.Null:
            return pl.lit(None, pl.Boolean)
        if value.dtype not in (pl.String, pl.Categorical, pl.Enum):
            what = f"{_said(value)}, not text; CAST({value.name} AS VARCHAR) makes it text"
            self._fail(node.position, what)
        text = value.expr.cast(pl.String)
        try:
            self._weight += like_weight(pattern) if isinstance(node, Like) else weight(pattern)
            if self._weight > MAX_WEIGHT:
                what = "the patterns would take too long; repeat less in them, or use fewer"
                self._fail(node.pattern.position, what)
            return like(text, pattern) if isinstance(node, Like) else found_in(text, pattern)
        except PatternError as error:
            place = "" if error.at is None else f" at its character {error.at + 1}"
            shown = pattern if len(pattern) <= 60 else f"{pattern[:60]}…"
            self._fail(node.pattern.position, f"{error}{place} (pattern {shown!r})")

    def _has(self, node: Has) -> pl.Expr:
        value = self._value(node.operand)
        if value.dtype == pl.Null:
            return pl.lit(None, pl.Boolean)
        if not isinstance(value.dtype, pl.List | pl.Array):
            self._fail(node.position, f"{_said(value)}, not a list")
        for constant in node.values:
            if constant.value is None:
                self._fail(constant.position, "NULL equals nothing that a list holds")
        inner = value.dtype.inner
        if not isinstance(inner, pl.DataType):
            inner = inner()
        lists = value.expr if isinstance(value.dtype, pl.List) else value.expr.arr.to_list()
        values = self._looked_up(value, node.values, inner)
        wanted = len({constant.value for constant in node.values})
        if values is None:  # a list of nulls
            values = pl.Series([], dtype=pl.Null)
        else:
            values = values.unique()
            lists = lists.cast(pl.List(lookup_type(inner)))
        if (node.all and len(values) < wanted) or not len(values):
            found = pl.lit(node.all and not wanted)
        elif len(values) <= _FEW:
            each = [lists.list.contains(pl.lit(member, values.dtype)) for member in values]
            found = pl.all_horizontal(each) if node.all else pl.any_horizontal(each)
        else:
            held = lists.list.set_intersection(pl.lit(values.implode())).list.len()
            found = held >= (len(values) if node.all else 1)
        return pl.when(lists.is_not_null()).then(found)

    def _is(self, node: Is) -> pl.Expr:
        if node.value is None and isinstance(node.operand, Matches):
            # In Shaped it is the match, and null where there is none.
            return self.condition(node.operand).ne_missing(pl.lit(value=True))
        value = self._value(node.operand)
        if node.value is None:
            return value.expr.is_null()
        if value.dtype == pl.Null:
            return pl.lit(value=False)
        if value.dtype != pl.Boolean:
            self._fail(node.position, f"{_said(value)}; only what is true or false IS TRUE")
        return value.expr.eq_missing(pl.lit(node.value))

    def _misfit(self, value: Value, constant: Constant) -> NoReturn:
        literal = constant.value
        shown = repr(literal) if len(repr(literal)) <= 60 else f"{repr(literal)[:60]}…"
        if isinstance(literal, str) and value.dtype.is_temporal():
            what = (
                f"{shown} is not a date that column {value.name!r} can be compared with; "
                "write '2026-01-31' or '2026-01-31T12:00:00'"
            )
        else:
            what = f"{_said(value)}; it cannot be compared with {shown}"
        self._fail(constant.position, what)

    def _fail(self, position: int, what: str) -> NoReturn:
        raise fault(self._source, position, what)


def _as_looked_up(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Bring values to the type that they are looked up as."""
    wanted = lookup_type(dtype)
    if isinstance(dtype, pl.Date) or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None):
        return expr.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return expr if dtype == wanted else expr.cast(wanted)


def _said(value: Value) -> str:
    return f"{value.name!r} is {value.dtype}"
