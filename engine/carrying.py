"""Joins a generation with other items: what it learnt, item by item, for the catalogue of now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from .learn.collaborative import Collaborative, factors_from_content
from .learn.interactions import Interactions
from .learn.newcomers import GroupTaste
from .learn.taste import Taste, carry_taste
from .learning import Content, Learning, Lesson, catalogue_of, facts_of
from .newcomers import NewcomerModel
from .rank.catalogue import Baskets
from .rank.facts import Facts
from .snapshot import Snapshot
from .types import Mask, Places, Rows, Scores

__all__ = ["Changes", "Earlier", "same_vectors"]

_BLOCK = 8_192


@dataclass(frozen=True, slots=True)
class Changes:
    """How many items are new, have other columns or vectors, are gone, or stayed as they were."""

    added: int
    replaced: int
    deleted: int
    unchanged: int

    def __bool__(self) -> bool:
        return bool(self.added or self.replaced or self.deleted)

    def to_dict(self) -> dict[str, int]:
        """Return them as JSON."""
        names = ("added", "replaced", "deleted", "unchanged")
        return {name: getattr(self, name) for name in names}


class Earlier:
    """An active generation beside the catalogue of now.

    Parameters
    ----------
    snapshot, manifest
        The generation.
    item_ids
        The items of now.
    """

    def __init__(
        self, snapshot: Snapshot, manifest: Mapping[str, Any], item_ids: list[str]
    ) -> None:
        self.snapshot = snapshot
        self.manifest = manifest
        rows = snapshot.item_ids.rows(item_ids).values()
        self.was: Rows = np.array([-1 if row is None else row for row in rows], np.int32)
        """The earlier row of every item, shape (n,), -1 for new ones."""
        self._now = np.full(len(snapshot.item_ids), -1, np.int32)
        here = np.flatnonzero(self.was >= 0).astype(np.int32)
        self._now[self.was[here]] = here

    def changes(self, items: pl.DataFrame, same_looks: Mask) -> Changes:
        """Count what changed.

        Parameters
        ----------
        items
            The item table of now. Labels are none of it: they follow from the vectors, and
            rounding may make other numbers of them.
        same_looks
            Which items have the vectors they had, shape (n,).
        """
        stayed = self.was >= 0
        same = stayed & same_looks
        same[stayed] &= self._same_cells(
            items.drop(pl.selectors.binary()).filter(stayed), self.was[stayed]
        )
        return Changes(
            added=int(np.count_nonzero(~stayed)),
            replaced=int(np.count_nonzero(stayed & ~same)),
            deleted=int(np.count_nonzero(self._now < 0)),
            unchanged=int(np.count_nonzero(same)),
        )

    def _same_cells(self, shown: pl.DataFrame, rows: Rows) -> Mask:
        types = self.snapshot.column_types()
        if any(types.get(name) != dtype for name, dtype in shown.schema.items()):
            return np.zeros(len(rows), np.bool_)
        before = self.snapshot.columns(shown.columns)[rows]
        pairs = zip(before.iter_columns(), shown.iter_columns(), strict=True)
        different = [old.ne_missing(new).to_numpy() for old, new in pairs]
        same: Mask = ~np.logical_or.reduce([np.zeros(len(rows), np.bool_), *different])
        return same

    def lesson(
        self, learning: Learning, content: Content, interactions: Interactions, same: Mask
    ) -> Lesson:
        """Return what was learnt, for the items of now.

        Lists of what is picked together, and factors, go with the id of an item. Its place in the
        space of tastes goes with its looks and words: new and changed items get theirs by the map
        that was learnt. What is only counted, such as popularity, is counted anew.

        Parameters
        ----------
        learning
            How the generation learnt.
        content, interactions
            Of now.
        same
            Which items have the pictures and words they had, shape (n,).
        """
        report = self.manifest["learned"]
        histories = interactions.decayed(learning.half_life_days)
        catalogue = self.snapshot.catalogue
        taste = carry_taste(
            content.images,
            content.texts,
            histories,
            like=Taste(
                catalogue.taste.vectors,
                catalogue.taste.presence,
                catalogue.taste.crowding,
                self.snapshot.projection,
                report["taste"],
            ),
            was=np.where(same, self.was, np.int32(-1)),
            seed=learning.seed,
            threads=learning.threads,
        )
        half_life = report["trend_half_life_days"] or np.inf
        facts = facts_of(content, histories, taste, half_life)
        collaborative = self._collaborative(taste, facts, same)
        return Lesson(
            catalogue_of(content, collaborative, taste, facts),
            collaborative,
            taste,
            half_life,
            report,
        )

    def baskets(self) -> Baskets | None:
        """Return what lies in one basket with each item."""
        baskets = self.snapshot.catalogue.baskets
        return (
            None if baskets is None else Baskets(*self._lists(baskets.neighbours, baskets.scores))
        )

    def newcomers(self, users: pl.DataFrame | None) -> NewcomerModel | None:
        """Return what features of people say; `users` are those of now, in user-row order."""
        model = self.snapshot.newcomers
        if model is None or users is None:
            return None
        groups = model.groups
        rows = self._now[groups.rows]
        stays = rows >= 0
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(stays)])
        group = np.repeat(np.arange(len(groups.offsets) - 1), np.diff(groups.offsets))[stays]
        order = np.lexsort((rows[stays], group))  # of one group ascending, as they were
        kept = GroupTaste(
            ends[groups.offsets], rows[stays][order], np.asarray(groups.lifts)[stays][order]
        )
        return replace(model, rows=model.design.encode_frame(users), groups=kept)

    def _collaborative(self, taste: Taste, facts: Facts, same: Mask) -> Collaborative:
        catalogue, report = self.snapshot.catalogue, self.manifest["learned"]
        n_items, stayed = len(self.was), self.was >= 0
        lists = self._lists(catalogue.neighbours, catalogue.neighbour_scores)
        method, reason = report["collaborative"], report["no_factors"] or ""
        if catalogue.factors is None:
            nothing = np.zeros((n_items, 0), np.float32), np.zeros((0, 0), np.float32)
            return Collaborative(method, *lists, *nothing, reason)
        factors = np.zeros((n_items, catalogue.factors.factors.shape[1]), np.float32)
        factors[stayed] = catalogue.factors.factors[self.was[stayed]]
        was_picked = np.zeros(n_items, np.bool_)
        was_picked[stayed] = catalogue.facts.events[self.was[stayed]] > 0
        fresh = ~was_picked & ~same  # those of others were guessed, or learnt, before
        if fresh.any():
            guessed = factors_from_content(
                taste.vectors, taste.presence, factors, was_picked, facts.events.astype(np.int64)
            )
            factors[fresh] = guessed.factors[fresh]
        return Collaborative(method, *lists, factors, catalogue.factors.gram, reason)

    def _lists(self, neighbours: Rows, scores: Scores) -> tuple[Rows, Scores]:
        """Renumber lists of items, shape (o, c); what is gone leaves a gap at the end."""
        lists = np.full((len(self.was), neighbours.shape[1]), -1, np.int32)
        values = np.zeros(lists.shape, np.float32)
        stayed = self.was >= 0
        before, told = neighbours[self.was[stayed]], scores[self.was[stayed]]
        now = np.where(before >= 0, self._now[before], np.int32(-1))
        order = np.argsort(now < 0, axis=1, kind="stable")
        now = np.take_along_axis(now, order, axis=1)
        lists[stayed] = now
        values[stayed] = np.where(now >= 0, np.take_along_axis(told, order, axis=1), 0)
        return lists, values


def same_vectors(before: Places, after: Places, was: Rows, *, vectors: str) -> Mask:
    """Say which rows have the vector that they had, in every bit, or had none and have none.

    Parameters
    ----------
    before
        As a generation stores them.
    after
        Those of now, in float32.
    was
        The earlier row of every row, shape (n,), -1 for new ones.
    vectors
        As what the vectors of now will be stored: ``float32`` or ``float16``.
    """
    same = np.zeros(len(was), np.bool_)
    stored = np.float16 if vectors == "float16" else np.float32
    if before.vectors.shape[1] != after.vectors.shape[1]:
        return same
    rows = np.flatnonzero(was >= 0)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        now = after.vectors[block].astype(stored).astype(np.float32)
        is_equal = (before.vectors[was[block]] == now).all(axis=1)
        both = before.presence[was[block]] & after.presence[block]
        neither = ~before.presence[was[block]] & ~after.presence[block]
        same[block] = (is_equal & both) | neither
    return same
