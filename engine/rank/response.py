"""What queries answer: Shaped's parallel arrays, readable as attributes and as a mapping."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LabelResponse", "Response"]


class _Fields(Mapping[str, Any]):
    """The fields of a dataclass as a mapping, without those that are None."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - one of the fields
        if key in self:
            return getattr(self, key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return key in self.__dataclass_fields__ and getattr(self, str(key)) is not None

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.__dataclass_fields__ if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Response(_Fields):
    """Ranked ids with their scores; all lists run parallel, best first.

    ``response.ids`` and ``response["ids"]`` are the same; ``dict(response)`` is what `--json`
    prints. Entries that were not asked for are None, and absent from the mapping.
    """

    ids: list[str]
    scores: list[float]
    """Higher is better; within one response, comparable, and from 0 to 1."""
    metadata: list[dict[str, Any]] | None = None
    """The catalogue's columns of every item, and those of labels, as JSON values."""
    explanation: dict[str, Any] | None = None
    """With ``explain=True``: ``{"score": {"scoring_policy_scores": {signal: [...]}}, "plans":
    {space: plan}}`` and more.

    ``plans`` has the spaces in which the nearest were looked for, ``looks`` (pictures), ``meaning``
    (texts) and, for a person, ``taste``, and says how they were found: ``gather`` (what may be
    shown was scored, nothing else), ``scan`` (everything was), ``walk`` or ``filtered walk``
    (through a graph), ``lists`` (of every item's nearest, prepared by the build), or ``none`` where
    nothing qualified. Of several searches in one space it is the one that takes longest.
    """
    notes: list[str] = field(default_factory=list)
    """What the caller should know of how this was answered, such as an unknown user."""


@dataclass(frozen=True, slots=True)
class LabelResponse(_Fields):
    """Items with the label that fits each best; lists of items run parallel, most certain first.

    Reads as a `Response` does. An item that nobody can judge comes last, with None in place of a
    label, score and probabilities.
    """

    ids: list[str]
    best: list[str | None]
    """The likeliest label of every item."""
    scores: list[float | None]
    """Its probability."""
    labels: list[str]
    """The labels that were asked for, in the order of every item's `probabilities`."""
    probabilities: list[list[float] | None]
    """Of every label, of every item."""
    judged_by: list[Literal["image", "text"] | None]
    """Whether an item's picture or its words were compared with the labels."""
    metadata: list[dict[str, Any]] | None = None
    """As of `Response`."""
    notes: list[str] = field(default_factory=list)
    """As of `Response`."""

    def frame(self) -> "pl.DataFrame":
        """Return a Polars table, one row per item in the order of `ids`.

        Columns: item_id, label, probability, judged_by, and ``p_<label>`` for every label.
        """
        import polars as pl

        unknown = [None] * len(self.labels)
        rows = [unknown if row is None else row for row in self.probabilities]
        every = {f"p_{label}": [row[at] for row in rows] for at, label in enumerate(self.labels)}
        numbers = dict.fromkeys(["probability", *every], pl.Float64)
        texts = dict.fromkeys(["item_id", "label", "judged_by"], pl.String)
        return pl.DataFrame(
            {
                "item_id": self.ids,
                "label": self.best,
                "probability": self.scores,
                "judged_by": self.judged_by,
                **every,
            },
            schema_overrides={**numbers, **texts},
        )
