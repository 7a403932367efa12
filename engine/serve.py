"""Joins the serve stages over one open generation: ids in, ranked ids with metadata out."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .algebra import Part
from .answers import parts_of, response_of
from .errors import UnsupportedError
from .explaining import Explainer
from .filtering import Filters
from .inference import OF_SEARCH, Inference, read_inference
from .known import KnownItems
from .label_set import LabelSet
from .labels import judge_labels, label_response, notes_on, refuse_unfit
from .live import LiveHistories
from .ordering import Ordering
from .paging import Pages
from .rank.fuse import Ranked, best_first
from .rank.labels import Judged
from .rank.newcomer import Guess, for_newcomer
from .rank.query import Query
from .rank.ranker import Ranker
from .rank.recommender import Recommender
from .rank.response import LabelResponse, Response
from .searching import Searching, Sought
from .snapshot import Snapshot
from .store.generation import Generation
from .store.live import LiveEvents
from .threads import OneThread
from .types import History, Mask, Places, Rows

if TYPE_CHECKING:
    from .encoders import Encoders

__all__ = ["Serving"]

_ONE_THREAD = OneThread()
_MANY = 500
"""People from which on waking Numba takes less time than asking for each of them."""
_TRENDING = "this is what is trending for everyone"
_NO_TASTE = "their taste plays no part"
_AS_USUAL = Inference()


class Serving:
    """Answers the queries of one generation; threads may share it.

    Items and people are named by id, as text.
    """

    def __init__(
        self, generation: Generation, encoders: "Callable[[], Encoders]", threads: int
    ) -> None:
        self.generation = generation
        self._threads = threads
        self._snapshot = snapshot = Snapshot(generation)
        self._ranker = Ranker(snapshot.catalogue)
        self._recommender = Recommender(snapshot.catalogue, snapshot.policy())
        self._known = KnownItems(snapshot.item_ids, generation.manifest["model_name"])
        self._searching = Searching(
            self._ranker, self._recommender, self._known, generation.manifest["encoder"], encoders
        )
        self._ordering = Ordering(snapshot.catalogue, snapshot.columns, snapshot.item_ids.rows)
        self._pages = Pages(generation, snapshot.item_ids, self._ordering)
        self._filters = Filters(snapshot)
        inserted = generation.manifest["inserted"]
        self._live = LiveHistories(
            LiveEvents(generation.model_folder),
            self._snapshot.interactions,
            user_row=self._snapshot.user_ids.row,
            item_row=self._snapshot.item_ids.row,
            offset=inserted["until"],
            is_timed=inserted["timed"],
        )

    @cached_property
    def inference(self) -> Inference:
        """How a query is answered that does not say otherwise."""
        manifest = self.generation.manifest
        settings = manifest["config"]["model"].get("inference_config")
        usual = Inference(limit=int(manifest["limit"]))
        return read_inference(settings, usual, "model.inference_config")

    def rank(
        self,
        user_id: str | None,
        query: Query,
        *,
        item_ids: Sequence[str] | None,
        interactions: Mapping[str, float],
        parts: Sequence[Part] = (),
        allow_hosts: Collection[str] = (),
    ) -> Response:
        """Rank the catalogue, or what is named or searched for, for a person; see `Client.rank`."""
        notes: list[str] = []
        only = None if item_ids is None else self._known.rows(item_ids, notes)
        notes += [] if only is None else self._filters.told(only, user_id)
        history = self._history(user_id, interactions, notes)
        sought = self._searching.seek(parts, query, allow_hosts) if parts else None
        wanted = item_ids if sought is None else [*sought.names, *(item_ids or ())]
        with _ONE_THREAD:
            candidates = partial(self._candidates, user_id, history, only, sought, notes)
            ranked = self._pages.page(user_id, wanted, query, candidates, notes)
        explanation = self._explainer.explain(ranked, history, query) if query.explain else None
        if explanation is not None and sought is not None:
            explanation["score"].pop("probability", None)  # that of a score without a search
        return self._respond(ranked, query, explanation, notes, user_id)

    def _candidates(
        self,
        user_id: str | None,
        history: History,
        only: Rows | None,
        sought: Sought | None,
        notes: list[str],
        query: Query,
        hidden: Mask | None,
        rng: np.random.Generator,
    ) -> Ranked:
        is_nobody = sought is not None and user_id is None and not query.user_features
        knows_picks = _has_picks(history) or is_nobody
        otherwise = _TRENDING if sought is None else _NO_TASTE
        guess = None if knows_picks else self._guess(user_id, query, notes, otherwise)
        passing = allowed = self._filters.allowed(query.filter_predicate, user_id)
        if hidden is not None:
            allowed = ~hidden if passing is None else passing & ~hidden
        if sought is not None:
            shown = self._among(only, allowed, history)
            found = self._searching.found(sought, query, notes, allowed=shown, only=only)
            return self._searching.leaned(found, query, history, guess, rng)
        if guess is not None:
            shown = self._among(only, allowed, history)
            found = for_newcomer(self._snapshot.catalogue, guess, query.limit, shown)
        else:
            found = self._recommender.for_person(
                history,
                query.limit,
                inference=query.inference,
                allowed=allowed,
                only=only,
                rng=rng,
                explain=query.explain or query.inference.value_model is not None,
            )
        is_seen = len(found.rows) == 0 and len(history) > 0 and only is None and hidden is None
        if is_seen and _any(passing):
            notes.append("nothing is left to show: every item that passes was seen")
        return found

    def rank_batch(self, user_ids: Sequence[str], query: Query) -> list[Response]:
        """Rank the catalogue for many people; see `Client.rank_batch`."""
        weights = self.generation.manifest["policy"].get("weights")
        histories = [self._live.history(user) for user in user_ids]
        own = {name: getattr(query.inference, name) for name in ("limit", "seed", *OF_SEARCH)}
        plain = replace(_AS_USUAL, **own)
        is_plain = weights is not None and query.inference == plain
        is_plain = is_plain and self._pages.keeps_order(query.limit)
        is_plain = is_plain and not (query.explain or query.user_features)
        pays = len(user_ids) >= _MANY or "numba" in sys.modules
        if not (is_plain and pays) or (
            self._snapshot.newcomers is not None and not all(map(_has_picks, histories))
        ):
            return [self.rank(user, query, item_ids=None, interactions={}) for user in user_ids]
        from .rank.batch import rank_many  # wakes Numba

        hidden = map(self._filters.with_hidden, histories, user_ids)
        found = rank_many(
            self._snapshot.catalogue,
            weights,
            list(hidden),
            query.limit,
            allowed=self._filters.allowed(query.filter_predicate),
            threads=self._threads,
        )
        return [
            self._respond(
                ranked,
                query,
                None,
                [] if _has_picks(history) else [f"{_nobody(user)}: {_TRENDING}"],
                user,
            )
            for user, history, ranked in zip(user_ids, histories, found, strict=True)
        ]

    def similar_items(self, item_id: str, query: Query, *, user_id: str | None) -> Response:
        """Rank what is most like one item; see `Client.similar_items`."""
        notes: list[str] = []
        row = self._known.row(item_id)
        history = self._taste(user_id, notes)
        catalogue = self._snapshot.catalogue
        if not catalogue.facts.has_picture[row]:
            is_placed = catalogue.images.presence[row]
            how = "what stands in for it" if is_placed else "words and behaviour"
            notes.append(f"item {item_id!r} has no picture: likeness is by {how}")
        allowed = self._filters.allowed(query.filter_predicate, user_id)
        find = partial(self._ranker.like_item, row, allowed=allowed, history=history)
        ranked = self._ordering.best(find, query, np.array([row], np.int32))
        parts = parts_of(ranked) if query.explain else None
        return self._respond(ranked, query, parts, notes, user_id)

    def complement_items(
        self,
        item_ids: Sequence[str],
        query: Query,
        *,
        user_id: str | None,
    ) -> Response:
        """Rank what goes with a basket; see `Client.complement_items`."""
        notes: list[str] = []
        basket = self._known.rows(item_ids, notes)
        history = self._taste(user_id, notes)
        allowed = self._filters.allowed(query.filter_predicate, user_id)
        find = partial(self._ranker.complementing, basket, allowed=allowed, history=history)
        ranked = self._ordering.best(find, query, basket)
        parts = parts_of(ranked) if query.explain else None
        return self._respond(ranked, query, parts, notes, user_id)

    def similar_users(self, user_id: str, query: Query) -> Response:
        """Rank the people most like one person; see `Client.similar_users`."""
        if query.filter_predicate is not None:
            message = "filter_predicate names columns of items: similar_users cannot honour it"
            raise UnsupportedError(message)
        row = self._snapshot.user_ids.row(user_id)
        if row is None or len(self._snapshot.interactions[row]) == 0:
            note = f"user {user_id!r} has no events in this model: nobody can be like them yet"
            return Response([], [], [] if query.return_metadata else None, notes=[note])
        history = self._snapshot.interactions[row]
        ranked = self._snapshot.people.like(row, history, query.limit)
        return response_of(
            ranked,
            self._snapshot.user_ids,
            self._snapshot.users if query.return_metadata else None,
            parts_of(ranked) if query.explain else None,
        )

    def retrieve(
        self,
        query: Query,
        parts: Sequence[Part],
        *,
        user_id: str | None,
        allow_hosts: Collection[str],
    ) -> Response:
        """Find items by pictures, words and items, with a person in mind; see `Client.retrieve`."""
        notes: list[str] = []
        history = self._taste(user_id, notes)
        sought = self._searching.seek(parts, query, allow_hosts)
        allowed = self._filters.allowed(query.filter_predicate, user_id)
        told: list[str] = []

        def find(k: int) -> Ranked:
            found = self._searching.found(sought, replace(query, limit=k), told, allowed=allowed)
            return best_first(self._searching.leaned(found, query, history), k)

        with _ONE_THREAD:
            ranked = self._ordering.best(find, query, sought.named)
        notes += dict.fromkeys(told)
        explanation = parts_of(ranked) if query.explain else None
        return self._respond(ranked, query, explanation, notes, user_id)

    def judge(self, asked: LabelSet) -> Judged:
        """Judge every item by labels; see `Client.label`."""
        record = self.generation.manifest["encoder"]
        refuse_unfit(asked, record)
        catalogue = self._snapshot.catalogue
        images = Places(catalogue.images.vectors, catalogue.facts.has_picture)
        texts = Places(catalogue.texts.vectors, catalogue.texts.presence)
        tower = self._searching.text_tower()
        return judge_labels(asked, record, tower, images=images, texts=texts)

    def label(
        self, asked: LabelSet, judged: Judged, query: Query, *, item_ids: Sequence[str] | None
    ) -> LabelResponse:
        """Tell of items, or just of `item_ids`, what `judge` found; see `Client.label`."""
        notes: list[str] = []
        allowed = self._filters.allowed(query.filter_predicate)
        if item_ids is None:
            rows = np.arange(len(self._snapshot.item_ids), dtype=np.int32)
        else:
            rows = self._known.rows(item_ids, notes)
            notes += self._filters.told(rows, None)
        rows = rows if allowed is None else rows[allowed[rows]]
        if len(rows) == 0 and (why := self._filters.why_none(query.filter_predicate)):
            notes.append(why)
        by_text = judged.by_text[rows]
        known = judged.by_image[rows] | by_text
        record = self.generation.manifest["encoder"]
        notes += notes_on(record, by_text=int(by_text.sum()), by_nothing=int((~known).sum()))
        order = np.argsort(-judged.certainty[rows], kind="stable")  # NaN, of nobody's, comes last
        rows = rows[order[: query.limit]]
        ids = [self._snapshot.item_ids[row] for row in rows.tolist()]
        metadata = self._snapshot.items.rows(rows) if query.return_metadata else None
        return label_response(asked, judged, rows, ids=ids, metadata=metadata, notes=notes)

    def _taste(self, user_id: str | None, notes: list[str]) -> History | None:
        """Return the history that leans an answer about items, if there is one to lean on."""
        if user_id is None:
            return None
        history = self._history(user_id, {}, notes)
        if _has_picks(history):
            return history
        notes.append(f"{_nobody(user_id)}: {_NO_TASTE}")
        return None

    def _history(
        self, user_id: str | None, session: Mapping[str, float], notes: list[str]
    ) -> History:
        """Join the stored history and what the session tells, which has the last word."""
        stored = _NO_HISTORY if user_id is None else self._live.history(user_id)
        if not session:
            return stored
        known = self._known.by_id(session, notes)
        rows = np.array(list(known.values()), np.int32)
        weights = np.array([session[item] for item in known], np.float32)
        kept = ~np.isin(stored.rows, rows)
        now = stored.times[-1] if len(stored) else 0
        return History(
            np.concatenate([stored.rows[kept], rows]),
            np.concatenate([stored.weights[kept], weights]),
            np.concatenate([stored.times[kept], np.full(len(rows), now, np.int64)]),
        )

    def _guess(
        self, user_id: str | None, query: Query, notes: list[str], otherwise: str
    ) -> Guess | None:
        """Guess the taste of someone without picks, and tell what the answer rests on."""
        model, n_items = self._snapshot.newcomers, len(self._snapshot.item_ids)
        guess = None
        if query.user_features and model is None:
            notes.append("user_features play no part: the model has no fetch.users to learn from")
        elif query.user_features and model is not None:
            guess, unread = model.of_features(query.user_features, n_items)
            notes += unread
        elif user_id is not None and model is not None:
            row = self._snapshot.user_ids.row(user_id)
            guess = None if row is None else model.of_user(row, n_items)
        likened = otherwise
        if guess is not None:
            likened = "this is what people like them pick"
        notes.append(f"{_nobody(user_id)}: {likened}")
        return guess

    def _among(self, only: Rows | None, allowed: Mask | None, history: History) -> Mask:
        """Say what may be shown: what is named, or else what was not seen."""
        shown = np.full(len(self._snapshot.item_ids), only is None)
        shown[history.rows if only is None else only] = only is not None
        return shown if allowed is None else shown & allowed

    @cached_property
    def _explainer(self) -> Explainer:
        snapshot, policy = self._snapshot, self.generation.manifest["policy"]
        return Explainer(snapshot.catalogue, snapshot.item_ids.__getitem__, snapshot.colors, policy)

    def _respond(
        self,
        ranked: Ranked,
        query: Query,
        explanation: dict[str, Any] | None,
        notes: list[str],
        user_id: str | None = None,
    ) -> Response:
        why = (
            self._filters.why_none(query.filter_predicate, user_id)
            if not len(ranked.rows)
            else None
        )
        notes = notes if why is None else [*notes, why]
        records = self._snapshot.items if query.return_metadata else None
        return response_of(ranked, self._snapshot.item_ids, records, explanation, notes)


_NO_HISTORY = History(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))


def _has_picks(history: History) -> bool:
    return bool((history.weights > 0).any())


def _nobody(user_id: str | None) -> str:
    return "no user was given" if user_id is None else f"user {user_id!r} has picked nothing yet"


def _any(allowed: Mask | None) -> bool:
    return allowed is None or bool(allowed.any())
