"""What is known of people, as one row of numbers each: from a table, or from one request."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from ..moments import moment
from ..types import Mask

if TYPE_CHECKING:
    import polars as pl

__all__ = ["UserDesign"]

_Kind: TypeAlias = Literal["category", "list", "boolean", "number", "time"]
_Design: TypeAlias = NDArray[np.float32]
_KINDS: dict[str, _Kind] = {kind: kind for kind in get_args(_Kind)}

_MOST_VALUES = 32
"""Values of a column that get a place of their own."""
_FEW_PEOPLE = 5
"""Fewer people than these say nothing of others with the same value."""
_MOST_RARE = 1_000
_OUTERMOST = 3.0
"""Standard deviations beyond which a number says no more than that it is large."""
_TAIL = 0.01
_MICROSECONDS_PER_DAY = 86_400_000_000
_YES_NO = {
    **dict.fromkeys(("true", "yes", "t", "y", "1", "1.0"), "true"),
    **dict.fromkeys(("false", "no", "f", "n", "0", "0.0"), "false"),
}


@dataclass(frozen=True, slots=True)
class _Column:
    """How one column is read.

    Categories, lists and booleans have one place per entry of `values`, in case-folded text, and
    one more for all of `rare` where there are any; numbers and times have one place.
    """

    name: str
    kind: _Kind
    values: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    @property
    def is_grouping(self) -> bool:
        return self.kind in ("category", "list", "boolean")

    def places(self) -> list[str]:
        """Name the places, as an explanation would."""
        if not self.is_grouping:
            return [self.name]
        return [f"{self.name}={value}" for value in (*self.values, *(["other"] * bool(self.rare)))]

    def index(self) -> dict[str, int]:
        """Return the place of every value that is known."""
        rare = dict.fromkeys(self.rare, len(self.values))
        return {**rare, **{value: place for place, value in enumerate(self.values)}}


class UserDesign:
    """Columns of `fetch.users` as a matrix of numbers; frozen, so that one request can be encoded.

    A category is one-hot: the 32 values that most people have, at least five, get a place each, the
    rest share one, and a value nobody had has none. Lists are the same with several values, and
    booleans have a place for true and one for false. Numbers, and times as days, are standardised,
    the outermost hundredths and more than three deviations cut off. What is missing is zeros.
    Columns of other roles, free text above all, are left out, and so are those that say the same of
    everybody. NumPy only, but for `fit` and `encode_frame`.
    """

    def __init__(self, columns: Iterable[_Column]) -> None:
        self._columns = tuple(columns)
        self._indices = [column.index() for column in self._columns]
        self.names = tuple(place for column in self._columns for place in column.places())
        """What each place of a row means, such as ``country=fr``, shape (p,)."""
        self.groups: Mask = np.array(
            [column.is_grouping for column in self._columns for _ in column.places()], np.bool_
        )
        """Places that are 1 for the members of a group and 0 for others, shape (p,)."""

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def fit(cls, frame: "pl.DataFrame", roles: Mapping[str, str]) -> "UserDesign":
        """Choose the places by a table of users.

        Parameters
        ----------
        frame
            One row per user, columns of the types of their roles; see `sources.cells.read_columns`.
        roles
            By column; ``category``, ``list``, ``boolean``, ``number`` and ``time`` are read.
        """
        fitted = (
            _fit(frame[name], _KINDS[role])
            for name, role in roles.items()
            if name in frame.columns and role in _KINDS
        )
        return cls(column for column in fitted if column is not None)

    def encode_frame(self, frame: "pl.DataFrame") -> _Design:
        """Encode a table of the columns that `fit` saw; shape (rows, p), null cells zeros."""
        design = np.zeros((frame.height, len(self)), np.float32)
        for start, column, index in self._spans():
            if column.is_grouping:
                for row, cell in enumerate(frame[column.name].to_list()):
                    places = (index.get(value) for value in _texts(cell, column.kind))
                    design[row, [start + place for place in places if place is not None]] = 1
            else:
                numbers = _numbers(frame[column.name], column.kind)
                design[:, start] = np.nan_to_num(_scaled(numbers, column))
        return design

    def encode(self, features: Mapping[str, Any]) -> tuple[_Design, list[str]]:
        """Encode what one request says of a person.

        Parameters
        ----------
        features
            Column to value; the case of neither matters. Null values are missing.

        Returns
        -------
        vector
            Shape (p,); zeros for all that is missing or left out.
        notes
            One sentence for each feature that could not be used: no such column, a value that is
            not of its kind, or one that nobody had.
        """
        vector = np.zeros(len(self), np.float32)
        spans = {
            column.name.casefold(): (start, column, index) for start, column, index in self._spans()
        }
        notes = []
        for name, value in features.items():
            if value is None:
                continue
            if (span := spans.get(str(name).casefold())) is None:
                notes.append(
                    f"user feature {name!r} plays no part: the model knows {self._known()}"
                )
            elif note := _set(vector, *span, value):
                notes.append(f"user feature {name!r} is left out: {note}")
        return vector, notes

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers, ready for JSON."""
        return {"columns": [asdict(column) for column in self._columns]}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "UserDesign":
        """Return the design that `to_dict` wrote down."""
        return cls(
            _Column(**{**entry, "values": tuple(entry["values"]), "rare": tuple(entry["rare"])})
            for entry in document["columns"]
        )

    def _known(self) -> str:
        return ", ".join(column.name for column in self._columns) or "no features of people"

    def _spans(self) -> Iterator[tuple[int, _Column, Mapping[str, int]]]:
        """Yield where each column starts in a row."""
        start = 0
        for column, index in zip(self._columns, self._indices, strict=True):
            yield start, column, index
            start += len(column.places())


