"""Joins the serve stages over one open generation: ids in, ranked ids with metadata out."""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import UnknownItemError
from .rank.fuse import Ranked
from .rank.ranker import Ranker
from .rank.response import Response
from .snapshot import Snapshot
from .store.generation import Generation
from .store.ids import IdTable
from .store.records import RecordTable
from .types import History, Mask, Rows

__all__ = ["Serving"]

_FILTERS_KEPT = 64


class Serving:
    """Answers the queries of one generation; threads may share it.

    Items and people are named by id, as text. Every method takes `limit`, how many results are
    wanted, and `return_metadata`; `predicate` is a `filter_predicate` or None.
    """

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self._snapshot = Snapshot(generation)
        self._ranker = Ranker(self._snapshot.catalogue)
        self._mask = lru_cache(_FILTERS_KEPT)(self._compute_mask)

    def rank(
        self,
        user_id: str | None,
        *,
        limit: int,
        item_ids: Sequence[str] | None,
        interactions: Sequence[Mapping[str, Any]],
        predicate: str | None,
        return_metadata: bool,
        explain: bool,
    ) -> Response:
        """Rank the catalogue, or just `item_ids`, for a person; see `Client.rank`."""
        notes: list[str] = []
        only = None if item_ids is None else self._known_rows(item_ids, notes)
        history = self._history(user_id, interactions, notes)
        allowed = self._allowed(predicate)
        ranked = self._ranker.for_person(history, limit, allowed=allowed, only=only)
        if len(ranked.rows) == 0 and len(history) > 0 and only is None:
            notes.append("nothing is left to show: every item that passes the filter was seen")
        explanation = self._explain(ranked, history) if explain else None
        return self._respond(ranked, return_metadata, explanation, notes)

    def similar_items(
        self,
        item_id: str,
        *,
        user_id: str | None,
        limit: int,
        predicate: str | None,
        return_metadata: bool,
        explain: bool,
    ) -> Response:
        """Rank what is most like one item; see `Client.similar_items`."""
        notes: list[str] = []
        row = self._row(item_id)
        history = None if user_id is None else self._history(user_id, (), notes)
        if not self._snapshot.catalogue.presence[row]:
            notes.append(f"item {item_id!r} has no picture: likeness is by words and behaviour")
        allowed = self._allowed(predicate)
        ranked = self._ranker.like_item(row, limit, allowed=allowed, history=history)
        return self._respond(ranked, return_metadata, self._parts(ranked, explain), notes)

    def complement_items(
        self,
        item_ids: Sequence[str],
        *,
        user_id: str | None,
        limit: int,
        predicate: str | None,
        return_metadata: bool,
        explain: bool,
    ) -> Response:
        """Rank what goes with a basket; see `Client.complement_items`."""
        notes: list[str] = []
        basket = self._known_rows(item_ids, notes)
        history = None if user_id is None else self._history(user_id, (), notes)
        allowed = self._allowed(predicate)
        ranked = self._ranker.complementing(basket, limit, allowed=allowed, history=history)
        return self._respond(ranked, return_metadata, self._parts(ranked, explain), notes)

    def similar_users(self, user_id: str, *, limit: int, return_metadata: bool) -> Response:
        """Rank the people most like one person; see `Client.similar_users`."""
        row = self._snapshot.user_ids.row(user_id)
        if row is None:
            note = f"user {user_id!r} has no events in this model: nobody can be like them yet"
            return Response([], [], [] if return_metadata else None, notes=[note])
        history = self._snapshot.interactions[row]
        ranked = self._snapshot.people.like(row, history, limit)
        ids, records = self._snapshot.user_ids, self._snapshot.users
        return _response(ranked, ids, records if return_metadata else None)

    def retrieve(
        self,
        *,
        vector: NDArray[np.float32] | None,
        text: str | None,
        limit: int,
        predicate: str | None,
        return_metadata: bool,
        explain: bool,
    ) -> Response:
        """Find items by a picture's vector, by words, or both; see `Client.retrieve`."""
        notes: list[str] = []
        if text is not None:
            encoder = self.generation.manifest["encoder"]["name"]
            notes.append(f"encoder {encoder!r} has no text tower: matched by the items' own words")
        allowed = self._allowed(predicate)
        ranked = self._ranker.for_query(limit, vector=vector, text=text, allowed=allowed)
        if len(ranked.rows) == 0 and text is not None:
            notes.append(f"no item that passes the filter has a word of {text!r}")
        return self._respond(ranked, return_metadata, self._parts(ranked, explain), notes)

    @cached_property
    def _columns(self) -> Any:  # noqa: ANN401 - a Polars frame, imported only with a filter
        return self._snapshot.columns()

    def _compute_mask(self, predicate: str) -> Mask:
        from .rank.filters import filter_mask  # imports Polars, which most queries do without

        return filter_mask(predicate, self._columns)

    def _allowed(self, predicate: str | None) -> Mask | None:
        return None if predicate is None else self._mask(predicate)

    def _row(self, item_id: str) -> int:
        row = self._snapshot.item_ids.row(item_id)
        if row is None:
            near = self._snapshot.item_ids.near(item_id)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "no id is like it"
            name = self.generation.manifest["model_name"]
            message = f"model {name!r} has no item {item_id!r}; {hint}"
            raise UnknownItemError(message)
        return row

    def _known_rows(self, item_ids: Sequence[str], notes: list[str]) -> Rows:
        """Rows of the ids, each once; unknown ones are told of, unless all are."""
        rows = {item_id: self._snapshot.item_ids.row(item_id) for item_id in item_ids}
        unknown = [item_id for item_id, row in rows.items() if row is None]
        if unknown and len(unknown) == len(rows):
            self._row(unknown[0])
        if unknown:
            notes.append(f"unknown items left out: {', '.join(unknown[:10])}")
        known = [row for row in rows.values() if row is not None]
        return np.array(known, np.int32)

    def _history(
        self, user_id: str | None, interactions: Sequence[Mapping[str, Any]], notes: list[str]
    ) -> History:
        """Join the stored history and what the request itself tells of this session."""
        row = None if user_id is None else self._snapshot.user_ids.row(user_id)
        stored = _NO_HISTORY if row is None else self._snapshot.interactions[row]
        session = self._session(interactions, stored, notes)
        if len(stored) + len(session) == 0:
            who = "no user was given" if user_id is None else f"user {user_id!r} has no events"
            notes.append(f"{who}: this is what is trending for everyone")
        return History(
            np.concatenate([stored.rows, session.rows]),
            np.concatenate([stored.weights, session.weights]),
            np.concatenate([stored.times, session.times]),
        )

    def _session(
        self, interactions: Sequence[Mapping[str, Any]], stored: History, notes: list[str]
    ) -> History:
        if not interactions:
            return _NO_HISTORY
        labels = {str(entry["item_id"]): float(entry.get("label", 1)) for entry in interactions}
        rows = self._known_rows(list(labels), notes)
        known = [self._snapshot.item_ids[row] for row in rows]
        weights = np.array([1.0 if labels[item] > 0 else -1.0 for item in known], np.float32)
        now = stored.times[-1] if len(stored) else 0
        return History(rows, weights, np.full(len(rows), now, np.int64))

    def _explain(self, ranked: Ranked, history: History) -> dict[str, Any] | None:
        explanation = self._parts(ranked, wanted=True)
        picks = self._ranker.most_alike_pick(history, ranked.rows)
        ids = self._snapshot.item_ids
        alike = [None if pick is None else ids[pick] for pick in picks]
        return {**(explanation or {}), "looks_like": alike}

    def _parts(self, ranked: Ranked, wanted: bool) -> dict[str, Any] | None:
        if not wanted:
            return None
        parts = {name: _rounded(values) for name, values in ranked.parts.items()}
        return {"score": {"scoring_policy_scores": parts}}

    def _respond(
        self,
        ranked: Ranked,
        return_metadata: bool,
        explanation: dict[str, Any] | None,
        notes: list[str],
    ) -> Response:
        records = self._snapshot.items if return_metadata else None
        return _response(ranked, self._snapshot.item_ids, records, explanation, notes)


_NO_HISTORY = History(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))


def _response(
    ranked: Ranked,
    ids: IdTable,
    records: RecordTable | None,
    explanation: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Response:
    return Response(
        ids=[ids[row] for row in ranked.rows],
        scores=_rounded(ranked.scores),
        metadata=None if records is None else records.rows(ranked.rows),
        explanation=explanation,
        notes=list(notes),
    )


def _rounded(values: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 6) for value in values]
