"""What a `filter_predicate` says, as a small tree: conditions, and the values that they compare."""

from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "And",
    "Cast",
    "Column",
    "Compare",
    "Constant",
    "Has",
    "In",
    "Is",
    "Like",
    "Literal",
    "Matches",
    "Node",
    "Not",
    "Or",
]

Literal: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, TRUE, FALSE or NULL; `position` is where it is written, from 0."""

    value: Literal
    position: int


@dataclass(frozen=True, slots=True)
class Column:
    """The value of a column."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Cast:
    """``CAST(operand AS target)`` or ``operand::target``; `target` in capitals."""

    operand: "Node"
    target: str
    position: int


@dataclass(frozen=True, slots=True)
class Compare:
    """``left operator right``, the operator one of = <> < <= > >=."""

    left: "Node"
    operator: str
    right: "Node"
    position: int


@dataclass(frozen=True, slots=True)
class In:
    """``operand IN (…)``."""

    operand: "Node"
    values: tuple[Constant, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Like:
    """``operand LIKE pattern``: % any run, _ any one character, a backslash before one: itself."""

    operand: "Node"
    pattern: Constant
    position: int


@dataclass(frozen=True, slots=True)
class Matches:
    """``regexp_match(operand, pattern)``: whether the pattern is found in a text."""

    operand: "Node"
    pattern: Constant
    position: int


@dataclass(frozen=True, slots=True)
class Has:
    """``array_has(operand, value)`` and its like: whether a list holds one or `all` of `values`."""

    operand: "Node"
    values: tuple[Constant, ...]
    all: bool
    position: int


@dataclass(frozen=True, slots=True)
class Is:
    """``operand IS NULL``, ``IS TRUE`` or ``IS FALSE``; never itself null."""

    operand: "Node"
    value: bool | None
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; of null, null."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """All hold."""

    operands: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Any holds."""

    operands: "tuple[Node, ...]"


Node: TypeAlias = (
    Constant | Column | Cast | Compare | In | Like | Matches | Has | Is | Not | And | Or
)