def _fit(values: "pl.Series", kind: _Kind) -> _Column | None:
    """Choose the places of one column; None where it cannot tell people apart."""
    if kind in ("number", "time"):
        numbers = _numbers(values, kind)
        numbers = numbers[~np.isnan(numbers)]
        if len(numbers) == 0:
            return None
        inner = np.clip(numbers, *np.quantile(numbers, [_TAIL, 1 - _TAIL]))
        deviation = float(inner.std())
        # Of equal numbers the deviation is rounding, not nothing.
        if deviation <= 1e-9 * float(np.abs(inner).max()):
            return None
        return _Column(values.name, kind, mean=float(inner.mean()), deviation=deviation)
    people = Counter(value for cell in values.to_list() for value in set(_texts(cell, kind)))
    ranked = sorted(people, key=lambda value: (-people[value], value))
    common = tuple(value for value in ranked if people[value] >= _FEW_PEOPLE)[:_MOST_VALUES]
    if not common or (len(people) == 1 and people[common[0]] == len(values)):
        return None
    return _Column(values.name, kind, common, tuple(ranked[len(common) :][:_MOST_RARE]))


def _set(
    vector: _Design, start: int, column: _Column, index: Mapping[str, int], value: object
) -> str | None:
    """Write a value of a request into a row; say why not where it is not one."""
    if not column.is_grouping:
        number = _number(value, column.kind)
        if math.isnan(number):
            return f"{value!r} is not a {column.kind}"
        vector[start] = _scaled(np.array(number), column)
        return None
    texts = _texts(value, column.kind)
    places = [index[text] for text in texts if text in index]
    vector[[start + place for place in places]] = 1
    if strange := [text for text in texts if text not in index]:
        return f"nobody had {', '.join(map(repr, strange))}"
    return None if texts else f"{value!r} is not a {column.kind}"


def _texts(cell: object, kind: _Kind) -> list[str]:
    """Return the values of a cell as case-folded text."""
    if kind == "list":
        if isinstance(cell, str):
            cell = cell.strip("[]() ").replace(";", "|").replace(",", "|").split("|")
        parts: Sequence[object] = cell if isinstance(cell, Sequence) else ()
        return [text for part in parts for text in _texts(part, "category")]
    if cell is None or not isinstance(cell, str | Real):
        return []
    text = str(cell).strip().strip("'\"").casefold()
    if kind == "boolean":
        return [_YES_NO[text]] if text in _YES_NO else []
    return [text] if text else []


def _numbers(values: "pl.Series", kind: _Kind) -> NDArray[np.float64]:
    """Return a column as numbers, times as days; NaN where null."""
    if kind == "time":
        days: NDArray[np.float64] = values.dt.epoch("us").to_numpy() / _MICROSECONDS_PER_DAY
        return days
    return values.to_numpy().astype(np.float64)


def _number(value: object, kind: _Kind) -> float:
    if kind == "time":
        time = moment(value)
        return math.nan if time is None else time / _MICROSECONDS_PER_DAY
    try:
        number = float(value) if isinstance(value, Real | str) else math.nan
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _scaled(numbers: NDArray[np.float64], column: _Column) -> NDArray[np.float64]:
    scaled = (numbers - column.mean) / column.deviation
    clipped: NDArray[np.float64] = np.clip(scaled, -_OUTERMOST, _OUTERMOST)
    return clipped
