"""Ranked rows turned into a response: ids, scores, metadata and the parts of every score."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from .rank.fuse import Ranked
from .rank.response import Response
from .store.ids import IdTable
from .store.records import RecordTable

__all__ = ["parts_of", "response_of", "rounded"]


def response_of(
    ranked: Ranked,
    ids: IdTable,
    records: RecordTable | None,
    explanation: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Response:
    """Return the response for ranked items or people.

    Parameters
    ----------
    ranked
        Rows and scores, in the order in which they are shown.
    ids, records
        Of all that could be ranked; without records there is no metadata.
    explanation, notes
        What is said beside it.
    """
    return Response(
        ids=[ids[row] for row in ranked.rows],
        scores=rounded(ranked.scores),
        metadata=None if records is None else records.rows(ranked.rows),
        explanation=explanation,
        notes=list(notes),
    )


def parts_of(ranked: Ranked) -> dict[str, Any]:
    """Return the parts of every score, by signal, and the plans, as a response has them."""
    parts = {name: rounded(values) for name, values in ranked.parts.items()}
    return {"score": {"scoring_policy_scores": parts}, "plans": dict(ranked.plans)}


def rounded(values: NDArray[Any]) -> list[float]:
    """Return numbers as JSON has them, to six places."""
    return [round(float(value), 6) for value in values]
