"""`Client`: the facade every user meets, in Python and behind the command line."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from . import models
from .config import load_dataset
from .folder import folder_name
from .models import Definition, Surroundings
from .opened import OpenModels
from .rank.query import QueryOptions, read_query, read_session
from .rank.response import Response
from .store import datasets
from .store.home import Home
from .store.status import Status

if TYPE_CHECKING:
    from .sources.connect import Binding

__all__ = ["Client", "Shaped"]

Id: TypeAlias = str | int
Listener: TypeAlias = Callable[[Status], None]


class Client:
    """Build models and ask them, in this process; safe to share between threads.

    Parameters
    ----------
    home
        Where models, datasets and caches live; None takes ``SIGHTLINE_HOME``, else
        ``~/.sightline``.
    connections
        What connector ids are bound to, for all models: a path, glob, folder or URI, or a table
        (Polars, Arrow, pandas with pyarrow). Paths are relative to the working directory. URIs are
        kept in home with the model, passwords included.
    allow_hosts
        Hosts that pictures may be fetched from although they are on a private address.
    api_key
        Not used: nothing leaves this machine. Accepted so that Shaped code runs unchanged.

    Examples
    --------
    >>> client = Client(connections={"items_source": "items.csv", "events_source": "events.csv"})
    >>> client.create_model("model.yaml")  # doctest: +SKIP
    >>> client.rank(model_name="shop", user_id="USER_1", limit=5).ids  # doctest: +SKIP
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        connections: "Mapping[str, Binding] | None" = None,
        allow_hosts: Collection[str] = (),
        api_key: str | None = None,
    ) -> None:
        self.home = Home(home)
        self._connections = {
            name: models.absolute(value) for name, value in (connections or {}).items()
        }
        self._allow_hosts = tuple(allow_hosts)
        self._opened = OpenModels(self.home)

    def create_model(
        self,
        definition: Definition,
        *,
        connections: "Mapping[str, Binding] | None" = None,
        encoder: str | None = None,
        on_status: Listener | None = None,
    ) -> dict[str, Any]:
        """Build a new model and make it active; returns what `view_model` says of it.

        Parameters
        ----------
        definition
            Path of the model YAML, or the same as a mapping.
        connections
            More bindings, for this model alone; each must be one of its connectors.
        encoder
            Takes the place of the definition's ``language_model_name``.
        on_status
            Called with every change of `Status` while it builds.

        Raises
        ------
        ModelExistsError
            If the name is taken; `update_model` builds it again.
        SightlineError
            Anything else that a user can act on; the model's status keeps the message.
        """
        surroundings = self._surroundings(encoder, on_status, connections)
        return models.create(self.home, definition, surroundings)

    def update_model(
        self,
        model_name: str | None = None,
        *,
        definition: Definition | None = None,
        connections: "Mapping[str, Binding] | None" = None,
        encoder: str | None = None,
        on_status: Listener | None = None,
    ) -> dict[str, Any]:
        """Build the next generation of a model; the active one answers until it is ready.

        Without a new `definition` it is built from the sources and settings it was made with.
        Arguments and errors are otherwise those of `create_model`.

        Raises
        ------
        ModelNotFoundError
            If there is no such model.
        """
        surroundings = self._surroundings(encoder, on_status, connections)
        return models.update(self.home, model_name, definition, surroundings)

    def index(
        self,
        folder: str | os.PathLike[str],
        *,
        model_name: str | None = None,
        encoder: str | None = None,
        on_status: Listener | None = None,
    ) -> dict[str, Any]:
        """Make, or bring up to date, a model from a folder of pictures; no YAML needed.

        Every picture is an item whose id is its path relative to `folder`. Subfolders count,
        hidden ones do not. Files that have not changed are neither read nor encoded again. The
        model is called as the folder is, unless `model_name` says otherwise.

        Raises
        ------
        SchemaError
            If `folder` is not a folder or holds no picture.
        ModelExistsError
            If the name belongs to a model that was made from something else.
        """
        path = Path(folder).resolve()
        surroundings = self._surroundings(encoder, on_status)
        return models.index_folder(self.home, path, model_name or folder_name(path), surroundings)

    def validate(
        self,
        definition: Definition,
        *,
        connections: "Mapping[str, Binding] | None" = None,
        encoder: str | None = None,
    ) -> dict[str, Any]:
        """Read the sources of a definition and report on them, without building anything.

        Returns per table the rows read, kept and dropped by reason, and the role of every column.
        """
        from .tables import validate  # brings DuckDB and Polars

        surroundings = self._surroundings(encoder, None, connections)
        config = models.read_definition(definition, encoder=encoder)
        return validate(self.home, config, models.bindings(config, surroundings))

    def list_models(self) -> dict[str, list[dict[str, Any]]]:
        """Name and status of every model, by name, under ``models``."""
        return {"models": models.summaries(self.home)}

    def view_model(self, model_name: str) -> dict[str, Any]:
        """Say all that is known of a model: status, progress, counts, coverage, metrics, config.

        Raises
        ------
        ModelNotFoundError
            If there is no such model.
        """
        return models.view(self.home, model_name)

    def delete_model(self, model_name: str) -> None:
        """Remove a model and its generations; caches and datasets stay."""
        models.delete(self.home, model_name)
        self._opened.forget(model_name)

    def create_dataset(
        self,
        dataset_name: str | None = None,
        column_schema: Mapping[str, str] | None = None,
        *,
        definition: Definition | None = None,
    ) -> str:
        """Make an empty dataset and return its name.

        Parameters
        ----------
        dataset_name, column_schema
            Its name, and column name to type, such as ``{"user_id": "String"}``; without a schema
            it takes the columns of what is inserted first.
        definition
            Instead of both: path of a YAML with name and column_schema, or the same as a mapping.

        Raises
        ------
        DatasetExistsError
            If the name is taken.
        """
        if definition is not None:
            dataset_name, column_schema = load_dataset(definition)
        if dataset_name is None:
            message = "give dataset_name, or a definition that holds it"
            raise ValueError(message)
        datasets.create_dataset(self.home, dataset_name, column_schema)
        return dataset_name

    def dataset_insert(self, dataset_name: str, rows: "Binding") -> dict[str, Any]:
        """Append the rows of a file (CSV, TSV, Parquet, JSON lines) or table to a dataset.

        Returns dataset_name, rows, the cells per column that did not fit its type and are null, and
        the rows that could not be read, by reason.
        """
        from .sources.connect import read_table  # brings DuckDB and Polars

        frame, report = read_table(rows, base_dir=Path.cwd())
        inserted = datasets.insert_rows(self.home, dataset_name, frame)
        return {**asdict(inserted), "unread": dict(report.dropped)}

    def list_datasets(self) -> dict[str, list[dict[str, Any]]]:
        """Name, rows and columns of every dataset, by name, under ``datasets``."""
        return {"datasets": datasets.list_datasets(self.home)}

    def delete_dataset(self, dataset_name: str) -> None:
        """Remove a dataset; models built from it stay as they are."""
        datasets.delete_dataset(self.home, dataset_name)

    # What all queries take is described once, in `rank.query.QueryOptions`.

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
        query = read_query(options, serving.default_limit)
        return serving.rank(
            _text(user_id),
            query,
            item_ids=None if item_ids is None else _texts(item_ids),
            interactions=read_session(interactions),
        )

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
        query = read_query(options, serving.default_limit)
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
        query = read_query(options, serving.default_limit)
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
        query = read_query(options, serving.default_limit)
        return serving.complement_items(_texts(item_ids), query, user_id=_text(user_id))

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
            Words. An encoder without a text tower matches them to the items' own words, and
            `notes` say so.
        image
            A picture: path, URL or bytes.
        model_name, **options
            As in `rank`.

        Raises
        ------
        UnreadableImageError
            If `image` is not a picture that can be read.
        """
        serving = self._opened.serving(model_name)
        query = read_query(options, serving.default_limit)
        vector = None if image is None else serving.encode(image, self._allow_hosts)
        return serving.retrieve(query, vector=vector, text=text_query)

    def _surroundings(
        self,
        encoder: str | None,
        on_status: Listener | None,
        connections: "Mapping[str, Binding] | None" = None,
    ) -> Surroundings:
        named = {name: models.absolute(value) for name, value in (connections or {}).items()}
        joined = {**self._connections, **named}
        listener = on_status or (lambda _: None)
        return Surroundings(joined, named.keys(), self._allow_hosts, encoder, listener)


Shaped = Client
"""The name that Shaped's users import."""


def _text(identifier: Id | None) -> str | None:
    return None if identifier is None else str(identifier)


def _texts(identifiers: Sequence[Id]) -> list[str]:
    if isinstance(identifiers, str):
        message = f"item_ids must be a list of ids, not the text {identifiers!r}"
        raise TypeError(message)
    return [str(identifier) for identifier in identifiers]
