"""The verbs that ask a model: the half of `Client` that needs nothing but open generations."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias, Unpack

from .algebra import Part, Picture, read_parts
from .inference import OF_SEARCH
from .opened import OpenModels
from .rank.query import (
    QueryOptions,
    read_batch_query,
    read_plain_query,
    read_query,
    read_session,
    refuse_idle,
)
from .rank.response import Response

__all__ = ["Id", "Queries", "texts_of"]

_OF_COPIES = ("drop_near_duplicates",)

Id: TypeAlias = str | int


class Queries:
    """Asks models that are built; see `sightline.Client`, which also builds them.

    What all queries take is described once, in `rank.query.QueryOptions`.
    """

    def __init__(self, opened: OpenModels, allow_hosts: Collection[str]) -> None:
        self._opened = opened
        self._allow_hosts = tuple(allow_hosts)

    def rank(
        self,
        model_name: str,
        user_id: Id | None = None,
        *,
        item_ids: Sequence[Id] | None = None,
        interactions: Sequence[Mapping[str, Any]] = (),
        text_query: str | None = None,
        queries: Sequence[Mapping[str, Any]] | None = None,
        **options: Unpack[QueryOptions],
    ) -> Response:
        """Rank the catalogue, or what a search finds, for a person; they have seen none of it.

        Of a model with ``pagination_store_ttl``, seconds, the next answer to a person goes on where
        the last ended: none of them repeats or skips an item until so long a pause.

        Parameters
        ----------
        model_name
            Which model.
        user_id
            The person. None, or someone without events, gets what is trending for everyone, and
            the response's `notes` say so.
        item_ids
            Rank only these, seen or not; ids the model does not have are named in `notes`.
        interactions
            What happened in this session already: ``[{"item_id": …, "label": 1}, …]``, oldest
            first. A label of 0 or less turns the item down; ids the model does not have are named
            in `notes`.
        text_query, queries
            A search, as of `retrieve`: what answers it is ranked, by how well it does and by
            ``config.personal_weight`` (0.3) by how much it is to the person's liking. Of someone
            nothing is known of, the search alone decides, and `notes` say so.
        **options
            ``limit``, ``filter_predicate``, ``return_metadata``, ``explain``, ``config``,
            ``ignore_paginations``, ``flush_paginations``: see `QueryOptions`.

        Raises
        ------
        ModelNotFoundError, ModelNotActiveError
            If there is no such model, or it has no finished generation.
        FilterError
            If the predicate does not parse or does not fit the columns.
        UnknownItemError
            If none of `item_ids` is in the model.
        UnsupportedError
            For arguments of Shaped's that this version refuses rather than ignores, and for
            settings of a search or of a person where there is none.
        QueryError, UnreadableImageError, EncoderError
            As `retrieve`.
        """
        serving = self._opened.serving(model_name)
        query = read_query(options, inference=serving.inference)
        is_blank = text_query is not None and not str(text_query).strip()
        parts = read_parts(None if is_blank else text_query, None, queries)
        is_known = user_id is not None or bool(interactions) or bool(query.user_features)
        idle = _idle(parts, has_person=is_known)
        if not parts:
            idle = dict.fromkeys(OF_SEARCH, "nothing is searched for; give text_query or queries")
        refuse_idle(options, "rank", idle)
        return serving.rank(
            _text(user_id),
            query,
            item_ids=None if item_ids is None else texts_of(item_ids),
            interactions=read_session(interactions),
            parts=parts,
            allow_hosts=self._allow_hosts,
        )

    def rank_batch(
        self,
        model_name: str,
        user_ids: Sequence[Id],
        **options: Unpack[QueryOptions],
    ) -> list[Response]:
        """Rank the catalogue for many people at once; a response for each, in their order.

        What `rank` answers for each of them with ``ignore_paginations``, several times as fast: for
        mailings, and to fill caches. Metadata is returned only where ``return_metadata=True`` asks
        for it.

        Parameters
        ----------
        model_name, **options
            As in `rank`.
        user_ids
            The people; one without events gets what is trending.
        """
        serving = self._opened.serving(model_name)
        query = read_batch_query({"return_metadata": False, **options}, serving.inference)
        refuse_idle(options, "rank_batch", dict.fromkeys(OF_SEARCH, "it searches for nothing"))
        return serving.rank_batch(texts_of(user_ids, "user_ids"), query)

    def similar_items(
        self,
        model_name: str,
        item_id: Id,
        *,
        user_id: Id | None = None,
        **options: Unpack[QueryOptions],
    ) -> Response:
        """Rank what looks, reads and sells most like one item; arguments as in `rank`.

        With a `user_id`, likeness to that person's picks joins in. Of ``config``, ``limit`` and
        ``drop_near_duplicates`` count; copies of the item itself are dropped as well.

        Raises
        ------
        UnknownItemError
            If the model has no such item; the message names ids that are spelt alike.
        """
        serving = self._opened.serving(model_name)
        query = read_plain_query(options, serving.inference, "similar_items", honoured=_OF_COPIES)
        return serving.similar_items(str(item_id), query, user_id=_text(user_id))

    def similar_users(
        self, model_name: str, user_id: Id, **options: Unpack[QueryOptions]
    ) -> Response:
        """Rank the people most like one person, by shared picks and by the looks they pick.

        `metadata` holds the columns of ``fetch.users``, or just the ids without it.

        Raises
        ------
        UnsupportedError
            For a ``filter_predicate``: it speaks of items.
        """
        serving = self._opened.serving(model_name)
        query = read_plain_query(options, serving.inference, "similar_users")
        return serving.similar_users(str(user_id), query)

    def complement_items(
        self,
        model_name: str,
        item_ids: Sequence[Id],
        *,
        user_id: Id | None = None,
        **options: Unpack[QueryOptions],
    ) -> Response:
        """Rank what people pick together with a basket; arguments as in `rank`.

        What counts is what was bought, or put into the cart, in one order: see `learn.baskets`.
        Where the events tell of none, what is picked in one visit does. Items that nobody bought
        borrow the baskets of those that look like them.

        Of ``config``, ``limit`` and ``drop_near_duplicates`` count; copies of what is in the basket
        are dropped as well.

        Raises
        ------
        UnknownItemError
            If none of `item_ids` is in the model.
        ValueError
            If `item_ids` is empty.
        """
        if not item_ids:
            message = "item_ids is empty: name at least one item of the basket"
            raise ValueError(message)
        serving = self._opened.serving(model_name)
        query = read_plain_query(
            options, serving.inference, "complement_items", honoured=_OF_COPIES
        )
        return serving.complement_items(texts_of(item_ids), query, user_id=_text(user_id))

    def retrieve(
        self,
        model_name: str,
        *,
        text_query: str | None = None,
        image: Picture | None = None,
        queries: Sequence[Mapping[str, Any]] | None = None,
        user_id: Id | None = None,
        **options: Unpack[QueryOptions],
    ) -> Response:
        """Find items by words, pictures and other items; without any, what is trending.

        All parts that are given, in whatever way, make one query. In each space it is the sum of
        the parts that reach it, by their weights, see `rank.space.Space.toward`; what is taken
        away is to be far from. `notes` say which parts do not reach a space. Literally, only words
        with a weight above 0 are searched for, those of others count against an item. Items that
        are parts of the query are not returned.

        Parameters
        ----------
        text_query
            Words. They are matched to the items' own words, and by an encoder with a text tower to
            what the items' texts mean and, where it sees both in one space, to their pictures.
            Without a text tower, `notes` say so. It may have several terms, joined by `` + `` and
            `` - ``, of words, pictures (``./photo.jpg``, a URL) and items (``item:A-17``), each
            after a weight: ``2:red dress + ./photo.jpg - leather``. Double quotes keep their
            content as words. The whole language is described in `sightline.algebra`. It can name
            files: give texts of strangers as `queries`.
        image
            A picture: path, URL or bytes.
        queries
            Parts as mappings with ``text``, ``image`` or ``item_id`` and perhaps a ``weight``, 1
            unless given, below 0 to take away: ``[{"text": "red dress", "weight": 2}, {"item_id":
            "A-17"}, {"text": "leather", "weight": -1}]``. Texts are taken as they are.
        user_id
            A person, whose liking counts by ``config.personal_weight`` (0.3) among what answers
            the query. What they have seen is found as well.
        model_name, **options
            As in `rank`. Of ``config``, ``limit``, ``drop_near_duplicates``, ``personal_weight``
            and ``text_semantic_search_weight`` count.

        Raises
        ------
        QueryError
            If `text_query` or `queries` cannot be read; it names the part and its place.
        UnknownItemError
            If the model does not have an item of the query.
        UnreadableImageError
            If a picture of the query cannot be read.
        EncoderError
            If the encoder that the model was built with is gone or does not run here.
        """
        serving = self._opened.serving(model_name)
        honoured = (*OF_SEARCH, *_OF_COPIES)
        query = read_plain_query(options, serving.inference, "retrieve", honoured=honoured)
        parts = read_parts(text_query, image, queries)
        refuse_idle(options, "retrieve", _idle(parts, has_person=user_id is not None))
        return serving.retrieve(query, parts, user_id=_text(user_id), allow_hosts=self._allow_hosts)


def _idle(parts: Sequence[Part], *, has_person: bool) -> dict[str, str]:
    """Say which settings of a search nothing would come of, and why."""
    idle = {}
    if not any(part.kind == "text" for part in parts):
        idle["text_semantic_search_weight"] = "nothing is searched for in words; give text_query"
    if not has_person:
        idle["personal_weight"] = "there is no person to lean to; give user_id"
    return idle


def _text(identifier: Id | None) -> str | None:
    return None if identifier is None else str(identifier)


def texts_of(identifiers: Sequence[Id], name: str = "item_ids") -> list[str]:
    """Return ids as the texts that a model has them as; one text is no list."""
    if isinstance(identifiers, str):
        message = f"{name} must be a list of ids, not the text {identifiers!r}"
        raise TypeError(message)
    return [str(identifier) for identifier in identifiers]
