"""Joins the order in which items are shown and what was shown already: answers page by page."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import StorageError
from .ordering import Ordering
from .rank.fuse import Ranked
from .rank.pool import slowest
from .rank.query import Query
from .sections import pagination_ttl
from .store.generation import Generation
from .store.ids import IdTable
from .store.pages import MOST_SHOWN, Book, PageStore
from .types import Mask, Rows

__all__ = ["CHAPTER", "Pages"]

CHAPTER = 100
"""Places that diversity fills at a time, and results that candidates are retrieved for."""

_FEED = ""

Candidates: TypeAlias = Callable[[Query, Mask | None, np.random.Generator], Ranked]
"""Returns all candidates of a query, best first; without the items of the mask, shape (n,)."""
_Take: TypeAlias = Callable[[Book], tuple[Book, NDArray[np.intp]]]


class Pages:
    """Hands out the answers to a person page by page; threads and processes may share it.

    An answer does not show what the answers before it have shown, and goes on where they ended: put
    together, the pages are one long answer, whatever their sizes. That holds because the order of a
    list does not depend on how much of it is asked for. It is made chapter by chapter: a chapter is
    the order of all candidates, as many as are retrieved for 100 results, or, where diversity
    makes the order, its first 100; the next chapter is made in the same way of all items that were
    not shown by then. A chapter is never kept but made again for every page, so that a person's
    latest picks count in the next page, and a new generation takes over at once; what was shown is
    kept as ids.

    Answers of one person share one list, the feed, whatever their filters and settings. Those that
    name items, or search, have a list for each set of names, or query: it does not lack what the
    feed showed.

    Parameters
    ----------
    generation
        The open generation.
    item_ids
        Its items.
    ordering
        Puts candidates in the order in which they are shown.
    clock
        Returns the seconds since 1970.
    """

    def __init__(
        self,
        generation: Generation,
        item_ids: IdTable,
        ordering: Ordering,
        clock: Callable[[], float] = time.time,
    ) -> None:
        given = generation.manifest["config"]["model"].get("pagination_store_ttl")
        ttl = pagination_ttl(given)
        self._store = PageStore(generation.model_folder, ttl, clock) if ttl else None
        self._item_ids = item_ids
        self._ordering = ordering

    def keeps_order(self, limit: int) -> bool:
        """Whether an answer of this size has the order that it would have without pages."""
        return self._store is None or limit <= CHAPTER

    def page(
        self,
        user_id: str | None,
        wanted: Iterable[str] | None,
        query: Query,
        candidates: Candidates,
        notes: list[str],
    ) -> Ranked:
        """Return the next page of a person's list.

        It is the first page, and nothing is noted down, with `query.ignore_paginations`, for nobody
        in particular, and where the model has no ``pagination_store_ttl``. With
        `query.flush_paginations` all lists of the person are forgotten before. Where what was shown
        cannot be kept `notes` say so, and the answer is as if nothing had been shown.

        Parameters
        ----------
        user_id
            The person.
        wanted
            What the answer is of, in whatever order, such as ids of items; None: the feed.
        query
            Its limit is the size of the page.
        candidates
            Called for every chapter.
        notes
            What the caller should know is added to it.
        """
        store = self._store
        if store is None or user_id is None:
            if query.flush_paginations:
                why = "no user was given" if store else "the model has no pagination_store_ttl"
                notes.append(f"flush_paginations has nothing to forget: {why}")
            rng = np.random.default_rng(query.inference.seed)
            return self._ordering.arranged(candidates(query, None, rng), query, rng, notes)
        try:
            if query.flush_paginations:
                store.forget(user_id)
            kept = _Kept(store, user_id, _FEED if wanted is None else _list_name(wanted))
            keeper = _Unkept(query) if query.ignore_paginations else kept
            found = list(self._read(keeper, query, candidates, notes))
            count = sum(len(part.rows) for part in found)
            if count < query.limit and keeper is kept and kept.book().shown:
                notes.append(_end(user_id, count, store.ttl_seconds))
        except StorageError as error:
            notes.append(f"this answer may repeat what was shown before: {error}")
            found = list(self._read(_Unkept(query), query, candidates, notes))
        notes[:] = dict.fromkeys(notes)  # every chapter tells them anew
        return _joined(found)

    def _read(
        self,
        keeper: "_Kept | _Unkept",
        query: Query,
        candidates: Candidates,
        notes: list[str],
    ) -> Iterator[Ranked]:
        """Yield what is left of chapter after chapter until the page is full."""
        left = query.limit
        while left:
            begun, told = keeper.book(), len(notes)
            chapter = self._chapter(begun, query, candidates, notes)
            if len(chapter.rows) == 0:
                if begun.turned:
                    del notes[told:]  # why nothing was found: because all was shown
                return
            take = partial(self._take, begun=begun, chapter=chapter, count=left, query=query)
            places = keeper.change(begun, take)
            left -= len(places)
            yield chapter.take(places)

    def _take(
        self, book: Book, *, begun: Book, chapter: Ranked, count: int, query: Query
    ) -> tuple[Book, NDArray[np.intp]]:
        """Note down the next `count` items of a chapter, and return their places in it."""
        if (book.seed, book.turned) != (begun.seed, begun.turned):
            return book, np.zeros(0, np.intp)  # it was finished meanwhile: the next one is wanted
        fresh = np.flatnonzero(~self._shown(book.shown, query)[chapter.rows])
        places = fresh[:count]
        shown = (*book.shown, *(self._item_ids[row] for row in chapter.rows[places].tolist()))
        turned = book.turned if len(fresh) > count else len(shown)
        forgotten = max(0, len(shown) - max(MOST_SHOWN, query.limit))
        return Book(shown[forgotten:], max(0, turned - forgotten), book.seed), places

    def _chapter(
        self, book: Book, query: Query, candidates: Candidates, notes: list[str]
    ) -> Ranked:
        given = query.inference
        seed = book.seed if given.seed is None else given.seed
        inference = replace(given, limit=CHAPTER, seed=seed)
        asked = replace(query, limit=CHAPTER, inference=inference)
        rng = np.random.default_rng(seed)
        hidden = self._shown(book.shown[: book.turned], query) if book.turned else None
        found = candidates(asked, hidden, rng)
        if given.diversity_factor == 0 and not given.diversity_attributes:
            asked = replace(asked, limit=max(1, len(found.rows)))
        return self._ordering.arranged(found, asked, rng, notes)

    def _shown(self, ids: Iterable[str], query: Query) -> Mask:
        """Say which items were shown, or are copies of such where copies are dropped."""
        known = [row for row in self._item_ids.rows(ids).values() if row is not None]
        shown = np.zeros(len(self._item_ids), np.bool_)
        shown[known] = True
        if not query.inference.drop_near_duplicates or not known:
            return shown
        originals = self._ordering.originals()
        return np.isin(originals, originals[shown])


def _list_name(wanted: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(set(wanted)):
        encoded = name.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()


def _end(user_id: str, count: int, ttl_seconds: float) -> str:
    ended = "this is the end of what there is to show to" if count else "all was shown already to"
    return (
        f"{ended} user {user_id!r}: flush_paginations starts over, "
        f"as does a pause of {ttl_seconds:g} seconds"
    )


class _Kept:
    """The book of one person in the store."""

    def __init__(self, store: PageStore, user_id: str, name: str) -> None:
        self._store, self._user_id, self._name = store, user_id, name

    def book(self) -> Book:
        return self._store.book(self._user_id, self._name)

    def change(self, begun: Book, take: _Take) -> NDArray[np.intp]:
        return self._store.change(self._user_id, self._name, begun, take)


class _Unkept:
    """A book for one answer."""

    def __init__(self, query: Query) -> None:
        drawn = np.random.default_rng(query.inference.seed).integers(1 << 62)
        self._book = Book((), 0, int(drawn))

    def book(self) -> Book:
        return self._book

    def change(self, begun: Book, take: _Take) -> NDArray[np.intp]:
        del begun  # nobody else has this book
        self._book, places = take(self._book)
        return places


def _joined(found: list[Ranked]) -> Ranked:
    """Return the parts of a page as one; a signal that is silent in one of them is 0 there."""
    if len(found) == 1:
        return found[0]
    names = dict.fromkeys(name for part in found for name in part.parts)
    rows: Rows = np.concatenate([np.zeros(0, np.int32), *(part.rows for part in found)])
    scores = np.concatenate([np.zeros(0, np.float32), *(part.scores for part in found)])
    parts = {
        name: np.concatenate(
            [part.parts.get(name, np.zeros(len(part.rows), np.float32)) for part in found]
        )
        for name in names
    }
    return Ranked(rows, scores, parts, slowest(part.plans for part in found))
