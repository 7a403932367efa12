"""What every query answers: Shaped's parallel arrays, readable as attributes and as a mapping."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Response"]


@dataclass(frozen=True, slots=True)
class Response(Mapping[str, Any]):
    """Ranked ids with their scores; all lists run parallel, best first.

    ``response.ids`` and ``response["ids"]`` are the same; ``dict(response)`` is what `--json`
    prints. Entries that were not asked for are None, and absent from the mapping.
    """

    ids: list[str]
    scores: list[float]
    """Higher is better; within one response, comparable, and from 0 to 1."""
    metadata: list[dict[str, Any]] | None = None
    """The catalogue's columns of every item, as JSON values."""
    explanation: dict[str, Any] | None = None
    """With ``explain=True``: ``{"score": {"scoring_policy_scores": {signal: [...]}}}`` and more."""
    notes: list[str] = field(default_factory=list)
    """What the caller should know of how this was answered, such as an unknown user."""

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
