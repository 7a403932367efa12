"""The verbs that ask a model: the half of `Client` that needs nothing but open generations."""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias, Unpack

from .opened import OpenModels
from .rank.query import QueryOptions, read_plain_query, read_query, read_session
from .rank.response import Response

__all__ = ["Id", "Queries", "texts_of"]

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
        **options: Unpack[QueryOptions],
    ) -> Response:
        """Rank the catalogue for a person; items they have seen are left out.

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
        **options
            ``limit``, ``filter_predicate``, ``return_metadata``, ``explain``, ``config``: see
            `QueryOptions`.

        Raises
        ------
        ModelNotFoundError, ModelNotActiveError
            If there is no such model, or it has no finished generation.
        FilterError
            If the predicate does not parse or does not fit the columns.
        UnknownItemError
            If none of `item_ids` is in the model.
        UnsupportedError
            For arguments of Shaped's that this version refuses rather than ignores.
        """
        serving = self._opened.serving(model_name)
        query = read_query(options, inference=serving.inference)
        return serving.rank(
            _text(user_id),
            query,
            item_ids=None if item_ids is None else texts_of(item_ids),
            interactions=read_session(interactions),
        )

    def rank_batch(
        self,
        model_name: str,
        user_ids: Sequence[Id],
        **options: Unpack[QueryOptions],
    ) -> list[Response]:
        """Rank the catalogue for many people at once; a response for each, in their order.

        What `rank` answers for each of them, several times as fast: for mailings, and to fill
        caches. Metadata is returned only where ``return_metadata=True`` asks for it.

        Parameters
        ----------
        model_name, **options
            As in `rank`.
        user_ids
            The people; one without events gets what is trending.
        """
        serving = self._opened.serving(model_name)
        query = read_query({"return_metadata": False, **options}, inference=serving.inference)
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

        With a `user_id`, likeness to that person's picks joins in.

        Raises
        ------
        UnknownItemError
            If the model has no such item; the message names ids that are spelt alike.
        """
        serving = self._opened.serving(model_name)
        query = read_plain_query(options, serving.inference, "similar_items")
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
        query = read_plain_query(options, serving.inference, "complement_items")
        return serving.complement_items(texts_of(item_ids), query, user_id=_text(user_id))

    def retrieve(
        self,
        model_name: str,
        *,
        text_query: str | None = None,
        image: str | os.PathLike[str] | bytes | None = None,
        **options: Unpack[QueryOptions],
    ) -> Response:
        """Find items by words, by a picture, or by both; without either, what is trending.

        Parameters
        ----------
        text_query
            Words. They are matched to the items' own words, and by an encoder with a text tower to
            what the items' texts mean and, where it sees both in one space, to their pictures.
            Without a text tower, `notes` say so.
        image
            A picture: path, URL or bytes.
        model_name, **options
            As in `rank`.

        Raises
        ------
        UnreadableImageError
            If `image` is not a picture that can be read.
        EncoderError
            If the encoder that the model was built with is gone or does not run here.
        """
        serving = self._opened.serving(model_name)
        query = read_plain_query(options, serving.inference, "retrieve")
        return serving.retrieve(query, image=image, text=text_query, allow_hosts=self._allow_hosts)


def _text(identifier: Id | None) -> str | None:
    return None if identifier is None else str(identifier)


def texts_of(identifiers: Sequence[Id], name: str = "item_ids") -> list[str]:
    """Return ids as the texts that a model has them as; one text is no list."""
    if isinstance(identifiers, str):
        message = f"{name} must be a list of ids, not the text {identifiers!r}"
        raise TypeError(message)
    return [str(identifier) for identifier in identifiers]
